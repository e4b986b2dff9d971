"""Train the network: `python -m ml.train --data fer2013.npz --out runs/first`.

One configuration file describes a run. Every epoch ends with a checkpoint to go on from, a line
in metrics.jsonl, and, where it read the held-out faces best so far, `best.npz`. A run that went
to its end leaves `final.npz`, which `ml.export` turns into the file the worker runs: with a rate
that falls to nothing the last epoch is the one to take, and nothing was picked by chance.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ml.augment import eased
from ml.batches import Batches, plain_batches
from ml.checkpoints import BEST, FINAL, Checkpoint, CheckpointError, alone, load, save
from ml.data import DataError, Faces, read, stands_in, validation_cut
from ml.distill import TeacherError, open_teacher, taught
from ml.engines import EngineError, InitError, Judge, Learner, LearningError, Rate, engine
from ml.metrics import accuracy
from ml.settings import (
    CUT,
    Settings,
    SettingsError,
    Stage,
    another_cut,
    as_table,
    overridden,
    read_settings,
)
from ml.targets import soft_targets

LAST, LOG = "last.npz", "metrics.jsonl"
REFUSALS = (
    DataError,
    SettingsError,
    CheckpointError,
    InitError,
    EngineError,
    LearningError,
    TeacherError,
    OSError,
)
"""What ends a run in one line that says why."""
SETTLING = (24, 128)
"""How many batches of how many faces re-estimate the batch-norm statistics before judging."""


@dataclass(frozen=True, slots=True)
class Split:
    """Faces to learn from, faces held out to judge by, and the test faces to watch."""

    learn: Faces
    held: Faces
    check: Faces | None
    digest: str
    train: Faces


def split_faces(faces: Faces, settings: Settings) -> Split:
    """Training faces without those that also stand in the check split, and a held-out cut."""
    whole = train = faces.part(settings.train_split)
    check = None
    if settings.check_split in faces.sizes():
        check = faces.part(settings.check_split)
        train = train.take(np.flatnonzero(~stands_in(train, check)))
    learn, held = validation_cut(train, settings.validation_share, settings.cut_seed)
    return Split(learn, held, check, faces.digest(), whole)


def targets_of(split: Split, settings: Settings) -> np.ndarray:
    """What each face to learn from should be read as: label, votes and, if named, a teacher."""
    targets = soft_targets(
        split.learn.emotion,
        split.learn.votes,
        label_weight=settings.label_weight,
        smoothing=settings.smoothing,
    )
    if not settings.teacher:
        return targets
    teacher = open_teacher(Path(settings.teacher))
    if teacher.data != split.digest:
        raise TeacherError(f"{settings.teacher}: the teacher's answers are for other data")
    if teacher.split != settings.train_split:
        raise TeacherError(
            f"{settings.teacher}: the teacher's answers are for {teacher.split}, "
            f"not for {settings.train_split}"
        )
    weight, heat = settings.teacher_weight, settings.teacher_heat
    return taught(targets, split.learn, split.train, teacher, weight=weight, heat=heat)


class Run:
    """One training run and the folder it lives in."""

    def __init__(self, settings: Settings, split: Split, folder: Path, *, quiet: bool) -> None:
        self.settings, self.split, self.folder, self.quiet = settings, split, folder, quiet
        self.engine = engine(settings)
        self.targets = targets_of(split, settings)
        self.steps = -(-len(split.learn) // settings.batch)
        self.done, self.best, self.init = 0, -1.0, ""
        self.weights: list[np.ndarray] = []
        self.memory: list[np.ndarray] = []

    def start(self, init: str) -> None:
        self.init = told_of(init)
        if init.endswith(".npz"):
            self.weights = weights_of(Path(init), self.settings)
        else:
            self.weights = self.engine.start(init)

    def resume(self) -> None:
        checkpoint = load(self.folder / LAST)
        progress = checkpoint.progress
        if progress["data"] != self.split.digest:
            raise CheckpointError(f"{self.folder / LAST}: was trained on other data")
        for name in ("alpha", "engine", "network", "seed", *CUT):
            before = progress["settings"].get(name, getattr(Settings(), name))
            if before != getattr(self.settings, name):
                raise CheckpointError(f"{self.folder / LAST}: was trained with another {name}")
        self.weights, self.memory = checkpoint.weights, checkpoint.optimizer
        self.done, self.best = progress["done"], progress["best"]
        self.init = progress.get("init", "")

    def go(self, stop_after: int | None = None) -> None:
        """All stages, passing over the epochs that are done already."""
        first, stop = 0, stop_after or self.settings.epochs
        for stage in self.settings.stages:
            last = min(first + stage.epochs, stop)
            if self.done < last:
                self._run_stage(stage, range(self.done, last))
            first += stage.epochs

    def _run_stage(self, stage: Stage, epochs: range) -> None:
        learner = self.engine.learner(stage, self.weights, self.memory, self._rate(stage))
        for epoch in epochs:
            started = time.time()
            loss = self._epoch(learner, stage, epoch)
            spent = time.time() - started
            self.weights, self.memory = learner.weights(), learner.memory()
            judge = learner.judge(settling(self.split.learn, self.settings.seed, stage.side))
            self._note(judge, stage, loss=loss, seconds=spent)

    def _rate(self, stage: Stage) -> Rate:
        settings = self.settings
        thawed = sum(s.epochs for s in settings.stages if not s.frozen)
        return Rate(
            settings.learning_rate, thawed * self.steps, settings.warm_up, falls=not stage.frozen
        )

    def _epoch(self, learner: Learner, stage: Stage, epoch: int) -> float:
        batches = Batches(
            self.split.learn.image,
            self.targets,
            side=stage.side,
            size=self.settings.batch,
            augment=eased(self.settings.augment, stage.ease),
            mixup=stage.ease * self.settings.mixup,
            seed=(self.settings.seed, epoch),
        )
        title = f"epoch {epoch + 1}/{self.settings.epochs}, {stage.side} px"
        with tqdm(total=len(batches), desc=title, unit="batch", disable=self.quiet) as bar:

            def step(loss: float) -> None:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()

            return learner.epoch(batches, step)

    def _note(self, judge: Judge, stage: Stage, *, loss: float, seconds: float) -> None:
        """Judge, write the log line, the checkpoint and, if it is the best, that too."""
        self.done += 1
        held = read_accuracy(judge, self.split.held, stage.side)
        line = {
            "epoch": self.done,
            "side": stage.side,
            "frozen": stage.frozen,
            "loss": round(loss, 4),
            "held_out": round(held, 4),
            "seconds": round(seconds, 1),
            "images_per_second": round(len(self.split.learn) / seconds),
        }
        if self.split.check is not None:
            checked = read_accuracy(judge, self.split.check, stage.side)
            line[self.settings.check_split] = round(checked, 4)
        better = held >= self.best
        self.best = max(held, self.best)
        state = self._state(stage)
        for name, wanted in ((BEST, better), (FINAL, self.done == self.settings.epochs)):
            if wanted:
                save(self.folder / name, Checkpoint(judge.weights(), [], state))
        save(self.folder / LAST, Checkpoint(self.weights, self.memory, state))
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def _state(self, stage: Stage) -> dict[str, Any]:
        return {
            "done": self.done,
            "best": self.best,
            "side": stage.side,
            "data": self.split.digest,
            "init": self.init,
            "settings": as_table(self.settings),
        }


def settling(learn: Faces, seed: int, side: int) -> list[np.ndarray]:
    """Faces to re-estimate batch-norm statistics with: averaged weights have none."""
    count, size = SETTLING
    rows = np.random.default_rng(seed).permutation(len(learn))[: count * size]
    return plain_batches(learn.image[rows], side, size)


def told_of(init: str) -> str:
    """What a run began from, told by content: another file under the same name is another start."""
    if not Path(init).is_file():
        return init
    return hashlib.sha256(Path(init).read_bytes()).hexdigest()[:16]


def weights_of(path: Path, settings: Settings) -> list[np.ndarray]:
    """The weights of another run's checkpoint, or of a start that `ml.unfold` made."""
    try:
        checkpoint = load(path)
    except CheckpointError as error:
        raise InitError(f"--init {path}: no checkpoint of ml.train or ml.unfold") from error
    table = checkpoint.progress.get("settings", {})
    for name in ("alpha", "network"):
        theirs, ours = table.get(name, getattr(Settings(), name)), getattr(settings, name)
        if theirs != ours:
            raise InitError(f"--init {path}: made for {name} {theirs}, not {ours}")
    if other := another_cut(checkpoint.progress, settings):
        raise InitError(
            f"--init {path}: held other faces out ({other}), and what it learnt from must not "
            "judge; keep its settings of these"
        )
    return checkpoint.weights


