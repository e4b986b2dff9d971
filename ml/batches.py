"""Training faces in shuffled batches, every epoch in another order and shown a little differently.

An epoch is a plain sequence of (faces, targets), the same for the same seed, so every engine
learns from the same pictures and a run can be repeated. Mixing two faces and their targets
(mixup, arXiv 1710.09412) happens here, after each was changed on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ml.augment import Augment, augmented, resized

AHEAD = 4
"""How many batches are made ready while the network works on one."""


class Batches:
    """One epoch; the same seed gives the same faces in the same order."""

    def __init__(
        self,
        image: np.ndarray,
        targets: np.ndarray,
        *,
        side: int,
        size: int,
        augment: Augment,
        seed: tuple[int, ...],
        mixup: float = 0.0,
    ) -> None:
        self.image, self.targets, self.side, self.size = image, targets, side, size
        self.augment, self.seed, self.mixup = augment, seed, mixup
        self.order = np.random.default_rng(seed).permutation(len(image))

    def __len__(self) -> int:
        return -(-len(self.image) // self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.size : (index + 1) * self.size]
        rng = np.random.default_rng([*self.seed, index])
        faces = augmented(self.image[rows], self.side, self.augment, rng)
        return mixed(faces, self.targets[rows], self.mixup, rng)

    def ahead(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All of them in order, made ready on a thread beside the network's arithmetic.

        OpenCV lets go of Python's lock, so changing the faces costs the network little.
        """
        with ThreadPoolExecutor(1) as maker:
            waiting = [maker.submit(self.__getitem__, at) for at in range(min(AHEAD, len(self)))]
            for at in range(AHEAD, len(self) + AHEAD):
                yield waiting.pop(0).result()
                if at < len(self):
                    waiting.append(maker.submit(self.__getitem__, at))


def mixed(
    faces: np.ndarray, targets: np.ndarray, mixup: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each face blended with another of its batch, by a share drawn from Beta(mixup, mixup)."""
    if mixup <= 0:
        return faces, targets
    share = rng.beta(mixup, mixup, len(faces)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    other = rng.permutation(len(faces))
    wide = share[:, None, None, None]
    blended = wide * faces + (1 - wide) * faces[other]
    return blended, share[:, None] * targets + (1 - share[:, None]) * targets[other]


def plain_batches(image: np.ndarray, side: int, size: int) -> list[np.ndarray]:
    """Unchanged faces in batches, as the worker would show them."""
    return [resized(image[at : at + size], side) for at in range(0, len(image), size)]
