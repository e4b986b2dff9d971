"""Readings leave coalesced, whole and at most twice a second per lesson."""

from __future__ import annotations

import json
from typing import Any
from unittest import IsolatedAsyncioTestCase

from emotions.publish import Publisher
from tests.frames_contract import Clock
from tests.readings import NOW, no_face, reading, unsure


class PublisherTest(IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.clock = Clock(NOW)
        self.sent: list[tuple[int, dict[str, Any]]] = []
        self.publisher = Publisher(self.hear, clock=self.clock)

    async def hear(self, lesson: int, message: dict[str, Any]) -> None:
        self.sent.append((lesson, message))

    def last(self, student: int = 1) -> dict[str, Any]:
        return json.loads(self.sent[-1][1]["students"][str(student)])

    async def test_reading_goes_out_at_once_when_nothing_was_sent_lately(self) -> None:
        self.publisher.put(reading())
        self.assertIsNone(await self.publisher.send_due())
        self.assertEqual(self.last()["top"], "neutral")
        self.assertEqual(sum(self.last()["p"]), 1.0)

    async def test_the_class_goes_in_one_message(self) -> None:
        for student in range(30):
            self.publisher.put(reading(student=student))
        await self.publisher.send_due()
        self.assertEqual(len(self.sent), 1)
        self.assertEqual(len(self.sent[0][1]["students"]), 30)

    async def test_at_most_two_messages_a_second(self) -> None:
        for step in range(1000):
            self.publisher.put(reading(at=self.clock.now, student=step % 7))
            await self.publisher.send_due()
            self.clock.pass_(0.01)
        self.assertLessEqual(len(self.sent), 20)
        self.assertGreaterEqual(len(self.sent), 18)

    async def test_only_the_newest_reading_of_a_student_goes_out(self) -> None:
        self.publisher.put(reading(at=NOW, seq=1))
        self.publisher.put(reading(at=NOW + 2, seq=2))
        self.publisher.put(reading(at=NOW + 1, seq=3))
        await self.publisher.send_due()
        self.assertEqual(self.last()["seq"], 2)

    async def test_lessons_do_not_mix(self) -> None:
        self.publisher.put(reading(lesson=1, student=1))
        self.publisher.put(reading(lesson=2, student=2))
        await self.publisher.send_due()
        self.assertEqual({lesson: list(m["students"]) for lesson, m in self.sent},
                         {1: ["1"], 2: ["2"]})  # fmt: skip

    async def test_it_tells_when_a_face_was_last_seen(self) -> None:
        self.publisher.put(unsure(at=NOW))
        self.publisher.put(no_face(at=NOW + 7))
        await self.publisher.send_due()
        self.assertEqual((self.last()["state"], self.last()["face_since"]), ("no_face", NOW))

    async def test_what_waits_of_a_forgotten_student_is_not_sent(self) -> None:
        self.publisher.put(reading(student=1))
        self.publisher.put(reading(student=2))
        self.publisher.forget(1, 1)
        await self.publisher.send_due()
        self.assertEqual(list(self.sent[0][1]["students"]), ["2"])
