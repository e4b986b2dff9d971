"""A training run as a picture: `python -m ml.plot runs/first` writes `runs/first/metrics.svg`.

Draws what `metrics.jsonl` says of every epoch: how often held-out and test faces were read right.
Several runs share one picture, so that two configurations can be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ml.drawing import Points, lines

LOG, PICTURE = "metrics.jsonl", "metrics.svg"
NO_SHARES = {"epoch", "side", "frozen", "loss", "seconds", "images_per_second"}


class RunError(ValueError):
    """There is nothing to draw; the message says why, in one line."""


def curves(run: Path) -> dict[str, Points]:
    """Every figure between 0 and 1 that the run's epochs tell, by name."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in _lines(run):
        for name, value in line.items():
            told = isinstance(value, int | float) and not isinstance(value, bool)
            if told and name not in NO_SHARES and 0 <= value <= 1:
                found.setdefault(name, []).append((float(line["epoch"]), float(value)))
    if not found:
        raise RunError(f"{run / LOG}: tells of no epoch")
    return dict(found)


def _lines(run: Path) -> list[dict[str, float]]:
    path = run / LOG
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read; is {run} the folder of a run?") from error
    told = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            told.append(json.loads(line))
            told[-1]["epoch"] + 0
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}, line {number}: not an epoch's figures") from error
    return told


def drawn(runs: list[Path]) -> str:
    alone = len(runs) == 1
    series = {
        name if alone else f"{run.name}: {name}": points
        for run in runs
        for name, points in curves(run).items()
    }
    title = runs[0].name if alone else "Runs"
    return lines(series, title=title, across="epoch", up="read right", shares=False)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.plot", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run")
    parser.add_argument("--out", type=Path, help=f"where to (RUN/{PICTURE})")
    options = parser.parse_args(argv)
    out = options.out or options.runs[0] / PICTURE
    try:
        out.write_text(drawn(options.runs), encoding="utf-8")
    except (RunError, OSError) as error:
        print(f"ml.plot: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
