from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.live import Room
from dashboard.stored import LessonState, OpenFlag, Person, Stored, Tap
from dashboard.workers import Worker

NOW = 1_800_000_000.0
LESSON = LessonState(7, "Optics", "Physics", "ABC", "live", True, 2000, NOW - 900)
NAMES = {1: "Asha", 2: "Ben", 3: "Chandra"}


def stored(**changes: Any) -> Stored:
    people = [Person(one, name, NOW - 600, NOW - 5) for one, name in NAMES.items()]
    fields = {
        "at": NOW - 20,
        "lesson": LESSON,
        "people": people,
        "slices": {},
        "taps": [],
        "marks": [],
        "flags": [],
    }
    return Stored(**{**fields, **changes})


def presence(at: float, *students: int, camera: str = "on", process: str = "a") -> dict[str, Any]:
    told = {str(student): {"camera": camera, "since": NOW - 600} for student in students}
    return {"process": process, "at": at, "students": told, "left": {}}


def reading(at: float, student: int, **changes: Any) -> dict[str, Any]:
    told = {
        "at": at,
        "seq": int(at),
        "state": "reading",
        "why": None,
        "top": "neutral",
        "sure": 0.8,
        "face_since": at,
        **changes,
    }
    return {"at": at, "students": {str(student): json.dumps(told)}}


def no_face(at: float, student: int, face_at: float) -> dict[str, Any]:
    return reading(at, student, state="no_face", top=None, sure=None, face_since=face_at)


def tap(at: float, student: int, kind: str, tap_id: str, undone: bool = False) -> dict[str, Any]:
    return {"taps": [{"id": tap_id, "student": student, "kind": kind, "at": at, "undone": undone}]}


def room(**changes: Any) -> Room:
    made = Room(away_after_s=80)
    made.stored(stored(**changes))
    made.worker = Worker("ok", analysing=1, offered=1)
    return made


@pytest.fixture
def classroom() -> Room:
    made = room()
    made.presence(presence(NOW - 2, 1, 2, 3))
    for student in NAMES:
        made.reading(reading(NOW - 1, student))
    return made


def words(made: Room, now: float = NOW) -> dict[int, str]:
    return {student: row["words"] for student, row in made.picture(now).rows.items()}


def test_everyone_reads_as_something(classroom: Room):
    picture = classroom.picture(NOW)
    assert [row["words"] for row in picture.rows.values()] == ["reads as neutral"] * 3
    assert picture.counts == {"room": 3, "cameras": 3, "readable": 3, "away": 0}
    assert picture.coverage == {"readable": 3, "of": 3, "words": "3 of 3 readable", "dots": "fff"}


def test_a_student_without_camera_is_neither_readable_nor_away(classroom: Room):
    classroom.presence(presence(NOW, 1, 2, 3, camera="off"))
    picture = classroom.picture(NOW + 300)
    assert picture.counts["away"] == 0
    classroom.presence(presence(NOW + 300, 1, 2, 3, camera="off"))
    assert set(words(classroom, NOW + 300).values()) == {"no camera"}
    assert classroom.picture(NOW + 300).coverage["dots"] == "ooo"


def test_a_process_silent_for_15_s_is_dropped(classroom: Room):
    assert words(classroom, NOW + 12)[1] == "waiting"
    assert words(classroom, NOW + 14)[1] == "reconnecting"


def test_before_the_roll_call_is_answered_nobody_seems_to_reconnect():
    made = room(
        at=NOW - 1,
        people=[
            Person(1, "Asha", NOW - 600, NOW - 30, camera="on"),
            Person(2, "Ben", NOW - 600, NOW - 30, camera="none"),
            Person(3, "Chandra", NOW - 600, NOW - 200, camera="on"),
        ],
    )
    assert list(words(made).values()) == ["waiting", "no camera", "disconnected 3 min"]
    assert words(made, NOW + 6)[1] == "reconnecting"
    made.presence(presence(NOW, 2))
    assert words(made)[1] == "reconnecting"


def test_another_process_keeps_its_students(classroom: Room):
    classroom.presence(presence(NOW + 14, 2, process="b"))
    classroom.reading(reading(NOW + 14, 2))
    said = words(classroom, NOW + 15)
    assert (said[1], said[2]) == ("reconnecting", "reads as neutral")


def test_pressing_leave_shows_when(classroom: Room):
    message = presence(NOW, 2, 3) | {"left": {"1": NOW - 1}}
    classroom.presence(message)
    assert words(classroom)[1] == "left 07:59"
    assert classroom.picture(NOW).counts["room"] == 2


