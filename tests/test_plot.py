"""A run as a picture: every share of every epoch is drawn, and a run without any is said."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ml.plot import curves, main


def run(folder: Path, *epochs: dict) -> Path:
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in epochs))
    return folder


def epoch(number: int, **shares: float) -> dict:
    return {"epoch": number, "side": 48, "frozen": False, "loss": 0.9, "seconds": 1.0, **shares}


def test_shares_are_drawn_by_name_and_other_figures_are_not(tmp_path: Path) -> None:
    folder = run(tmp_path / "a", epoch(1, held_out=0.3), epoch(2, held_out=0.5, public_test=0.4))
    assert curves(folder) == {"held_out": [(1, 0.3), (2, 0.5)], "public_test": [(2, 0.4)]}
    assert main([str(folder)]) == 0
    words = "".join(ElementTree.parse(folder / "metrics.svg").getroot().itertext())
    assert "held_out" in words and "public_test" in words and "loss" not in words


def test_epochs_are_told_as_whole_numbers(tmp_path: Path) -> None:
    folder = run(tmp_path / "a", *(epoch(n, held_out=n / 10) for n in (1, 2, 3, 4)))
    assert main([str(folder)]) == 0
    root = ElementTree.parse(folder / "metrics.svg").getroot()
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [word for word in words if word.isdigit()] == ["1", "2", "3", "4"]


def test_several_runs_share_a_picture(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, epoch(1, held_out=0.3)) for name in ("plain", "mixup")]
    out = tmp_path / "both.svg"
    assert main([*map(str, folders), "--out", str(out)]) == 0
    assert "plain: held_out" in out.read_text() and "mixup: held_out" in out.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is .* the folder of a run"),
        ("", "tells of no epoch"),
        ('{"epoch": 1, "held_out": 0.5}\n{"epoch": 2, "hel', "line 2: not an epoch's figures"),
        ("[1]\n", "line 1: not an epoch's figures"),
    ],
)
def test_a_run_that_cannot_be_drawn_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    import re

    if text is not None:
        (tmp_path / "metrics.jsonl").write_text(text)
    assert main([str(tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert re.search(words, shown) and shown.count("\n") == 1
