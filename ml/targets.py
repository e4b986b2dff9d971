"""What the network is asked to say for each training face: a share for each expression.

FER2013's single labels are noisy and FER+ gives ten people's votes for the same pictures
(Barsoum et al., arXiv 1608.01041), so the two are mixed; learning the distribution of votes
beat learning their majority in that paper.
"""

from __future__ import annotations

import numpy as np

from ml.labels import EMOTIONS

FEWEST_VOTES = 3
"""With fewer votes for our seven (the rest said "unknown", "no face") only the label counts."""


def soft_targets(
    emotion: np.ndarray, votes: np.ndarray, *, label_weight: float, smoothing: float
) -> np.ndarray:
    """Shape (n, 7), rows adding to 1: `label_weight` for the label, the rest by the votes."""
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[emotion]
    total = votes.sum(axis=1, keepdims=True).astype(np.float32)
    shares = votes / np.maximum(total, 1)
    mixed = np.where(
        total >= FEWEST_VOTES, label_weight * labels + (1 - label_weight) * shares, labels
    )
    return ((1 - smoothing) * mixed + smoothing / len(EMOTIONS)).astype(np.float32)
