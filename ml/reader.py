"""The whole path from one JPEG to one reading: all a worker does with a snapshot.

Check, decode, find the face, judge whether it can be read, cut it out upright, classify. Nothing
is kept: the picture is gone when `read` returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ml import quality
from ml.classifier import Classifier
from ml.faces import Detector, Face, aligned_crop
from ml.images import decode
from ml.labels import EMOTIONS

Outcome = Literal["face", "no_face", "several", "small", "dark", "blurred", "unsure"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One snapshot's reading; every unknown has its own outcome and carries what is known.

    `probabilities` are calibrated, in the order of EMOTIONS, and given for "face" and "unsure";
    `box` is (left, top, width, height) of the largest face as fractions of the frame;
    `width` and `height` are the frame's as decoded.
    """

    outcome: Outcome
    width: int
    height: int
    probabilities: tuple[float, ...] | None = None
    top: str | None = None
    sure: float | None = None
    yaw: float | None = None
    box: tuple[float, float, float, float] | None = None


class Reader:
    """A detector and a classifier; use it from one thread at a time."""

    def __init__(self, detector: Detector, classifier: Classifier) -> None:
        self.detector = detector
        self.classifier = classifier

    @classmethod
    def load(cls, path: Path | None = None) -> Reader:
        """With the installed detector and the model at `path`, else the project's own."""
        return cls(Detector(), Classifier(path))

    def read(self, jpeg: bytes) -> Sample:
        """One reading; raises BadImage for bytes that are no picture we read."""
        frame = decode(jpeg)
        height, width = frame.shape[:2]
        faces = self.detector.detect(frame)
        unread = quality.crowd(faces)
        if unread == "no_face":
            return Sample("no_face", width, height)
        box = _fractions(faces[0], width, height)
        if unread:
            return Sample(unread, width, height, box=box)
        crop = aligned_crop(
            frame, faces[0], side=self.classifier.side, margin=self.classifier.crop_margin
        )
        unread = quality.light(crop)
        if unread:
            return Sample(unread, width, height, yaw=faces[0].yaw, box=box)
        return self._classified(crop, faces[0], width, height)

    def _classified(self, crop: np.ndarray, face: Face, width: int, height: int) -> Sample:
        probabilities = tuple(self.classifier.probabilities(crop).tolist())
        sure = max(probabilities)
        return Sample(
            outcome="face" if sure >= self.classifier.unsure_below else "unsure",
            width=width,
            height=height,
            probabilities=probabilities,
            top=EMOTIONS[probabilities.index(sure)],
            sure=sure,
            yaw=face.yaw,
            box=_fractions(face, width, height),
        )


def _fractions(face: Face, width: int, height: int) -> tuple[float, float, float, float]:
    left, top, wide, high = face.box
    return left / width, top / height, wide / width, high / height
