"""Which labels are written over a chart, as the page's script chooses them; run by Node."""

from __future__ import annotations

import json
import subprocess

from tests.running import ROOT

CHOOSE = """
const source = require("fs").readFileSync("static/js/labels.js", "utf8");
import("data:text/javascript," + encodeURIComponent(source)).then(({ ms, readable }) => {
  const notes = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const range = [ms("2026-03-02 09:00:00"), ms("2026-03-02 09:05:00")];
  console.log(JSON.stringify(readable(notes, range, 600).map(({ text }) => text)));
});
"""


def written(*told: tuple[str, str], anchor: str = "left") -> list[str]:
    """Of labels told in order, those written over five minutes from nine o'clock on 600 px."""
    notes = [
        {"name": "label", "text": text, "x": f"2026-03-02 09:{at}", "xanchor": anchor}
        for text, at in told
    ]
    done = subprocess.run(
        ["node", "-e", CHOOSE],
        input=json.dumps(notes),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return json.loads(done.stdout)


def test_labels_with_room_between_them_are_all_written():
    assert written(("Settling in", "00:02"), ("Lenses", "02:00")) == ["Settling in", "Lenses"]


def test_of_two_in_one_place_the_newest_is_written():
    assert written(("Settling in", "00:02"), ("Lenses", "00:12")) == ["Lenses"]


def test_of_two_in_one_second_the_one_told_last_is_written():
    assert written(("Settling in", "00:02"), ("Lenses", "00:02")) == ["Lenses"]


def test_at_the_right_end_a_label_needs_its_room_on_the_left():
    told = ("Lenses", "04:20"), ("Mirrors and lenses", "04:55")
    assert written(*told) == ["Lenses", "Mirrors and lenses"]
    assert written(*told, anchor="right") == ["Mirrors and lenses"]
