"""Which labels are written over a chart, as the page's script chooses them; run by Node."""

from __future__ import annotations

from tests import node

CHOOSE = """
const range = [module.ms("2026-03-02 09:00:00"), module.ms("2026-03-02 09:05:00")];
return module.readable(given, range, 600).map(({ text }) => text);
"""


def written(*told: tuple[str, str], anchor: str = "left") -> list[str]:
    """Of labels told in order, those written over five minutes from nine o'clock on 600 px."""
    notes = [
        {"name": "label", "text": text, "x": f"2026-03-02 09:{at}", "xanchor": anchor}
        for text, at in told
    ]
    return node.asked("labels.js", CHOOSE, notes)


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
