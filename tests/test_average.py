"""Runs that part from one network, averaged into one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.average import averaged, main
from ml.checkpoints import Checkpoint, load, save
from ml.engines import InitError
from ml.settings import Settings, Stage, as_table
from ml.train import main as train
from tests.painted import painted_faces

# Keras's own conversion of TensorFlow arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_every_weight_is_the_mean() -> None:
    one, two = ([np.full((2, 3), value, np.float32), np.array([value])] for value in (1.0, 4.0))
    assert [array.mean() for array in averaged([one, two])] == [2.5, 2.5]


def test_networks_of_different_sizes_are_refused() -> None:
    with pytest.raises(InitError, match="different sizes"):
        averaged([[np.zeros(3)], [np.zeros(4)]])


def test_a_start_without_settings_cannot_come_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "start.npz", Checkpoint([np.zeros(3)], [], {"side": 32}))
    options = ["--run", str(tmp_path / "start.npz"), "--data", "x", "--out", str(tmp_path)]
    assert main(options) == 2
    assert "name a run of ml.train first" in capsys.readouterr().err


@pytest.mark.tensorflow
def test_an_average_is_a_run_to_go_on_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = painted_faces(tmp_path, each=8)
    config = tmp_path / "tiny.toml"
    config.write_text("alpha = 0.35\naverage = 0.5\n[[stages]]\nside = 32\nepochs = 1\n")
    plain = ["--data", str(data), "--config", str(config), "--quiet"]
    one, two, both, on = (str(tmp_path / name) for name in ("one", "two", "both", "on"))
    assert train([*plain, "--out", one, "--init", "none"]) == 0
    assert train([*plain, "--out", two, "--init", f"{one}/final.npz"]) == 0
    capsys.readouterr()
    assert main(["--run", one, "--run", two, "--data", str(data), "--out", both]) == 0
    assert json.loads(capsys.readouterr().out)["averaged"] == 2
    kernels = [load(Path(run) / "final.npz").weights[0] for run in (one, two, both)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4
    assert np.allclose(kernels[2], (kernels[0] + kernels[1]) / 2, atol=1e-6)
    settings = Settings(alpha=0.35, average=0.5, stages=(Stage(32, 1),))
    told = load(Path(both) / "final.npz").progress
    assert told["settings"] == as_table(settings)
    assert (told["done"], told["averaged"], told["side"]) == (1, 2, 32)
    assert train([*plain, "--out", on, "--init", f"{both}/final.npz"]) == 0
    cut = load(Path(two) / "final.npz")
    cut.progress["settings"]["cut_seed"] = 2
    save(tmp_path / "cut.npz", cut)
    apart = ["--run", one, "--run", str(tmp_path / "cut.npz"), "--data", str(data), "--out", both]
    assert main(apart) == 2
    assert "held other faces out than" in capsys.readouterr().err
    (other := tmp_path / "other").mkdir()
    elsewhere = str(painted_faces(other, each=9))
    assert main(["--run", one, "--run", two, "--data", elsewhere, "--out", both]) == 2
    assert "not the data that all these runs" in capsys.readouterr().err
