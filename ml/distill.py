"""Average what several finished runs say of the training faces: `python -m ml.distill`.

Asked about a face as it stands, a network that has learnt from it repeats the label that it was
given, right or wrong. With `--views` each is asked about faces moved, worn and hidden as in
training instead, which it knows by heart far less (docs/training.md has the figures).

The answers become part of the targets of a next run (`teacher` in its configuration), as in
distillation (arXiv 1503.02531) and born-again training (arXiv 1805.04770). They are small enough
to keep (float16, seven numbers a face), so that a run can be repeated without its teachers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.augment import Augment, augmented
from ml.batches import plain_batches
from ml.checkpoints import CheckpointError, finished, load
from ml.data import DataError, Faces, pixel_keys, read
from ml.engines import EngineError, Judge, engine
from ml.metrics import accuracy, softmax
from ml.settings import Settings, SettingsError, settings_from

AT_ONCE = 256


class TeacherError(ValueError):
    """The teachers' answers cannot be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Averaged logits (n, 7) of a data set's training split, in its order."""

    logits: np.ndarray
    data: str
    split: str


def answers(run: Path, faces: Faces, views: int = 0, engine_name: str | None = None) -> np.ndarray:
    """A finished run's logits for these faces, each averaged with its mirror image's.

    With `views` the average is over so many changed faces in place of those two. It is asked by the
    engine that it was trained with, or by the one named.
    """
    path = finished(run)
    checkpoint = load(path)
    table = dict(checkpoint.progress["settings"])
    if engine_name is not None:
        table["engine"] = engine_name
    settings: Settings = settings_from(table, source=str(path))
    judge = engine(settings).opened(int(checkpoint.progress["side"]), checkpoint.weights)
    side = int(checkpoint.progress["side"])
    if views:
        dice = np.random.default_rng(settings.seed)
        shown = [changed(faces.image, side, settings.augment, dice) for _ in range(views)]
        return np.mean([_asked(judge, view) for view in shown], axis=0)
    image = faces.image
    both = [plain_batches(one, side, AT_ONCE) for one in (image, image[:, :, ::-1])]
    return np.mean([_asked(judge, view) for view in both], axis=0)


def changed(
    image: np.ndarray, side: int, settings: Augment, dice: np.random.Generator
) -> Iterator[np.ndarray]:
    """Batches of all faces, moved, worn and hidden as in training."""
    for at in range(0, len(image), AT_ONCE):
        yield augmented(image[at : at + AT_ONCE], side, settings, dice)


def _asked(judge: Judge, view: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([judge.logits(part) for part in view])


def save_teacher(path: Path, teacher: Teacher) -> None:
    np.savez_compressed(
        path, logits=teacher.logits.astype(np.float16), data=teacher.data, split=teacher.split
    )


def open_teacher(path: Path) -> Teacher:
    try:
        with np.load(path, allow_pickle=False) as archive:
            logits = archive["logits"].astype(np.float32)
            return Teacher(logits, str(archive["data"]), str(archive["split"]))
    except Exception as error:
        # A flipped bit can raise nearly anything: zlib, tokenize, a password that is wanted.
        raise TeacherError(f"{path}: no teacher's answers there (ml.distill makes them)") from error


def taught(
    targets: np.ndarray, learn: Faces, train: Faces, teacher: Teacher, *, weight: float, heat: float
) -> np.ndarray:
    """Targets with `weight` of them replaced by the teacher's probabilities at this temperature."""
    row = {key: at for at, key in enumerate(pixel_keys(train.image))}
    rows = [row[key] for key in pixel_keys(learn.image)]
    said = softmax(teacher.logits[rows], heat)
    return ((1 - weight) * targets + weight * said).astype(np.float32)


def distill(options: argparse.Namespace) -> None:
    data, out, split = options.data, options.out, options.split
    faces = read(data)
    for name in (split, *sorted(set(faces.sizes()) & {"public_test"})):
        part = faces.part(name)
        said = [answers(run, part, options.views, options.engine) for run in options.run]
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
    parser.add_argument("--engine", help="keras or torch (each run's own)")
    parser.add_argument("--split", default="train")
    parser.add_argument("--views", type=int, default=0, help="ask about so many changed faces")
    options = parser.parse_args(argv)
    if options.views < 0:
        parser.error(f"--views is {options.views}; give 0 or more")
    try:
        distill(options)
    except (DataError, CheckpointError, SettingsError, EngineError, OSError) as error:
        print(f"ml.distill: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
