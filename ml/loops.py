"""The loops that `ml.bench` measures, each served from a process of its own.

    python -m ml.loops ours|original|worker [--model FILE] [--core N]

A loop says on stdout that it is ready, then runs what each line of stdin orders. Nothing here
imports TensorFlow but the original's loop, when it is built.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path

import cv2
import numpy as np

from ml.faces import aligned_crop
from ml.images import decode
from ml.reader import Reader

PICTURE = Path(__file__).resolve().parent / "pictures" / "astronaut.jpg"
FAR = 0.7
WORKER_FRAMES = 50
STRANGERS = ("tensorflow", "keras", "plotly")

Step = Callable[[bytes], object]
Steps = dict[str, tuple[Step, list[bytes]]]


def webcam_jpegs(width: int = 320, height: int = 240, zoom: float = 1.0) -> list[bytes]:
    """Eight snapshots of one student who moves a little while the light changes.

    The face is 82 px wide in 320 × 240 at zoom 1.
    """
    portrait = _portrait()
    scale = zoom * width / portrait.shape[1]
    pictures = []
    for i in range(8):
        right, down = (i % 4 - 1.5) * 8, (i // 4 - 0.5) * 10
        move = np.array([[scale, 0, right], [0, scale, down]])
        move[:, 2] += np.array([width, height]) * (1 - zoom) / 2
        frame = cv2.warpAffine(
            portrait, move, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )
        frame = cv2.convertScaleAbs(frame, alpha=0.8 + 0.04 * i)
        pictures.append(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes())
    return pictures


def our_steps(model: Path | None) -> Steps:
    """The whole path and its parts, each with the pictures it is fed."""
    reader = Reader.load(model)
    near, far = webcam_jpegs(), webcam_jpegs(zoom=FAR)
    outcomes = {reader.read(jpeg).outcome for jpeg in near + far}
    if not outcomes <= {"face", "unsure"}:
        sys.exit(f"The pictures were not all read: {', '.join(sorted(outcomes))}.")
    frame = decode(near[0])
    crop = aligned_crop(
        frame,
        reader.detector.detect(frame)[0],
        side=reader.classifier.side,
        margin=reader.classifier.crop_margin,
    )
    return {
        "whole": (reader.read, near),
        "far": (reader.read, far),
        "decode": (decode, near),
        "detector": (lambda _: reader.detector.detect(frame), near),
        "classifier": (lambda _: reader.classifier.probabilities(crop), near),
    }


def original_steps(_: Path | None) -> Steps:
    """The usual demonstration: Haar, Haar again in the face, then `model.predict` at 224 px.

    Untrained weights, which take the same time. Its pictures all hold a face that Haar finds.
    """
    keras = importlib.import_module("keras")
    network = keras.applications.MobileNetV2(weights=None, classes=7)
    folder = Path(cv2.__file__).parent / "data"
    haar = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def read(jpeg: bytes) -> object:
        frame = _decoded(jpeg)
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        outer = _first(haar, grey)
        face, inner = _cut(frame, outer), _first(haar, _cut(grey, outer))
        if inner is not None:
            face = _cut(face, inner)
        return network.predict(cv2.resize(face, (224, 224))[None] / np.float32(255), verbose=0)

    return {"whole": (read, webcam_jpegs())}


def worker(model: Path | None) -> dict[str, object]:
    """Load what a worker loads, read fifty snapshots, and say how large that made us."""
    loaded = "ml.reader"
    if importlib.util.find_spec("emotions") and importlib.util.find_spec("emotions.worker"):
        loaded = "emotions.worker"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classroom.settings")
        importlib.import_module("django").setup()
        importlib.import_module(loaded)
    reader, pictures = Reader.load(model), cycle(webcam_jpegs())
    for _ in range(WORKER_FRAMES):
        reader.read(next(pictures))
    strangers = [name for name in STRANGERS if name in sys.modules]
    if strangers:
        sys.exit(f"The worker imports {', '.join(strangers)}, which it must not.")
    return {"worker_rss_mb": round(resident_mb(), 1), "worker_loads": loaded}


def resident_mb() -> float:
    """This process's resident memory now; where the system does not say, its highest."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def serve(steps: Steps) -> None:
    """Warm every step, then run the ones ordered, answering with frames and seconds."""
    for step, pictures in steps.values():
        step(pictures[0])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        step, pictures = steps[order["step"]]
        print(json.dumps(run(step, pictures, order["seconds"])), flush=True)


def run(step: Step, pictures: list[bytes], seconds: float) -> dict[str, float]:
    """Frames done until the first moment past `seconds`, the time and the processor time."""
    started, worked = time.perf_counter(), time.process_time()
    for done in count(1):
        step(pictures[done % len(pictures)])
        took = time.perf_counter() - started
        if took >= seconds:
            break
    return {"frames": done, "seconds": took, "cpu_seconds": time.process_time() - worked}


def _portrait() -> np.ndarray:
    portrait = cv2.imread(str(PICTURE))
    if portrait is None:
        sys.exit(f"The test picture {PICTURE.name} is missing from ml/pictures.")
    return portrait


def _decoded(jpeg: bytes) -> np.ndarray:
    frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert frame is not None
    return frame


def _first(haar: cv2.CascadeClassifier, grey: np.ndarray) -> tuple[int, ...] | None:
    boxes = haar.detectMultiScale(grey, 1.1, 4)
    return tuple(boxes[0]) if len(boxes) else None


def _cut(picture: np.ndarray, box: tuple[int, ...] | None) -> np.ndarray:
    if box is None:
        sys.exit("The original's detector found no face in the test picture.")
    x, y, w, h = box
    return picture[y : y + h, x : x + w]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ml.loops", description=__doc__)
    parser.add_argument("loop", choices=("ours", "original", "worker"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--core", type=int)
    asked = parser.parse_args()
    if asked.core is not None:
        os.sched_setaffinity(0, {asked.core})
    if asked.loop == "worker":
        print(json.dumps(worker(asked.model)))
    else:
        serve((our_steps if asked.loop == "ours" else original_steps)(asked.model))


if __name__ == "__main__":
    main()
