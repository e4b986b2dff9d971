"""`manage.py evaluate_flags`: what the flag rules find in simulated lessons whose truth is known.

A simulation, not a measurement of people: its figures belong in docs/flags.md and nowhere near a
teacher's own. It draws from the network's answers on test pictures, stored small. True is what most
taggers saw in a picture; `ours_by_label` is the same with FER2013's own label as the truth.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from emotions import scoring, trials
from ml import samples
from ml.classifier import DEFAULT, Classifier

CHOOSING, FIGURES = 0, 1000
LEAST, MOST = 1, 1000


class Command(BaseCommand):
    help = "Measure the flag rules on simulated lessons with known truth (some minutes)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON in place of text")
        parser.add_argument("--lessons", type=int, default=200, help="how many, 200 by default")
        parser.add_argument(
            "--choose",
            action="store_true",
            help="also try every pair of thresholds on seeds 0 and up (some minutes)",
        )

    def handle(self, **options: Any) -> None:
        lessons = options["lessons"]
        if not LEAST <= lessons <= MOST:
            raise CommandError(f"--lessons is {lessons}; choose {LEAST} to {MOST}.")
        found = evaluate(lessons, choose=options["choose"])
        self.stdout.write(json.dumps(found, indent=1) if options["json"] else as_text(found))


def evaluate(lessons: int, *, choose: bool = False) -> dict[str, Any]:
    known = samples.load()
    unsure_below = Classifier(DEFAULT).unsure_below
    make = partial(trials.lesson, samples=known.by_taggers(), unsure_below=unsure_below)
    by_label = partial(trials.lesson, samples=known, unsure_below=unsure_below)
    calm = partial(make, noise=trials.Noise())
    choosing = range(CHOOSING, CHOOSING + lessons)
    seeds = range(FIGURES, FIGURES + lessons)
    everybody = scoring.usual_of_everybody(calm(seed) for seed in choosing)
    found: dict[str, Any] = {
        "simulation": "students are simulated; no figure here was measured on people",
        "network": known.version,
        "lessons": lessons,
        "seeds": [seeds.start, seeds.stop - 1],
        "students": trials.STUDENTS,
        "minutes": trials.MINUTES,
        **scoring.figures(seeds, partial(make, noise=trials.WIDER), everybody),
        "ours_by_label": scoring.our_figures(seeds, partial(by_label, noise=trials.WIDER)),
    }
    if choose:
        rows = scoring.grid(choosing, calm)
        found["choosing"] = {
            "seeds": [choosing.start, choosing.stop - 1],
            "rows": rows,
            "chosen": scoring.chosen(rows),
        }
    return found


def as_text(found: dict[str, Any]) -> str:
    first, last = found["seeds"]
    lines = [
        f"Simulation: {found['lessons']} lessons of {found['minutes']} min, "
        f"{found['students']} students, seeds {first}-{last}, network {found['network']}",
        f"{'rule':18}{'flags':9}{'precision':>10}{'recall':>8}{'delay s':>9}{'false/h':>9}",
    ]
    for rule in ("ours", "one_usual_for_all", "chance", "ours_by_label"):
        lines += [line(rule, kind, told) for kind, told in found[rule].items()]
    for row in found.get("choosing", {}).get("rows", ()):
        name = f"{row['scales_below']} scales {row['low_for_s']:.0f} s"
        lines.append(line(name, "low", row))
    return "\n".join(lines)


def line(rule: str, kind: str, told: dict[str, Any]) -> str:
    delay = told["median_delay_s"]
    return (
        f"{rule:18}{kind:9}{told['precision']:10.3f}{told['recall']:8.3f}"
        f"{'-' if delay is None else round(delay):>9}{told['false_per_class_hour']:9.2f}"
    )
