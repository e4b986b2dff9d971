from __future__ import annotations

from dataclasses import replace

import pytest

from emotions.pulse import Conditions, Level, Pulse, Signals, arrow, grey_line, raw_word

NOW = 1_800_000_000.0
CLASS = Signals(room=24, cameras=20, readable=20)
KNOWN = Conditions(first_read_at=NOW - 600)
CHECK, MIXED, STEADY = Level.CHECK_IN, Level.MIXED, Level.STEADY

LINES = [
    # One signal at 20 % and three students; 10 % and two; each just under and at its line.
    (CHECK, Signals(room=15, readable=15, lost=3)),
    (MIXED, Signals(room=16, readable=16, lost=3)),
    (MIXED, Signals(room=9, readable=9, lost=2)),
    (MIXED, Signals(room=20, readable=20, lost=2)),
    (STEADY, Signals(room=21, readable=21, lost=2)),
    (STEADY, Signals(room=24, readable=24, lost=1)),
    (CHECK, Signals(room=40, readable=15, low=3, together=3)),
    (MIXED, Signals(room=40, readable=16, low=3, together=3)),
    (CHECK, Signals(room=40, readable=10, turned=3, together=3)),
    (CHECK, Signals(room=40, readable=10, cameras=15, away=3, together=3)),
    (MIXED, Signals(room=40, readable=10, cameras=16, away=3, together=3)),
    # Different signals together at 20 % of the room.
    (MIXED, Signals(room=15, readable=15, cameras=15, lost=1, low=1, away=1, together=3)),
    (STEADY, Signals(room=16, readable=16, cameras=16, lost=1, low=1, away=1, together=3)),
    (STEADY, Signals()),
]


@pytest.mark.parametrize(("level", "signals"), LINES)
def test_the_word_changes_at_its_lines(level: Level, signals: Signals):
    assert raw_word(signals) == level


def run(pulse: Pulse, signals: Signals, seconds: range, conditions: Conditions = KNOWN) -> None:
    for second in seconds:
        pulse.step(NOW + second, signals, conditions)


def key(pulse: Pulse, second: float, conditions: Conditions = KNOWN) -> str:
    return pulse.said(NOW + second, conditions).key


def test_a_calm_class_is_steady():
    pulse = Pulse()
    run(pulse, CLASS, range(0, 30, 10))
    said = pulse.said(NOW + 30, KNOWN)
    assert (said.word, said.line) == ("Steady", "Nobody needs a look right now")


def test_worse_takes_twenty_seconds():
    pulse = Pulse()
    run(pulse, CLASS, range(0, 60, 10))
    run(pulse, replace(CLASS, low=6, together=6), range(60, 80, 10))
    assert key(pulse, 79) == "steady"
    run(pulse, replace(CLASS, low=6, together=6), range(80, 90, 10))
    said = pulse.said(NOW + 80, KNOWN)
    assert (said.key, said.since) == ("check_in", NOW + 80)
    assert said.line == "6 of 20 read lower than their usual"


def test_a_blink_changes_nothing():
    pulse = Pulse()
    for second in range(0, 200, 10):
        low = 6 if second % 20 else 0
        run(pulse, replace(CLASS, low=low, together=low), range(second, second + 1))
    assert key(pulse, 200) == "steady"


def test_worse_by_steps_takes_the_step_that_lasted():
    pulse = Pulse()
    run(pulse, replace(CLASS, low=2, together=2), range(0, 10, 10))
    run(pulse, replace(CLASS, low=6, together=6), range(10, 30, 10))
    assert key(pulse, 20) == "mixed"
    run(pulse, replace(CLASS, low=6, together=6), range(30, 40, 10))
    assert key(pulse, 30) == "check_in"


def test_better_takes_sixty_seconds():
    pulse = Pulse()
    run(pulse, replace(CLASS, low=6, together=6), range(0, 30, 10))
    run(pulse, CLASS, range(30, 90, 10))
    assert key(pulse, 89) == "check_in"
    run(pulse, CLASS, range(90, 100, 10))
    assert key(pulse, 90) == "steady"


def test_a_repeated_tick_changes_nothing():
    pulse = Pulse()
    for _ in range(5):
        run(pulse, replace(CLASS, low=6, together=6), range(0, 20, 10))
    assert key(pulse, 20) == "steady"


def test_taps_set_the_word_and_the_line_names_the_faces():
    pulse = Pulse()
    run(pulse, replace(CLASS, lost=6, together=6), range(0, 30, 10))
    said = pulse.said(NOW + 30, KNOWN)
    assert (said.word, said.line) == ("Check in", "6 tapped Lost. Faces read steady.")


