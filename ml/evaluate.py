"""Measure the exported network: `python -m ml.evaluate --data FILE --split public_test`.

Runs the worker's own classifier, one face at a time, on the file that the worker runs by
default. Beside accuracy it says how far the figure can be trusted: its interval, calibration,
what leaving out unsure readings buys, and the same without pictures known from training.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ml import metrics
from ml.classifier import DEFAULT, BadModel, Classifier
from ml.data import DataError, Faces, read, stands_in
from ml.labels import EMOTIONS

TRAIN = "train"
FLOAT = "emotions.float.tflite"
THRESHOLDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHARES = tuple(tenth / 20 for tenth in range(2, 21))
WANTED_SHARE = 0.8
"""The share of readings that people compare abstaining networks at."""


def read_logits(classifier: Classifier, faces: Faces) -> np.ndarray:
    return np.stack([classifier.logits(face) for face in faces.image])


def figures(classifier: Classifier, faces: Faces, train: Faces | None) -> dict[str, Any]:
    """Everything we report for one split; the first five keys are what others compare."""
    logits, true = read_logits(classifier, faces), faces.emotion
    probabilities = metrics.softmax(logits, classifier.temperature)
    read = probabilities.argmax(axis=1)
    table = metrics.confusion(read, true)
    right = metrics.accuracy(read, true)
    low, high = metrics.interval(right, len(true))
    unsure = (classifier.unsure_below, *THRESHOLDS)
    result = {
        "accuracy": right,
        "macro_f1": metrics.macro_f1(table),
        "per_class": metrics.per_class(table),
        "confusion": table.tolist(),
        "n": len(true),
        "labels": list(EMOTIONS),
        "interval_95": [low, high],
        "ece": metrics.calibration_error(probabilities, true),
        "ece_before": metrics.calibration_error(metrics.softmax(logits), true),
        "coverage": [metrics.coverage(probabilities, true, level) for level in unsure],
        "curve": [[share, metrics.most_sure(probabilities, true, share)] for share in SHARES],
        "accuracy_at_80": metrics.most_sure(probabilities, true, WANTED_SHARE),
        "accuracy_flip": _flip_accuracy(classifier, faces, probabilities),
    }
    return result | _without_duplicates(faces, train, read) | _ferplus(faces, read)


def _flip_accuracy(classifier: Classifier, faces: Faces, probabilities: np.ndarray) -> float:
    """Reading the mirrored face as well and averaging: twice the time, a little better."""
    mirrored = [classifier.logits(np.ascontiguousarray(face[:, ::-1])) for face in faces.image]
    both = probabilities + metrics.softmax(np.stack(mirrored), classifier.temperature)
    return metrics.accuracy(both.argmax(axis=1), faces.emotion)


def _without_duplicates(faces: Faces, train: Faces | None, read: np.ndarray) -> dict[str, Any]:
    if train is None:
        return {}
    fresh = ~stands_in(faces, train)
    found: dict[str, Any] = {"duplicates_of_train": int((~fresh).sum())}
    if fresh.any():
        found["accuracy_without_duplicates"] = metrics.accuracy(read[fresh], faces.emotion[fresh])
    return found


def _ferplus(faces: Faces, read: np.ndarray) -> dict[str, Any]:
    """Against the majority of FER+ votes, where one of our seven has more than any other.

    Any other answer counts, also contempt, "unknown" and "no face" where the file has them.
    """
    ordered = np.sort(faces.votes, axis=1)
    clear = ordered[:, -1] > ordered[:, -2]
    if faces.elsewhere is not None:
        clear &= ordered[:, -1] > faces.elsewhere
    if not clear.any():
        return {}
    majority = faces.votes.argmax(axis=1)
    return {
        "ferplus_majority_accuracy": metrics.accuracy(read[clear], majority[clear]),
        "ferplus_majority_n": int(clear.sum()),
        "ferplus_label_agreement": metrics.accuracy(majority[clear], faces.emotion[clear]),
    }


def measure(data: Path, split: str, model: Path) -> dict[str, Any]:
    faces = read(data)
    part = faces.part(split)
    train = faces.all_of(TRAIN) if TRAIN in faces.sizes() and split != TRAIN else None
    classifier = Classifier(model)
    found = figures(classifier, part, train)
    found |= {"split": split, "model": model.name, "version": classifier.version}
    return found | _beside(model, part, found["accuracy"])


def _beside(model: Path, faces: Faces, right: float) -> dict[str, Any]:
    """The float network beside the int8 one, where it is there: what 8 bits cost."""
    float_file = model.with_name(FLOAT)
    if model.name == FLOAT or not float_file.is_file():
        return {}
    exact = read_logits(Classifier(float_file), faces).argmax(axis=1)
    accuracy = metrics.accuracy(exact, faces.emotion)
    return {"accuracy_float": accuracy, "float_minus_int8": accuracy - right}


def as_text(found: dict[str, Any]) -> str:
    low, high = found["interval_95"]
    lines = [
        f"{found['model']} {found['version']} on {found['split']}, {found['n']} faces",
        f"accuracy {found['accuracy']:.2%} (95 % interval {low:.1%} to {high:.1%})",
        f"macro-F1 {found['macro_f1']:.2%}",
        f"ECE {found['ece']:.3f} ({found['ece_before']:.3f} before temperature)",
        f"the surest 80 % of faces {found['accuracy_at_80']:.2%} right",
        f"with the mirrored face averaged {found['accuracy_flip']:.2%}",
    ]
    if "accuracy_float" in found:
        lines.append(
            f"the float file {found['accuracy_float']:.2%} "
            f"({100 * found['float_minus_int8']:+.2f} points)"
        )
    if "accuracy_without_duplicates" in found:
        lines.append(
            f"without {found['duplicates_of_train']} pictures that also stand in train "
            f"{found['accuracy_without_duplicates']:.2%}"
        )
    if "ferplus_majority_accuracy" in found:
        lines.append(
            f"against the FER+ majority {found['ferplus_majority_accuracy']:.2%} "
            f"of {found['ferplus_majority_n']} faces that have one"
        )
    for level in found["coverage"]:
        lines.append(
            f"sure to {level['unsure_below']:.2f}: {level['coverage']:.1%} of faces, "
            f"{level['accuracy']:.2%} right"
        )
    return "\n".join(lines + _table(found))


def _table(found: dict[str, Any]) -> list[str]:
    lines = ["", "true \\ read as " + "".join(f"{name[:8]:>9}" for name in EMOTIONS)]
    for name, row in zip(EMOTIONS, found["confusion"], strict=True):
        f1 = found["per_class"][name]["f1"]
        lines.append(f"{name:15}" + "".join(f"{count:9}" for count in row) + f"   F1 {f1:.3f}")
    return lines


def options_of(prog: str, about: str | None) -> argparse.ArgumentParser:
    """What every command that measures the exported network takes."""
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=about)
    parser.add_argument("--data", type=Path, required=True, help=".npz, fer2013.csv or folder")
    parser.add_argument("--split", default="public_test", help="which faces (public_test)")
    parser.add_argument("--model", type=Path, default=DEFAULT, help="exported .tflite file")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = options_of("ml.evaluate", __doc__).parse_args(argv)
    try:
        found = measure(options.data, options.split, options.model)
    except (DataError, BadModel) as error:
        print(f"ml.evaluate: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2) if options.json else as_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
