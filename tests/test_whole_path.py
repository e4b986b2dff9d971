"""Faces in frames: laid where they are looked for, and every outcome counted once."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.classifier import DEFAULT
from ml.data import read, stands_in
from ml.labels import EMOTIONS
from ml.reader import Reader, Sample
from ml.whole_path import HEIGHT, SIZES, WIDTH, _at, as_sent, framed, held_out, main
from tests import pictures
from tests.test_data import archive


def smile() -> np.ndarray:
    """The test portrait cut as FER2013's pictures are: 48 px, from forehead to chin."""
    frame = pictures.portrait(face_px=160, width=640, height=480)
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey[135:335, 220:420], (48, 48), interpolation=cv2.INTER_AREA)


def sample(outcome: str, top: int = 0) -> Sample:
    shares = tuple(0.7 if k == top else 0.05 for k in range(7))
    read_at_all = outcome in ("face", "unsure")
    return Sample(outcome, 320, 240, probabilities=shares if read_at_all else None)  # type: ignore[arg-type]  # any outcome


def test_a_face_is_found_in_its_frame_and_reads_as_it_does_alone() -> None:
    reader = Reader.load()
    assert EMOTIONS[int(reader.classifier.probabilities(smile()).argmax())] == "happy"
    for px in SIZES:
        frame = framed(smile(), px, np.random.default_rng(px))
        assert frame.shape == (HEIGHT, WIDTH, 3)
        told = reader.read(as_sent(frame))
        assert told.outcome != "no_face"
        if px > 64:
            assert (told.outcome, told.top) == ("face", "happy")


def test_frames_are_the_same_for_the_same_seed() -> None:
    one, again, other = (framed(smile(), 96, np.random.default_rng(k)) for k in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_the_direct_figure_is_that_of_the_faces_that_were_read() -> None:
    samples = [sample("face", 1), sample("unsure", 2), sample("small"), sample("no_face")]
    direct = np.eye(7)[[1, 0, 3, 3]]
    found = _at(96, samples, direct, np.array([1, 0, 3, 3]))
    assert (found["found"], found["read"]) == (0.75, 0.5)
    assert (found["accuracy"], found["direct_on_the_same"]) == (0.5, 1.0)
    assert (found["difference"], found["accuracy_shown"]) == (-0.5, 1.0)
    assert found["outcomes"] == {"face": 1, "no_face": 1, "small": 1, "unsure": 1}


def test_faces_that_were_never_found_have_no_accuracy() -> None:
    found = _at(64, [sample("no_face")], np.eye(7)[:1], np.array([0]))
    assert found["read"] == 0 and "accuracy" not in found


def test_held_out_faces_are_of_train_and_of_no_test_picture(tmp_path: Path) -> None:
    faces = read(archive(tmp_path, each=20))
    held = held_out(faces, DEFAULT)
    assert 7 <= len(held) < 70
    assert stands_in(held, faces.all_of("train")).all()
    assert not stands_in(held, faces.all_of("public_test")).any()


def test_the_command_counts_every_face_at_every_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.repeat(smile()[None], 56, axis=0)
    image[:, 0, 0] = np.arange(56)
    data = str(archive(tmp_path, image=image))
    assert main(["--data", data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["px"] for one in found["sizes"]] == list(SIZES)
    for one in found["sizes"]:
        assert sum(one["outcomes"].values()) == found["n"] == 28
    at_128 = found["sizes"][2]
    assert at_128["found"] == 1 and at_128["accuracy"] == pytest.approx(1 / 7)
    assert main(["--data", data, "--split", "exam"]) == 2
    assert capsys.readouterr().err.startswith("ml.whole_path: ")


def test_margins_are_compared_on_held_out_faces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.repeat(smile()[None], 280, axis=0)
    image[:, 0, 0], image[:, 0, 1] = np.arange(280) % 256, np.arange(280) // 256
    assert main(["--data", str(archive(tmp_path, each=20, image=image)), "--margins", "0.1"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert head.startswith("| margin |") and row.startswith("| 0.10 | 100.0% |")


def test_a_margin_that_leaves_no_face_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "any.npz", "--margins", "-1"])
    assert "give some from -0.4 to 2" in capsys.readouterr().err
