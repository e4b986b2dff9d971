"""Where the face is, how it is turned, and a square grey picture of it for the classifier.

BlazeFace (Bazarevsky et al., arXiv 1907.05047; short-range model, Apache-2.0, an asset of the npm
package @mediapipe/face_detection) through LiteRT: 1 ms a frame, any tilt, and six key points that
give roll and a rough yaw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

MODEL_NAME = "face_detection_short_range.tflite"
ROOT = Path(__file__).resolve().parent.parent
MODEL_PLACES = (
    ROOT / "static/vendor/models" / MODEL_NAME,
    ROOT / "node_modules/@mediapipe/face_detection" / MODEL_NAME,
)
SIDE = 128
LEAST_LOGIT = 0.0  # a score of one half
# Where nothing reaches a half, the likeliest from here on is looked at closer, and must then.
HINT_LOGIT = -2.0
HINTS = 2
SAME_FACE_OVERLAP = 0.3
# A face under this share of the frame's longer side is looked at again, this many boxes wide.
FAR = 0.22
CLOSER = 2.6
MARGIN = 0.1
RISE = 0.1
TILT_LEFT = math.radians(4)
"""At most so much of a head's tilt is left in the crop, and never more than half of it."""

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH, RIGHT_EAR, LEFT_EAR = range(6)
"""Key points, right and left as the person's own: the right eye is on the picture's left."""


class NoFaceModel(FileNotFoundError):
    """The face detector's model file is not installed."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face in pixels of the frame: box (left, top, width, height), score 0…1, key points."""

    box: tuple[float, float, float, float]
    score: float
    points: tuple[tuple[float, float], ...]

    @property
    def area(self) -> float:
        return self.box[2] * self.box[3]

    def moved(self, right: float, down: float) -> Face:
        left, top, width, height = self.box
        points = tuple((x + right, y + down) for x, y in self.points)
        return Face((left + right, top + down, width, height), self.score, points)

    @property
    def roll(self) -> float:
        """Degrees the head is tilted, from the line through the eyes; positive is clockwise."""
        (right_x, right_y), (left_x, left_y) = self.points[RIGHT_EYE], self.points[LEFT_EYE]
        return math.degrees(math.atan2(left_y - right_y, left_x - right_x))

    @property
    def yaw(self) -> float:
        """Roughly how far the head is turned, −1…1: 0 straight, positive to the picture's right.

        The nose's place between the eyes and between the ears, along the line of the eyes; the
        mean of the two is steadier than either. 116 frontal FER2013 faces drawn on a cylinder and
        turned by 15, 30 and 45 degrees had medians of 0.25, 0.55 and 0.75.
        """
        right_eye, left_eye, nose, _, right_ear, left_ear = np.array(self.points)
        along = left_eye - right_eye
        across_eyes = _place_between(right_eye, left_eye, nose, along)
        across_ears = _place_between(right_ear, left_ear, nose, along)
        return float(np.clip((across_eyes + across_ears) / 2, -1, 1))


def face_model_path() -> Path:
    """The installed model file, or a clear error."""
    for place in MODEL_PLACES:
        if place.is_file():
            return place
    raise NoFaceModel(
        f"The face detector's model is missing ({MODEL_PLACES[0].relative_to(ROOT)}). "
        "Run 'make assets' to install it."
    )


