"""Labelled faces: read alike from every layout, and refused in one line when they are wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.data import DataError, read, stands_in, validation_cut
from ml.labels import EMOTIONS, FERPLUS_COLUMNS, HAPPY, NEUTRAL, SAD, SURPRISE

SPLITS = ("train", "public_test", "private_test")
COLUMNS = (*FERPLUS_COLUMNS, "contempt", "unknown", "not_face")


def arrays(each: int = 4, **changed: np.ndarray) -> dict[str, np.ndarray]:
    """A small archive of the expected layout: `each` faces of every expression and split."""
    rng = np.random.default_rng(0)
    emotion = np.tile(np.arange(7, dtype=np.uint8), 2 * each)
    split = np.repeat(np.array([0, 1], np.uint8), 7 * each)
    return {
        "image": rng.integers(0, 256, (len(emotion), 48, 48), dtype=np.uint8),
        "emotion": emotion,
        "classes": np.array(EMOTIONS),
        "votes": np.zeros((len(emotion), 10), np.uint8),
        "vote_columns": np.array(COLUMNS),
        "split": split,
        "split_names": np.array(SPLITS),
    } | changed


def archive(folder: Path, each: int = 4, **changed: np.ndarray) -> Path:
    path = folder / "faces.npz"
    np.savez(path, **arrays(each, **changed))
    return path


def kaggle(folder: Path, rows: list[str], header: str = "emotion,pixels,Usage") -> Path:
    path = folder / "fer2013.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def row(emotion: int, usage: str = "Training", grey: int = 7) -> str:
    return f"{emotion},{' '.join([str(grey)] * 16)},{usage}"


def pictures(folder: Path, labels: tuple[str, ...] = EMOTIONS, side: int = 48) -> Path:
    for split in ("train", "test"):
        for shade, label in enumerate(labels):
            place = folder / split / label
            place.mkdir(parents=True)
            cv2.imwrite(str(place / "face.png"), np.full((side, side), 30 * shade, np.uint8))
    return folder


def test_archive_is_read_with_its_splits(tmp_path: Path) -> None:
    faces = read(archive(tmp_path))
    assert faces.sizes() == {"train": 28, "public_test": 28}
    assert faces.part("public_test").image.shape == (28, 48, 48)


def test_labels_go_by_name_not_by_position(tmp_path: Path) -> None:
    backwards = read(archive(tmp_path, classes=np.array(EMOTIONS[::-1])))
    assert backwards.emotion[:7].tolist() == [6, 5, 4, 3, 2, 1, 0]


def test_votes_come_in_our_order_without_the_other_columns(tmp_path: Path) -> None:
    votes = np.tile(np.arange(1, 11, dtype=np.uint8), (56, 1))
    kept = read(archive(tmp_path, votes=votes)).votes[0]
    assert kept[[NEUTRAL, HAPPY, SURPRISE, SAD]].tolist() == [1, 2, 3, 4]
    assert kept.sum() == 1 + 2 + 3 + 4 + 5 + 6 + 7


def test_any_split_of_the_file_can_be_had(tmp_path: Path) -> None:
    hidden = read(archive(tmp_path, split=np.full(56, 2, np.uint8)))
    assert len(hidden.part("private_test")) == 56


def test_unknown_split_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no split 'exam'.*train \(28 images\), public_test"):
        read(archive(tmp_path)).part("exam")


def test_a_split_that_is_named_but_empty_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split 'private_test'"):
        read(archive(tmp_path)).part("private_test")


def test_a_split_without_an_expression_is_refused(tmp_path: Path) -> None:
    emotion = np.where(arrays()["emotion"] == 1, 0, arrays()["emotion"])
    with pytest.raises(DataError, match="'train' has no image of disgust"):
        read(archive(tmp_path, emotion=emotion)).part("train")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"image": np.zeros((0, 48, 48), np.uint8)}, "holds no images"),
        ({"image": np.zeros((56, 48, 48), np.float32)}, "image is float32"),
        ({"image": np.zeros((56, 2304), np.uint8)}, "expected uint8"),
        ({"emotion": np.full(56, 7, np.uint8)}, "emotion goes from 7 to 7; expected 0 to 6"),
        ({"emotion": np.zeros(55, np.uint8)}, "expected 56 whole numbers"),
        ({"emotion": np.zeros(56, np.float32)}, "expected 56 whole numbers"),
        ({"split": np.full(56, 3, np.uint8)}, "split goes from 3 to 3"),
        ({"classes": np.array(["angry", "bored"])}, "its labels are angry, bored"),
        ({"votes": np.zeros((56, 9), np.uint8)}, "votes is"),
        ({"votes": np.full((56, 10), 0.1)}, "votes is float64; expected how many taggers"),
        ({"votes": np.full((56, 10), -1)}, "whole numbers from 0 to 255"),
        ({"votes": np.full((56, 10), "3")}, "votes is <U1"),
        ({"classes": np.array(EMOTIONS, object)}, "not a readable .npz file"),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], words: str
) -> None:
    with pytest.raises(DataError, match=words) as refusal:
        read(archive(tmp_path, **changed))
    assert "\n" not in str(refusal.value)


def test_labels_that_the_votes_speak_against_are_refused(tmp_path: Path) -> None:
    """Kaggle's numbers under alphabetical names: sad, surprise and neutral change places."""
    emotion = np.tile(np.arange(7, dtype=np.uint8), 100)
    votes = np.zeros((700, 10), np.uint8)
    by_label = {label: COLUMNS.index(column) for column, label in FERPLUS_COLUMNS.items()}
    votes[np.arange(700), [by_label[EMOTIONS[k]] for k in emotion]] = 8
    right = archive(tmp_path, each=50, votes=votes)
    assert read(right).elsewhere is not None
    names = ("angry", "disgust", "fear", "sad", "surprise", "neutral", "happy")
    with pytest.raises(DataError, match=r"votes agree with 43% of its labels; is classes"):
        read(archive(tmp_path, each=50, votes=votes, classes=np.array(names)))


