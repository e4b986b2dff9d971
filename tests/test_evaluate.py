"""Evaluation: figures that can be counted by hand, and the shipped network through the command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from ml import metrics
from ml.classifier import DEFAULT, SIDECAR, Reading
from ml.data import Faces, read
from ml.evaluate import figures, main
from ml.labels import EMOTIONS
from tests.test_data import archive, pictures


@dataclass
class Painted:
    """A classifier that reads a face's expression off its first pixel; 9 in the corner fools it."""

    unsure_below: float = 0.5
    shown: Reading = Reading()
    labelled: Reading = Reading()

    def logits(self, face: np.ndarray) -> np.ndarray:
        wrong = 9 in (face[0, -1], face[0, 0])
        place = max(face[0, 0], face[0, -1]) if not wrong else 0
        return np.eye(7, dtype=np.float32)[place % 7] * 4


def painted(count: int = 14, fooling: int = 0) -> Faces:
    emotion = np.arange(count, dtype=np.uint8) % 7
    image = np.zeros((count, 8, 8), np.uint8)
    image[:, 0, 0] = emotion
    image[:, 4, 4] = np.arange(count)
    image[7 : 7 + fooling, 0, 0] = 9
    votes = np.zeros((count, 7), np.uint8)
    votes[:7] = 10 * np.eye(7, dtype=np.uint8)
    return Faces(image, emotion, votes, np.zeros(count, np.uint8), ("test",), "painted")


def test_a_perfect_reader_has_perfect_figures() -> None:
    found = figures(Painted(), painted(), None)
    assert (found["accuracy"], found["macro_f1"], found["n"]) == (1.0, 1.0, 14)
    assert found["confusion"] == (2 * np.eye(7, dtype=int)).tolist()
    assert found["accuracy_flip"] == 1.0


def test_wrong_readings_are_counted_where_they_went() -> None:
    found = figures(Painted(), painted(fooling=3), None)
    assert found["accuracy"] == pytest.approx(12 / 14)
    assert [row[0] for row in found["confusion"]] == [2, 1, 1, 0, 0, 0, 0]
    low, high = found["interval_95"]
    assert low < 12 / 14 < high


def test_pictures_known_from_training_are_left_out_of_one_figure() -> None:
    faces = painted(fooling=3)
    known = faces.take(np.arange(7))
    found = figures(Painted(), faces, known)
    assert found["duplicates_of_train"] == 7
    assert found["accuracy_without_duplicates"] == pytest.approx(5 / 7)


def test_a_test_split_known_from_training_whole_has_no_figure_without() -> None:
    found = figures(Painted(), painted(), painted())
    assert found["duplicates_of_train"] == 14
    assert "accuracy_without_duplicates" not in found


def test_votes_are_compared_only_where_there_are_any() -> None:
    found = figures(Painted(), painted(fooling=3), None)
    assert (found["ferplus_majority_n"], found["ferplus_majority_accuracy"]) == (7, 1.0)
    faces = read_no_votes(painted())
    assert "ferplus_majority_accuracy" not in figures(Painted(), faces, None)


def test_a_majority_outside_the_seven_is_no_majority() -> None:
    faces = painted(fooling=3)
    faces = replace(faces, elsewhere=np.where(np.arange(14) < 2, 10, 9).astype(np.uint8))
    assert figures(Painted(), faces, None)["ferplus_majority_n"] == 5


def test_faces_as_seen_carry_what_most_taggers_saw_instead_of_the_label() -> None:
    faces = painted()
    turned = replace(faces, votes=np.roll(faces.votes, 1, axis=1))
    seen = turned.as_seen()
    assert seen.emotion.tolist() == [1, 2, 3, 4, 5, 6, 0]
    assert np.array_equal(seen.image, faces.image[:7])
    tied = turned.votes.copy()
    tied[0] = 5
    assert len(replace(faces, votes=tied).as_seen()) == 6
    unvoted = read_no_votes(faces)
    assert unvoted.as_seen() is unvoted


def test_labels_are_compared_with_the_majority_as_well() -> None:
    faces = painted()
    turned = replace(faces, votes=np.roll(faces.votes, 1, axis=1))
    assert figures(Painted(), faces, None)["ferplus_label_agreement"] == 1.0
    assert figures(Painted(), turned, None)["ferplus_label_agreement"] == 0.0


def test_the_surest_share_is_taken_by_sureness() -> None:
    sure = np.array([0.9, 0.8, 0.6, 0.5])
    probabilities = np.stack([sure, 1 - sure], axis=1)
    true = np.array([0, 0, 1, 1])
    shares = [metrics.most_sure(probabilities, true, share) for share in (0.5, 0.75, 1.0)]
    assert shares == pytest.approx([1, 2 / 3, 0.5])


def test_the_curve_ends_at_all_faces() -> None:
    found = figures(Painted(), painted(fooling=3), None)
    assert found["curve"][-1] == [1.0, found["accuracy"]]
    assert found["curve"][0][0] == 0.1
    at_80 = dict(map(tuple, found["curve"]))[0.8]
    assert at_80 == found["accuracy_at_80"]


def test_calibration_is_told_without_temperature_too() -> None:
    cool = figures(Painted(shown=Reading(0.5), labelled=Reading(0.25)), painted(), None)
    plain = figures(Painted(), painted(), None)
    assert cool["ece_before"] == plain["ece_before"] == pytest.approx(plain["ece"])
    assert plain["ece"] > cool["shown"]["ece"] > cool["ece"]


