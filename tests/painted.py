"""Seven painted patterns, one per expression, that the smallest network tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.labels import EMOTIONS

SIDE = 32
TINY = """
alpha = 0.35
dropout = 0.0
batch = 32
learning_rate = 3e-3
weight_decay = 0.0
average = 0.8
batch_norm_momentum = 0.9
validation_share = 0.1
smoothing = 0.0

[[stages]]
side = 32
epochs = {epochs}
frozen = {frozen}

[augment]
flip = 0.0
shift = 0.02
rotate_degrees = 2.0
blur = 0.0
erase = 0.0
"""


def pattern(emotion: int, rng: np.random.Generator) -> np.ndarray:
    """A bright bar in one of seven places on noise: unlike under any swap of labels."""
    face = rng.integers(40, 80, (SIDE, SIDE)).astype(np.uint8)
    at = 2 + 4 * emotion
    face[at : at + 4] = 230
    face[:, at : at + 2] = 150
    return face


def painted_faces(folder: Path, each: int = 30) -> Path:
    rng = np.random.default_rng(3)
    emotion = np.tile(np.arange(7, dtype=np.uint8), each)
    split = (np.arange(len(emotion)) % 5 == 0).astype(np.uint8)
    path = folder / "painted.npz"
    np.savez(
        path,
        image=np.stack([pattern(k, rng) for k in emotion]),
        emotion=emotion,
        classes=np.array(EMOTIONS),
        split=split,
        split_names=np.array(["train", "public_test"]),
    )
    return path


def tiny_settings(folder: Path, epochs: int, *, frozen: bool = False) -> Path:
    path = folder / f"tiny{epochs}.toml"
    path.write_text(TINY.format(epochs=epochs, frozen=str(frozen).lower()))
    return path
