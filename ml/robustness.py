"""How much worse pictures cost: `python -m ml.robustness --data FILE`.

Every face is read again blurred, noisy, darker, brighter, badly compressed, smaller and turned,
and cut out a little beside the place. Right is what most taggers saw, where there are votes.
Nothing is drawn anew: the same faces, the same seed, so that two networks can be compared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from ml import metrics
from ml.classifier import BadModel, Classifier
from ml.data import DataError, Faces, read
from ml.evaluate import options_of

SEED = 7
JITTER = 0.1
"""How far a box may be off, as a share of its side: shifted each way, larger or smaller."""
JITTERED = 4

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _gamma(power: float) -> Change:
    table = np.round(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return lambda face, _: cv2.LUT(face, table)


def _noisy(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.round(face + rng.normal(0, 8, face.shape)), 0, 255).astype(np.uint8)


def _jpeg(face: np.ndarray, _: np.random.Generator) -> np.ndarray:
    data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def _small(face: np.ndarray, _: np.random.Generator) -> np.ndarray:
    height, width = face.shape
    small = cv2.resize(face, (32, 32), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _turned(degrees: float) -> Change:
    return lambda face, _: moved(face, degrees=degrees)


CHANGES: dict[str, Change] = {
    "blur, sigma 1 px": lambda face, _: cv2.GaussianBlur(face, (0, 0), 1),
    "noise, sigma 8 of 255": _noisy,
    "gamma 0.6 (brighter)": _gamma(0.6),
    "gamma 1.6 (darker)": _gamma(1.6),
    "JPEG quality 30": _jpeg,
    "to 32 px and back": _small,
    "turned 10 degrees left": _turned(10),
    "turned 10 degrees right": _turned(-10),
}
"""Made on the data set's own picture, 48 px wide for FER2013, before it is brought to size."""


def moved(
    face: np.ndarray,
    *,
    degrees: float = 0.0,
    size: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """What a box turned, `size` times as large and shifted by shares of its side would hold."""
    height, width = face.shape
    move = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1 / size)
    move[:, 2] = move[:, 2] - np.array(shift) * (width, height) / size
    return cv2.warpAffine(
        face, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def changed(faces: Faces, change: Change, seed: int = SEED) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([change(face, rng) for face in faces.image])


def jittered(faces: Faces, seed: int) -> np.ndarray:
    """Every face as a box up to a tenth beside, or too large or small, would have cut it."""

    def once(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        across, down, size = rng.uniform(-JITTER, JITTER, 3)
        return moved(face, size=1 + size, shift=(across, down))

    return changed(faces, once, seed)


def figures(classifier: Classifier, faces: Faces) -> dict[str, Any]:
    clean = _probabilities(classifier, faces.image)
    right = metrics.accuracy(clean.argmax(axis=1), faces.emotion)
    under = {}
    for name, change in CHANGES.items():
        read_as = _probabilities(classifier, changed(faces, change)).argmax(axis=1)
        accuracy = metrics.accuracy(read_as, faces.emotion)
        under[name] = {"accuracy": accuracy, "difference": accuracy - right}
    return {
        "n": len(faces),
        "seed": SEED,
        "clean": right,
        "under": under,
        "worst_difference": min(one["difference"] for one in under.values()),
        "crop": _crop_figures(classifier, faces, clean),
    }


def _crop_figures(classifier: Classifier, faces: Faces, clean: np.ndarray) -> dict[str, Any]:
    """What a box that is a little off changes: how many answers stay, how far they move."""
    each = [_probabilities(classifier, jittered(faces, SEED + again)) for again in range(JITTERED)]
    top = clean.argmax(axis=1)
    return {
        "jitter": JITTER,
        "times": JITTERED,
        "answers_that_stay": float(np.mean([(one.argmax(axis=1) == top).mean() for one in each])),
        "total_variation": float(np.mean([metrics.variation(one, clean) for one in each])),
        "accuracy": float(
            np.mean([metrics.accuracy(one.argmax(axis=1), faces.emotion) for one in each])
        ),
    }


def _probabilities(classifier: Classifier, image: np.ndarray) -> np.ndarray:
    logits = np.stack([classifier.logits(face) for face in image])
    return classifier.shown.probabilities(logits)


def as_text(found: dict[str, Any]) -> str:
    lines = [f"{'':26}accuracy   difference", f"{'clean':26}{found['clean']:8.2%}"]
    for name, one in found["under"].items():
        lines.append(f"{name:26}{one['accuracy']:8.2%}   {100 * one['difference']:+10.2f}")
    crop = found["crop"]
    lines += [
        "",
        f"box up to {crop['jitter']:.0%} off: {crop['answers_that_stay']:.1%} of answers stay, "
        f"mean total variation {crop['total_variation']:.3f}, accuracy {crop['accuracy']:.2%}",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    options = options_of("ml.robustness", __doc__).parse_args(argv)
    try:
        faces = read(options.data).part(options.split).as_seen()
        found = figures(Classifier(options.model), faces)
    except (DataError, BadModel, OSError) as error:
        print(f"ml.robustness: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2) if options.json else as_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
