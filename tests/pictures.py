"""JPEG pictures for tests: one public-domain face in webcam frames, walls, and hostile files.

The face is ml/pictures/astronaut.jpg (NASA, public domain), composed at any size, tilt, light
and blur; no other photograph is kept.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import ml

ASTRONAUT = Path(ml.__file__).parent / "pictures" / "astronaut.jpg"
# Head and shoulders in that picture; the face found in it is 103 px wide.
HEAD = (slice(0, 300), slice(90, 302))
HEAD_CENTRE = (106, 128)
FACE_WIDTH_IN_HEAD = 103


@cache
def _head() -> np.ndarray:
    return cv2.imread(str(ASTRONAUT))[HEAD]


def wall(width: int = 320, height: int = 240, shade: int = 150) -> np.ndarray:
    """A plain wall with a camera's grain, the same each time."""
    grain = np.random.default_rng(0).normal(0, 2, (height, width, 3))
    return np.clip(shade + grain, 0, 255).astype(np.uint8)


def portrait(
    width: int = 320,
    height: int = 240,
    *,
    face_px: float = 80,
    centre: tuple[float, float] = (0.5, 0.5),
    tilt: float = 0,
    light: float = 1.0,
    blur: float = 0,
) -> np.ndarray:
    """A webcam frame with one face `face_px` wide, tilted by `tilt` degrees."""
    return add_head(
        wall(width, height), face_px=face_px, centre=centre, tilt=tilt, light=light, blur=blur
    )


def add_head(
    frame: np.ndarray,
    *,
    face_px: float,
    centre: tuple[float, float],
    tilt: float = 0,
    light: float = 1.0,
    blur: float = 0,
) -> np.ndarray:
    """Lay the head onto the frame; light and blur are the whole frame's, as a camera's are."""
    height, width = frame.shape[:2]
    scale = face_px / FACE_WIDTH_IN_HEAD
    head = _head()
    turn = cv2.getRotationMatrix2D(HEAD_CENTRE, tilt, scale)
    turn[:, 2] += np.array(centre) * (width, height) - HEAD_CENTRE
    inside = cv2.warpAffine(np.full(head.shape[:2], 255, np.uint8), turn, (width, height))
    drawn = cv2.warpAffine(head, turn, (width, height), flags=cv2.INTER_AREA)
    frame = np.where(inside[..., None] > 127, drawn, frame)
    if blur:
        frame = cv2.GaussianBlur(frame, (0, 0), blur)
    return np.clip(frame * light, 0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray, quality: int = 70, *, progressive: bool = False) -> bytes:
    """The picture as a browser's canvas would send it."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    done, data = cv2.imencode(".jpg", picture, options)
    assert done
    return data.tobytes()


def face_jpeg(width: int = 320, height: int = 240, **look: float) -> bytes:
    return jpeg(portrait(width, height, **look))  # type: ignore[arg-type]  # keywords of portrait


def wall_jpeg(width: int = 320, height: int = 240) -> bytes:
    return jpeg(wall(width, height))


def two_faces_jpeg(*, second_px: float = 55) -> bytes:
    """Two heads side by side, the second `second_px` wide beside one of 60."""
    frame = portrait(face_px=60, centre=(0.27, 0.5))
    return jpeg(add_head(frame, face_px=second_px, centre=(0.77, 0.5)))


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def claiming(data: bytes, width: int, height: int) -> bytes:
    """The same file with another size written into its frame header."""
    at = next(i for m in (0xC0, 0xC2) if (i := data.find(bytes((0xFF, m)))) > 0)
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def many_scans_jpeg(scans: int = 5000, side: int = 320) -> bytes:
    """A progressive file whose last tiny scan is repeated until there are `scans` of them."""
    data = jpeg(wall(side, side * 3 // 4), progressive=True)
    last = data.rfind(b"\xff\xda")
    (length,) = struct.unpack(">H", data[last + 2 : last + 4])
    return data[:last] + (data[last : last + 2 + length] + b"\x00") * scans + b"\xff\xd9"
