"""Training faces, each shown a little differently every time: moved, turned, mirrored, hidden.

One affine warp per picture brings it to the network's size and moves it at once, so pixels are
interpolated only once. Everything depends on the generator passed in, so a run can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

SHARES = ("flip", "blur", "low_resolution", "jpeg", "noise", "erase", "erase_side")
"""The settings that are shares, so at most 1."""


@dataclass(frozen=True, slots=True)
class Augment:
    """How far a face may be changed.

    Shifts and patches are shares of its side; `flip`, `blur`, `low_resolution`, `jpeg`, `noise`
    and `erase` are the shares of faces that it happens to; `zoom`, `contrast` and `gamma` are the
    largest natural logarithm of the factor.
    """

    flip: float = 0.5
    shift: float = 0.08
    rotate_degrees: float = 12.0
    zoom: float = 0.12
    contrast: float = 0.25
    brightness: float = 0.15
    gamma: float = 0.0
    blur: float = 0.1
    low_resolution: float = 0.0
    jpeg: float = 0.0
    noise: float = 0.0
    erase: float = 0.3
    erase_side: float = 0.35


def eased(settings: Augment, share: float) -> Augment:
    """Faces moved and hidden by this share only; light and wear stay, for webcams have both."""
    names = ("shift", "rotate_degrees", "zoom", "erase")
    return replace(settings, **{name: share * getattr(settings, name) for name in names})


def scaled(image: np.ndarray) -> np.ndarray:
    """Grey 0…255 as the network reads it: −1…1, with one channel."""
    return (image.astype(np.float32) / 127.5 - 1.0)[..., None]


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """Faces as the worker shows them to the network, unchanged but for their size."""
    faces = [cv2.resize(face, (side, side), interpolation=cv2.INTER_LINEAR) for face in image]
    return scaled(np.stack(faces))


def augmented(
    image: np.ndarray, side: int, settings: Augment, rng: np.random.Generator
) -> np.ndarray:
    """A batch of faces, shape (n, side, side, 1), each changed at random."""
    height, width = image.shape[1:3]
    moves = _moves(len(image), side, (height, width), settings, rng)
    worn = _worn(image, settings, rng)
    faces = np.stack([_warped(face, move, side) for face, move in zip(worn, moves, strict=True)])
    _gamma(faces, settings, rng)
    batch = scaled(faces)
    _light(batch, settings, rng)
    _erase(batch, settings, rng)
    return batch


def _moves(
    count: int, side: int, size: tuple[int, int], settings: Augment, rng: np.random.Generator
) -> np.ndarray:
    """For each face the 2×3 matrix from the network's pixels back to the picture's."""
    height, width = size
    angle = np.deg2rad(rng.uniform(-settings.rotate_degrees, settings.rotate_degrees, count))
    zoom = np.exp(rng.uniform(-settings.zoom, settings.zoom, count))
    mirror = np.where(rng.random(count) < settings.flip, -1.0, 1.0)
    shift = rng.uniform(-settings.shift, settings.shift, (count, 2)) * (width, height)
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    move = np.empty((count, 2, 3))
    move[:, 0, 0], move[:, 0, 1] = mirror * cos * width / side, -sin * width / side
    move[:, 1, 0], move[:, 1, 1] = mirror * sin * height / side, cos * height / side
    # Pixel centres: the middle of the network's picture meets the middle of the face, as in
    # cv2.resize, so an unmoved face looks the same here and in the worker.
    middle = (side - 1) / 2
    centre = np.array([(width - 1) / 2, (height - 1) / 2]) + shift
    move[:, :, 2] = centre - middle * (move[:, :, 0] + move[:, :, 1])
    return move


def _warped(face: np.ndarray, move: np.ndarray, side: int) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(face, move, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _worn(image: np.ndarray, settings: Augment, rng: np.random.Generator) -> np.ndarray:
    """Some faces lose detail, as a far, cheap or moving camera's do, before they are enlarged."""
    worn = image.copy()
    for share, wear in (
        (settings.blur, _blurred),
        (settings.low_resolution, _coarse),
        (settings.noise, _noisy),
        (settings.jpeg, _packed),
    ):
        if share:
            for index in np.flatnonzero(rng.random(len(worn)) < share):
                worn[index] = wear(worn[index], rng)
    return worn


def _blurred(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(face, (0, 0), rng.uniform(0.4, 1.3))


def _coarse(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Down to between half its side and nearly all of it, and back."""
    height, width = face.shape
    share = rng.uniform(0.5, 0.9)
    small = (int(width * share), int(height * share))
    coarse = cv2.resize(face, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def _noisy(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grain = rng.standard_normal(face.shape, np.float32) * rng.uniform(2, 12)
    return np.clip(face + grain, 0, 255).astype(np.uint8)


def _packed(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through a JPEG of low quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))]
    packed = cv2.imdecode(cv2.imencode(".jpg", face, quality)[1], cv2.IMREAD_GRAYSCALE)
    assert packed is not None
    return packed


def _gamma(faces: np.ndarray, settings: Augment, rng: np.random.Generator) -> None:
    """Middle greys brighter or darker, black and white as they were."""
    if not settings.gamma:
        return
    grey = np.arange(256) / 255
    for face, power in zip(
        faces, np.exp(rng.uniform(-settings.gamma, settings.gamma, len(faces))), strict=True
    ):
        cv2.LUT(face, (255 * grey**power).astype(np.uint8), dst=face)


def _light(batch: np.ndarray, settings: Augment, rng: np.random.Generator) -> None:
    shape = (len(batch), 1, 1, 1)
    contrast = np.exp(rng.uniform(-settings.contrast, settings.contrast, shape))
    brightness = 2 * rng.uniform(-settings.brightness, settings.brightness, shape)
    batch *= contrast.astype(np.float32)
    batch += brightness.astype(np.float32)
    np.clip(batch, -1.0, 1.0, out=batch)


def _erase(batch: np.ndarray, settings: Augment, rng: np.random.Generator) -> None:
    """Hide a patch, as a hand or a fringe would (random erasing, arXiv 1708.04896)."""
    side = batch.shape[1]
    for index in np.flatnonzero(rng.random(len(batch)) < settings.erase):
        high, wide = (rng.uniform(0.1, settings.erase_side, 2) * side).astype(int) + 1
        top, left = rng.integers(0, side - high + 1), rng.integers(0, side - wide + 1)
        batch[index, top : top + high, left : left + wide] = rng.uniform(-1, 1)
