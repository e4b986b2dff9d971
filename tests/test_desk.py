"""One open teacher's page: told everything at first, then only what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from dashboard.desk import Desk
from dashboard.stored import LessonState, Mark, OpenFlag, Person, Row, Stored, Tap
from emotions.judge import QuietWork
from ml.labels import HAPPY, NEUTRAL, SAD

OPENED = 1_800_000_000
LESSON = LessonState(7, "Optics", "Physics", "ABC", "live", True, 2000, OPENED)
WORKER = {"state": "ok", "analysing": 5.0, "offered": 5.0, "since": OPENED}


def row(student: int, top: int = NEUTRAL) -> Row:
    shares = [0.0] * 7
    shares[top] = 5.0
    valence = {HAPPY: 5.0, SAD: -5.0}.get(top, 0.0)
    return Row(student, 5, engagement_sum=4, valence_sum=valence, shares=tuple(shares))


def stored(until: int, students: int = 6, dip_from: int = 0, **changes: Any) -> Stored:
    """Everyone neutral, until all of them read sad from `dip_from` on."""
    slices = {
        at: [row(one, SAD if dip_from and at >= dip_from else NEUTRAL) for one in range(students)]
        for at in range(OPENED, until, 10)
    }
    fields = {
        "at": until,
        "lesson": LESSON,
        "people": [Person(one, f"S{one}", OPENED, until) for one in range(students)],
        "slices": slices,
        "taps": [],
        "marks": [],
        "flags": [],
    }
    return Stored(**{**fields, **changes})


def desk(until: int, **changes: Any) -> Desk:
    made = Desk(stored(until, **changes), until + 6)
    made.worker(WORKER, until + 6)
    tell(made, until + 6)
    return made


def tell(made: Desk, now: float) -> None:
    """Everyone is connected and reads as neutral."""
    told = {str(one): {"camera": "on", "since": OPENED} for one in made.room.people}
    made.room.presence({"process": "a", "at": now, "students": told})
    reading = {"at": now, "seq": 1, "state": "reading", "top": "neutral", "sure": 0.8}
    text = json.dumps(reading | {"face_since": now})
    made.room.reading({"at": now, "students": dict.fromkeys(told, text)})


def test_hello_has_the_whole_lesson_so_far():
    hello = desk(OPENED + 600).hello(OPENED + 606)["hello"]
    assert hello["lesson"]["title"] == "Optics"
    assert len(hello["picture"]["rows"]) == 6
    assert len(hello["charts"]["engagement"]["data"][0]["y"]) == 60
    assert (hello["pulse"]["word"], hello["pulse"]["arrow_word"]) == ("Steady", "holding")
    assert hello["sparklines"][0] == [0.0] * 60


def test_a_second_without_news_sends_nothing():
    made = desk(OPENED + 600)
    made.hello(OPENED + 606)
    assert made.tick(OPENED + 607) == []


def test_only_changed_rows_go_out():
    made = desk(OPENED + 600)
    made.hello(OPENED + 606)
    reading = {"at": OPENED + 607, "seq": 2, "state": "reading", "top": "happy", "sure": 0.9}
    text = json.dumps(reading | {"face_since": OPENED + 607})
    made.room.reading({"at": OPENED + 607, "students": {"3": text}})
    [message] = made.tick(OPENED + 607)
    assert [row["id"] for row in message["tick"]["students"]] == [3]
    assert message["tick"]["students"][0]["words"] == "reads as happy"
    assert set(message["tick"]) == {"at", "students", "gone"}


def test_a_removed_student_is_told_as_gone():
    made = desk(OPENED + 600)
    made.hello(OPENED + 606)
    made.room.student({"student": 2, "name": "S2", "removed": True, "at": OPENED + 606})
    [message] = made.tick(OPENED + 607)
    assert message["tick"]["gone"] == [2]
    assert message["tick"]["removed"] == [{"id": 2, "name": "S2"}]


def test_a_pause_turns_the_word_grey_at_once():
    made = desk(OPENED + 600)
    made.hello(OPENED + 606)
    made.room.lesson = replace(made.lesson, paused=True)
    [message] = made.tick(OPENED + 607)
    assert (message["slice"]["pulse"]["grey"], message["slice"]["pulse"]["line"]) == (
        True,
        "Paused",
    )


def test_faces_speak_again_once_quiet_work_ended_by_itself():
    marks = [Mark(OPENED + 300, "quiet", "")]
    for dip_from, word in ((OPENED + 1000, "Steady"), (OPENED + 1200, "Check in")):
        until = dip_from + 190
        made = desk(until, dip_from=dip_from, marks=marks)
        assert made.pulse(until + 6)["word"] == word


def test_quiet_work_rests_the_very_slices_that_the_judge_rests():
    """It begins and ends in the middle of a slice, and both of these slices count."""
    marks = [Mark(OPENED + 305, "quiet", ""), Mark(OPENED + 405, "quiet_end", "")]
    past = desk(OPENED + 600, marks=marks).past(OPENED + 606)
    judged = QuietWork([OPENED + 305, OPENED + 405], [True, False])
    starts = range(OPENED, OPENED + 600, 10)
    rested = [at for at in starts if past.is_quiet(at)]
    assert rested == [at for at in starts if judged.touches(at)]
    assert rested == list(range(OPENED + 300, OPENED + 410, 10))


def test_steady_line_counts_who_asked():
    made = desk(OPENED + 600)
    assert made.hello(OPENED + 606)["hello"]["pulse"]["line"] == "Nobody needs a look right now"
    hand = OpenFlag(1, "help", 2, OPENED + 606, OPENED + 606)
    made.room.flags = [hand]
    told = made.tick(OPENED + 607)
    assert told[-1]["slice"]["pulse"]["line"] == "1 student to look at"
    made.room.flags = []
    assert made.tick(OPENED + 608)[-1]["slice"]["pulse"]["line"] == "Nobody needs a look right now"


def test_reloading_comes_to_the_same_word():
    watched = desk(OPENED + 300)
    watched.hello(OPENED + 306)
    for until in range(OPENED + 310, OPENED + 610, 10):
        watched.refresh(stored(until, dip_from=OPENED + 400))
        tell(watched, until + 6)
        watched.tick(until + 6)
    reloaded = desk(OPENED + 600, dip_from=OPENED + 400)
    reloaded.hello(OPENED + 606)
    said = watched.pulse(OPENED + 606)
    assert said["word"] == "Check in"
    assert said["line"] == "6 of 6 read lower than their usual"
    assert reloaded.pulse(OPENED + 606) == said


def test_the_flag_of_the_class_gives_the_pulses_own_reason():
    flag = OpenFlag(9, "class", None, OPENED + 560, OPENED + 580)
    made = desk(OPENED + 600, dip_from=OPENED + 400, flags=[flag])
    [card] = made.hello(OPENED + 606)["hello"]["flags"]["flags"]
    assert (card["title"], card["reason"]) == ("The class", "6 of 6 read lower than their usual.")


def test_the_arrow_falls_with_the_class():
    made = desk(OPENED + 600, dip_from=OPENED + 540)
    assert made.pulse(OPENED + 606)["arrow_word"] == "falling"


def test_taps_set_the_word_in_the_first_minutes():
    taps = [Tap(str(one), one, "lost", OPENED + 20) for one in range(3)]
    made = desk(OPENED + 60, taps=taps)
    made.hello(OPENED + 66)
    said = made.pulse(OPENED + 66)
    assert (said["word"], said["line"]) == ("Check in", "3 of 6 tapped Lost in the last 5 min")


def test_a_forgotten_student_leaves_the_charts():
    made = desk(OPENED + 600)
    made.forget(0)
    assert made.sparklines()[0] == [None] * 60
    assert all(0 not in rows for rows in made.timeline.rows.values())


def test_only_a_load_test_tells_which_snapshots_arrived():
    load = desk(OPENED + 600, lesson=replace(LESSON, mode="load"))
    load.hello(OPENED + 606)
    reading = {"at": OPENED + 607, "seq": 9, "state": "reading", "top": "neutral", "sure": 0.8}
    message = {"students": {"3": json.dumps(reading | {"face_since": OPENED + 607})}}
    load.room.reading(message)
    [told] = load.tick(OPENED + 607)
    assert told["tick"]["seqs"][3] == 9
    live = desk(OPENED + 600)
    live.hello(OPENED + 606)
    live.room.reading(message)
    assert all("seqs" not in told.get("tick", {}) for told in live.tick(OPENED + 607))


def test_what_goes_out_is_plain_json():
    made = desk(OPENED + 600)
    json.dumps(made.hello(OPENED + 606))
    json.dumps(made.slice_told(OPENED + 606))
