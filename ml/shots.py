"""The pictures in files, folders and videos that a person names, each checked before it is read.

For files on one's own disk: any format OpenCV knows. What a browser sends is ml.images' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mjpeg", ".mpg", ".mpeg")
LONGEST = 1280
"""Pictures are brought to this; a face that fills half of one is still 640 px."""
FEWEST_FRAMES = 0.9
"""A video that ends before so much of what its header promises was cut off."""
START_OF_SCAN, END = b"\xff\xda", b"\xff\xd9"


class BadSource(ValueError):
    """A file that cannot be read; the message says why in one line, `source` which."""

    def __init__(self, source: Path, words: str) -> None:
        super().__init__(f"{source}: {words}")
        self.source = source


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to read, in colour; `at_s` is its second of the video, None for a picture."""

    source: Path
    picture: np.ndarray
    at_s: float | None = None


def shots_of(sources: list[Path], every_s: float) -> Iterator[Shot | BadSource]:
    """All pictures in order; what cannot be opened comes as its error, in its place."""
    for source in sources:
        try:
            yield from _shots_of(source, every_s)
        except BadSource as error:
            yield error


def _shots_of(source: Path, every_s: float) -> Iterator[Shot | BadSource]:
    if not source.exists():
        raise BadSource(source, "no such file or folder")
    if source.is_dir():
        files = sorted(file for file in source.iterdir() if file.name[0] != "." and file.is_file())
        if not files:
            raise BadSource(source, "an empty folder; it holds no pictures")
        yield from shots_of(files, every_s)
    elif source.suffix.lower() in VIDEOS:
        yield from _video(source, every_s)
    else:
        yield Shot(source, _fitted(_picture(source)))


def _picture(source: Path) -> np.ndarray:
    data = source.read_bytes()
    if not data:
        raise BadSource(source, "an empty file")
    if _cut_off(data):
        raise BadSource(source, "a damaged picture: it ends before its end")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadSource(source, "a picture that is too large, or damaged") from error
    if picture is not None:
        return picture
    known = source.suffix.lower() in PICTURES
    raise BadSource(source, "not an image, or a damaged one" if known else "not an image")


def _cut_off(data: bytes) -> bool:
    """OpenCV fills the missing part of a picture with grey and says nothing."""
    if data[:3] == b"\xff\xd8\xff":
        return data.rfind(END) < max(data.rfind(START_OF_SCAN), 1)
    return data[:4] == b"\x89PNG" and b"IEND" not in data[-64:]


def _video(source: Path, every_s: float) -> Iterator[Shot]:
    """A frame of every so many seconds, by the video's own clock."""
    video = cv2.VideoCapture(str(source))
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        promised = video.get(cv2.CAP_PROP_FRAME_COUNT)
        if not video.isOpened() or not 0 < rate < 1000:
            raise BadSource(source, "not a video that can be read, or a damaged one")
        number, due = 0, 0.0
        while video.grab():
            if number / rate >= due:
                there, frame = video.retrieve()
                if not there:
                    break
                yield Shot(source, _fitted(frame), at_s=round(number / rate, 2))
                due += every_s
            number += 1
    finally:
        video.release()
    if not number or number < FEWEST_FRAMES * promised:
        raise BadSource(source, f"a damaged video: {number} of {promised:.0f} frames can be read")


def _fitted(picture: np.ndarray) -> np.ndarray:
    scale = LONGEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
