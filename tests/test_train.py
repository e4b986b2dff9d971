"""Training: a short real run, going on after a stop, and every way to be refused.

What changes faces, mixes targets and reads settings is tested here too, without TensorFlow.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.augment import Augment, augmented, resized
from ml.checkpoints import Checkpoint, CheckpointError, load, save
from ml.labels import HAPPY, NEUTRAL
from ml.settings import Settings, SettingsError, Stage, overridden, read_settings, settings_from
from ml.targets import soft_targets
from tests.painted import painted_faces, tiny_settings

# Keras's own conversion of TensorFlow arrays, thousands of times.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIGS = Path(__file__).resolve().parent.parent / "ml" / "configs"
STILL = Augment(0, 0, 0, 0, 0, 0, 0, 0)


def noise(count: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def run(*options: object) -> int:
    from ml.train import main

    return main([str(option) for option in ("--quiet", *options)])


def epochs_of(folder: Path) -> list[int]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["epoch"] for line in lines]


@pytest.mark.tensorflow
def test_a_short_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    # Only the head learns here, which TensorFlow makes ready in a fifth of the time; all layers
    # learn in test_export.
    data, config = painted_faces(tmp_path, each=12), tiny_settings(tmp_path, 2, frozen=True)
    common = ("--data", data, "--config", config, "--init", "none", "--out", tmp_path / "run")
    assert run(*common, "--stop-after", 1) == 0
    halfway = load(tmp_path / "run" / "last.npz")
    assert run(*common, "--resume") == 0
    assert epochs_of(tmp_path / "run") == [1, 2]
    end = load(tmp_path / "run" / "last.npz")
    steps = int(end.optimizer[0]), int(halfway.optimizer[0])
    assert steps[0] == 2 * steps[1] > 0
    assert any((a != b).any() for a, b in zip(halfway.weights, end.weights, strict=True))
    assert load(tmp_path / "run" / "best.npz").progress["side"] == 32


@pytest.mark.tensorflow
def test_grey_input_is_the_same_arithmetic_as_three_equal_colours() -> None:
    from ml import network

    colour = network.backbone(32, 3, 0.35)
    model = network.build(32, network.Shape(alpha=0.35))
    grey_kernel = colour.get_layer("Conv1").get_weights()[0].sum(axis=2, keepdims=True)
    model.get_layer("Conv1").set_weights([grey_kernel])
    face = resized(noise(1), 32)
    first = network.keras.Model(model.input, model.get_layer("Conv1").output)
    other = network.keras.Model(colour.input, colour.get_layer("Conv1").output)
    assert np.allclose(first(face), other(np.repeat(face, 3, axis=3)), atol=1e-5)


@pytest.mark.tensorflow
def test_settling_gives_batch_norm_the_means_of_what_it_is_shown() -> None:
    from ml import network

    keras = network.keras
    norm = keras.layers.BatchNormalization(momentum=0.99)
    model = keras.Sequential([keras.Input((4, 4, 1)), norm])
    batches = [np.full((2, 4, 4, 1), value, np.float32) for value in (1.0, 2.0, 6.0)]
    network.settle(model, batches)
    assert float(norm.moving_mean[0]) == pytest.approx(3.0)
    assert norm.momentum == 0.99


@pytest.mark.tensorflow
def test_a_cut_off_checkpoint_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, config = painted_faces(tmp_path, each=5), tiny_settings(tmp_path, epochs=1)
    (tmp_path / "last.npz").write_bytes(b"PK\x03\x04 cut")
    options = ("--data", data, "--config", config, "--out", tmp_path)
    assert run(*options, "--resume") == 2
    shown = capsys.readouterr().err
    assert "damaged or not a checkpoint" in shown and shown.count("\n") == 1
    assert run(*options) == 2
    assert "holds a run already" in capsys.readouterr().err


@pytest.mark.tensorflow
@pytest.mark.parametrize("init", ["nowhere.h5", "painted.npz"])
def test_weights_that_cannot_be_read_end_in_one_line(
    tmp_path: Path, init: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, config = painted_faces(tmp_path, each=5), tiny_settings(tmp_path, epochs=1)
    options = ("--data", data, "--config", config, "--out", tmp_path / "run")
    assert run(*options, "--init", tmp_path / init) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("ml.train: --init") and shown.count("\n") == 1


@pytest.mark.tensorflow
def test_a_run_does_not_go_on_with_other_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = {"data": "other", "settings": {}, "done": 1, "best": 0.5}
    save(tmp_path / "last.npz", Checkpoint([], [], progress))
    data, config = painted_faces(tmp_path, each=5), tiny_settings(tmp_path, epochs=1)
    assert run("--data", data, "--config", config, "--out", tmp_path, "--resume") == 2
    assert "was trained on other data" in capsys.readouterr().err


@pytest.mark.tensorflow
def test_pictures_of_the_check_split_are_not_trained_on(tmp_path: Path) -> None:
    from ml.data import read, stands_in
    from ml.train import split_faces

    faces = read(painted_faces(tmp_path))
    image = faces.image.copy()
    image[1] = image[0]
    doubled = type(faces)(
        image, faces.emotion, faces.votes, faces.split, faces.split_names, "painted"
    )
    split = split_faces(doubled, settings_from({}, source="test"))
    assert split.check is not None
    assert not stands_in(split.learn, split.check).any()
    assert len(split.learn) + len(split.held) == len(doubled.part("train")) - 1


def test_checkpoints_come_back_as_they_were(tmp_path: Path) -> None:
    kept = Checkpoint([np.arange(3.0)], [np.array(7)], {"done": 2})
    save(tmp_path / "last.npz", kept)
    back = load(tmp_path / "last.npz")
    assert back.weights[0].tolist() == [0, 1, 2]
    assert (int(back.optimizer[0]), back.progress) == (7, {"done": 2})
    assert [file.name for file in tmp_path.iterdir()] == ["last.npz"]


@pytest.mark.parametrize("kept", [0, 40, 500])
def test_a_checkpoint_cut_off_anywhere_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "last.npz"
    save(path, Checkpoint([np.zeros(200)], [np.array(1)], {"done": 1}))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load(path)


def test_an_unchanged_face_is_what_the_worker_would_see() -> None:
    faces = noise()
    for side in (32, 64, 96):
        moved = augmented(faces, side, STILL, np.random.default_rng(0))
        assert np.abs(moved - resized(faces, side)).max() <= 2 / 127.5


def test_flipped_faces_are_mirrored() -> None:
    faces = noise()
    mirrored = augmented(faces, 48, Augment(1, 0, 0, 0, 0, 0, 0, 0), np.random.default_rng(0))
    assert np.abs(mirrored - resized(faces[:, :, ::-1], 48)).max() <= 2 / 127.5


def test_the_same_seed_changes_faces_alike() -> None:
    once, again, other = (
        augmented(noise(), 48, Augment(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (once == again).all() and (once != other).any()
    assert once.min() >= -1 and once.max() <= 1 and once.shape == (8, 48, 48, 1)


def test_targets_mix_label_and_votes() -> None:
    votes = np.zeros((1, 7), np.uint8)
    votes[0, NEUTRAL], votes[0, HAPPY] = 8, 2
    mixed = soft_targets(np.array([HAPPY]), votes, label_weight=0.6, smoothing=0.0)[0]
    assert mixed[HAPPY] == pytest.approx(0.6 + 0.4 * 0.2)
    assert mixed[NEUTRAL] == pytest.approx(0.4 * 0.8)


def test_targets_without_votes_are_the_label_alone() -> None:
    sole = soft_targets(
        np.array([HAPPY]), np.zeros((1, 7), np.uint8), label_weight=0.6, smoothing=0.07
    )[0]
    assert sole[HAPPY] == pytest.approx(0.94) and sole.sum() == pytest.approx(1)


def test_every_configuration_in_the_project_can_be_read() -> None:
    configs = sorted(CONFIGS.glob("*.toml"))
    assert configs
    for config in configs:
        assert read_settings(config).name == config.stem


def test_side_and_epochs_replace_the_stages() -> None:
    assert overridden(Settings(), side=64, epochs=3).stages == (Stage(64, 3),)
    assert overridden(Settings(), side=None, epochs=None) == Settings()
    for side, epochs in ((16, None), (None, 0)):
        with pytest.raises(SettingsError, match="--side, --epochs: every stage needs"):
            overridden(Settings(), side=side, epochs=epochs)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed = 3", "no setting is called 'speed'"),
        ("batch = 'many'", "batch = 'many' should be int"),
        ("stages = []", "every stage needs"),
        ("[[stages]]\nside = 16", "every stage needs a side of 32"),
        ("batch = 0", "batch must be 1 or more"),
        ("smoothing = 1.5", "smoothing = 1.5 is not 0 to 1"),
        ("stages = 3", "stages should be a list"),
        ("[augment]\nspin = 1", "no setting is called 'spin'"),
        ("batch = ", "not a TOML file"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_settings(tmp_path / "run.toml")


def test_a_missing_configuration_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
