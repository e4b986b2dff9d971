"""Reading one's own pictures and videos at a terminal: every face, and every way it can fail."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.predict import main
from tests import pictures


def write(place: Path, picture: np.ndarray) -> Path:
    assert cv2.imwrite(str(place), picture)
    return place


def video(place: Path, frames: int = 30, rate: float = 10.0) -> Path:
    """Three seconds: a student in front of a wall, who leaves for the last of them."""
    out = cv2.VideoWriter(str(place), cv2.VideoWriter.fourcc(*"MJPG"), rate, (320, 240))
    assert out.isOpened()
    for number in range(frames):
        here = number < frames * 2 / 3
        out.write(pictures.portrait() if here else pictures.wall())
    out.release()
    return place


def said(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line of an error, and that the exit status says so."""
    assert main([str(word) for word in words]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("ml.predict: ") and shown.count("\n") == 1
    return shown


def test_a_picture_is_read_and_drawn_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "marked.png"
    assert main([str(pictures.ASTRONAUT), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "astronaut.jpg: 1 face found" in shown
    assert "face 1: reads as happy" in shown and shown.count("%") == 8
    before, after = cv2.imread(str(pictures.ASTRONAUT)), cv2.imread(str(out))
    assert before.shape == after.shape and (before != after).any()


def test_every_face_is_read_and_a_lesson_would_read_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    frame = pictures.add_head(
        pictures.portrait(face_px=60, centre=(0.27, 0.5)), face_px=58, centre=(0.77, 0.5)
    )
    assert main([str(write(tmp_path / "two.png", frame))]) == 0
    shown = capsys.readouterr().out
    assert "2 faces found" in shown and "face 2: " in shown
    assert "In a lesson a frame with several near faces is left unread." in shown


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"face_px": 42}, "too small to read"),
        ({"light": 0.1}, "too dark to read"),
        ({"blur": 4}, "too blurred to read"),
    ],
)
def test_a_face_that_cannot_be_read_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], look: dict, words: str
):
    assert main([str(write(tmp_path / "face.png", pictures.portrait(**look))), "--json"]) == 0
    (face,) = said(capsys)["pictures"][0]["faces"]
    assert words in face["words"] and face["probabilities"] == {}


def test_an_unsure_reading_says_what_was_likeliest():
    from ml.marking import FaceRead

    face = FaceRead((0, 0, 9, 9), "unsure", 0.5, (0.1, 0.0, 0.2, 0.4, 0.3, 0.0, 0.0))
    assert face.words == "unsure: happy is likeliest with 40%, under 50%"


def test_a_wall_has_no_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(write(tmp_path / "wall.jpg", pictures.wall()))]) == 0
    assert "no face found" in capsys.readouterr().out


def test_a_folder_is_read_and_what_is_no_image_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write(tmp_path / "a.jpg", pictures.portrait())
    (tmp_path / "notes.txt").write_text("buy milk")
    write(tmp_path / "z.png", pictures.wall())
    assert main([str(tmp_path), "--json", "--out", str(tmp_path / "marked")]) == 2
    told = capsys.readouterr()
    found = json.loads(told.out)["pictures"]
    assert [len(one.get("faces", ())) for one in found] == [1, 0, 0]
    assert told.err == f"ml.predict: {tmp_path / 'notes.txt'}: not an image\n"
    assert sorted(p.name for p in (tmp_path / "marked").iterdir()) == ["a.read.jpg", "z.read.jpg"]


def test_pictures_of_one_name_are_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "img.jpg", pictures.wall())
    out = tmp_path / "marked"
    assert main([str(tmp_path / "one"), str(tmp_path / "two"), "--json", "--out", str(out)]) == 0
    told = [one["written"] for one in said(capsys)["pictures"]]
    assert told == [str(out / "img.read.jpg"), str(out / "img-2.read.jpg")]
    assert sorted(map(str, out.iterdir())) == sorted(told)


def test_a_video_is_read_by_its_own_clock(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = video(tmp_path / "lesson.avi")
    assert main([str(place), "--json", "--out", str(tmp_path / "marked")]) == 0
    found = said(capsys)["pictures"]
    assert [one["at_s"] for one in found] == [0, 1, 2]
    assert [len(one["faces"]) for one in found] == [1, 1, 0]
    assert len(list((tmp_path / "marked").iterdir())) == 3


def test_a_larger_photograph_is_brought_to_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    large = cv2.resize(pictures.portrait(), (1600, 1000))
    assert main([str(write(tmp_path / "large.jpg", large)), "--json"]) == 0
    (face,) = said(capsys)["pictures"][0]["faces"]
    assert face["outcome"] == "face" and face["box"][0] + face["box"][2] < 1280


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "no such file or folder" in refused(capsys, tmp_path / "none.jpg")
    assert "an empty folder" in refused(capsys, tmp_path)
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert "an empty file" in refused(capsys, tmp_path / "empty.jpg")
    assert "emotions.json is missing" in refused(
        capsys, pictures.ASTRONAUT, "--model", tmp_path / "no.tflite"
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_that_was_cut_off_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
):
    place = write(tmp_path / f"face{suffix}", pictures.portrait())
    place.write_bytes(place.read_bytes()[:-2000])
    assert "a damaged picture" in refused(capsys, place)


def test_bytes_that_are_no_picture_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "face.jpg").write_bytes(b"not a picture at all")
    assert "not an image, or a damaged one" in refused(capsys, tmp_path / "face.jpg")


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_video_that_was_cut_off_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: float
):
    place = video(tmp_path / "lesson.avi")
    content = place.read_bytes()
    place.write_bytes(content[: int(len(content) * kept)] or b"RIFF nothing")
    assert main([str(place)]) == 2
    shown = capsys.readouterr().err
    assert "damaged" in shown and str(place) in shown


def test_a_silly_pace_is_refused():
    with pytest.raises(SystemExit):
        main(["a.mp4", "--every", "0"])