def test_votes_for_another_answer_are_kept_apart(tmp_path: Path) -> None:
    votes = np.zeros((56, 10), np.uint8)
    votes[0, COLUMNS.index("unknown")], votes[0, COLUMNS.index("contempt")] = 6, 2
    faces = read(archive(tmp_path, votes=votes))
    assert faces.votes[0].sum() == 0 and faces.elsewhere is not None
    assert faces.elsewhere[:2].tolist() == [6, 0]


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", image=np.zeros((1, 48, 48), np.uint8))
    with pytest.raises(DataError, match="it lacks emotion, classes, split, split_names"):
        read(tmp_path / "half.npz")


@pytest.mark.parametrize("kept", [0, 100, 30_000])
def test_a_cut_off_archive_is_refused(tmp_path: Path, kept: int) -> None:
    path = archive(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="not a readable .npz file"):
        read(path)


@pytest.mark.parametrize("at", range(0, 3_000, 150))
def test_a_flipped_bit_is_refused_or_does_no_harm(tmp_path: Path, at: int) -> None:
    """Compressed, as small files often are: what fails there is the unpacking."""
    path = archive(tmp_path)
    with np.load(path) as whole:
        arrays = dict(whole)
    np.savez_compressed(path, **arrays)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 0x40
    path.write_bytes(content)
    try:
        kept = read(path)
    except DataError as refusal:
        assert "\n" not in str(refusal)
    else:
        assert np.array_equal(kept.part("train").image, arrays["image"][arrays["split"] == 0])


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path)
    content = bytearray(path.read_bytes())
    content[5_000:6_000] = bytes(1_000)
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a readable .npz file"):
        read(path)


def test_missing_file_and_unknown_kind_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "none.npz")
    (tmp_path / "faces.txt").write_text("x")
    with pytest.raises(DataError, match=r"expected an \.npz file"):
        read(tmp_path / "faces.txt")


