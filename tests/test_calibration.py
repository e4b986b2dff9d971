"""Temperature and threshold: fitted where the answer is known, and hand-counted figures."""

from __future__ import annotations

import numpy as np
import pytest

from ml import metrics
from ml.calibration import (
    HARDER,
    LEAST_UNSURE,
    MOST_UNSURE,
    choose_unsure_below,
    fit_labelled,
    fit_shown,
)
from ml.labels import DISGUST, EMOTIONS


def honest_faces(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the true chance of each label."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 7))
    chances = metrics.softmax(logits).cumsum(axis=1)
    return logits, (rng.random((count, 1)) > chances).sum(axis=1).clip(0, 6)


@pytest.mark.parametrize("temperature", [1.0, 1.5, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    logits, true = honest_faces()
    fitted = fit_labelled(logits * temperature, true).temperature
    assert fitted / HARDER == pytest.approx(temperature, rel=0.05)


def test_readings_stay_a_little_less_sure_than_the_held_out_faces_allow() -> None:
    logits, true = honest_faces()
    votes = 10 * np.eye(7, dtype=np.uint8)[true]
    for fitted in (fit_labelled(logits * 0.5, true), fit_shown(logits * 0.5, true, votes)):
        assert fitted.temperature == pytest.approx(0.5 * HARDER, rel=0.05)
        said = fitted.probabilities(logits * 0.5).max(axis=1).mean()
        best = metrics.softmax(logits).max(axis=1).mean()
        assert best - 0.02 < said < best


def test_where_nobody_voted_labels_are_shown() -> None:
    logits, true = honest_faces(2_000)
    assert fit_shown(logits, true, np.zeros((2_000, 7), np.uint8)) == fit_labelled(logits, true)


def test_what_is_shown_follows_votes_and_not_labels() -> None:
    """Taggers who see the next expression in half of the faces; three votes at least count."""
    logits, true = honest_faces(4_000)
    votes = 10 * np.eye(7, dtype=np.uint8)[true]
    votes[::2] = np.roll(votes[::2], 1, axis=1)
    few = np.where(np.arange(len(true))[:, None] % 4 == 3, 2 * np.eye(7)[(true + 3) % 7], votes)
    shown = fit_shown(logits, true, few).probabilities(logits)
    counted = few[few.sum(axis=1) >= 3]
    assert shown.mean(axis=0) == pytest.approx(counted.mean(axis=0) / 10, abs=0.02)


def test_the_shift_that_labels_were_given_with_is_found() -> None:
    """Also where the scores are sharper than they should be, or not sharp enough."""
    wanted = np.array([0.5, -0.6, 0.4, -0.3, -0.5, 0.2, 0.3])
    logits, _ = honest_faces()
    rng = np.random.default_rng(1)
    chances = metrics.softmax(logits + wanted).cumsum(axis=1)
    true = (rng.random((len(logits), 1)) > chances).sum(axis=1).clip(0, 6)
    for times in (0.9, 1.0, 2.0):
        reading = fit_labelled(logits * times, true)
        assert reading.temperature / HARDER == pytest.approx(times, rel=0.05)
        assert reading.shift == pytest.approx(wanted, abs=0.12)
        mean = reading.probabilities(logits * times).mean(axis=0)
        assert mean == pytest.approx(np.bincount(true) / len(true), abs=0.01)


def test_an_expression_that_nobody_was_labelled_stays_possible() -> None:
    logits, true = honest_faces(200)
    shift = fit_labelled(logits, np.where(true == DISGUST, 0, true)).shift
    assert np.isfinite(shift).all() and shift[DISGUST] == min(shift)


def test_fitting_brings_sureness_and_accuracy_together() -> None:
    logits, true = honest_faces()
    loud = logits * 3
    before = metrics.calibration_error(metrics.softmax(loud), true)
    fitted = fit_labelled(loud, true).probabilities(loud)
    assert before > 0.1 > 0.02 > metrics.calibration_error(fitted, true)


def test_a_good_network_shows_all_but_the_least_sure() -> None:
    probabilities = np.eye(7) * 0.9 + 0.1 / 7
    assert choose_unsure_below(probabilities, np.arange(7)) == LEAST_UNSURE


def test_a_network_that_knows_nothing_gets_the_highest_threshold() -> None:
    probabilities = np.eye(7) * 0.9 + 0.1 / 7
    assert choose_unsure_below(probabilities, (np.arange(7) + 1) % 7) == MOST_UNSURE


def test_the_threshold_is_the_lowest_that_is_right_often_enough() -> None:
    sure = np.repeat([0.5, 0.6], 100)
    probabilities = np.zeros((200, 7))
    probabilities[:, 0], probabilities[:, 1] = sure, 1 - sure
    true = np.zeros(200, int)
    true[:60] = 2
    true[100:110] = 2
    assert choose_unsure_below(probabilities, true) == pytest.approx(0.51)


def test_confusion_has_a_row_per_true_expression() -> None:
    table = metrics.confusion(np.array([3, 3, 1]), np.array([3, 2, 1]))
    assert (table[3, 3], table[2, 3], table[1, 1], table.sum()) == (1, 1, 1, 3)


def test_per_class_figures_agree_with_counting_by_hand() -> None:
    true, read = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    angry = metrics.per_class(metrics.confusion(read, true))["angry"]
    assert angry == {
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "n": 3,
    }


def test_an_expression_never_read_counts_as_nothing_in_macro_f1() -> None:
    true = np.arange(7)
    read = np.where(true == DISGUST, 0, true)
    by_hand = (5 * 1 + 2 / 3 + 0) / len(EMOTIONS)
    assert metrics.macro_f1(metrics.confusion(read, true)) == pytest.approx(by_hand)


def test_the_interval_is_wilsons() -> None:
    low, high = metrics.interval(0.65, 3589)
    assert (low, high) == (pytest.approx(0.6343, abs=1e-4), pytest.approx(0.6654, abs=1e-4))


def test_calibration_error_is_the_gap_between_sureness_and_accuracy() -> None:
    probabilities = np.tile(np.array([0.8] + [0.2 / 6] * 6), (10, 1))
    true = np.array([0] * 5 + [1] * 5)
    assert metrics.calibration_error(probabilities, true) == pytest.approx(0.3)


def test_coverage_counts_what_is_shown_and_how_often_it_is_right() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]])
    shown = metrics.coverage(probabilities, np.array([0, 1, 0]), 0.55)
    assert shown == {"unsure_below": 0.55, "coverage": pytest.approx(2 / 3), "accuracy": 0.5}


def test_nothing_shown_is_no_error() -> None:
    shown = metrics.coverage(np.full((2, 7), 1 / 7), np.array([0, 1]), 0.9)
    assert (shown["coverage"], shown["accuracy"]) == (0.0, 0.0)