def read_accuracy(judge: Judge, faces: Faces, side: int) -> float:
    batches = plain_batches(faces.image, side, 256)
    logits = np.concatenate([judge.logits(batch) for batch in batches])
    return accuracy(logits.argmax(axis=1), faces.emotion)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help=".npz, fer2013.csv or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--config", type=Path, help="settings of the run (TOML)")
    parser.add_argument(
        "--init", default="imagenet", help="weights file, 'imagenet', 'none' or an .npz of ours"
    )
    parser.add_argument("--side", type=int, help="input side in pixels, in place of the stages")
    parser.add_argument("--epochs", type=int, help="how many, in place of the stages")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--stop-after", type=int, help="stop once so many epochs are done")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser.parse_args(argv)


def train(options: argparse.Namespace) -> None:
    settings = read_settings(options.config) if options.config else Settings()
    settings = overridden(settings, side=options.side, epochs=options.epochs)
    split = split_faces(read(options.data), settings)
    options.out.mkdir(parents=True, exist_ok=True)
    with alone(options.out):
        go(options, settings, split)


def go(options: argparse.Namespace, settings: Settings, split: Split) -> None:
    run = Run(settings, split, options.out, quiet=options.quiet)
    if options.resume:
        run.resume()
    elif (options.out / LAST).exists():
        raise CheckpointError(f"{options.out}: holds a run already; add --resume to go on with it")
    else:
        run.start(options.init)
    run.go(options.stop_after)


def main(argv: list[str] | None = None) -> int:
    try:
        train(arguments(argv))
    except REFUSALS as error:
        print(f"ml.train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ml.train: stopped; --resume goes on from the last whole epoch", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
