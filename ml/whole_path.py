"""The whole path on labelled faces: `python -m ml.whole_path --data FILE`.

A data set's faces go straight into the network, a student's come out of a webcam frame. Here the
same faces are laid into frames, compressed, and read by the worker's own function, and what it
answers stands beside what the network says of the picture itself. Right is what most taggers
saw, where there are votes.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml import metrics
from ml.classifier import SIDECAR, BadModel, Classifier
from ml.data import DataError, Faces, read, stands_in, validation_cut
from ml.evaluate import options_of
from ml.faces import Detector, NoFaceModel
from ml.markdown import table
from ml.reader import Reader, Sample
from ml.settings import settings_from

SIZES = (64, 96, 128)
TUNED_AT = 96
MOST_HELD = 1000
WIDTH, HEIGHT = 320, 240
QUALITY = 70
EDGE = 8
SHADE_PX = 60
SEED = 11


def wall(rng: np.random.Generator) -> np.ndarray:
    """An empty grey room out of focus: soft shades of one light, and a camera's grain."""
    coarse = rng.standard_normal((HEIGHT // SHADE_PX, WIDTH // SHADE_PX), np.float32)
    shades = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = rng.standard_normal(shades.shape, np.float32)
    frame = rng.uniform(70, 190) + 14 * shades + 3 * grain
    return np.clip(frame, 0, 255).astype(np.uint8)


def framed(face: np.ndarray, px: int, rng: np.random.Generator) -> np.ndarray:
    """The face `px` wide somewhere in a frame."""
    frame = wall(rng)
    left = int(rng.integers(EDGE, WIDTH - px - EDGE))
    top = int(rng.integers(EDGE, HEIGHT - px - EDGE))
    drawn = cv2.resize(face, (px, px), interpolation=cv2.INTER_CUBIC)
    frame[top : top + px, left : left + px] = drawn
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)


def as_sent(frame: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def answers(reader: Reader, faces: Faces, px: int) -> list[Sample]:
    rng = np.random.default_rng([SEED, px])
    return [reader.read(as_sent(framed(face, px, rng))) for face in faces.image]


def figures(classifier: Classifier, faces: Faces) -> dict[str, Any]:
    reader = Reader(Detector(), classifier)
    direct = np.stack([classifier.probabilities(face) for face in faces.image])
    sizes = [_at(px, answers(reader, faces, px), direct, faces.emotion) for px in SIZES]
    return {
        "n": len(faces),
        "seed": SEED,
        "frame": [WIDTH, HEIGHT],
        "jpeg_quality": QUALITY,
        "margin": classifier.crop_margin,
        "direct": metrics.accuracy(direct.argmax(axis=1), faces.emotion),
        "sizes": sizes,
    }


def _at(px: int, samples: list[Sample], direct: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """What became of the faces at one size, and the direct figure on those that were read."""
    rows = np.array([k for k, sample in enumerate(samples) if sample.probabilities], np.intp)
    outcomes = Counter(sample.outcome for sample in samples)
    found: dict[str, Any] = {
        "px": px,
        "found": 1 - outcomes["no_face"] / len(samples),
        "read": len(rows) / len(samples),
        "outcomes": dict(sorted(outcomes.items())),
    }
    if not rows.size:
        return found
    whole = np.array([samples[row].probabilities for row in rows])
    shown = np.array([samples[row].outcome == "face" for row in rows])
    right = whole.argmax(axis=1) == true[rows]
    beside = metrics.accuracy(direct[rows].argmax(axis=1), true[rows])
    return found | {
        "accuracy": float(right.mean()),
        "direct_on_the_same": beside,
        "difference": float(right.mean()) - beside,
        "accuracy_shown": float(right[shown].mean()) if shown.any() else 0.0,
        "same_answer": float((whole.argmax(axis=1) == direct[rows].argmax(axis=1)).mean()),
        "total_variation": metrics.variation(whole, direct[rows]),
    }


def as_text(found: dict[str, Any]) -> str:
    lines = [
        f"{found['n']} faces in {WIDTH}x{HEIGHT} frames, JPEG quality {QUALITY}, "
        f"margin {found['margin']}; straight in {found['direct']:.2%}",
        f"{'face':>6}{'found':>9}{'read':>9}{'right':>9}{'direct':>9}{'differ':>9}{'same':>9}",
    ]
    for one in found["sizes"]:
        line = f"{one['px']:>3} px{one['found']:9.1%}{one['read']:9.1%}"
        if "accuracy" in one:
            line += f"{one['accuracy']:9.2%}{one['direct_on_the_same']:9.2%}"
            line += f"{100 * one['difference']:+9.2f}{one['same_answer']:9.1%}"
        lines.append(line)
    for one in found["sizes"]:
        told = ", ".join(f"{name} {count}" for name, count in one["outcomes"].items())
        lines.append(f"{one['px']} px: {told}")
    return "\n".join(lines)


def margins(classifier: Classifier, faces: Faces, tried: list[float]) -> list[dict[str, Any]]:
    """The same frames read with other margins around the face; chosen on held-out faces only."""
    reader = Reader(Detector(), classifier)
    direct = np.stack([classifier.probabilities(face) for face in faces.image])
    rows = []
    for margin in tried:
        classifier.crop_margin = margin
        samples = answers(reader, faces, TUNED_AT)
        rows.append({"margin": margin, **_at(TUNED_AT, samples, direct, faces.emotion)})
    return rows


def held_out(faces: Faces, model: Path) -> Faces:
    """The training faces that the exported network's own run held out, at most 1,000 of them."""
    path = model.with_name(SIDECAR)
    settings = settings_from(json.loads(path.read_text())["training"]["settings"], source=str(path))
    train = faces.all_of(settings.train_split)
    if settings.check_split in faces.sizes():
        train = train.take(np.flatnonzero(~stands_in(train, faces.all_of(settings.check_split))))
    _, held = validation_cut(train, settings.validation_share, settings.cut_seed)
    return held.take(np.random.default_rng(SEED).permutation(len(held))[:MOST_HELD])


def as_table(rows: list[dict[str, Any]]) -> str:
    cells = [
        [
            f"{one['margin']:.2f}",
            *(f"{one[name]:.1%}" for name in ("read", "accuracy", "direct_on_the_same")),
            f"{100 * one['difference']:+.1f}",
            f"{one['same_answer']:.1%}",
            f"{one['total_variation']:.3f}",
        ]
        for one in rows
    ]
    head = ("margin", "faces read", "right", "straight in", "difference", "same answer", "moved")
    return table(head, cells)


def main(argv: list[str] | None = None) -> int:
    parser = options_of("ml.whole_path", __doc__)
    words = "compare margins on held-out training faces, 96 px wide"
    parser.add_argument("--margins", type=float, nargs="+", metavar="MARGIN", help=words)
    options = parser.parse_args(argv)
    if any(not -0.5 < margin <= 2 for margin in options.margins or []):
        parser.error("--margins are shares of the face's box: give some from -0.4 to 2")
    try:
        classifier, faces = Classifier(options.model), read(options.data)
        if options.margins:
            rows = margins(classifier, held_out(faces, options.model), options.margins)
            print(json.dumps(rows, indent=2) if options.json else as_table(rows))
            return 0
        found = figures(classifier, faces.part(options.split).as_seen())
    except (DataError, BadModel, NoFaceModel, OSError) as error:
        print(f"ml.whole_path: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2) if options.json else as_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
