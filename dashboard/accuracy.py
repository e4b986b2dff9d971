"""How often the reading is right, in words, from the figures measured for the shipped model.

The figures are written beside the model by `ml.export`, and are those of the reading that is shown;
nothing here is typed by hand, and where nothing was measured the page says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from emotions import words
from ml.labels import EMOTIONS

SIDECAR = Path(__file__).resolve().parent.parent / "ml" / "models" / "emotions.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """`right` is the share of test pictures named as people named them; `recall` by expression."""

    right: float
    pictures: int
    recall: dict[str, float]

    @property
    def words(self) -> str:
        told = {"tenths": round(10 * self.right), "pictures": f"{self.pictures:,}"}
        return (
            _("About %(tenths)d in 10 on %(pictures)s test pictures, less on real faces in a room.")
            % told
        )

    @property
    def best_and_worst(self) -> str:
        ordered = sorted(self.recall, key=lambda label: self.recall[label])
        if not ordered:
            return ""
        worst, best = ordered[0], ordered[-1]
        told = {
            "best": words.emotion(best),
            "best_tenths": round(10 * self.recall[best]),
            "worst": words.emotion(worst),
            "worst_tenths": round(10 * self.recall[worst]),
        }
        return (
            _(
                "Of ten pictures that people called “%(best)s” it finds about %(best_tenths)d; "
                "of ten called “%(worst)s” about %(worst_tenths)d."
            )
            % told
        )


def measured(path: Path = SIDECAR) -> Measured | None:
    """What was measured, or None where nothing was or the file says nothing we know."""
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["figures"]
        shown: dict[str, Any] = figures["shown"]
        right, pictures = float(shown["accuracy"]), int(shown["n"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    classes = shown.get("per_class", {})
    recall = {label: float(classes[label]["recall"]) for label in EMOTIONS if label in classes}
    return Measured(right, pictures, recall)
