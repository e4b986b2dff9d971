"""Training faces in shuffled batches, made ready on a thread of their own.

Changing the faces (OpenCV, which lets go of Python's lock) then runs beside the network's
arithmetic instead of between its steps. Kept apart from the training loop because it needs
nothing of it but Keras's data-set interface.
"""

from __future__ import annotations

import numpy as np

from ml.augment import Augment, augmented, resized
from ml.backend import keras


class Batches(keras.utils.PyDataset):
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
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.image, self.targets, self.side, self.size = image, targets, side, size
        self.augment, self.seed = augment, seed
        self.order = np.random.default_rng(seed).permutation(len(image))

    def __len__(self) -> int:
        return -(-len(self.image) // self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.size : (index + 1) * self.size]
        rng = np.random.default_rng([*self.seed, index])
        return augmented(self.image[rows], self.side, self.augment, rng), self.targets[rows]


def plain_batches(image: np.ndarray, side: int, size: int) -> list[np.ndarray]:
    """Unchanged faces in batches, as the worker would show them."""
    return [resized(image[at : at + size], side) for at in range(0, len(image), size)]
