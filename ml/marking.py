"""Every face of one picture read and drawn in, for `ml.predict`.

A lesson reads the one student in front of the camera; here each face is read by the same steps,
and what cannot be read says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml import quality
from ml.faces import Face, aligned_crop
from ml.labels import EMOTIONS
from ml.reader import Reader

WHY = {
    "small": f"too small to read, under {quality.LEAST_FACE_PX} px",
    "dark": "too dark to read",
    "blurred": "too blurred to read",
}
READ, UNREAD = (60, 140, 30), (110, 110, 110)  # green and grey, in OpenCV's blue-green-red


@dataclass(frozen=True, slots=True)
class FaceRead:
    """One face: `outcome` is "face", "unsure" or why it was not read; box in pixels."""

    box: tuple[float, float, float, float]
    outcome: str
    unsure_below: float
    probabilities: tuple[float, ...] = ()

    @property
    def top(self) -> int:
        return int(np.argmax(self.probabilities))

    @property
    def words(self) -> str:
        if not self.probabilities:
            return WHY[self.outcome]
        label, sure = EMOTIONS[self.top], self.probabilities[self.top]
        if self.outcome == "unsure":
            return f"unsure: {label} is likeliest with {sure:.0%}, under {self.unsure_below:.0%}"
        return f"reads as {label} ({sure:.0%} sure)"

    @property
    def label(self) -> str:
        """What stands beside the box; short, and ASCII, which is all OpenCV draws."""
        if self.outcome != "face":
            return self.outcome
        return f"{EMOTIONS[self.top]} {self.probabilities[self.top]:.0%}"

    def told(self) -> dict[str, Any]:
        shares = zip(EMOTIONS, self.probabilities, strict=False)  # none where unread
        return {
            "box": [round(value, 1) for value in self.box],
            "outcome": self.outcome,
            "words": self.words,
            "probabilities": {label: round(share, 4) for label, share in shares},
        }


def read_faces(reader: Reader, picture: np.ndarray) -> list[FaceRead]:
    """Largest first, as the detector gives them."""
    return [_read(reader, picture, face) for face in reader.detector.detect(picture)]


def _read(reader: Reader, picture: np.ndarray, face: Face) -> FaceRead:
    classifier = reader.classifier
    crop = aligned_crop(picture, face, side=classifier.side, margin=classifier.crop_margin)
    unread = quality.crowd([face]) or quality.light(crop)
    if unread:
        return FaceRead(face.box, unread, classifier.unsure_below)
    shares = tuple(classifier.probabilities(crop).tolist())
    outcome = "face" if max(shares) >= classifier.unsure_below else "unsure"
    return FaceRead(face.box, outcome, classifier.unsure_below, shares)


def marked(picture: np.ndarray, faces: list[FaceRead]) -> np.ndarray:
    """A copy with a box and a few words for each face."""
    drawn = picture.copy()
    size = max(0.45, max(picture.shape[:2]) / 1600)
    for face in faces:
        left, top, width, height = (round(value) for value in face.box)
        colour = READ if face.outcome == "face" else UNREAD
        cv2.rectangle(drawn, (left, top), (left + width, top + height), colour, 2)
        (wide, high), _ = cv2.getTextSize(face.label, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        base = max(top - 6, high + 4)
        ground = (left, base - high - 4), (left + wide + 6, base + 4)
        cv2.rectangle(drawn, *ground, colour, -1)
        place = (left + 3, base)
        cv2.putText(drawn, face.label, place, cv2.FONT_HERSHEY_SIMPLEX, size, (255,) * 3, 1, 16)
    return drawn


def written(picture: np.ndarray, place: Path) -> None:
    """OSError where the picture cannot be written."""
    place.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(place.suffix, picture)
    if not done:
        raise OSError(f"{place}: cannot write a picture of that kind")
    place.write_bytes(data.tobytes())
