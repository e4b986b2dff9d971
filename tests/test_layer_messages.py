"""Every message on the channel layer is made of what msgpack packs.

The in-memory layer copies anything, Redis packs: a datetime or a UUID would pass every other test
and fail in production.
"""

from __future__ import annotations

import uuid
from typing import Any
from unittest import mock

from django.test import TransactionTestCase
from django.utils import timezone

from classroom.presence import Rooms
from emotions import attention, room, taps
from emotions.frames import frames
from emotions.judge import Judging
from emotions.publish import Publisher
from emotions.slices import Slices, store
from tests import make
from tests.readings import reading

PLAIN = (str, int, float, bool, type(None))


def check_plain(value: Any, path: str = "message") -> None:
    if type(value) in PLAIN:
        return
    if type(value) is list:
        for place, item in enumerate(value):
            check_plain(item, f"{path}[{place}]")
        return
    assert type(value) is dict, f"{path} is a {type(value).__name__}"
    for name, item in value.items():
        assert type(name) is str, f"{path} has a key of {type(name).__name__}"
        check_plain(item, f"{path}.{name}")


class Layer:
    """Takes every message and keeps it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.sent.append((group, message))

    @property
    def types(self) -> set[str]:
        return {message["type"] for _, message in self.sent}


class LayerMessagesTest(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        self.layer = Layer()
        patch = mock.patch("emotions.publish.get_channel_layer", return_value=self.layer)
        patch.start()
        self.addCleanup(patch.stop)
        self.student = make.participant()
        self.lesson = self.student.lesson

    def test_the_check_itself_fails_for_a_datetime_and_a_uuid(self) -> None:
        for bad in (timezone.now(), uuid.uuid4(), {1: "a"}, (1, 2)):
            with self.assertRaises(AssertionError):
                check_plain({"type": "x", "value": bad})

    async def test_every_message_is_plain(self) -> None:
        await self.act()
        await self.measure()
        expected = {
            "lesson.changed",
            "lesson.student",
            "lesson.flags",
            "lesson.taps",
            "lesson.readings",
            "lesson.slices",
            "student.consent",
            "room.presence",
        }
        self.assertEqual(self.layer.types, expected)
        for _, message in self.layer.sent:
            check_plain(message)

    async def act(self) -> None:
        now = timezone.now()
        tap = await room.in_database(
            taps.save, self.lesson.pk, self.student.pk, "hand", uuid.uuid4(), now
        )
        await room.tell_tap(tap)
        (flag,) = await room.in_database(attention.open_flags, self.lesson.pk)
        await room.snooze(self.lesson, flag["id"])
        await room.verdict(self.lesson, flag["id"], useful=True)
        await room.dismiss(self.lesson, flag["id"])
        await room.pause(self.lesson)
        await room.resume(self.lesson)
        await room.quiet(self.lesson, True)
        await room.add_marker(self.lesson, "Ohm's law")
        await room.rename(self.student, "Asha")
        await room.withdraw(self.student)
        await room.give_consent(self.student)
        await room.remove(self.student)
        await room.readmit(self.student)

    async def measure(self) -> None:
        presence = Rooms(self.layer.group_send, lambda *args: None)
        presence.enter(self.lesson.pk, self.student.pk, {"camera": "on"})
        await presence.publish_due()
        publisher = Publisher()
        publisher.put(reading(self.lesson.pk, self.student.pk))
        await publisher.send_due()
        slices = Slices(lambda fn, rows: room.in_database(fn, rows))
        slices.add(reading(self.lesson.pk, self.student.pk))
        self.assertIsNotNone(store)
        await slices.flush(everything=True)
        await Judging().judge_all()
        await room.close(self.lesson)
