"""Average what several finished runs say of the training faces: `python -m ml.distill`.

The answers become part of the targets of a next run (`teacher` in its configuration), as in
distillation (arXiv 1503.02531) and born-again training (arXiv 1805.04770). They are small enough
to keep (float16, seven numbers a face), so that a run can be repeated without its teachers.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.batches import plain_batches
from ml.checkpoints import CheckpointError, finished, load
from ml.data import DataError, Faces, pixel_keys, read
from ml.engines import EngineError, Judge, engine
from ml.metrics import accuracy, softmax
from ml.settings import Settings, SettingsError, settings_from


class TeacherError(ValueError):
    """The teachers' answers cannot be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Averaged logits (n, 7) of a data set's training split, in its order."""

    logits: np.ndarray
    data: str
    split: str


def answers(run: Path, engine_name: str, faces: Faces) -> np.ndarray:
    """A finished run's logits for these faces, each averaged with its mirror image's."""
    path = finished(run)
    checkpoint = load(path)
    table = {**checkpoint.progress["settings"], "engine": engine_name}
    settings: Settings = settings_from(table, source=str(path))
    judge = engine(settings).opened(int(checkpoint.progress["side"]), checkpoint.weights)
    side = int(checkpoint.progress["side"])
    plain = _asked(judge, faces.image, side)
    return (plain + _asked(judge, faces.image[:, :, ::-1], side)) / 2


def _asked(judge: Judge, image: np.ndarray, side: int) -> np.ndarray:
    return np.concatenate([judge.logits(part) for part in plain_batches(image, side, 256)])


def save_teacher(path: Path, teacher: Teacher) -> None:
    np.savez_compressed(
        path, logits=teacher.logits.astype(np.float16), data=teacher.data, split=teacher.split
    )


def open_teacher(path: Path) -> Teacher:
    try:
        with np.load(path, allow_pickle=False) as archive:
            logits = archive["logits"].astype(np.float32)
            return Teacher(logits, str(archive["data"]), str(archive["split"]))
    except (OSError, EOFError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise TeacherError(f"{path}: no teacher's answers there (ml.distill makes them)") from error


def taught(
    targets: np.ndarray, learn: Faces, train: Faces, teacher: Teacher, *, weight: float, heat: float
) -> np.ndarray:
    """Targets with `weight` of them replaced by the teacher's probabilities at this temperature."""
    row = {key: at for at, key in enumerate(pixel_keys(train.image))}
    rows = [row[key] for key in pixel_keys(learn.image)]
    said = softmax(teacher.logits[rows], heat)
    return ((1 - weight) * targets + weight * said).astype(np.float32)


def distill(runs: list[Path], data: Path, out: Path, engine_name: str, split: str) -> None:
    faces = read(data)
    for name in (split, *sorted(set(faces.sizes()) & {"public_test"})):
        part = faces.part(name)
        said = [answers(run, engine_name, part) for run in runs]
        logits = np.mean(said, axis=0)
        each = [round(accuracy(one.argmax(1), part.emotion), 4) for one in said]
        right = round(accuracy(logits.argmax(1), part.emotion), 4)
        print(json.dumps({"split": name, "each": each, "averaged": right}), flush=True)
        if name == split:
            save_teacher(out, Teacher(logits, faces.digest(), split))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.distill", description=__doc__)
    parser.add_argument("--run", type=Path, action="append", required=True, help="a finished run")
    parser.add_argument("--data", type=Path, required=True, help="what they were trained on")
    parser.add_argument("--out", type=Path, required=True, help="the answers' file (.npz)")
    parser.add_argument("--engine", default="keras", help="keras or torch")
    parser.add_argument("--split", default="train")
    options = parser.parse_args(argv)
    try:
        distill(options.run, options.data, options.out, options.engine, options.split)
    except (DataError, CheckpointError, SettingsError, EngineError, OSError) as error:
        print(f"ml.distill: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
