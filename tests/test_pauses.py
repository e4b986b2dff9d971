"""Of all that a teacher does, only a pause touches the student's camera; asked by Node."""

from __future__ import annotations

from tests import node

CAMERA = "return given.map(([before, now]) => module.cameraAfter(before, now));"

OPEN = {"paused": False, "locked": False, "interval_ms": 2000}
PAUSED = {**OPEN, "paused": True}


def camera_after(*news: dict) -> list[str]:
    """What each message does, the first after a page that has just opened."""
    told = [{"paused": False}, *news]
    return node.asked("pauses.js", CAMERA, list(zip(told, told[1:], strict=False)))


def test_a_pause_turns_it_off_and_its_end_on_again():
    assert camera_after(OPEN, PAUSED, OPEN) == ["", "off", "on"]


def test_a_marker_a_lock_and_a_reconnecting_leave_it_alone():
    assert camera_after(OPEN, OPEN, {**OPEN, "locked": True}, OPEN) == ["", "", "", ""]


def test_each_word_of_a_pause_turns_it_off_whatever_it_is_doing():
    assert camera_after(PAUSED, PAUSED, {**PAUSED, "locked": True}) == ["off", "off", "off"]


def test_a_pause_that_ended_while_the_line_was_down_is_over():
    assert camera_after(PAUSED, OPEN, OPEN) == ["off", "on", ""]
