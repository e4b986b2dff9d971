"""Training: a short real run, going on after a stop, and every way to be refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.augment import resized
from ml.checkpoints import Checkpoint, CheckpointError, alone, finished, load, save
from ml.engines import EngineError, Rate, engine
from ml.settings import Settings, Stage, settings_from
from tests.painted import painted_faces, tiny_settings
from tests.test_batches import noise

# Keras's own conversion of TensorFlow arrays, thousands of times.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIGS = Path(__file__).resolve().parent.parent / "ml" / "configs"


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
    assert finished(tmp_path / "run").name == "best.npz"
    assert run(*common, "--resume") == 0
    assert epochs_of(tmp_path / "run") == [1, 2]
    end = load(tmp_path / "run" / "last.npz")
    steps = int(end.optimizer[0]), int(halfway.optimizer[0])
    assert steps[0] == 2 * steps[1] > 0
    assert any((a != b).any() for a, b in zip(halfway.weights, end.weights, strict=True))
    assert finished(tmp_path / "run").name == "final.npz"
    assert load(finished(tmp_path / "run")).progress["done"] == 2


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


@pytest.mark.tensorflow
def test_runs_of_several_seeds_are_judged_by_the_same_held_out_faces(tmp_path: Path) -> None:
    from ml.data import read
    from ml.train import split_faces

    faces = read(painted_faces(tmp_path, each=20))
    first, other, cut = (
        split_faces(faces, settings_from(table, source="test")).held.digest()
        for table in ({}, {"seed": 2}, {"cut_seed": 2})
    )
    assert first == other != cut


@pytest.mark.tensorflow
def test_a_run_does_not_go_on_with_another_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml.data import read

    data, config = painted_faces(tmp_path, each=5), tiny_settings(tmp_path, epochs=1)
    digest = read(data).digest()
    shape = {"alpha": 0.35, "validation_share": 0.1, "cut_seed": 2}
    progress = {"data": digest, "settings": shape, "done": 1, "best": 0.5}
    save(tmp_path / "last.npz", Checkpoint([], [], progress))
    assert run("--data", data, "--config", config, "--out", tmp_path, "--resume") == 2
    assert "was trained with another cut_seed" in capsys.readouterr().err


@pytest.mark.tensorflow
def test_a_run_does_not_go_on_from_one_that_held_other_faces_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = {"alpha": 0.35, "validation_share": 0.1}
    data, config = painted_faces(tmp_path, each=5), tiny_settings(tmp_path, epochs=1)
    options = ("--data", data, "--config", config, "--out", tmp_path / "run")
    for progress, told in (
        ({"settings": {**ours, "cut_seed": 2}}, "cut_seed 2, not 1"),
        ({"settings": {"alpha": 0.35}}, "validation_share 0.05, not 0.1"),
        ({"settings": ours, "cut": {**ours, "train_split": "all"}}, "train_split all, not train"),
    ):
        save(tmp_path / "start.npz", Checkpoint([], [], progress))
        assert run(*options, "--init", tmp_path / "start.npz") == 2
        assert f"held other faces out ({told})" in capsys.readouterr().err


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


def test_a_runs_folder_is_for_one_process_at_a_time(tmp_path: Path) -> None:
    at_work = "from pathlib import Path; from ml.checkpoints import alone; import sys\n"
    at_work += "with alone(Path(sys.argv[1])): print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", at_work, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=CONFIGS.parent.parent,
    ) as other:
        assert other.stdin and other.stdout and other.stdout.readline()
        with pytest.raises(CheckpointError, match="another ml.train"), alone(tmp_path):
            pass
        other.communicate(b"\n")
    with alone(tmp_path):
        assert not other.returncode


def test_the_rate_climbs_then_falls_to_a_hundredth() -> None:
    rate = Rate(peak=1e-3, steps=1000, warm_up=0.1)
    assert rate.at(0) == pytest.approx(1e-5)
    assert rate.at(100) == pytest.approx(1e-3)
    assert rate.at(550) == pytest.approx(0.505e-3)
    assert rate.at(1000) == pytest.approx(1e-5) == rate.at(2000)
    assert Rate(1e-3, 1000, 0.1, falls=False).at(900) == 1e-3


@pytest.mark.tensorflow
def test_both_engines_follow_the_same_rate() -> None:
    from ml.keras_engine import FallingRate

    rate = Rate(peak=1e-3, steps=1000, warm_up=0.1)
    falling = FallingRate(rate)
    for step in (0, 50, 100, 400, 1000, 1200):
        assert float(falling(step)) == pytest.approx(rate.at(step), rel=1e-4)


@pytest.mark.tensorflow
@pytest.mark.parametrize("side", [32, 48, 96])
def test_both_engines_are_the_same_network(side: int) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (requirements-torch.txt)")
    from ml import network
    from ml.keras_engine import KerasEngine
    from ml.torch_engine import TorchEngine

    settings = Settings(alpha=0.35, stages=(Stage(side, 1),))
    weights = KerasEngine(settings).start("none")
    rng = np.random.default_rng(0)
    weights = [abs(w) + 0.05 * rng.random(w.shape).astype(np.float32) - 0.01 for w in weights]
    model = network.build(side, network.Shape(alpha=0.35))
    network.assign(model.weights, weights)
    engine_of_torch = TorchEngine(settings)
    learner = engine_of_torch.learner(Stage(side, 1), weights, [], Rate(1e-3, 9, 0.1))
    faces = resized(noise(4), side)
    expected = model.predict(faces, verbose=0)
    found = engine_of_torch.opened(side, weights).logits(faces)
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    assert all((a == b).all() for a, b in zip(learner.weights(), weights, strict=True))


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "ml.torch_engine", raising=False)
    with pytest.raises(EngineError, match="requirements-torch.txt"):
        engine(Settings(engine="torch"))