class Detector:
    """One BlazeFace interpreter on one thread; use it from one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self.interpreter = Interpreter(model_path=str(path or face_model_path()), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        outputs = {d["shape"][-1]: d["index"] for d in self.interpreter.get_output_details()}
        self.regressors, self.logits = outputs[16], outputs[1]
        self.square = np.zeros((SIDE, SIDE, 3), np.uint8)
        self.pixels = np.empty((1, SIDE, SIDE, 3), np.float32)

    def detect(self, bgr: np.ndarray) -> list[Face]:
        """All faces with a score of at least one half, largest first; far ones seen twice."""
        faces = self._look(bgr)
        if not faces:
            return self._look_for_hints(bgr)
        far = FAR * max(bgr.shape[:2])
        near_two = [
            self._look_closer(bgr, face) if face.box[2] < far else face for face in faces[:2]
        ]
        return sorted(near_two + faces[2:], key=lambda face: -face.area)

    def _look_closer(self, bgr: np.ndarray, face: Face) -> Face:
        """The same face found again in the part of the frame around it, if it is.

        A far face is few of the network's 128 pixels. On 400 FER2013 faces 64 to 80 px wide in
        320 a second look cut the median error of roll from 4.9 to 2.0 degrees or better, and of
        yaw from 0.10 to 0.05; a 36 px portrait is measured as 35 px and not as 55.
        """
        x, y, width, height = face.box
        reach = CLOSER * max(width, height) / 2
        left, top = max(int(x + width / 2 - reach), 0), max(int(y + height / 2 - reach), 0)
        right, bottom = int(x + width / 2 + reach), int(y + height / 2 + reach)
        around = bgr[top:bottom, left:right] if right > 0 and bottom > 0 else bgr[:0]
        found = self._look(around) if around.size else []
        return found[0].moved(left, top) if found else face

    def _look_for_hints(self, bgr: np.ndarray) -> list[Face]:
        """A face too far to be sure of at first sight, if one is seen when looked at closer.

        Of 1,200 FER2013 training faces laid 64 px wide into frames of 320 (face about 53 px)
        58 % were found at once and 97 % so; on 200 frames of blurred noise no more faces were
        imagined than before.
        """
        hints = sorted(self._look(bgr, HINT_LOGIT), key=lambda face: -face.score)[:HINTS]
        for hint in hints:
            found = self._look_closer(bgr, hint)
            if found is not hint:
                return [found]
        return []

    def _look(self, bgr: np.ndarray, least_logit: float = LEAST_LOGIT) -> list[Face]:
        scale, left, top = self._letterbox(bgr)
        self.interpreter.set_tensor(self.input, self.pixels)
        self.interpreter.invoke()
        logits = self.interpreter.get_tensor(self.logits)[0, :, 0]
        near = np.flatnonzero(logits > least_logit)
        if not near.size:
            return []
        near = near[np.argsort(-logits[near])]
        # get_tensor copies, so nothing here points into the interpreter's own memory.
        rows = self.interpreter.get_tensor(self.regressors)[0, near].reshape(-1, 8, 2)
        rows += ANCHORS[near] - ORIGIN * np.array((left, top), np.float32)
        scores = 1 / (1 + np.exp(-np.clip(logits[near], -80, 80)))
        faces = [_face(row, score) for row, score in _merge(rows / scale, scores)]
        return sorted(faces, key=lambda face: -face.area)

    def _letterbox(self, bgr: np.ndarray) -> tuple[float, int, int]:
        """Fill `pixels` with the frame, its sides kept in proportion, black around it."""
        height, width = bgr.shape[:2]
        scale = SIDE / max(height, width)
        drawn_w, drawn_h = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (SIDE - drawn_w) // 2, (SIDE - drawn_h) // 2
        self.square[:top] = self.square[top + drawn_h :] = 0
        self.square[:, :left] = self.square[:, left + drawn_w :] = 0
        small = cv2.resize(bgr, (drawn_w, drawn_h), interpolation=cv2.INTER_LINEAR)
        self.square[top : top + drawn_h, left : left + drawn_w] = small
        rgb = cv2.cvtColor(self.square, cv2.COLOR_BGR2RGB)
        # One pass from bytes to −1…1; NumPy's multiply and subtract took five times as long.
        cv2.addWeighted(rgb, 1 / 127.5, rgb, 0, -1, dst=self.pixels[0], dtype=cv2.CV_32F)
        return scale, left, top


def aligned_crop(bgr: np.ndarray, face: Face, *, side: int, margin: float = MARGIN) -> np.ndarray:
    """The face in a grey square, framed and about as upright as FER2013's faces are.

    Measured by running the detector over 3,000 FER2013 training images enlarged to 96 px on a
    grey frame (97 % found): its box is 0.82 of the image (interquartile 0.74 to 0.91), centred
    at x 0.50 and y 0.59, eyes at y 0.40, 0.35 of the image apart. That is a margin of 0.22, with
    the square's centre a tenth of it above the box's.

    What the network makes of a crop decides: docs/model.md has the table of margins and turns,
    measured on training faces held out. FER2013's faces keep a tilt of some degrees, which the
    network knows; taking all of it away read a point worse than taking half.

    On 500 faces turned by 20, 30 and 45 degrees the box shrank to 0.97, 0.93 and 0.88, near the
    square root of the cosine, which is made good.
    """
    left, top, width, height = face.box
    roll = math.radians(face.roll)
    square = max(width, height) / math.sqrt(max(math.cos(roll), 0.5)) * (1 + margin)
    scale = side / square
    turned = roll - max(-TILT_LEFT, min(TILT_LEFT, roll / 2))
    across, down = scale * math.cos(turned), scale * math.sin(turned)
    x = left + width / 2 + RISE * square * math.sin(roll)
    y = top + height / 2 - RISE * square * math.cos(roll)
    turn = np.array(
        [
            [across, down, side / 2 - across * x - down * y],
            [-down, across, side / 2 + down * x - across * y],
        ]
    )
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    return cv2.warpAffine(
        grey, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _place_between(
    right: np.ndarray, left: np.ndarray, point: np.ndarray, along: np.ndarray
) -> float:
    """−1 at `right`, 0 half-way, 1 at `left`, measured along one direction."""
    half = (left - right) @ along / 2
    return float((point - (left + right) / 2) @ along / half) if half > 0 else 0.0


def _anchors() -> np.ndarray:
    """What each of the 896 anchors adds to its eight pairs: (896, 8, 2), in pixels of 128."""
    grids = []
    for stride, each in ((8, 2), (16, 6)):
        centres = (np.arange(SIDE // stride, dtype=np.float32) + 0.5) * stride
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, each, axis=0))
    return np.concatenate(grids)[:, None] * ORIGIN


# Of the eight pairs (centre, size, six points) all but the size are places.
ORIGIN = np.array([1, 0, 1, 1, 1, 1, 1, 1], np.float32)[:, None]
ANCHORS = _anchors()


def _merge(rows: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Overlapping answers for one face become one, weighted by their scores, as BlazeFace does.

    Best first. Weighting keeps the points from jumping between anchors from frame to frame.
    """
    low, high = rows[:, 0] - rows[:, 1] / 2, rows[:, 0] + rows[:, 1] / 2
    waiting = np.ones(len(rows), bool)
    merged = []
    while waiting.any():
        best = int(waiting.argmax())
        group = waiting & (_overlap(low, high, best) > SAME_FACE_OVERLAP)
        group[best] = True
        weights = scores[group] / scores[group].sum()
        merged.append((np.tensordot(weights, rows[group], 1), float(scores[best])))
        waiting &= ~group
    return merged


def _overlap(low: np.ndarray, high: np.ndarray, one: int) -> np.ndarray:
    """Intersection over union of all boxes with one of them."""
    sides = np.minimum(high, high[one]) - np.maximum(low, low[one])
    both = sides.clip(0).prod(axis=1)
    areas = (high - low).clip(0).prod(axis=1)
    return both / np.maximum(areas + areas[one] - both, 1e-9)


def _face(row: np.ndarray, score: float) -> Face:
    (x, y), (width, height) = row[0], row[1]
    return Face(
        box=(float(x - width / 2), float(y - height / 2), float(width), float(height)),
        score=float(score),
        points=tuple((float(px), float(py)) for px, py in row[2:]),
    )
