"""Distillation: what teachers say of the training faces, kept and mixed into the targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.augment import Augment, scaled
from ml.checkpoints import Checkpoint, save
from ml.data import read
from ml.distill import (
    AT_ONCE,
    Teacher,
    TeacherError,
    changed,
    main,
    open_teacher,
    save_teacher,
    taught,
)
from ml.settings import Settings, Stage, as_table
from tests.painted import painted_faces

# Keras's own conversion of TensorFlow arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_teachers_answer_takes_its_share_of_the_target(tmp_path: Path) -> None:
    train = read(painted_faces(tmp_path, each=5)).part("train")
    learn = train.take(np.arange(len(train))[::-2])
    logits = np.zeros((len(train), 7), np.float32)
    logits[np.arange(len(train)), (train.emotion + 1) % 7] = 50.0
    labels = np.eye(7, dtype=np.float32)[learn.emotion]
    teacher = Teacher(logits, "data", "train")
    mixed = taught(labels, learn, train, teacher, weight=0.25, heat=1.0)
    rows = np.arange(len(learn))
    assert np.allclose(mixed[rows, learn.emotion], 0.75)
    assert np.allclose(mixed[rows, (learn.emotion + 1) % 7], 0.25)


def test_heat_makes_the_teacher_less_sure(tmp_path: Path) -> None:
    train = read(painted_faces(tmp_path, each=5)).part("train")
    logits = np.zeros((len(train), 7), np.float32)
    logits[:, 0] = 2.0
    nothing = np.zeros((len(train), 7), np.float32)
    teacher = Teacher(logits, "data", "train")
    cool, hot = (taught(nothing, train, train, teacher, weight=1, heat=h) for h in (1.0, 4.0))
    assert cool[0, 0] == pytest.approx(np.exp(2) / (np.exp(2) + 6), rel=1e-5)
    assert hot[0, 0] == pytest.approx(np.exp(0.5) / (np.exp(0.5) + 6), rel=1e-5)


def test_answers_are_kept_to_a_thousandth(tmp_path: Path) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 7)).astype(np.float32)
    save_teacher(tmp_path / "teacher.npz", Teacher(logits, "digest", "train"))
    kept = open_teacher(tmp_path / "teacher.npz")
    assert (kept.data, kept.split) == ("digest", "train")
    assert np.allclose(kept.logits, logits, rtol=1e-3, atol=1e-3)


def test_a_file_that_is_no_teacher_ends_in_words(tmp_path: Path) -> None:
    path = tmp_path / "teacher.npz"
    path.write_bytes(b"PK cut")
    with pytest.raises(TeacherError, match="ml.distill makes them"):
        open_teacher(path)
    logits = np.random.default_rng(0).normal(size=(2000, 7))
    save_teacher(path, Teacher(logits, "digest", "train"))
    content = bytearray(path.read_bytes())
    content[9_000:13_000] = bytes(4_000)
    path.write_bytes(content)
    with pytest.raises(TeacherError, match="ml.distill makes them"):
        open_teacher(path)


@pytest.mark.tensorflow
def test_answers_of_other_data_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml import train

    data = painted_faces(tmp_path, each=5)
    save_teacher(tmp_path / "other.npz", Teacher(np.zeros((9, 7)), "other", "train"))
    config = tmp_path / "config.toml"
    config.write_text(f'teacher = "{tmp_path / "other.npz"}"\n')
    options = ["--data", str(data), "--config", str(config), "--out", str(tmp_path / "run")]
    assert train.main([*options, "--init", "none", "--quiet"]) == 2
    assert "answers are for other data" in capsys.readouterr().err
    digest = read(data).digest()
    save_teacher(tmp_path / "other.npz", Teacher(np.zeros((9, 7)), digest, "public_test"))
    assert train.main([*options, "--init", "none", "--quiet"]) == 2
    assert "answers are for public_test, not for train" in capsys.readouterr().err


@pytest.mark.tensorflow
def test_two_runs_are_averaged_over_faces_as_they_are_or_as_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml.distill import answers
    from ml.keras_engine import KerasEngine

    data = painted_faces(tmp_path, each=5)
    faces = read(data)
    settings = Settings(alpha=0.35, stages=(Stage(32, 1),))
    weights = KerasEngine(settings).start("none")
    rng = np.random.default_rng(1)
    for name in ("one", "two"):
        moved = [w + 0.1 * rng.random(w.shape).astype(np.float32) for w in weights]
        progress = {"side": 32, "settings": as_table(settings), "data": faces.digest()}
        (tmp_path / name).mkdir()
        save(tmp_path / name / "best.npz", Checkpoint(moved, [], progress))
    runs = [option for name in ("one", "two") for option in ("--run", str(tmp_path / name))]
    assert main([*runs, "--data", str(data), "--out", str(tmp_path / "teacher.npz")]) == 0
    assert '"split": "train"' in capsys.readouterr().out
    kept = open_teacher(tmp_path / "teacher.npz")
    train = faces.part("train")
    said = [answers(tmp_path / name, train) for name in ("one", "two")]
    assert kept.data == faces.digest() and np.abs(said[0] - said[1]).max() > 0.01
    assert np.allclose(kept.logits, np.mean(said, axis=0), rtol=2e-3, atol=2e-3)
    views = [answers(tmp_path / "one", train, 2) for _ in range(2)]
    assert np.array_equal(*views)


def test_changed_views_show_every_face_once_and_another_way_each_time() -> None:
    image = np.random.default_rng(0).integers(0, 256, (AT_ONCE + 9, 48, 48), dtype=np.uint8)
    dice = np.random.default_rng(1)
    first, second = (list(changed(image, 48, Augment(), dice)) for _ in range(2))
    assert [len(part) for part in first] == [AT_ONCE, 9]
    assert all(np.abs(a - b).max() > 0.1 for a, b in zip(first[1], second[1], strict=True))
    still = Augment(flip=0, shift=0, rotate_degrees=0, zoom=0, contrast=0, brightness=0)
    still = replace(still, blur=0, erase=0)
    assert np.allclose(np.concatenate(list(changed(image, 48, still, dice))), scaled(image))


def test_fewer_than_no_views_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--run", "a", "--data", "b", "--out", "c", "--views", "-1"])
    assert "--views is -1; give 0 or more" in capsys.readouterr().err
