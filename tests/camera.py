"""A fake camera for Chromium whose picture a test can change while the browser looks.

Chromium plays a Y4M file in a loop and reads each frame from the file when it is due, so frames
overwritten in place are what the page sees next.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from emotions.load import FACE

WIDTH, HEIGHT, FRAMES = 320, 240, 4
HEADER = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode()


class FakeCamera:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.write_bytes(HEADER + film(wall()))

    def show(self, picture: np.ndarray) -> None:
        with self.path.open("r+b") as file:
            file.seek(len(HEADER))
            file.write(film(picture))

    def show_face(self) -> None:
        self.show(face())

    def show_wall(self) -> None:
        self.show(wall())


def film(picture: np.ndarray) -> bytes:
    return (b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes()) * FRAMES


def face() -> np.ndarray:
    """The astronaut, smiling, at the size of a student before a laptop."""
    picture = cv2.imread(str(FACE))
    assert picture is not None
    return cv2.resize(picture[0:300, 0:400], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def wall() -> np.ndarray:
    """A plain wall with light falling from one side, and a little sensor noise."""
    light = np.linspace(120, 180, WIDTH, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(1).normal(0, 2, (HEIGHT, WIDTH, 3))
    return np.clip(light + noise, 0, 255).astype(np.uint8)
