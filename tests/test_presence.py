"""Presence is told at once, then at most once a second, and wholly again every five."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from asgiref.sync import async_to_sync
from django.test import SimpleTestCase, TestCase

from classroom import presence
from classroom.models import Participant
from classroom.presence import Rooms
from tests import make

LESSON = 7
ON = {"camera": "on", "hand": 0}
NONE = {"camera": "none", "hand": 0}


class Bench:
    """Rooms with a clock that only the test moves, and what they sent and stored."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.stored: list[tuple[Any, ...]] = []
        self.broken = False
        self.told = asyncio.Event()
        self.rooms = Rooms(
            self.send, lambda *work: self.stored.append(work), clock=lambda: self.now, process="p"
        )

    async def send(self, group: str, message: dict[str, Any]) -> None:
        if self.broken:
            raise OSError
        self.sent.append((group, message))
        self.told.set()

    def after(self, seconds: float) -> list[dict[str, Any]]:
        """What is told when so much time has passed."""
        self.now += seconds
        self.sent.clear()
        async_to_sync(self.rooms.publish_due)()
        return [message for _, message in self.sent]

    def seen(self, seconds: float) -> dict[str, Any]:
        (message,) = self.after(seconds)
        return message["students"]


class PresenceTest(SimpleTestCase):
    def setUp(self):
        self.bench = Bench()
        self.rooms = self.bench.rooms

    def test_first_student_is_told_at_once(self):
        self.rooms.enter(LESSON, 1, ON)
        (message,) = self.bench.after(0)
        self.assertEqual(self.bench.sent[0][0], "teachers.7")
        self.assertEqual(message["students"], {"1": {"camera": "on", "since": 1000.0}})
        self.assertEqual((message["type"], message["process"]), ("room.presence", "p"))

    def test_further_changes_wait_for_the_second_to_pass(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        for student in range(2, 40):
            self.rooms.enter(LESSON, student, NONE)
        self.assertEqual(self.bench.after(0.9), [])
        self.assertEqual(len(self.bench.seen(0.1)), 39)
        self.assertEqual(self.bench.after(1), [])

    def test_everything_is_told_again_every_five_seconds(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        self.assertEqual(self.bench.after(4.9), [])
        self.assertEqual(list(self.bench.seen(0.1)), ["1"])

    def test_camera_that_goes_off_starts_a_new_since(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        self.bench.now += 30
        self.rooms.change(LESSON, 1, {"camera": "off"})
        self.assertEqual(self.bench.seen(0), {"1": {"camera": "off", "since": 1030.0}})

    def test_raised_hand_leaves_the_cameras_since_alone(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        self.bench.now += 30
        self.rooms.change(LESSON, 1, {"hand": 1030.0})
        self.assertEqual(self.bench.seen(0), {"1": {"camera": "on", "since": 1000.0}})

    def test_change_to_the_same_is_no_change(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        self.rooms.change(LESSON, 1, {"camera": "on"})
        self.assertEqual(self.bench.after(2), [])

    def test_student_who_went_is_told_as_gone_and_then_the_room_is_forgotten(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        self.rooms.leave(LESSON, 1)
        self.assertEqual(self.bench.seen(1), {})
        self.assertEqual(self.rooms.rooms, {})

    def test_pressing_leave_is_told_apart_from_a_lost_connection(self):
        for student in (1, 2, 3):
            self.rooms.enter(LESSON, student, ON)
        self.bench.after(0)
        self.rooms.leave(LESSON, 1, left=True)
        self.rooms.leave(LESSON, 2)
        (message,) = self.bench.after(1)
        self.assertEqual(message["left"], {"1": 1000.0})
        self.rooms.enter(LESSON, 1, ON)
        (message,) = self.bench.after(1)
        self.assertEqual(message["left"], {})

    def test_second_tab_keeps_the_seat_when_the_first_goes(self):
        first = self.rooms.enter(LESSON, 1, ON)
        second = self.rooms.enter(LESSON, 1, ON)
        self.rooms.leave(LESSON, 1, first)
        self.assertEqual(list(self.bench.seen(0)), ["1"])
        self.rooms.leave(LESSON, 1, second)
        self.assertEqual(self.bench.seen(1), {})

    def test_roll_call_is_answered_once_however_many_pass_it_on(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.after(0)
        for _ in range(50):
            self.rooms.publish_now(LESSON)
        self.assertEqual(self.bench.after(0.1), [])
        self.assertEqual(list(self.bench.seen(0.1)), ["1"])
        self.assertEqual(self.bench.after(0.3), [])

    def test_lessons_are_told_apart(self):
        self.rooms.enter(LESSON, 1, ON)
        self.rooms.enter(LESSON + 1, 2, ON)
        self.bench.after(0)
        groups = {group: message["students"].keys() for group, message in self.bench.sent}
        self.assertEqual(groups, {"teachers.7": {"1"}, "teachers.8": {"2"}})

    def test_message_is_plain_enough_for_any_layer(self):
        self.rooms.enter(LESSON, 1, ON)
        (message,) = self.bench.after(0)
        self.assertEqual(json.loads(json.dumps(message)), message)

    def test_layer_that_fails_is_tried_again_at_the_heartbeat(self):
        self.rooms.enter(LESSON, 1, ON)
        self.bench.broken = True
        with self.assertLogs("classroom.presence", "WARNING"):
            self.bench.after(0)
        self.bench.broken = False
        self.assertEqual(list(self.bench.seen(5)), ["1"])

    def test_nobody_unknown_changes_or_leaves(self):
        self.rooms.change(LESSON, 1, ON)
        self.rooms.leave(LESSON, 1)
        self.rooms.publish_now(LESSON)
        self.assertEqual(self.bench.after(10), [])

    def test_loop_of_its_own_tells_and_ends_when_all_are_gone(self):
        async def lesson() -> None:
            self.rooms.enter(LESSON, 1, ON)
            await self.until_sent(1)
            self.bench.now += 1
            self.rooms.leave(LESSON, 1)
            await asyncio.wait_for(self.rooms.task, 60)

        async_to_sync(lesson)()
        self.assertEqual([len(message["students"]) for _, message in self.bench.sent], [1, 0])

    async def until_sent(self, number: int) -> None:
        async with asyncio.timeout(60):
            await self.bench.told.wait()
        self.assertEqual(len(self.bench.sent), number)


class StoreTest(TestCase):
    """What Rooms gives to the writer, performed here at once."""

    def setUp(self):
        self.student = make.participant(camera="none")
        self.bench = Bench()

    def perform(self) -> Participant:
        for fn, *args in self.bench.stored:
            fn(*args)
        self.bench.stored.clear()
        return Participant.objects.get(pk=self.student.pk)

    def test_coming_camera_and_leaving_are_stored(self):
        rooms, key = self.bench.rooms, (self.student.lesson_id, self.student.pk)
        rooms.enter(*key, ON)
        row = self.perform()
        self.assertEqual((row.camera, row.left_at, row.seen_at.timestamp()), ("on", None, 1000.0))
        rooms.change(*key, {"camera": "off"})
        self.assertEqual(self.perform().camera, "off")
        self.bench.now += 60
        rooms.leave(*key, left=True)
        self.assertEqual(self.perform().left_at.timestamp(), 1060.0)

    def test_lost_connection_is_not_leaving(self):
        rooms, key = self.bench.rooms, (self.student.lesson_id, self.student.pk)
        rooms.enter(*key, ON)
        self.bench.now += 60
        rooms.leave(*key)
        row = self.perform()
        self.assertEqual((row.left_at, row.seen_at.timestamp()), (None, 1060.0))

    def test_who_stays_is_seen_once_a_minute(self):
        self.bench.rooms.enter(self.student.lesson_id, self.student.pk, ON)
        self.bench.after(0)
        self.perform()
        stored = []
        for _ in range(24):
            self.bench.after(5)
            stored += [work[0] for work in self.bench.stored]
            self.bench.stored.clear()
        self.assertEqual(stored, [presence.store_seen] * 2)