def test_whoever_comes_back_has_not_left(classroom: Room):
    classroom.presence(presence(NOW, 2, 3) | {"left": {"1": NOW - 1}})
    classroom.presence(presence(NOW + 1, 1, 2, 3))
    classroom.reading(reading(NOW + 1, 1))
    assert words(classroom, NOW + 2)[1] == "reads as neutral"


def test_one_missed_face_keeps_the_reading(classroom: Room):
    classroom.reading(no_face(NOW + 1, 1, NOW - 1))
    assert words(classroom, NOW + 2)[1] == "reads as neutral"


def test_a_long_missing_face_is_out_of_view_then_away(classroom: Room):
    classroom.presence(presence(NOW + 130, 1))
    classroom.reading(no_face(NOW + 60, 1, NOW))
    assert words(classroom, NOW + 60)[1] == "out of view 1:00"
    classroom.reading(no_face(NOW + 130, 1, NOW))
    assert words(classroom, NOW + 130)[1] == "away 2 min"
    assert classroom.picture(NOW + 130).counts["away"] == 1


def test_without_a_worker_everyone_waits(classroom: Room):
    classroom.worker = Worker("none", seen_at=NOW - 60)
    assert set(words(classroom).values()) == {"waiting"}
    assert classroom.picture(NOW).worker["words"] == "Faces not analysed since 07:59"


def test_the_worker_says_what_it_does():
    assert Worker("ok", analysing=24.1, offered=25).words == "analysing 24 of 25/s"
    assert Worker("ok").words == "no pictures right now"
    assert Worker(simulated=True).is_there


def test_a_removed_student_is_gone_and_a_renamed_one_has_the_new_name(classroom: Room):
    classroom.student({"student": 1, "name": "Asha", "removed": True, "at": NOW})
    classroom.student({"student": 2, "name": "Benedict", "removed": False, "at": NOW})
    rows = classroom.picture(NOW).rows
    assert (1 in rows, rows[2]["name"]) == (False, "Benedict")


def test_a_raised_hand_stays_in_sight_until_it_fades(classroom: Room):
    classroom.taps(tap(NOW - 10, 1, "hand", "x"))
    classroom.taps(tap(NOW - 5, 1, "got_it", "y"))
    row = classroom.picture(NOW).rows[1]
    assert row["tap"] == {"kind": "hand", "words": "Raised hand", "at": round(NOW - 10)}
    assert classroom.picture(NOW + 296).taps == []


def test_an_undone_tap_is_gone_whichever_comes_first():
    made = room()
    made.taps(tap(NOW - 9, 1, "lost", "x", undone=True))
    made.taps(tap(NOW - 9, 1, "lost", "x"))
    assert made.picture(NOW).taps == []


def flag(number: int, kind: str, student: int | None = 1, **changes: Any) -> OpenFlag:
    fields = {"since": NOW - 60 - number, "raised_at": NOW - 10, "sure": 0.62, **changes}
    return OpenFlag(number, kind, student, **fields)


def test_at_most_three_flags_show_and_help_comes_first():
    flags = [flag(1, "low"), flag(2, "away", 2), flag(3, "turned", 3), flag(4, "help", 2)]
    shown = room(flags=flags).flags_shown(NOW)
    assert [card["kind"] for card in shown["flags"]] == ["help", "away", "turned"]
    assert (shown["more"], shown["more_words"]) == (1, "1 more")


def test_a_card_says_who_what_since_when_and_how_sure():
    card = room(flags=[flag(1, "low", since=NOW - 250)]).flags_shown(NOW)["flags"][0]
    assert card["title"] == "Expression reads low"
    assert card["reason"] == ("Expression has read lower than Asha's usual for 4 min (maybe).")
    assert (card["words_since"], card["tentative"]) == ("4 min", True)


def test_a_snoozed_flag_and_one_of_a_removed_student_do_not_show():
    made = room(flags=[flag(1, "low", snoozed_until=NOW + 1), flag(2, "away", 2)])
    made.student({"student": 2, "name": "Ben", "removed": True, "at": NOW})
    assert made.flags_shown(NOW)["flags"] == []
    assert made.flags_shown(NOW + 2)["flags"][0]["id"] == 1


