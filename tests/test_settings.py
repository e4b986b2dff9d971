"""A run's settings: what is in the project can be read, and what cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.settings import Settings, SettingsError, Stage, overridden, read_settings

CONFIGS = Path(__file__).resolve().parent.parent / "ml" / "configs"


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
        ("network = 'vgg'", "network = 'vgg' is not mobilenetv2 or residual"),
        ("network = 'residual'", 'a residual network needs engine = "torch"'),
        ("smoothing = 1.5", "smoothing = 1.5 is not 0 to 1"),
        ("stages = 3", "stages should be a list"),
        ("cut_seed = -1", "seed and cut_seed must be 0 or more"),
        ("validation_share = 1.0", "leaves no faces to learn from"),
        ("[augment]\nerase_side = 1.4", "erase_side = 1.4 is not 0 to 1"),
        ("[augment]\ngamma = -0.1", "gamma = -0.1 is not 0 or more"),
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
