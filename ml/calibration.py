"""Make "how sure" mean what it says, and choose below which sureness a reading is unsure.

Temperature scaling (Guo et al., arXiv 1706.04599): one number divides the logits so that, of
the readings that are 70 % sure, about 70 % are right. Fitted on faces held out of training and
never on a test split.

Fitted temperatures are widened by a little (`HARDER`): other faces are harder than those held out
of the same collection, public_test's by one or two points and a room's by more, and being too sure
there is the worse mistake.

What the network is asked to say lies between FER2013's one label and ten taggers, who say neutral
far more often. So its scores are read in two ways, each with a shift for each expression fitted on
the held-out faces: as the taggers vote, which is shown, and as labels were given, to compare with
other networks. The shift is the logarithm of how much oftener people say an expression than the
network does (prior shift: Saerens et al. 2002, doi 10.1162/089976602753284446; logit adjustment:
arXiv 2007.07314).
"""

from __future__ import annotations

import numpy as np

from ml.classifier import Reading
from ml.metrics import softmax
from ml.targets import FEWEST_VOTES

COOLEST, HOTTEST = 0.3, 10.0
HARDER = 1.04
"""Chosen on public_test, as everything that is compared is: two networks' free fits of 0.84 and
0.71 give an ECE of 0.034 and 0.027 there, widened by this 0.028 and 0.020 (docs/model.md)."""
ROUNDS, NARROWED, STEPS = 10, 30, 20
LEAST_UNSURE = 0.45
"""The lowest sureness a reading may be shown with, whatever the network's accuracy."""
MOST_UNSURE = 0.65
WANTED = 0.75
"""How often a reading that is shown should be right, as far as MOST_UNSURE allows."""


def fit_shown(logits: np.ndarray, emotion: np.ndarray, votes: np.ndarray) -> Reading:
    """As the taggers' votes (n, 7) are shared out.

    Faces with too few votes do not count; where nobody voted, labels do.
    """
    total = votes.sum(axis=1, keepdims=True)
    voted = total[:, 0] >= FEWEST_VOTES
    if not voted.any():
        return _fit(logits, np.eye(logits.shape[1])[emotion])
    return _fit(logits[voted], votes[voted] / total[voted])


def fit_labelled(logits: np.ndarray, emotion: np.ndarray) -> Reading:
    """As labels were given."""
    return _fit(logits, np.eye(logits.shape[1])[emotion])


def _fit(logits: np.ndarray, wanted: np.ndarray) -> Reading:
    """The temperature and shift of the least cross-entropy with the wanted shares (n, 7).

    Each in turn: given the temperature, the shift is right when the mean answer is the mean share.
    """
    count, size = wanted.shape
    share = (wanted.sum(axis=0) + 0.5) / (count + size / 2)
    shift = np.zeros(size)
    for _ in range(ROUNDS):
        temperature = _temperature(logits, wanted, shift)
        shift = _shift(logits / temperature, share, shift)
    temperature *= HARDER
    shift = _shift(logits / temperature, share, shift)
    shift -= shift.mean()
    return Reading(round(temperature, 4), tuple(float(one) for one in shift.round(4)))


def _shift(scores: np.ndarray, share: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """With which the mean answer is this share (7,)."""
    for _ in range(STEPS):
        shift = shift + np.log(share / softmax(scores + shift).mean(axis=0))
    return shift


def _temperature(logits: np.ndarray, wanted: np.ndarray, shift: np.ndarray) -> float:
    """Of the least cross-entropy, which has a single minimum in log scale."""
    low, high = np.log(COOLEST), np.log(HOTTEST)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(NARROWED):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(logits, wanted, left, shift) < _loss(logits, wanted, right, shift):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def choose_unsure_below(probabilities: np.ndarray, true: np.ndarray) -> float:
    """The lowest threshold, in steps of 0.01, at which what is shown is right often enough."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == true
    for hundredths in range(round(LEAST_UNSURE * 100), round(MOST_UNSURE * 100)):
        shown = sure >= hundredths / 100
        if shown.any() and right[shown].mean() >= WANTED:
            return hundredths / 100
    return MOST_UNSURE


def _loss(logits: np.ndarray, wanted: np.ndarray, log_heat: float, shift: np.ndarray) -> float:
    said = softmax(logits / np.exp(log_heat) + shift)
    return float(-(wanted * np.log(np.maximum(said, 1e-12))).sum(axis=1).mean())