def test_taps_and_faces_that_agree_name_the_taps():
    pulse = Pulse()
    run(pulse, replace(CLASS, lost=6, low=6, together=9), range(0, 30, 10))
    assert pulse.said(NOW + 30, KNOWN).line == "6 of 24 tapped Lost in the last 5 min"


def test_the_line_counts_what_is_there_now_while_the_word_still_holds():
    pulse = Pulse()
    run(pulse, replace(CLASS, lost=7, together=7), range(0, 30, 10))
    run(pulse, replace(CLASS, lost=2, together=2), range(30, 40, 10))
    said = pulse.said(NOW + 40, KNOWN)
    assert (said.word, said.line) == ("Check in", "2 tapped Lost. Faces read steady.")


GREY = [
    ("Waiting for students", Signals(), KNOWN),
    ("Paused", CLASS, replace(KNOWN, paused=True, worker=False)),
    ("Faces not analysed since 07:58", CLASS, replace(KNOWN, worker=False, analysed_at=NOW - 90)),
    ("Faces are not read in this lesson. Taps count.", CLASS, replace(KNOWN, analysis=False)),
    ("No camera is on. Taps count.", Signals(room=24), KNOWN),
    ("Quiet work until 08:10: no flags", CLASS, replace(KNOWN, quiet_until=NOW + 600)),
    ("Getting to know the class · 2:10 left", CLASS, replace(KNOWN, first_read_at=NOW - 50)),
    ("Getting to know the class · 3:00 left", CLASS, replace(KNOWN, first_read_at=0)),
    ("Not enough faces to say (9 of 20)", replace(CLASS, readable=9), KNOWN),
    ("", replace(CLASS, readable=10), KNOWN),
    ("Not enough faces to say (4 of 20)", replace(CLASS, readable=4), KNOWN),
    ("Small group: see each student below", Signals(room=4, cameras=4, readable=4), KNOWN),
    ("", Signals(room=5, cameras=5, readable=5), KNOWN),
    ("", CLASS, replace(KNOWN, quiet_until=NOW - 1)),
    ("", CLASS, replace(KNOWN, first_read_at=NOW - 180)),
]


@pytest.mark.parametrize(("line", "signals", "conditions"), GREY)
def test_no_word_where_it_would_be_a_guess(line: str, signals: Signals, conditions: Conditions):
    assert grey_line(signals, NOW, conditions) == line


def test_faces_set_no_word_while_grey():
    paused = replace(KNOWN, paused=True)
    pulse = Pulse()
    run(pulse, replace(CLASS, low=20, together=20), range(0, 60, 10), paused)
    said = pulse.said(NOW + 60, paused)
    assert (said.grey, said.key, said.line) == (True, "", "Paused")


def test_taps_count_while_grey():
    paused = replace(KNOWN, paused=True)
    pulse = Pulse()
    run(pulse, replace(CLASS, lost=6, together=6), range(0, 30, 10), paused)
    said = pulse.said(NOW + 30, paused)
    assert (said.grey, said.word) == (False, "Check in")
    assert said.line == "6 of 24 tapped Lost in the last 5 min"


def test_a_word_from_faces_does_not_outlive_a_pause():
    pulse = Pulse()
    run(pulse, replace(CLASS, low=6, together=6), range(0, 30, 10))
    run(pulse, CLASS, range(30, 40, 10), replace(KNOWN, paused=True))
    run(pulse, CLASS, range(40, 50, 10))
    assert key(pulse, 50) == "steady"


def test_arrow_needs_more_than_a_tenth():
    before = dict.fromkeys(range(6), 0.2)
    assert arrow(dict.fromkeys(range(6), 0.31), before) == "rising"
    assert arrow(dict.fromkeys(range(6), 0.3), before) == "holding"
    assert arrow(dict.fromkeys(range(6), 0.1), before) == "holding"
    assert arrow(dict.fromkeys(range(6), 0.09), before) == "falling"


def test_joining_and_leaving_cannot_move_the_arrow():
    before = {**dict.fromkeys(range(6), 0.2), 98: -1.0}
    assert arrow({**dict.fromkeys(range(6), 0.2), 99: 1.0}, before) == "holding"


def test_under_five_common_students_there_is_no_arrow():
    assert arrow(dict.fromkeys(range(4), 1.0), dict.fromkeys(range(9), 0.0)) == ""
    assert arrow(dict.fromkeys(range(5), 1.0), dict.fromkeys(range(9), 0.0)) == "rising"


@pytest.mark.parametrize("extreme", [-1.0, 1.0])
def test_five_students_joining_or_leaving_never_turn_the_arrow(extreme: float):
    staying = dict.fromkeys(range(6), 0.2)
    five = dict.fromkeys(range(90, 95), extreme)
    assert arrow({**staying, **five}, staying) == "holding"
    assert arrow(staying, {**staying, **five}) == "holding"
