"""Train the network: `python -m ml.train --data fer2013.npz --out runs/first`.

One configuration file describes a run. Every epoch ends with a checkpoint to go on from, a line
in metrics.jsonl, and, where it read the held-out faces best so far, `best.npz`, which
`ml.export` turns into the file the worker runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ml import network
from ml.augment import resized
from ml.backend import keras
from ml.batches import Batches, plain_batches
from ml.checkpoints import Checkpoint, CheckpointError, load, save
from ml.data import DataError, Faces, read, stands_in, validation_cut
from ml.metrics import accuracy
from ml.settings import Settings, SettingsError, Stage, as_table, overridden, read_settings
from ml.targets import soft_targets

LAST, BEST, LOG = "last.npz", "best.npz", "metrics.jsonl"
SETTLING = (24, 128)
"""How many batches of how many faces re-estimate the batch-norm statistics before judging."""


@dataclass(frozen=True, slots=True)
class Split:
    """Faces to learn from, faces held out to judge by, and the test faces to watch."""

    learn: Faces
    held: Faces
    check: Faces | None
    digest: str


class FallingRate(keras.optimizers.schedules.LearningRateSchedule):
    """A straight climb, then half a cosine down to a hundredth."""

    def __init__(self, peak: float, steps: int, warm_up: float) -> None:
        self.peak, self.steps, self.climb = peak, float(steps), max(1.0, warm_up * steps)

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32")
        climbing = (step + 1.0) / self.climb
        done = (step - self.climb) / max(1.0, self.steps - self.climb)
        falling = 0.505 + 0.495 * keras.ops.cos(np.pi * keras.ops.clip(done, 0.0, 1.0))
        return self.peak * keras.ops.minimum(climbing, falling)

    def get_config(self) -> dict[str, float]:
        return {"peak": self.peak, "steps": self.steps, "climb": self.climb}


class AveragingAdam(keras.optimizers.AdamW):
    """AdamW that keeps a running average of the weights beside them."""

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        """Keras would put the average in place of the weights after each `fit`; we go on."""

    def average(self) -> list[np.ndarray]:
        return network.values(self._model_variables_moving_average)


class Progress(keras.callbacks.Callback):
    """One bar per epoch, with the loss so far."""

    def __init__(self, title: str, quiet: bool) -> None:
        super().__init__()
        self.title, self.quiet = title, quiet

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        steps = self.params["steps"]
        self.bar = tqdm(total=steps, desc=self.title, unit="batch", disable=self.quiet)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.set_postfix(loss=f"{float((logs or {}).get('loss', 0)):.3f}", refresh=False)
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.close()


def split_faces(faces: Faces, settings: Settings) -> Split:
    """Training faces without those that also stand in the check split, and a held-out cut."""
    train = faces.part(settings.train_split)
    digest = faces.digest()
    check = None
    if settings.check_split in faces.sizes():
        check = faces.part(settings.check_split)
        train = train.take(np.flatnonzero(~stands_in(train, check)))
    learn, held = validation_cut(train, settings.validation_share, settings.seed)
    return Split(learn, held, check, digest)


class Run:
    """One training run and the folder it lives in."""

    def __init__(self, settings: Settings, split: Split, folder: Path, *, quiet: bool) -> None:
        self.settings, self.split, self.folder, self.quiet = settings, split, folder, quiet
        self.shape = network.Shape(settings.alpha, settings.dropout, settings.batch_norm_momentum)
        self.targets = soft_targets(
            split.learn.emotion,
            split.learn.votes,
            label_weight=settings.label_weight,
            smoothing=settings.smoothing,
        )
        self.steps = -(-len(split.learn) // settings.batch)
        self.done, self.best = 0, -1.0
        self.weights: list[np.ndarray] = []
        self.memory: list[np.ndarray] = []

    def start(self, init: str) -> None:
        model = network.build(self.settings.stages[0].side, self.shape)
        network.start_from(model, init, self.settings.alpha)
        self.weights = network.values(model.weights)

    def resume(self) -> None:
        checkpoint = load(self.folder / LAST)
        progress = checkpoint.progress
        if progress["data"] != self.split.digest:
            raise CheckpointError(f"{self.folder / LAST}: was trained on other data")
        for name in ("alpha", "seed", "validation_share"):
            if progress["settings"][name] != getattr(self.settings, name):
                raise CheckpointError(f"{self.folder / LAST}: was trained with another {name}")
        self.weights, self.memory = checkpoint.weights, checkpoint.optimizer
        self.done, self.best = progress["done"], progress["best"]

    def go(self, stop_after: int | None = None) -> None:
        """All stages, passing over the epochs that are done already."""
        first, stop = 0, stop_after or self.settings.epochs
        for stage in self.settings.stages:
            last = min(first + stage.epochs, stop)
            if self.done < last:
                self._run_stage(stage, range(self.done, last))
            first += stage.epochs

    def _run_stage(self, stage: Stage, epochs: range) -> None:
        keras.backend.clear_session()
        model, judge = (network.build(stage.side, self.shape) for _ in range(2))
        network.assign(model.weights, self.weights)
        network.freeze_backbone(model, stage.frozen)
        network.freeze_backbone(judge, stage.frozen)
        optimizer = self._compile(model, stage)
        for epoch in epochs:
            started = time.time()
            loss = self._epoch(model, stage, epoch)
            spent = time.time() - started
            self._settle(judge, model, optimizer, stage)
            self.weights, self.memory = (
                network.values(model.weights),
                network.values(optimizer.variables),
            )
            self._note(judge, stage, epoch, loss=loss, seconds=spent)

    def _compile(self, model: keras.Model, stage: Stage) -> AveragingAdam:
        settings = self.settings
        thawed = sum(s.epochs for s in settings.stages if not s.frozen)
        rate: Any = settings.learning_rate
        if not stage.frozen:
            rate = FallingRate(rate, thawed * self.steps, settings.warm_up)
        optimizer = AveragingAdam(
            rate, weight_decay=settings.weight_decay, use_ema=True, ema_momentum=settings.average
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        # XLA is seven times slower on a processor; on an accelerator JAX needs it.
        compiled = keras.backend.backend() == "jax"
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, jit_compile=compiled)
        optimizer.build(model.trainable_variables)
        if len(self.memory) == len(optimizer.variables):
            network.assign(optimizer.variables, self.memory)
        return optimizer

    def _epoch(self, model: keras.Model, stage: Stage, epoch: int) -> float:
        batches = Batches(
            self.split.learn.image,
            self.targets,
            side=stage.side,
            size=self.settings.batch,
            augment=self.settings.augment,
            seed=(self.settings.seed, epoch),
        )
        title = f"epoch {epoch + 1}/{self.settings.epochs}, {stage.side} px"
        bar = Progress(title, self.quiet)
        history = model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[bar])
        loss = float(history.history["loss"][-1])
        if not np.isfinite(loss):
            raise SettingsError(f"the loss is {loss}: lower learning_rate and start again")
        return loss

    def _settle(
        self, judge: keras.Model, model: keras.Model, optimizer: AveragingAdam, stage: Stage
    ) -> None:
        network.assign(judge.weights, network.values(model.weights))
        network.assign(judge.trainable_variables, optimizer.average())
        if not stage.frozen:
            rng = np.random.default_rng(self.settings.seed)
            count, size = SETTLING
            rows = rng.permutation(len(self.split.learn))[: count * size]
            network.settle(judge, plain_batches(self.split.learn.image[rows], stage.side, size))

    def _note(
        self, judge: keras.Model, stage: Stage, epoch: int, *, loss: float, seconds: float
    ) -> None:
        """Judge, write the log line, the checkpoint and, if it is the best, that too."""
        self.done = epoch + 1
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
        if better:
            save(self.folder / BEST, Checkpoint(network.values(judge.weights), [], state))
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
            "settings": as_table(self.settings),
        }


def read_accuracy(model: keras.Model, faces: Faces, side: int) -> float:
    logits = model.predict(resized(faces.image, side), batch_size=256, verbose=0)
    return accuracy(logits.argmax(axis=1), faces.emotion)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help=".npz, fer2013.csv or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--config", type=Path, help="settings of the run (TOML)")
    parser.add_argument("--init", default="imagenet", help="weights file, 'imagenet' or 'none'")
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
    network.use_threads(settings.threads)
    keras.utils.set_random_seed(settings.seed)
    options.out.mkdir(parents=True, exist_ok=True)
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
    except (DataError, SettingsError, CheckpointError, network.InitError, OSError) as error:
        print(f"ml.train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ml.train: stopped; --resume goes on from the last whole epoch", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
