"""How good a reading is: accuracy, macro-F1, confusion, calibration, and what unsure costs.

Plain arithmetic on arrays, the same for training, calibration and evaluation.
"""

from __future__ import annotations

import math

import numpy as np

from ml.labels import EMOTIONS


def accuracy(read: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean(read == true))


def confusion(read: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Counts, shape (7, 7): a row per true expression, a column per reading."""
    size = len(EMOTIONS)
    pairs = true.astype(np.intp) * size + read.astype(np.intp)
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def per_class(table: np.ndarray) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each expression; 0 where nothing was read as it."""
    hits, read, true = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    figures = {}
    for k, name in enumerate(EMOTIONS):
        figures[name] = {
            "precision": _share(hits[k], read[k]),
            "recall": _share(hits[k], true[k]),
            "f1": _share(2 * hits[k], read[k] + true[k]),
            "n": int(true[k]),
        }
    return figures


def macro_f1(table: np.ndarray) -> float:
    return float(np.mean([figures["f1"] for figures in per_class(table).values()]))


def interval(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share counted over n (Wilson 1927)."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = 1.96 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return middle - reach, middle + reach


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    powers = np.exp(scaled)
    return powers / powers.sum(axis=-1, keepdims=True)


def calibration_error(probabilities: np.ndarray, true: np.ndarray, bins: int = 15) -> float:
    """ECE (Guo et al., arXiv 1706.04599): how far sureness and accuracy lie apart."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == true
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


def coverage(probabilities: np.ndarray, true: np.ndarray, unsure_below: float) -> dict[str, float]:
    """What is left once the less sure are called unsure, and how often that is right."""
    kept = probabilities.max(axis=1) >= unsure_below
    right = probabilities.argmax(axis=1) == true
    return {
        "unsure_below": round(float(unsure_below), 4),
        "coverage": float(kept.mean()),
        "accuracy": _share(int(right[kept].sum()), int(kept.sum())),
    }


def most_sure(probabilities: np.ndarray, true: np.ndarray, share: float) -> float:
    """How often the surest `share` of all readings is right."""
    kept = np.argsort(-probabilities.max(axis=1), kind="stable")[: max(1, round(share * len(true)))]
    return accuracy(probabilities[kept].argmax(axis=1), true[kept])


def variation(one: np.ndarray, other: np.ndarray) -> float:
    """Mean total-variation distance of paired answers: 0 the same, 1 nothing in common."""
    return float(np.abs(one - other).sum(axis=-1).mean() / 2)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
