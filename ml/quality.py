"""Whether a face can be read at all: several, small, dark and blurred faces are not.

Unknown is an answer here. Thresholds come from measurement and lean towards reading: FER2013
faces, which are 48 px and soft, pass, and so does a face that reflects little light.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from ml.faces import Face

Unread = Literal["no_face", "several", "small", "dark", "blurred"]

SECOND_FACE = 0.5
LEAST_FACE_PX = 48
# Of 1,465 FER2013 faces the darkest had a mean brightness of 37, 99 % over 58. The test portrait
# has 16 at a tenth of its light and 32 at a fifth.
DARK_UNDER = 28
# The same faces at 96 px, sent as JPEG: 0.6 % under. Blurred with sigma 2, 43 %; with 4, 99.6 %.
BLURRED_UNDER = 0.015
SHARPNESS_SIDE = 48
SENSOR_NOISE = 4.0


def crowd(faces: list[Face]) -> Unread | None:
    """What is wrong with the faces found, largest first, before any is cut out."""
    if not faces:
        return "no_face"
    if len(faces) > 1 and faces[1].area >= SECOND_FACE * faces[0].area:
        return "several"
    if faces[0].box[2] < LEAST_FACE_PX:
        return "small"
    return None


def light(crop: np.ndarray) -> Unread | None:
    """What is wrong with one grey face: dark or blurred."""
    inside = _middle(cv2.resize(crop, (SHARPNESS_SIDE,) * 2, interpolation=cv2.INTER_AREA))
    if cv2.mean(inside)[0] < DARK_UNDER:
        return "dark"
    return "blurred" if sharpness(crop) < BLURRED_UNDER else None


def sharpness(crop: np.ndarray) -> float:
    """Share of the face's variance that a blur of one pixel in 48 takes away.

    A difference of Gaussians, that is a Laplacian behind a small blur: the bare Laplacian's
    variance counted JPEG block edges as detail and told sigma 2 from 4 poorly.
    """
    small = cv2.resize(crop, (SHARPNESS_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    face = small.astype(np.float32)
    detail = _middle(face - cv2.GaussianBlur(face, (0, 0), 1))
    return _variance(detail) / (_variance(_middle(face)) + SENSOR_NOISE)


def _middle(face: np.ndarray) -> np.ndarray:
    """Without the outer sixth, where hair, background and the frame's edge are."""
    edge = len(face) // 6
    return face[edge:-edge, edge:-edge]


def _variance(values: np.ndarray) -> float:
    _, deviation = cv2.meanStdDev(values)
    return float(deviation[0, 0]) ** 2
