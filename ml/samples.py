"""What the network says of labelled faces, kept small: `python -m ml.samples --data FILE`.

Simulated lessons draw from these vectors by true expression, so that they err as the network
errs. True is what most of ten taggers saw (FER+), or FER2013's one label. Probabilities are as
good as 16 bits; no picture is in the file, and none can be made of it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.classifier import DEFAULT, MODELS, BadModel, Classifier
from ml.data import DataError, read
from ml.evaluate import read_logits
from ml.labels import EMOTIONS

STORED = MODELS / "public_test.npz"


NOT_CLEAR = 255


@dataclass(frozen=True, slots=True)
class Samples:
    """`probabilities` is (n, 7), `true` the label of each; `version` says which network.

    `seen` is what most taggers saw, NOT_CLEAR where no one expression has the most votes.
    """

    probabilities: np.ndarray
    true: np.ndarray
    seen: np.ndarray
    version: str

    def of(self, label: int) -> np.ndarray:
        return self.probabilities[self.true == label]

    def by_taggers(self) -> Samples:
        """The faces with a clear majority, which then is their truth."""
        clear = self.seen != NOT_CLEAR
        seen = self.seen[clear]
        return Samples(self.probabilities[clear], seen, seen, self.version)


def load(path: Path = STORED) -> Samples:
    with np.load(path, allow_pickle=False) as stored:
        probabilities = stored["probabilities"].astype(float)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        true, seen = stored["true"].astype(int), stored["seen"].astype(int)
        return Samples(probabilities, true, seen, str(stored["version"]))


def make(data: Path, split: str, model: Path) -> Samples:
    faces = read(data).part(split)
    classifier = Classifier(model)
    logits = read_logits(classifier, faces)
    probabilities = classifier.shown.probabilities(logits)
    seen, clear = faces.majority()
    seen = np.where(clear, seen, NOT_CLEAR)
    return Samples(probabilities, faces.emotion.astype(int), seen, classifier.version)


def save(samples: Samples, path: Path) -> None:
    np.savez_compressed(
        path,
        probabilities=samples.probabilities.astype(np.float16),
        true=samples.true.astype(np.uint8),
        seen=samples.seen.astype(np.uint8),
        version=np.array(samples.version),
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.samples", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help=".npz, fer2013.csv or folder")
    parser.add_argument("--split", default="public_test")
    parser.add_argument("--model", type=Path, default=DEFAULT, help="exported .tflite file")
    parser.add_argument("--out", type=Path, default=STORED)
    options = parser.parse_args(argv)
    try:
        samples = make(options.data, options.split, options.model)
        save(samples, options.out)
    except (DataError, BadModel, OSError) as error:
        print(f"ml.samples: {error}", file=sys.stderr)
        return 2
    counts = np.bincount(samples.true, minlength=len(EMOTIONS))
    sizes = ", ".join(f"{label} {n}" for label, n in zip(EMOTIONS, counts, strict=True))
    print(f"{options.out}: {len(samples.true)} faces ({sizes}), network {samples.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
