"""The model card says what was measured, of this very network, and nothing was typed by hand."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ml.card import CARD, FIGURES, drawings, kept, main
from ml.card_text import card
from ml.classifier import DEFAULT, MODELS, SIDECAR
from ml.drawing import confusion, lines
from ml.labels import EMOTIONS
from ml.robustness import CHANGES
from tests.test_data import archive

TEXT = "{http://www.w3.org/2000/svg}text"


def sidecar() -> dict:
    return json.loads((MODELS / SIDECAR).read_text("utf-8"))


def figures() -> dict:
    return json.loads((MODELS / FIGURES).read_text("utf-8"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shipped networks where a test may write a card of its own."""
    for path in MODELS.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path / DEFAULT.name


def test_the_committed_card_is_the_one_its_figures_make() -> None:
    assert (MODELS / CARD).read_text("utf-8") == card(sidecar(), figures())


def test_the_committed_drawings_are_those_of_the_figures() -> None:
    for name, picture in drawings(figures()).items():
        assert (MODELS / name).read_text("utf-8") == picture
        assert f"]({name})" in (MODELS / CARD).read_text("utf-8")


def test_the_figures_are_of_the_committed_network() -> None:
    told = figures()
    assert told["version"] == sidecar()["version"] == told["evaluate"]["version"]
    for kind, file in sidecar()["files"].items():
        content = (MODELS / file["path"]).read_bytes()
        assert told["sha256"][kind] == file["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["evaluate"]["accuracy"] == pytest.approx(sidecar()["figures"]["accuracy"], abs=1e-4)
    assert told["whole_path"]["margin"] == sidecar()["crop"]["margin"]


def test_every_measurement_is_of_all_faces() -> None:
    told = figures()
    assert (told["evaluate"]["n"], told["evaluate"]["split"]) == (3589, "public_test")
    seen = {told[part]["n"] for part in ("robustness", "whole_path")}
    assert seen == {told["evaluate"]["shown"]["n"]} == {told["evaluate"]["ferplus_majority_n"]}
    assert set(told["robustness"]["under"]) == set(CHANGES)


def test_the_card_says_what_it_must() -> None:
    words = (MODELS / CARD).read_text("utf-8").lower()
    for wanted in (
        "intended use",
        "must not be used",
        "optimistic",
        "private test",
        "licence",
        "known defects",
        "95 % interval",
        "macro-f1",
        "fer+ majority",
        "ece",
        "unsure",
        "whole path",
        "jpeg quality 30",
        "one core",
        "fairness across groups is not shown",
        "how label and taggers were weighed",
    ):
        assert wanted in " ".join(words.split()), wanted


def test_the_card_says_how_much_earlier_networks_taught() -> None:
    told = sidecar()
    settings = told["training"]["settings"]
    for teacher, share, spoken in (("", 0.3, False), ("teacher.npz", 0.3, True)):
        settings |= {"teacher": teacher, "teacher_weight": share}
        words = " ".join(card(told, figures()).split())
        assert ("Then 0.3 of it gave way to what earlier networks" in words) is spoken


def test_no_figure_is_written_into_the_words() -> None:
    """Only sizes, years, names of papers and what others found may stand in the text's source."""
    told = figures()
    other = json.loads(json.dumps(told), parse_float=lambda _: 0.4321)
    for level in other["evaluate"]["shown"]["coverage"]:
        level["unsure_below"] = 0.4321
    for size in other["whole_path"]["sizes"]:
        size["outcomes"] = {"unsure": 4321}
    other["whole_path"]["n"] = 10_000
    readings = {name: {"temperature": 0.4321, "shift": []} for name in ("shown", "labelled")}
    text = card({**sidecar(), **readings, "figures": {}}, other)
    shares = set(re.findall(r"\d+\.\d+(?= ?%)", text))
    assert shares <= {"43.2", "43.21"}


def test_figures_of_another_network_are_refused(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    description = json.loads(copied.with_name(SIDECAR).read_text("utf-8"))
    copied.with_name(SIDECAR).write_text(json.dumps({**description, "version": "other"}))
    assert main(["--model", str(copied)]) == 2
    shown = capsys.readouterr().err
    assert "measured on another network" in shown and shown.count("\n") == 1
    copied.with_name(FIGURES).unlink()
    assert main(["--model", str(copied)]) == 2
    assert "no figures yet" in capsys.readouterr().err


def test_without_data_the_card_is_written_again_alike(copied: Path) -> None:
    copied.with_name(CARD).unlink()
    assert main(["--model", str(copied)]) == 0
    for name in (CARD, FIGURES, *drawings(kept(copied))):
        assert copied.with_name(name).read_bytes() == (MODELS / name).read_bytes()


def test_one_command_measures_and_writes_everything(copied: Path, tmp_path: Path) -> None:
    data = archive(tmp_path)
    assert main(["--data", str(data), "--model", str(copied)]) == 0
    told = kept(copied)
    assert told["evaluate"]["n"] == told["robustness"]["n"] == told["whole_path"]["n"] == 28
    assert told["speed"]["whole_per_second"] > 0
    assert "public_test, 28 faces" in copied.with_name(CARD).read_text("utf-8")


def test_wrong_data_ends_in_one_line(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "none.npz"), "--model", str(copied)]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_the_confusion_drawing_has_a_cell_for_every_pair() -> None:
    tree = ElementTree.fromstring(confusion(EMOTIONS, 3 * np.eye(7, dtype=int)))
    words = [text.text for text in tree.iter(TEXT)]
    assert words.count("100%") == 7 and words.count("0%") == 42
    assert all(words.count(label) == 2 for label in EMOTIONS)


def test_lines_carry_their_names_and_odd_names_stay_words() -> None:
    drawn = lines({"a<b": [(0.1, 0.9), (1.0, 0.7)]}, title="t", across="x", up="y")
    tree = ElementTree.fromstring(drawn)
    assert "a<b" in [text.text for text in tree.iter(TEXT)]
    flat = lines({"flat": [(1, 0.5), (1, 0.5)]}, title="t", across="x", up="y")
    assert "nan" not in flat and "inf" not in flat


def test_a_card_of_another_split_says_which_one_networks_were_chosen_on() -> None:
    told = figures()
    told["evaluate"] |= {"split": "private_test", "duplicates_of_train": 5}
    made = " ".join(card(sidecar(), told).split())
    assert "`public_test` was used for choosing between networks" in made
    assert "`private_test` was used for choosing" not in made and "never opened" not in made
    assert "they were left out of training" not in made and "chosen on public_test" in made


def test_the_card_says_of_how_many_runs_a_network_is_the_mean() -> None:
    told = sidecar()
    said = "the mean of 3 such runs' weights"
    for runs, there in ((1, False), (3, True)):
        told["training"]["averaged"] = runs
        assert (said in card(told, figures())) == there


def test_the_card_says_when_a_network_is_asked_at_another_size_than_it_learnt_at() -> None:
    told = sidecar()
    for side in (96, 128):
        told["side"] = told["training"]["settings"]["stages"][-1]["side"] = side
        assert f"| {side} × {side} px, grey" in card(told, figures())
    told["side"] = 112
    assert "| 112 × 112 px (learnt from faces of 128 px), grey" in card(told, figures())
