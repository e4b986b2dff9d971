"""Measure the exported network: `python -m ml.evaluate --data FILE --split public_test`.

Runs the worker's own classifier, one face at a time, on the file that the worker runs by
default. Beside accuracy it says how far the figure can be trusted: its interval, calibration,
what leaving out unsure readings buys, and the same without pictures known from training.

The same scores are read in two ways. Against FER2013's labels, as everybody measures, they are
read as those were given (`Classifier.labelled`). What `shown` holds and the FER+ figures are of
the worker's reading, which is what a teacher sees.
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
    probabilities = classifier.labelled.probabilities(logits)
    read = probabilities.argmax(axis=1)
    result = {
        **_against(probabilities, true),
        "n": len(true),
        "labels": list(EMOTIONS),
        "interval_95": list(metrics.interval(metrics.accuracy(read, true), len(true))),
        "ece": metrics.calibration_error(probabilities, true),
        "ece_before": metrics.calibration_error(metrics.softmax(logits), true),
        **_surest(probabilities, true),
        "accuracy_flip": _flip_accuracy(classifier, faces, probabilities),
        "shown": _as_shown(classifier, logits, faces),
    }
    return result | _without_duplicates(faces, train, read) | _ferplus(classifier, logits, faces)


def _against(probabilities: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    read = probabilities.argmax(axis=1)
    table = metrics.confusion(read, true)
    return {
        "accuracy": metrics.accuracy(read, true),
        "macro_f1": metrics.macro_f1(table),
        "per_class": metrics.per_class(table),
        "confusion": table.tolist(),
    }


def _surest(probabilities: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    return {
        "curve": [[share, metrics.most_sure(probabilities, true, share)] for share in SHARES],
        "accuracy_at_80": metrics.most_sure(probabilities, true, WANTED_SHARE),
    }


def _as_shown(classifier: Classifier, logits: np.ndarray, faces: Faces) -> dict[str, Any]:
    """The worker's reading against what most taggers saw; against labels where nobody voted."""
    shown = classifier.shown.probabilities(logits)
    by_label = metrics.accuracy(shown.argmax(axis=1), faces.emotion)
    rows = _clear(faces)
    shown, true = shown[rows], faces.as_seen().emotion
    unsure = (classifier.unsure_below, *THRESHOLDS)
    return {
        **_against(shown, true),
        "n": len(true),
        "accuracy_by_label": by_label,
        "ece": metrics.calibration_error(shown, true),
        **_surest(shown, true),
        "coverage": [metrics.coverage(shown, true, level) for level in unsure],
    }


def _clear(faces: Faces) -> np.ndarray:
    """The rows of `faces.as_seen()`."""
    _, clear = faces.majority()
    return np.flatnonzero(clear) if clear.any() else np.arange(len(faces))


def _flip_accuracy(classifier: Classifier, faces: Faces, probabilities: np.ndarray) -> float:
    """Reading the mirrored face as well and averaging: twice the time, a little better."""
    mirrored = [classifier.logits(np.ascontiguousarray(face[:, ::-1])) for face in faces.image]
    both = probabilities + classifier.labelled.probabilities(np.stack(mirrored))
    return metrics.accuracy(both.argmax(axis=1), faces.emotion)


def _without_duplicates(faces: Faces, train: Faces | None, read: np.ndarray) -> dict[str, Any]:
    if train is None:
        return {}
    fresh = ~stands_in(faces, train)
    found: dict[str, Any] = {"duplicates_of_train": int((~fresh).sum())}
    if fresh.any():
        found["accuracy_without_duplicates"] = metrics.accuracy(read[fresh], faces.emotion[fresh])
    return found


def _ferplus(classifier: Classifier, logits: np.ndarray, faces: Faces) -> dict[str, Any]:
    """Both readings against the FER+ majority, on the faces that have a clear one."""
    seen, clear = faces.majority()
    if not clear.any():
        return {}
    shown, labelled = (
        reading.probabilities(logits).argmax(axis=1)[clear]
        for reading in (classifier.shown, classifier.labelled)
    )
    return {
        "ferplus_majority_accuracy": metrics.accuracy(shown, seen[clear]),
        "ferplus_majority_n": int(clear.sum()),
        "ferplus_majority_as_labelled": metrics.accuracy(labelled, seen[clear]),
        "ferplus_label_agreement": metrics.accuracy(seen[clear], faces.emotion[clear]),
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
    classifier = Classifier(float_file)
    exact = classifier.labelled.probabilities(read_logits(classifier, faces)).argmax(axis=1)
    accuracy = metrics.accuracy(exact, faces.emotion)
    return {"accuracy_float": accuracy, "float_minus_int8": accuracy - right}


def as_text(found: dict[str, Any]) -> str:
    low, high = found["interval_95"]
    shown = found["shown"]
    lines = [
        f"{found['model']} {found['version']} on {found['split']}, {found['n']} faces",
        "against the labels, read as they were given:",
        f"accuracy {found['accuracy']:.2%} (95 % interval {low:.1%} to {high:.1%})",
        f"macro-F1 {found['macro_f1']:.2%}",
        f"ECE {found['ece']:.3f} ({found['ece_before']:.3f} of the bare scores)",
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
            f"as the worker shows it, against the FER+ majority: "
            f"{found['ferplus_majority_accuracy']:.2%} of {found['ferplus_majority_n']} faces "
            f"that have one"
        )
    lines.append(f"and against the labels: {shown['accuracy_by_label']:.2%}")
    for level in shown["coverage"]:
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
    except (DataError, BadModel, OSError) as error:
        print(f"ml.evaluate: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2) if options.json else as_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
