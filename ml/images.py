"""From the bytes a browser sent to pixels, without trusting the bytes.

A few kilobytes can claim 20,000 × 20,000 pixels or hold thousands of scans, and decoding them
costs seconds and gigabytes. So the markers are walked first, touching no pixel, and only a
picture of a size and shape a webcam page sends is handed to the decoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

LONG_SIDE = 1280
SHORT_SIDE = 720
LEAST_SIDE = 16
MOST_SCANS = 16
# A canvas JPEG has about ten; thousands of empty ones would only cost time.
MOST_SEGMENTS = 128
HALVE_FROM = 480

cv2.setNumThreads(1)

SOI, EOI, SOS, TEM = 0xD8, 0xD9, 0xDA, 0x01
RESTARTS = range(0xD0, 0xD8)
FRAMES_READ = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
FRAMES_REFUSED = (0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)

# In entropy-coded data 0xFF is followed by 0 (a stuffed byte), a restart or another fill byte.
MARKER_AFTER_DATA = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
FILL = re.compile(rb"\xff*")

READ_FULL = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
READ_HALF = cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION


class BadImage(ValueError):
    """Bytes that are not a picture we read; `code` is stable, `words` are for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True)
class JpegShape:
    """What the markers say: size in pixels, number of scans, grey (1) or colour (3)."""

    width: int
    height: int
    scans: int
    components: int


def check_jpeg(data: bytes) -> JpegShape:
    """Walk the markers and refuse what a camera page would not send; decodes nothing."""
    if data[:3] != b"\xff\xd8\xff":
        raise BadImage("not_jpeg", "The data is not a JPEG picture; send image/jpeg.")
    size: tuple[int, int, int] | None = None
    scans = 0
    at = 2
    for _ in range(MOST_SEGMENTS):
        marker, at = _marker(data, at)
        if marker == EOI:
            return _whole(size, scans)
        if marker == TEM or marker in RESTARTS:
            continue
        end = _segment_end(data, marker, at)
        if marker in FRAMES_READ:
            size = _frame_size(data[at:end], size)
        elif marker == SOS:
            scans = _count_scan(size, scans)
            end = _after_scan(data, end)
        at = end
    raise BadImage("unsupported", f"The JPEG has more than {MOST_SEGMENTS} segments.")


def decode(data: bytes) -> np.ndarray:
    """Check, then decode to BGR; halved while decoding where the short side is 480 or more."""
    shape = check_jpeg(data)
    halve = min(shape.width, shape.height) >= HALVE_FROM
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), READ_HALF if halve else READ_FULL)
    except cv2.error as error:
        raise BadImage("unsupported", "The JPEG could not be decoded.") from error
    if picture is None:
        raise BadImage("unsupported", "The JPEG could not be decoded.")
    return picture


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at` (fill bytes before it skipped) and where its segment starts."""
    if at >= len(data):
        raise BadImage("truncated", "The JPEG ends before its end marker.")
    if data[at] != 0xFF:
        raise BadImage("not_jpeg", f"The JPEG has no marker at byte {at}.")
    after = FILL.match(data, at).end()  # type: ignore[union-attr]  # matches even nothing
    if after >= len(data):
        raise BadImage("truncated", "The JPEG ends inside a marker.")
    return data[after], after + 1


def _segment_end(data: bytes, marker: int, at: int) -> int:
    if marker in FRAMES_REFUSED:
        raise BadImage("unsupported", "Only baseline and progressive JPEG pictures are read.")
    if marker in (0x00, SOI):
        raise BadImage("not_jpeg", f"The JPEG has a marker 0x{marker:02X} out of place.")
    length = int.from_bytes(data[at : at + 2], "big")
    if at + 2 > len(data) or at + length > len(data):
        raise BadImage("truncated", "The JPEG ends inside a segment.")
    if length < 2:
        raise BadImage("not_jpeg", f"The JPEG has a segment of length {length}.")
    return at + length


def _frame_size(segment: bytes, before: tuple[int, int, int] | None) -> tuple[int, int, int]:
    """Width, height and components from a frame header, refused unless within our limits."""
    if before is not None:
        raise BadImage("unsupported", "The JPEG holds more than one frame.")
    if len(segment) < 8 or len(segment) != 8 + 3 * segment[7]:
        raise BadImage("not_jpeg", "The JPEG's frame header has the wrong length.")
    height, width = int.from_bytes(segment[3:5], "big"), int.from_bytes(segment[5:7], "big")
    if segment[2] != 8 or segment[7] not in (1, 3):
        raise BadImage("unsupported", "Only 8-bit grey or colour JPEG pictures are read.")
    if max(width, height) > LONG_SIDE or min(width, height) > SHORT_SIDE:
        raise BadImage(
            "too_large",
            f"The picture is {width} × {height}; send at most {LONG_SIDE} × {SHORT_SIDE}.",
        )
    if min(width, height) < LEAST_SIDE:
        raise BadImage("unsupported", f"The picture is {width} × {height}: too small to read.")
    return width, height, segment[7]


def _count_scan(size: tuple[int, int, int] | None, scans: int) -> int:
    if size is None:
        raise BadImage("not_jpeg", "The JPEG has picture data before its frame header.")
    if scans == MOST_SCANS:
        raise BadImage("too_many_scans", f"The JPEG has more than {MOST_SCANS} scans.")
    return scans + 1


def _after_scan(data: bytes, at: int) -> int:
    found = MARKER_AFTER_DATA.search(data, at)
    if found is None:
        raise BadImage("truncated", "The JPEG ends inside its picture data.")
    return found.start()


def _whole(size: tuple[int, int, int] | None, scans: int) -> JpegShape:
    if size is None or not scans:
        raise BadImage("truncated", "The JPEG holds no picture.")
    width, height, components = size
    return JpegShape(width=width, height=height, scans=scans, components=components)
