"""What each ingredient gives: `python -m ml.ablations --config ml/ablations.toml`.

One common run and the same again with one thing changed at a time: an ingredient left out, or
the seed (`ml/seeds.toml`). Each network is read in both ways, fitted on the held-out faces as
`ml.export` does, and measured on the check split; a finished run is not repeated and a stopped one
goes on after its last whole epoch.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml import metrics
from ml.batches import plain_batches
from ml.calibration import fit_labelled, fit_shown
from ml.checkpoints import FINAL, Checkpoint, CheckpointError, alone, load
from ml.data import DataError, Faces, read
from ml.engines import engine
from ml.markdown import table
from ml.settings import Settings, SettingsError, read_settings, settings_from
from ml.settings import as_table as as_plain
from ml.train import LAST, REFUSALS, Run, Split, split_faces, told_of

COLUMNS = ("labelled", "macro_f1", "at_80", "shown")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the comparison, and what is changed in it."""

    name: str
    settings: Settings
    init: str


def trials_of(path: Path, init: str) -> list[Trial]:
    """The run of `[common]` first, then one for each `[[change]]`.

    `config` in `[common]` names a configuration file that it goes on from.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        common, changes = dict(table["common"]), table.get("change", [])
        names = ["nothing changed", *(change["name"] for change in changes)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: needs [common] settings and a name in each [[change]] ({error})"
        ) from error
    if len(set(names)) < len(names):
        raise SettingsError(f"{path}: two changes have one name")
    if "config" in common:
        common = _merged(as_plain(read_settings(Path(str(common.pop("config"))))), common)
    found = []
    for name, change in zip(names, [{}, *changes], strict=True):
        changed = {key: value for key, value in change.items() if key not in ("name", "init")}
        settings = settings_from(_merged(common, changed), source=f"{path}, {name}")
        found.append(Trial(name, settings, change.get("init", init)))
    return found


def _merged(common: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """With the changes in it; of a table only what it names."""
    merged = dict(common)
    for key, value in changed.items():
        merged[key] = common.get(key, {}) | value if isinstance(value, dict) else value
    return merged


def run_of(trial: Trial, faces: Faces, folder: Path) -> dict[str, Any]:
    """Train unless it is done, and measure."""
    split = split_faces(faces, trial.settings)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FINAL).exists():
        with alone(folder):
            finish(trial, split, folder)
    done = checked(trial, split, folder / FINAL)
    judge = engine(trial.settings).opened(trial.settings.side, done.weights)
    if split.check is None:
        raise DataError(f"{trial.settings.check_split}: no such split to measure on")
    held, check = (
        np.concatenate(
            [judge.logits(b) for b in plain_batches(part.image, trial.settings.side, 256)]
        )
        for part in (split.held, split.check)
    )
    return {"name": trial.name} | measured(held, split.held, check, split.check)


def finish(trial: Trial, split: Split, folder: Path) -> None:
    """From the start, or from where a run that was stopped had come."""
    run = Run(trial.settings, split, folder, quiet=True)
    if (folder / LAST).exists():
        checked(trial, split, folder / LAST)
        run.resume()
    else:
        run.start(trial.init)
    run.go()


def checked(trial: Trial, split: Split, path: Path) -> Checkpoint:
    """A checkpoint of this very run, or CheckpointError."""
    found = load(path)
    # Read, not compared as written: a run from before a setting existed has its default.
    known = settings_from(found.progress["settings"], source=str(path.parent))
    # A run from before the start was kept cannot tell it.
    began = found.progress.get("init", start := told_of(trial.init))
    if (known, found.progress["data"], began) != (trial.settings, split.digest, start):
        raise CheckpointError(
            f"{path.parent}: holds a run of other settings, start or data; name another --out"
        )
    return found


def measured(held: np.ndarray, known: Faces, check: np.ndarray, faces: Faces) -> dict[str, float]:
    """Both readings, fitted on the held-out faces' logits (n, 7), on the check split's."""
    labelled = fit_labelled(held, known.emotion).probabilities(check)
    shown = fit_shown(held, known.emotion, known.votes).probabilities(check)
    seen, clear = faces.majority()
    read = labelled.argmax(axis=1)
    return {
        "labelled": metrics.accuracy(read, faces.emotion),
        "macro_f1": metrics.macro_f1(metrics.confusion(read, faces.emotion)),
        "at_80": metrics.most_sure(labelled, faces.emotion, 0.8),
        "shown": metrics.accuracy(shown.argmax(axis=1)[clear], seen[clear]) if clear.any() else 0.0,
    }


def as_table(rows: list[dict[str, Any]]) -> str:
    """Markdown; every row but the first as its difference from the first, in points."""
    first, lines = rows[0], []
    for row in rows:
        cells = [
            f"{row[key]:.1%}" if row is first else f"{100 * (row[key] - first[key]):+.1f}"
            for key in COLUMNS
        ]
        lines.append([row["name"], *cells])
    return table(["changed", *COLUMNS], lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.ablations", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path("ml/ablations.toml"))
    parser.add_argument(
        "--init", default="imagenet", help="as for ml.train; a change may name its own"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of all these runs")
    options = parser.parse_args(argv)
    try:
        faces, rows = read(options.data), []
        for number, trial in enumerate(trials_of(options.config, options.init)):
            rows.append(run_of(trial, faces, options.out / f"{number:02}"))
            print(json.dumps(rows[-1]), flush=True)
        print(as_table(rows))
    except REFUSALS as error:
        print(f"ml.ablations: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        words = "stopped; the same command goes on after the last whole epoch"
        print(f"ml.ablations: {words}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
