"""The comparison of ingredients: one common run, and the same with one thing changed at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml.ablations import as_table, main, trials_of
from ml.checkpoints import load, save
from ml.data import read
from ml.settings import SettingsError
from ml.train import Run, split_faces
from tests.painted import painted_faces

# Keras's own conversion of TensorFlow arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHIPPED = Path(__file__).parents[1] / "ml" / "ablations.toml"
SEEDS = (SHIPPED.with_name("seeds.toml"), SHIPPED.with_name("seeds_rest.toml"))
SIZES = SHIPPED.with_name("sizes.toml")


def written(folder: Path, text: str) -> Path:
    path = folder / "ablations.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_shipped_change_differs_from_the_common_run_in_what_it_names() -> None:
    first, *changes = trials_of(SHIPPED, "imagenet")
    assert len(changes) >= 10
    for trial in changes:
        assert (trial.settings, trial.init) != (first.settings, first.init), trial.name
    hiding = next(trial for trial in changes if trial.name == "no hiding")
    assert hiding.settings.augment.erase == 0
    assert hiding.settings.augment.blur == first.settings.augment.blur


@pytest.mark.parametrize("config", SEEDS, ids=lambda path: path.stem)
def test_shipped_seeds_differ_in_nothing_else(config: Path) -> None:
    first, *others = trials_of(config, "none")
    assert len(others) >= 2
    assert all(replace(one.settings, seed=first.settings.seed) == first.settings for one in others)
    assert len({first.settings.seed, *(one.settings.seed for one in others)}) == 1 + len(others)


def test_sizes_differ_in_the_side_of_their_faces_alone() -> None:
    trials = trials_of(SIZES, "none")
    pairs = list(zip(trials[::2], trials[1::2], strict=True))
    for first, larger in pairs:
        (stage,) = first.settings.stages
        assert larger.settings == replace(first.settings, stages=(replace(stage, side=112),))
        assert stage.side == 96
    assert [first.settings.seed for first, _ in pairs] == [1, 2, 3]


def test_what_is_common_goes_on_from_a_configuration_file(tmp_path: Path) -> None:
    base = tmp_path / "base.toml"
    base.write_text("seed = 7\n[augment]\nflip = 0.1\nblur = 0.2\n")
    text = f'[common]\nconfig = "{base}"\nmixup = 0.3\n[common.augment]\nblur = 0.0\n'
    (only,) = trials_of(written(tmp_path, text), "none")
    settings = only.settings
    assert (settings.seed, settings.mixup) == (7, 0.3)
    assert (settings.augment.flip, settings.augment.blur) == (0.1, 0.0)
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read"):
        trials_of(written(tmp_path, '[common]\nconfig = "nowhere.toml"\n'), "none")


@pytest.mark.parametrize(
    ("text", "told"),
    (
        ("[[change]]\nname = 'x'\n", "needs .common."),
        ("[common]\n[[change]]\nmixup = 0.1\n", "a name in each"),
        ("[common]\n[[change]]\nname = 'x'\nmixupp = 0.1\n", "no setting is called 'mixupp'"),
        ("[common]\n[[change]]\nname = 'x'\n[[change]]\nname = 'x'\n", "two changes have one name"),
        ("[common\n", "needs .common."),
    ),
)
def test_a_comparison_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        trials_of(written(tmp_path, text), "none")


def test_rows_are_told_as_differences_in_points() -> None:
    first = {"name": "common", "labelled": 0.5, "macro_f1": 0.4, "at_80": 0.6, "shown": 0.7}
    other = first | {"name": "changed", "labelled": 0.512, "shown": 0.68}
    *_, common, changed = as_table([first, other]).splitlines()
    assert common == "| common | 50.0% | 40.0% | 60.0% | 70.0% |"
    assert changed == "| changed | +1.2 | +0.0 | +0.0 | -2.0 |"


@pytest.mark.tensorflow
def test_finished_runs_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = painted_faces(tmp_path, each=8)
    config = written(
        tmp_path,
        "[common]\nalpha = 0.35\n[[common.stages]]\nside = 32\nepochs = 1\n"
        "[[change]]\nname = 'no smoothing'\nsmoothing = 0.0\n",
    )
    options = ["--data", str(data), "--config", str(config), "--init", "none"]
    options += ["--out", str(tmp_path / "runs")]
    told = []
    for _ in range(2):
        assert main(options) == 0
        lines = capsys.readouterr().out.splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        told.append([row for row in rows if "name" in row])
    assert told[0] == told[1] and [row["name"] for row in told[0]] == [
        "nothing changed",
        "no smoothing",
    ]
    logs = [tmp_path / "runs" / name / "metrics.jsonl" for name in ("00", "01")]
    assert all(len(log.read_text().splitlines()) == 1 for log in logs)
    older = load(tmp_path / "runs" / "01" / "final.npz")
    assert older.progress["settings"].pop("cut_seed") == 1  # as from before there was one
    save(tmp_path / "runs" / "01" / "final.npz", older)
    assert main(options) == 0
    capsys.readouterr()
    config.write_text(config.read_text().replace("smoothing = 0.0", "smoothing = 0.1"))
    assert main(options) == 2
    assert "01: holds a run of other settings" in capsys.readouterr().err
    config.write_text(config.read_text().replace("smoothing = 0.1", "smoothing = 0.0"))
    start = str(tmp_path / "runs" / "00" / "final.npz")
    assert main([*options[:-3], start, *options[-2:]]) == 2
    assert "00: holds a run of other settings, start or data" in capsys.readouterr().err


@pytest.mark.tensorflow
def test_a_stopped_run_goes_on_after_its_last_whole_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = painted_faces(tmp_path, each=8), tmp_path / "runs"
    text = "[common]\nalpha = 0.35\n[[common.stages]]\nside = 32\nepochs = 2\n"
    config = written(tmp_path, text)
    (trial,) = trials_of(config, "none")
    (out / "00").mkdir(parents=True)
    begun = Run(trial.settings, split_faces(read(data), trial.settings), out / "00", quiet=True)
    begun.start("none")
    begun.go(stop_after=1)
    options = ["--data", str(data), "--config", str(config), "--init", "none", "--out", str(out)]
    other = text.replace("alpha", "mixup = 0.1\nalpha")
    config.write_text(other)
    assert main(options) == 2
    assert "00: holds a run of other settings" in capsys.readouterr().err
    config.write_text(text)
    assert main(options) == 0
    lines = (out / "00" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
