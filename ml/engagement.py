"""Valence, engagement, facing and smoothing: pure arithmetic over readings.

Whatever shows or judges a score uses these functions, so a stored lesson can be computed again
and give the same curves. Arrays run along the first axis; unknown is NaN and stays unknown.
Change a rule here and SCORE_VERSION changes with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ml.labels import HAPPY, LOW

SCORE_VERSION = "1"

WEIGHTS = np.array([0.25, 0.2, 0.3, 0.6, 0.9, 0.3, 0.6])
"""How attentive each expression looks, in the order of EMOTIONS."""

FACING_GAIN, TURNED_GAIN = 1.0, 0.3
TURNED_AT = 0.5
SMOOTH_S = 60.0
BASELINE_S = 180.0
BASELINE_SAMPLES = 20
"""How long and of how many samples a student's own usual is learnt before it is used."""


def valence(probabilities: ArrayLike) -> np.ndarray:
    """`p_happy − (p_angry + p_disgust + p_fear + p_sad)`, −1…1, of (…, 7) probabilities.

    Neutral and surprise count for nothing: in lessons people look neutral most of the time.
    """
    p = np.asarray(probabilities, float)
    return p[..., HAPPY] - p[..., list(LOW)].sum(axis=-1)


def engagement(probabilities: ArrayLike, facing: ArrayLike) -> np.ndarray:
    """`Σ p·w / 0.9 × g`, 0…1: how engaged the expression and the head's direction look.

    Derived from the concentration index of Sharma et al. (arXiv 1909.12913), which multiplies an
    emotion weight by a gaze weight. There the strongest expression alone is weighed and the index
    jumps from frame to frame; the expected weight over all seven does not. `facing` holds the
    words of `facing()`. No face has no engagement: pass NaN, it is absent and not 0. A facing
    student never falls under 0.22, so this is a line on a chart and no rule for a flag.
    """
    gain = np.where(np.asarray(facing) == "turned", TURNED_GAIN, FACING_GAIN)
    return np.asarray(probabilities, float) @ WEIGHTS / WEIGHTS.max() * gain


def facing(yaw: ArrayLike, baseline_yaw: float | None = None) -> np.ndarray:
    """ "facing" or "turned": yaw half a unit, about 30 degrees, off the student's own usual yaw.

    A camera at the side is normal, so only the change counts; without a usual yet, 0 is straight.
    """
    off = np.abs(np.asarray(yaw, float) - (baseline_yaw or 0.0))
    return np.where(off > TURNED_AT, "turned", "facing")


def smooth(times: ArrayLike, values: ArrayLike, tau: float = SMOOTH_S) -> np.ndarray:
    """Exponential average over `tau` seconds of values (n,) or (n, k) at irregular times.

    A step of dt moves the average by 1 − exp(−dt/τ) of the way, so a long gap all but starts
    again. Where a value is NaN the answer is NaN and the average waits.
    """
    at, given = np.asarray(times, float), np.asarray(values, float)
    if at.shape != given.shape[:1]:
        raise ValueError(f"{len(given)} values need as many times, not {at.size}.")
    if np.any(np.diff(at) < 0):
        raise ValueError("Times must not run backwards; sort the series first.")
    if not tau > 0:
        raise ValueError(f"tau must be over 0 seconds, not {tau}.")
    out = np.full(given.shape, np.nan)
    average, last = np.full(given.shape[1:], np.nan), np.full(given.shape[1:], -np.inf)
    for i, value in enumerate(given):
        known = ~np.isnan(value)
        step = -np.expm1(-(at[i] - last) / tau)
        moved = np.where(np.isnan(average), value, average + step * (value - average))
        average, last = np.where(known, moved, average), np.where(known, at[i], last)
        out[i] = np.where(known, average, np.nan)
    return out
