"""No message to the teacher's page is long, however large the class and however long the lesson."""

from __future__ import annotations

import json
from typing import Any

from classroom.sockets import as_text
from dashboard.changes import SAME, change
from dashboard.parcels import parted, slices
from dashboard.sparklines import NOTHING, Sparklines
from dashboard.stored import Person
from tests.test_desk import OPENED, desk, stored, tell

KILOBYTES_30 = 30_000
LONG_NAME = "आशालता" * 10


def crowd(until: int, students: int) -> dict[str, Any]:
    people = [Person(one, f"{LONG_NAME}{one}", OPENED, until) for one in range(students)]
    return {"students": students, "people": people}


def lengths(messages: list[dict[str, Any]]) -> list[int]:
    return [len(as_text(message).encode()) for message in messages]


def test_a_small_class_opens_with_one_message():
    assert len(desk(OPENED + 600).opening(OPENED + 606)) == 1


def test_two_hundred_long_names_open_with_messages_under_30_kilobytes():
    until = OPENED + 600
    made = desk(until, **crowd(until, 200))
    messages = made.opening(until + 6)
    assert max(lengths(messages)) <= KILOBYTES_30
    rows = [row for one in messages for row in one.get("tick", {}).get("students", [])]
    lines = [at for one in messages for at in one.get("slice", {}).get("sparklines", {})]
    assert [row["id"] for row in rows] == lines == messages[0]["hello"]["ids"] == list(range(200))


def test_charts_of_three_hundred_points_come_one_by_one_under_30_kilobytes():
    until = OPENED + 3000
    made = desk(until, **crowd(until, 6))
    assert len(made.charts(until + 6)["engagement"]["data"][0]["y"]) == 300
    messages = made.opening(until + 6)
    assert max(lengths(messages)) <= KILOBYTES_30
    assert sum("charts" in one.get("slice", {}) for one in messages) == 3


def test_ten_seconds_of_two_hundred_students_are_told_by_what_is_new():
    until = OPENED + 600
    made = desk(until, **crowd(until, 200))
    made.opening(until + 6)
    told = [made.charts(until + 6), made.lines()]
    made.refresh(stored(until + 10, **crowd(until + 10, 200)))
    tell(made, until + 16)
    [length] = lengths([news := made.slice_told(until + 16)])
    assert length < KILOBYTES_30 / 3
    assert set(news["slice"]["tails"]["of"][7]) == {0.0}
    assert change(told[0], made.charts(until + 16)) == news["slice"]["charts"]


def test_a_second_in_which_all_change_at_once_is_short():
    until = OPENED + 600
    made = desk(until, **crowd(until, 200))
    made.opening(until + 6)
    reading = {"at": until + 7, "seq": 2, "state": "reading", "top": "happy", "sure": 0.9}
    text = json.dumps(reading | {"face_since": until + 7})
    made.room.reading({"students": dict.fromkeys(map(str, range(200)), text)})
    messages = made.tick(until + 7)
    assert len(messages[0]["tick"]["students"]) == 200
    assert max(lengths(messages)) <= KILOBYTES_30


def test_nothing_new_in_the_charts_is_not_told():
    made = desk(OPENED + 600)
    made.hello(OPENED + 606)
    told = made.slice_told(OPENED + 606)["slice"]
    assert "charts" not in told and told["tails"]["of"] == {}
    assert change({}, {}) is SAME


def test_a_line_is_told_by_its_end_and_a_late_row_by_all_after_it():
    line = [*NOTHING[3:], 0.1, 0.2, 0.3]
    told = Sparklines(1000, {1: line, 2: line})
    later = {1: [*line[1:], 0.4], 2: [*line[1:-1], 0.9, None], 3: [*NOTHING[1:], 0.5]}
    news = Sparklines(1010, later).since(told)
    assert news == {"until": 1010, "of": {1: [0.4], 2: [0.9, None], 3: [0.5]}}


def test_the_first_message_of_many_has_everything_but_the_long_parts():
    until = OPENED + 600
    hello = desk(until, **crowd(until, 200)).hello(until + 6)
    head = parted(hello)[0]["hello"]
    assert head["picture"]["counts"]["room"] == 200
    assert head["pulse"] == hello["hello"]["pulse"]
    assert "charts" not in head and head["picture"]["rows"] == {}


def test_a_class_that_comes_in_at_once_is_told_in_several_ticks():
    until = OPENED + 600
    made = desk(until, students=1)
    made.opening(until + 6)
    made.refresh(stored(until, **crowd(until, 200)))
    tell(made, until + 7)
    messages = [one for one in made.tick(until + 7) if "tick" in one]
    assert max(lengths(messages)) <= KILOBYTES_30
    assert [row["id"] for one in messages for row in one["tick"]["students"]] == list(range(200))
    assert ["counts" in one["tick"] for one in messages] == [True] + [False] * (len(messages) - 1)


def test_charts_that_are_new_from_their_beginning_come_one_by_one():
    figure = {"data": ["x" * 20_000]}
    charts = {"mood": {"simple": figure, "seven": figure}, "engagement": figure}
    parts = slices({"slice": {"pulse": {}, "charts": charts, "tails": {}}})
    assert max(lengths(parts)) <= KILOBYTES_30
    assert parts[0] == {"slice": {"pulse": {}, "tails": {}}}
    joined: dict[str, Any] = {"mood": {}}
    for part in parts[1:]:
        joined["mood"] |= part["slice"]["charts"].get("mood", {})
        joined |= {key: value for key, value in part["slice"]["charts"].items() if key != "mood"}
    assert joined == charts


def test_a_student_let_in_again_gets_the_whole_small_line():
    made = desk(OPENED + 600)
    made.hello(OPENED + 606)
    for removed, at in ((True, 606), (False, 616)):
        told = {"student": 2, "name": "S2", "removed": removed, "at": OPENED + at}
        made.room.student(told)
        tails = made.slice_told(OPENED + at)["slice"]["tails"]["of"]
    assert tails == {2: [0.0] * 60}
