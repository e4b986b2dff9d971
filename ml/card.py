"""The model card, made from measurements: `python -m ml.card --data fer2013.npz`.

Measures the exported network with the project's own commands, keeps the figures beside it, and
writes the card and its two drawings from them. Without --data the card is written again from the
figures that are kept; nothing in it is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from ml import bench, evaluate, robustness, whole_path
from ml.card_text import card
from ml.classifier import DEFAULT, SIDECAR, BadModel, Classifier
from ml.data import DataError, read
from ml.drawing import confusion, lines
from ml.faces import NoFaceModel

PARTS = ("evaluate", "robustness", "whole_path")
FIGURES, CARD = "figures.json", "MODEL_CARD.md"
CONFUSION, ABSTAIN = "confusion.svg", "abstain.svg"
SPEED_STEPS = ("whole", "classifier")
SPEED_ROUNDS, SPEED_SECONDS = 3, 1.0


class CardError(ValueError):
    """The card cannot be written; the message says why, in one line."""


def measured(data: Path, split: str, model: Path) -> dict[str, Any]:
    """All figures of the card, with the digests of the files they were measured on."""
    description = _sidecar(model)
    Classifier(model)  # refuses files that do not belong together, before minutes are spent
    say("Reading the faces straight in, changed, and in webcam frames (some minutes)")
    with ProcessPoolExecutor(len(PARTS), get_context("spawn")) as pool:
        parts = {name: pool.submit(_part, name, data, split, model) for name in PARTS}
        found = {name: part.result() for name, part in parts.items()}
    say("Timing one core")
    return {
        "measured": f"{date.today():%Y-%m-%d}",
        "version": description["version"],
        "sha256": {kind: file["sha256"] for kind, file in description["files"].items()},
        **found,
        "speed": speed(model),
    }


def _part(name: str, data: Path, split: str, model: Path) -> dict[str, Any]:
    """One of PARTS, in a process of its own."""
    if name == "evaluate":
        return evaluate.measure(data, split, model)
    measure = robustness.figures if name == "robustness" else whole_path.figures
    return measure(Classifier(model), read(data).part(split).as_seen())


def speed(model: Path) -> dict[str, Any]:
    """Faces per second on one core, the median of some rounds in a process of its own."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    with bench.started("ours", model, core) as loop:
        for step in SPEED_STEPS * SPEED_ROUNDS:
            loop.run(step, SPEED_SECONDS)
    told = {f"{step}_per_second": round(loop.typical(step)) for step in SPEED_STEPS}
    return {"cpu": bench.conditions(0)["cpu"], "picture": bench.PICTURE, **told}


def drawings(figures: dict[str, Any]) -> dict[str, str]:
    """The card's two pictures by file name."""
    found = figures["evaluate"]
    shown = found["shown"]
    series = {
        "as shown, by most taggers": [(share, right) for share, right in shown["curve"]],
        "as labelled, by labels": [(share, right) for share, right in found["curve"]],
    }
    title = "How often it is right, when the less sure is left out"
    return {
        CONFUSION: confusion(found["labels"], np.array(shown["confusion"])),
        ABSTAIN: lines(series, title=title, across="share of faces shown", up="read right"),
    }


def write(folder: Path, figures: dict[str, Any]) -> None:
    (folder / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, picture in drawings(figures).items():
        (folder / name).write_text(picture, encoding="utf-8")
    text = card(json.loads((folder / SIDECAR).read_text(encoding="utf-8")), figures)
    (folder / CARD).write_text(text, encoding="utf-8")


def kept(model: Path) -> dict[str, Any]:
    """The figures beside the model, if they are those of this very file."""
    path = model.with_name(FIGURES)
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CardError(f"{path}: no figures yet; measure with --data fer2013.npz") from error
    files = {kind: file["sha256"] for kind, file in _sidecar(model)["files"].items()}
    if figures["sha256"] != files or figures["version"] != _sidecar(model)["version"]:
        raise CardError(f"{path}: measured on another network; measure with --data fer2013.npz")
    return figures


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _sidecar(model: Path) -> dict[str, Any]:
    try:
        description: dict[str, Any] = json.loads(model.with_name(SIDECAR).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CardError(f"{model.with_name(SIDECAR)}: missing or damaged") from error
    return description


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.card", description=__doc__)
    parser.add_argument("--data", type=Path, help="measure anew on this .npz, csv or folder")
    parser.add_argument("--split", default="public_test", help="which faces (public_test)")
    parser.add_argument("--model", type=Path, default=DEFAULT, help="exported .tflite file")
    options = parser.parse_args(argv)
    model = options.model
    try:
        if options.data:
            figures = rounded(measured(options.data, options.split, model))
        else:
            figures = kept(model)
        write(model.parent, figures)
    except (DataError, BadModel, NoFaceModel, CardError, bench.BenchError, OSError) as error:
        print(f"ml.card: {error}", file=sys.stderr)
        return 2
    print(model.with_name(CARD))
    return 0


if __name__ == "__main__":
    sys.exit(main())
