"""A training run on disk: one file that holds all of it, replaced in one step.

A run that was cut off, by power or by impatience, goes on from its last whole epoch; a damaged
file says so instead of starting from nonsense.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BEST, FINAL, LOCK = "best.npz", "final.npz", "lock"


class CheckpointError(ValueError):
    """The checkpoint cannot be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights in the network's order, the optimizer's memory, and where the run stands."""

    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    progress: dict[str, Any]


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """The run's folder for this process alone: two would write over each other's epochs."""
    with (run / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CheckpointError(
                f"{run}: another ml.train is at work there; stop it or wait for its end"
            ) from error
        yield


def finished(run: Path) -> Path:
    """The network of a run: where it ended, or the best so far of one that did not."""
    return run / FINAL if (run / FINAL).exists() else run / BEST


def save(path: Path, checkpoint: Checkpoint) -> None:
    arrays = {f"weight_{n:04}": array for n, array in enumerate(checkpoint.weights)}
    arrays |= {f"optimizer_{n:04}": array for n, array in enumerate(checkpoint.optimizer)}
    arrays["progress"] = np.array(json.dumps(checkpoint.progress))
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load(path: Path) -> Checkpoint:
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint there")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
            progress = json.loads(str(arrays.pop("progress")))
    except Exception as error:
        # A flipped bit can raise nearly anything: zlib, tokenize, a password that is wanted.
        raise CheckpointError(
            f"{path}: damaged or not a checkpoint; delete it or start with another --out"
        ) from error
    return Checkpoint(_numbered(arrays, "weight"), _numbered(arrays, "optimizer"), progress)


def _numbered(arrays: dict[str, np.ndarray], kind: str) -> list[np.ndarray]:
    return [arrays[name] for name in sorted(arrays) if name.startswith(f"{kind}_")]
