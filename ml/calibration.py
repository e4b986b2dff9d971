"""Make "how sure" mean what it says, and choose below which sureness a reading is unsure.

Temperature scaling (Guo et al., arXiv 1706.04599): one number divides the logits so that, of
the readings that are 70 % sure, about 70 % are right. Fitted on faces held out of training and
never on a test split.

It only ever makes answers less sure. Our targets are soft, so a fit would sharpen them; but other
faces are harder than those held out of the same collection, public_test's by two points and a
room's by more, and being too sure there is the worse mistake (docs/model.md has both figures).
"""

from __future__ import annotations

import numpy as np

from ml.metrics import softmax

COOLEST, HOTTEST = 1.0, 10.0
LEAST_UNSURE = 0.45
"""The lowest sureness a reading may be shown with, whatever the network's accuracy."""
MOST_UNSURE = 0.65
WANTED = 0.75
"""How often a reading that is shown should be right, as far as MOST_UNSURE allows."""


def fit_temperature(logits: np.ndarray, true: np.ndarray) -> float:
    """The temperature of the least cross-entropy, which has a single minimum in log scale."""
    low, high = np.log(COOLEST), np.log(HOTTEST)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(logits, true, np.exp(left)) < _loss(logits, true, np.exp(right)):
            high = right
        else:
            low = left
    return round(float(np.exp((low + high) / 2)), 4)


def choose_unsure_below(probabilities: np.ndarray, true: np.ndarray) -> float:
    """The lowest threshold, in steps of 0.01, at which what is shown is right often enough."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == true
    for hundredths in range(round(LEAST_UNSURE * 100), round(MOST_UNSURE * 100)):
        shown = sure >= hundredths / 100
        if shown.any() and right[shown].mean() >= WANTED:
            return hundredths / 100
    return MOST_UNSURE


def _loss(logits: np.ndarray, true: np.ndarray, temperature: float) -> float:
    chosen = softmax(logits, temperature)[np.arange(len(true)), true]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())
