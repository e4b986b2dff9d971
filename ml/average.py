"""Average the weights of runs that part from one network: `python -m ml.average`.

Networks that were trained on from the same weights often lie in one valley of the loss, and its
middle reads faces better than its sides (model soups, arXiv 2203.05482). Batch-norm statistics
are no average of theirs: they are measured anew, as at the end of an epoch.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from ml.checkpoints import FINAL, Checkpoint, CheckpointError, finished, load, save
from ml.data import DataError, read
from ml.engines import EngineError, InitError, Rate, engine
from ml.settings import Settings, SettingsError, another_cut, settings_from
from ml.train import Split, read_accuracy, settling, split_faces


def averaged(parts: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The mean of each array over networks of one shape."""
    shapes = [[one.shape for one in part] for part in parts]
    if any(shape != shapes[0] for shape in shapes):
        raise InitError("networks of different sizes cannot be averaged")
    return [np.asarray(np.mean(same, axis=0), np.float32) for same in zip(*parts, strict=True)]


def settled(weights: list[np.ndarray], settings: Settings, split: Split) -> Checkpoint:
    """With statistics of its own, and the last stage's settings to go on from."""
    stage = settings.stages[-1]
    learner = engine(settings).learner(stage, weights, [], Rate(0.0, 1, 0.0))
    judge = learner.judge(settling(split.learn, settings.seed, stage.side))
    held = read_accuracy(judge, split.held, stage.side)
    progress = {"side": stage.side, "data": split.digest, "held_out": round(held, 4)}
    return Checkpoint(judge.weights(), [], progress)


def average(runs: list[Path], data: Path, out: Path) -> dict[str, float]:
    """Write `out/final.npz`, to go on from or to export; tells how well it reads.

    The first run's settings and epochs describe it.
    """
    found = [load(run if run.suffix == ".npz" else finished(run)) for run in runs]
    table = found[0].progress.get("settings")
    if table is None:
        raise InitError(f"{runs[0]}: name a run of ml.train first, for its settings")
    split = split_faces(read(data), settings := settings_from(table, source=str(runs[0])))
    if any(one.progress.get("data") != split.digest for one in found):
        raise DataError(f"{data}: not the data that all these runs were trained on")
    for run, one in zip(runs, found, strict=True):
        if other := another_cut(one.progress, settings):
            raise InitError(
                f"{run}: held other faces out than {runs[0]} ({other}): none are left to judge by"
            )
    made = settled(averaged([one.weights for one in found]), settings, split)
    out.mkdir(parents=True, exist_ok=True)
    told = {"settings": table, "done": found[0].progress.get("done", 0), "averaged": len(runs)}
    save(out / FINAL, Checkpoint(made.weights, [], made.progress | told))
    return {"averaged": len(runs), "held_out": made.progress["held_out"]}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.average", description=__doc__)
    parser.add_argument(
        "--run",
        type=Path,
        action="append",
        required=True,
        help="a run's folder, or an .npz of ours",
    )
    parser.add_argument("--data", type=Path, required=True, help="what they were trained on")
    parser.add_argument("--out", type=Path, required=True, help="the averaged run's folder")
    options = parser.parse_args(argv)
    try:
        print(json.dumps(average(options.run, options.data, options.out)))
    except (DataError, CheckpointError, SettingsError, EngineError, InitError, OSError) as error:
        print(f"ml.average: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
