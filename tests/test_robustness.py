"""Worse pictures: each change does what its name says, alike every time, and is counted right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.evaluate import figures as plain_figures
from ml.robustness import CHANGES, JITTER, changed, figures, jittered, main, moved
from tests.test_data import archive
from tests.test_evaluate import Painted, painted


def square() -> np.ndarray:
    face = np.zeros((48, 48), np.uint8)
    face[20:28, 20:28] = 200
    return face


def centre(face: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(face > 100)
    return float(columns.mean()), float(rows.mean())


def test_a_box_that_is_not_moved_holds_the_same() -> None:
    assert np.array_equal(moved(square()), square())


def test_a_box_further_right_and_down_shows_the_face_further_left_and_up() -> None:
    x, y = centre(moved(square(), shift=(0.125, 0.25)))
    assert (x, y) == (pytest.approx(23.5 - 6, abs=0.1), pytest.approx(23.5 - 12, abs=0.1))


def test_a_larger_box_shows_a_smaller_face() -> None:
    small, large = moved(square(), size=2.0) > 100, moved(square(), size=0.5) > 100
    assert small.sum() == pytest.approx(16, abs=4)
    assert large.sum() == pytest.approx(256, abs=24)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_changes_pixels_and_nothing_else(name: str) -> None:
    face = np.random.default_rng(1).integers(0, 256, (48, 48), dtype=np.uint8)
    worse = CHANGES[name](face, np.random.default_rng(0))
    assert (worse.shape, worse.dtype) == (face.shape, face.dtype)
    assert not np.array_equal(worse, face)


def test_gammas_are_named_for_what_they_do() -> None:
    grey = np.full((48, 48), 100, np.uint8)
    rng = np.random.default_rng(0)
    light, dark = (CHANGES[name](grey, rng).mean() for name in CHANGES if "gamma" in name)
    assert dark < 100 < light


def test_changes_are_the_same_for_the_same_seed() -> None:
    faces = painted()
    noise = CHANGES["noise, sigma 8 of 255"]
    assert np.array_equal(changed(faces, noise, 3), changed(faces, noise, 3))
    assert not np.array_equal(jittered(faces, 3), jittered(faces, 4))


def test_a_change_that_fools_the_network_is_counted() -> None:
    """Painted faces carry their expression in one corner pixel, which blur and turning spoil."""
    found = figures(Painted(), painted(70))  # type: ignore[arg-type]  # a stand-in classifier
    assert found["clean"] == plain_figures(Painted(), painted(70), None)["accuracy"] == 1.0
    for one in found["under"].values():
        assert one["difference"] == pytest.approx(one["accuracy"] - 1)
    assert found["worst_difference"] < -0.5
    crop = found["crop"]
    assert crop["answers_that_stay"] == pytest.approx(crop["accuracy"])
    assert 0 < crop["total_variation"] <= 1 and crop["jitter"] == JITTER


def test_the_shipped_network_is_measured_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(archive(tmp_path))
    assert main(["--data", data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 28 and set(found["under"]) == set(CHANGES)
    assert main(["--data", data, "--split", "exam"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("ml.robustness: ") and shown.count("\n") == 1