def test_kaggle_numbers_become_our_labels(tmp_path: Path) -> None:
    faces = read(kaggle(tmp_path, [row(k) for k in range(7)]))
    named = [EMOTIONS[k] for k in faces.emotion]
    assert named == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def test_kaggle_usage_becomes_our_splits(tmp_path: Path) -> None:
    usages = ("Training", "PublicTest", "PrivateTest")
    faces = read(kaggle(tmp_path, [row(0, usage) for usage in usages]))
    assert faces.sizes() == {"train": 1, "public_test": 1, "private_test": 1}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "holds no images"),
        (["0,1 2 3,Training"], "line 2: 3 pixels do not make a square"),
        (["0,,Training"], "line 2: 0 pixels"),
        (["0,1 2 x 4,Training"], "pixels are not all numbers"),
        (["0,1 2 300 4,Training"], "a pixel is outside 0 to 255"),
        ([row(7)], "emotion '7' is not 0 to 6"),
        ([row(0, "Exam")], "Usage 'Exam' is none of"),
        (["0"], "line 2: 0 pixels"),
        ([row(0), "0,1 2 3 4,Training"], "different sizes"),
    ],
)
def test_wrong_rows_are_refused(tmp_path: Path, rows: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(kaggle(tmp_path, rows))


def test_another_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a fer2013.csv, it lacks emotion, Usage"):
        read(kaggle(tmp_path, [], header="label,pixels"))


def test_a_csv_of_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_bytes(b"emotion,pixels,Usage\n\xff\xfe\x00")
    with pytest.raises(DataError, match="not a readable .csv file"):
        read(tmp_path / "fer2013.csv")


def test_folders_are_read_by_name(tmp_path: Path) -> None:
    faces = read(pictures(tmp_path))
    assert faces.sizes() == {"test": 7, "train": 7}
    assert faces.part("train").image[:, 0, 0].tolist() == [30 * k for k in range(7)]


def test_seven_folders_alone_are_one_split(tmp_path: Path) -> None:
    assert read(pictures(tmp_path) / "train").sizes() == {"all": 7}


def test_pictures_of_different_sizes_are_brought_to_one(tmp_path: Path) -> None:
    cv2.imwrite(str(pictures(tmp_path) / "train/sad/big.png"), np.zeros((80, 70), np.uint8))
    assert read(tmp_path).image.shape == (15, 96, 96)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 cut"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    (pictures(tmp_path) / "train/sad/notes.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"sad/notes\.jpg: not an image"):
        read(tmp_path)


def test_a_missing_or_unknown_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="its labels are angry, disgust, fear, happy, neutral, sad;"
    ):
        read(pictures(tmp_path, EMOTIONS[:6]))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected folders such as train/angry"):
        read(tmp_path)


def test_duplicates_are_found_pixel_for_pixel(tmp_path: Path) -> None:
    image = arrays()["image"]
    image[3] = image[30]
    faces = read(archive(tmp_path, image=image))
    found = stands_in(faces.part("train"), faces.part("public_test"))
    assert np.flatnonzero(found).tolist() == [3]


def test_no_picture_is_both_learned_and_held_out(tmp_path: Path) -> None:
    image = arrays(each=20)["image"]
    image[:70] = image[70:140]
    train = read(archive(tmp_path, each=20, image=image)).part("train")
    learn, held = validation_cut(train, 0.1, seed=1)
    assert len(learn) + len(held) == 140
    assert not stands_in(held, learn).any()
    assert set(held.emotion) == set(range(7))


def test_the_cut_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    train = read(archive(tmp_path, each=20)).part("train")
    cuts = [validation_cut(train, 0.1, seed)[1].digest() for seed in (1, 1, 2)]
    assert cuts[0] == cuts[1] != cuts[2]


def test_data_and_evaluation_import_no_tensorflow() -> None:
    code = (
        "import sys, ml.data, ml.archives, ml.evaluate, ml.calibration\n"
        "print([name for name in ('tensorflow', 'keras', 'django') if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert shown.stdout.strip() == "[]"