def test_face_flags_fold_away_when_fewer_than_half_were_useful():
    flags = [flag(1, "low"), flag(2, "help", 2)]
    shown = room(flags=flags, useful=9, rated=20).flags_shown(NOW)
    assert [card["kind"] for card in shown["flags"]] == ["help"]
    assert shown["folded"]["words"] == "Face flags are hidden: you found 9 of 20 useful."
    assert room(flags=flags, useful=10, rated=20).flags_shown(NOW)["folded"] is None
    assert room(flags=flags, useful=1, rated=19).flags_shown(NOW)["folded"] is None


def test_with_analysis_off_nobody_is_said_to_have_no_camera():
    made = room(lesson=LessonState(7, "Optics", "Physics", "ABC", "live", False, 2000, NOW))
    made.presence(presence(NOW, 1, 2, 3, camera="none"))
    assert set(words(made).values()) == {"here"}


def test_consent_taken_back_leaves_the_student_and_nothing_read():
    made = room()
    made.presence(presence(NOW, 1))
    made.reading(reading(NOW, 1, top="happy"))
    assert words(made)[1] == "reads as happy"
    made.forget(1, face_only=True)
    assert words(made)[1] == "waiting"
    made.forget(1)
    assert 1 not in words(made)


def test_a_student_unknown_by_name_is_a_stranger_until_read():
    made = room(people=[])
    made.presence(presence(NOW, 1))
    assert made.strangers == {1}
    made.stored(stored())
    assert made.strangers == set()


def test_the_count_of_readable_students_stays_still_while_samples_come_and_go(classroom: Room):
    dice, counts = random.Random(3), set()
    for second in range(300):
        now = NOW + second
        if second % 2 == 0:
            classroom.presence(presence(now, *NAMES))
        for student in NAMES:
            if second % 2 == student % 2:
                missed = dice.random() < 0.2
                state = dice.choice(("unsure", "no_face")) if missed else "reading"
                changes = {"state": state} | ({"top": None, "sure": None} if missed else {})
                classroom.reading(reading(now, student, **changes))
        counts.add(classroom.picture(now).counts["readable"])
    assert counts == {3}


def test_a_student_whom_nothing_reads_any_more_is_grey_after_ten_seconds(classroom: Room):
    for second in range(2, 13, 2):
        told = reading(NOW + second, 1, state="unsure", why="dark", top=None, sure=None)
        classroom.reading(told)
    classroom.presence(presence(NOW + 12, 1, 2, 3))
    assert words(classroom, NOW + 9)[1] == "reads as neutral"
    assert words(classroom, NOW + 12)[1] == "unsure"


MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("presence", presence(NOW - 9, 1)),
    ("presence", presence(NOW - 6, 1, 2, camera="off")),
    ("presence", presence(NOW - 3, 1, 2, 3)),
    ("presence", presence(NOW - 4, 3, process="b")),
    ("presence", presence(NOW - 2, process="b") | {"left": {"3": NOW - 2.5}}),
    ("reading", reading(NOW - 8, 1)),
    ("reading", reading(NOW - 5, 1, top="happy", sure=0.7)),
    ("reading", no_face(NOW - 2, 1, NOW - 5)),
    ("reading", no_face(NOW - 3, 2, NOW - 60)),
    ("reading", reading(NOW - 7, 3, state="unsure", why="dark", top=None, sure=None)),
    ("taps", tap(NOW - 100, 2, "lost", "a")),
    ("taps", tap(NOW - 100, 2, "lost", "a", undone=True)),
    ("taps", tap(NOW - 50, 3, "hand", "b")),
    ("student", {"student": 2, "name": "Benedict", "removed": False, "at": NOW - 5}),
    ("student", {"student": 2, "name": "B.", "removed": False, "at": NOW - 8}),
]


def told(messages: list[tuple[str, dict[str, Any]]]) -> Any:
    made = room(taps=[Tap("c", 1, "got_it", NOW - 20)])
    for name, message in messages:
        getattr(made, name)(message)
    return made.picture(NOW)


@settings(max_examples=60, deadline=None)
@given(st.permutations(MESSAGES), st.lists(st.sampled_from(MESSAGES), max_size=8))
def test_order_and_repetition_do_not_change_the_picture(shuffled: Any, again: Any):
    assert told([*shuffled, *again]) == told(MESSAGES)


def test_a_newer_reading_than_the_stored_state_survives_a_late_database_read(classroom: Room):
    classroom.changed(
        {
            "at": NOW,
            "lesson": {
                "paused": True,
                "locked": False,
                "quiet_until": 0,
                "interval_ms": 2000,
                "analysis": True,
            },
        }
    )
    classroom.stored(stored(at=NOW - 1))
    assert classroom.lesson is not None and classroom.lesson.paused