def test_what_is_shown_and_what_is_compared_on_labels_are_two_readings() -> None:
    """A shift that lets angry win everywhere spoils the one and does not touch the other."""
    found = figures(Painted(labelled=Reading(1.0, (9.0, *[0.0] * 6))), painted(), None)
    assert found["accuracy"] == found["accuracy_flip"] == pytest.approx(1 / 7)
    assert found["shown"]["accuracy"] == found["ferplus_majority_accuracy"] == 1.0
    assert found["ferplus_majority_as_labelled"] == pytest.approx(1 / 7)
    assert found["shown"]["coverage"][0]["accuracy"] == 1.0


def test_what_is_shown_is_measured_by_what_most_taggers_saw() -> None:
    faces = painted()
    turned = replace(faces, votes=np.roll(faces.votes, 1, axis=1))
    shown = figures(Painted(), turned, None)["shown"]
    assert (shown["accuracy"], shown["accuracy_by_label"], shown["n"]) == (0.0, 1.0, 7)
    unvoted = figures(Painted(), read_no_votes(painted()), None)["shown"]
    assert (unvoted["accuracy"], unvoted["n"]) == (1.0, 14)


def test_variation_is_none_for_the_same_and_one_for_the_opposite() -> None:
    one = np.eye(7)[:2]
    assert metrics.variation(one, one) == 0
    assert metrics.variation(one, np.eye(7)[2:4]) == 1


def read_no_votes(faces: Faces) -> Faces:
    return Faces(faces.image, faces.emotion, faces.votes * 0, faces.split, ("test",), "painted")


def test_the_threshold_of_the_sidecar_heads_the_coverage_table() -> None:
    shown = figures(Painted(), painted(), None)["shown"]
    assert shown["coverage"][0]["unsure_below"] == 0.5


def test_the_shipped_network_is_measured_by_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(archive(tmp_path)), "--split", "public_test", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == DEFAULT.name == "emotions.int8.tflite"
    assert found["n"] == np.sum(found["confusion"]) == 28
    assert set(found["per_class"]) == set(EMOTIONS)
    assert 0 <= found["accuracy"] <= 1 and 0 <= found["macro_f1"] <= 1
    if DEFAULT.with_name("emotions.float.tflite").is_file():
        apart = found["accuracy_float"] - found["accuracy"]
        assert found["float_minus_int8"] == pytest.approx(apart)


def test_a_gap_in_train_does_not_stop_measuring_another_split(tmp_path: Path) -> None:
    emotion = np.tile(np.arange(7, dtype=np.uint8), 8)
    emotion[:28] = 0
    options = ["--data", str(archive(tmp_path, emotion=emotion)), "--split"]
    assert main([*options, "public_test"]) == 0
    assert main([*options, "train"]) == 2


def test_folders_and_the_float_network_can_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = DEFAULT.with_name("emotions.float.tflite")
    if not other.is_file():
        pytest.skip("this checkout ships the int8 network alone")
    options = ["--data", str(pictures(tmp_path)), "--split", "test", "--model", str(other)]
    assert main(options) == 0
    assert "emotions.float.tflite" in capsys.readouterr().out


def test_int8_and_float_files_agree_on_noise(tmp_path: Path) -> None:
    from ml.classifier import Classifier

    other = DEFAULT.with_name("emotions.float.tflite")
    if not other.is_file():
        pytest.skip("this checkout ships the int8 network alone")
    faces = read(archive(tmp_path)).image[:20]
    both = [[Classifier(path).logits(face) for face in faces] for path in (DEFAULT, other)]
    assert np.abs(np.array(both[0]) - np.array(both[1])).mean() < 0.6


def test_the_shipped_sidecar_tells_what_the_network_was_measured_at() -> None:
    sidecar = json.loads(DEFAULT.with_name(SIDECAR).read_text())
    assert sidecar["labels"] == list(EMOTIONS)
    assert sidecar["unsure_below"] >= 0.45
    assert sidecar["figures"]["split"] == "public_test"
    assert sidecar["figures"]["accuracy"] >= 0.62


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml.evaluate", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_unknown_split_ends_in_one_line(tmp_path: Path) -> None:
    done = run("--data", str(archive(tmp_path)), "--split", "exam")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "there is train (28 images), public_test (28 images)" in done.stderr


def test_a_damaged_file_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "faces.npz").write_bytes(b"PK\x03\x04 cut")
    done = run("--data", str(tmp_path / "faces.npz"), "--split", "train")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "not a readable .npz file" in done.stderr


def test_a_missing_model_ends_in_one_line(tmp_path: Path) -> None:
    data = str(archive(tmp_path))
    done = run("--data", data, "--split", "train", "--model", str(tmp_path / "no.tflite"))
    assert done.returncode == 2
    assert done.stderr.startswith("ml.evaluate: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("model", [".", f"{__file__}/x.tflite", str(Path(__file__).parent)])
def test_a_path_that_is_no_model_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    data = str(archive(tmp_path))
    assert main(["--data", data, "--split", "train", "--model", model]) == 2
    told = capsys.readouterr().err
    assert told.startswith("ml.evaluate: ") and told.count("\n") == 1
