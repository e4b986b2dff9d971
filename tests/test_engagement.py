"""Valence, engagement, smoothing and the personal baseline, against figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.engagement import engagement, facing, smooth, valence
from ml.labels import EMOTIONS


def all_on(emotion: str) -> np.ndarray:
    return np.eye(7)[EMOTIONS.index(emotion)]


def test_valence_is_happy_minus_the_four_low_ones():
    assert valence([0.1, 0.05, 0.05, 0.5, 0.1, 0.1, 0.1]) == pytest.approx(0.2)


def test_neutral_and_surprise_have_no_valence():
    assert valence(all_on("neutral")) == 0
    assert valence(all_on("surprise")) == 0


def test_whole_lesson_gives_the_same_as_one_by_one():
    p = np.random.default_rng(0).dirichlet(np.ones(7), size=100)
    where = facing(np.linspace(-1, 1, 100))
    one_by_one = [engagement(row, word) for row, word in zip(p, where, strict=True)]
    assert np.allclose(engagement(p, where), one_by_one)
    assert np.allclose(valence(p), [valence(row) for row in p])


def test_neutral_face_looking_here_is_fully_engaged():
    assert engagement(all_on("neutral"), "facing") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("emotion", "expected"),
    [("happy", 0.6), ("surprise", 0.6), ("sad", 0.3), ("fear", 0.3), ("angry", 0.25)],
)
def test_each_expression_has_its_published_weight(emotion, expected):
    assert engagement(all_on(emotion), "facing") == pytest.approx(expected / 0.9)


def test_turned_head_keeps_three_tenths():
    assert engagement(all_on("neutral"), "turned") == pytest.approx(0.3)


@given(st.lists(st.floats(0.001, 1), min_size=7, max_size=7))
def test_facing_student_never_falls_under_22_hundredths(weights):
    p = np.array(weights) / sum(weights)
    assert 0.22 <= engagement(p, "facing") <= 1.0001


def test_no_face_has_no_engagement():
    assert np.isnan(engagement(np.full(7, np.nan), "facing"))


def test_camera_at_the_side_is_not_turned_away():
    assert facing(0.6) == "turned"
    assert facing(0.6, baseline_yaw=0.5) == "facing"
    assert facing(-0.1, baseline_yaw=0.5) == "turned"


def test_smoothing_moves_63_percent_in_one_tau():
    assert smooth([0, 60], [0.0, 1.0])[1] == pytest.approx(1 - np.exp(-1))


def test_steps_in_between_do_not_change_where_smoothing_arrives():
    few, many = smooth([0, 60], [0.0, 1.0]), smooth([0, 10, 35, 60], [0.0, 1.0, 1.0, 1.0])
    assert few[-1] == pytest.approx(many[-1])


def test_unknown_stays_unknown_and_the_average_waits():
    out = smooth([0, 10, 20, 60], [0.0, np.nan, np.nan, 1.0])
    assert np.isnan(out[1:3]).all()
    assert out[3] == pytest.approx(1 - np.exp(-1))


def test_after_a_long_gap_smoothing_starts_again():
    assert smooth([0, 1200], [0.0, 1.0])[1] == pytest.approx(1.0, abs=1e-6)


def test_columns_are_smoothed_on_their_own():
    values = np.array([[0.0, np.nan], [1.0, 5.0], [np.nan, 5.0]])
    out = smooth([0, 60, 120], values)
    assert out[1, 0] == pytest.approx(1 - np.exp(-1))
    assert list(out[1:, 1]) == [5.0, 5.0]
    assert np.isnan(out[2, 0])


def test_constant_series_stays_constant():
    assert np.allclose(smooth(np.cumsum(np.ones(50)), np.full(50, 0.3)), 0.3)


@pytest.mark.parametrize(
    ("times", "values", "tau", "words"),
    [
        ([0, 1], [1.0], 60, "as many times"),
        ([1, 0], [1.0, 2.0], 60, "backwards"),
        ([0, 1], [1.0, 2.0], 0, "tau"),
    ],
)
def test_bad_series_is_refused_in_words(times, values, tau, words):
    with pytest.raises(ValueError, match=words):
        smooth(times, values, tau)
