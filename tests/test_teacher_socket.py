"""The teacher's socket: whose it is, that it shows the whole lesson, and what it says when."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.test import Client, TransactionTestCase

from classroom import lessons
from classroom.models import Lesson
from dashboard import sockets
from dashboard.routing import websocket_urlpatterns
from emotions import meters
from emotions.models import Slice
from tests import make
from tests.patient import WAIT_S, WebsocketCommunicator

in_thread = sync_to_async


def connect(lesson_id: int, user: Any) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), f"/ws/teacher/{lesson_id}/")
    socket.scope["user"] = user
    return socket


async def hear(socket: WebsocketCommunicator, part: str) -> dict[str, Any]:
    """The next message that has `part`."""
    async with asyncio.timeout(WAIT_S):
        while True:
            message = json.loads(await socket.receive_from())
            if part in message:
                return message[part]


async def tell(lesson: Lesson, message: dict[str, Any]) -> None:
    await get_channel_layer().group_send(f"teachers.{lesson.pk}", message)


def presence(*students: int) -> dict[str, Any]:
    now = time.time()
    told = {str(student): {"camera": "on", "since": now - 60} for student in students}
    return {"type": "room.presence", "process": "a", "at": now, "students": told, "left": {}}


class TeacherSocketTest(TransactionTestCase):
    def setUp(self):
        self.teacher, self.stranger = make.teacher(), make.other_teacher()
        self.lesson = make.lesson(teacher=self.teacher)
        self.student = make.participant(lesson=self.lesson, name="Asha")

    async def watch(self) -> tuple[WebsocketCommunicator, dict[str, Any]]:
        socket = connect(self.lesson.pk, self.teacher)
        connected, _ = await socket.connect()
        self.assertTrue(connected)
        await tell(self.lesson, presence(self.student.pk))
        return socket, await hear(socket, "hello")

    async def test_page_closes_soon_after_a_log_out_or_a_closed_account(self):
        def log_out(client: Client) -> None:
            client.logout()

        def close_account(client: Client) -> None:
            get_user_model().objects.filter(pk=self.teacher.pk).update(is_active=False)

        for act in (log_out, close_account):
            client = Client()
            await in_thread(client.force_login)(self.teacher)
            socket = connect(self.lesson.pk, self.teacher)
            socket.scope["session"] = client.session
            with mock.patch.object(sockets, "SEEN_EVERY_S", 0.2):
                await socket.connect()
                await tell(self.lesson, presence(self.student.pk))
                await hear(socket, "hello")
                await hear(socket, "alive")
                await in_thread(act)(client)
                self.assertTrue(await hear(socket, "closing"))
            self.assertEqual((await socket.receive_output())["code"], 4403)
            await socket.disconnect()

    async def refused(self, lesson_id: int, user: Any) -> int:
        socket = connect(lesson_id, user)
        await socket.connect()
        await hear(socket, "closing")
        closing = await socket.receive_output()
        await socket.disconnect()
        return closing["code"]

    def slices(self, count: int) -> int:
        """The last `count` slices of one student, all happy."""
        start = int(time.time()) // 10 * 10 - 10 * count
        for number in range(count):
            Slice.objects.create(
                lesson=self.lesson,
                participant=self.student,
                starts_at=start + 10 * number,
                n=5,
                happy=5,
                valence_sum=5,
                engagement_sum=3,
            )
        return start

    async def test_the_teacher_sees_the_class(self):
        socket, hello = await self.watch()
        self.assertEqual(hello["lesson"]["id"], self.lesson.pk)
        [row] = hello["picture"]["rows"].values()
        self.assertEqual((row["name"], row["words"]), ("Asha", "waiting"))
        await socket.disconnect()

    async def test_strangers_are_turned_away(self):
        admin = await in_thread(make.admin)()
        for user, code in ((AnonymousUser(), 4403), (self.stranger, 4404), (admin, 4404)):
            with self.subTest(user=str(user)):
                self.assertEqual(await self.refused(self.lesson.pk, user), code)

    async def test_a_missing_lesson_looks_like_one_of_somebody_else(self):
        self.assertEqual(await self.refused(self.lesson.pk + 999, self.teacher), 4404)

    async def test_an_ended_lesson_is_said_to_have_ended(self):
        await in_thread(lessons.close)(self.lesson)
        self.assertEqual(await self.refused(self.lesson.pk, self.teacher), 4410)

    async def test_a_late_page_shows_the_whole_lesson(self):
        await in_thread(self.slices)(30)
        socket, hello = await self.watch()
        self.assertEqual(len(hello["charts"]["engagement"]["data"][0]["y"]), 30)
        self.assertEqual(hello["sparklines"][str(self.student.pk)][-30:], [1.0] * 30)
        await socket.disconnect()

    async def test_a_reading_comes_with_the_next_second(self):
        socket, _ = await self.watch()
        now = time.time()
        reading = {"at": now, "seq": 1, "state": "reading", "top": "happy", "sure": 0.8}
        text = json.dumps(reading | {"face_since": now})
        message = {"type": "lesson.readings", "at": now, "students": {str(self.student.pk): text}}
        # Without a worker nobody reads as anything, so it is the tick that is awaited here.
        await tell(self.lesson, message)
        tap = {"id": "x", "student": self.student.pk, "kind": "hand", "at": now, "undone": False}
        await tell(self.lesson, {"type": "lesson.taps", "at": now, "taps": [tap]})
        tick = await hear(socket, "tick")
        self.assertEqual(tick["students"][0]["tap"]["kind"], "hand")
        await socket.disconnect()

    async def test_news_of_a_slice_brings_the_charts_up_to_date(self):
        socket, hello = await self.watch()
        self.assertEqual(hello["charts"]["mood"]["simple"]["data"], [])
        start = await in_thread(self.slices)(1)
        await tell(self.lesson, {"type": "lesson.slices", "starts_at": start})
        charts: dict[str, Any] = {}
        while not charts:
            charts = (await hear(socket, "slice")).get("charts", {})
        self.assertTrue(charts["mood"]["simple"]["data"])
        await socket.disconnect()

    async def test_a_student_who_joins_later_gets_a_name(self):
        socket, _ = await self.watch()
        late = await in_thread(make.participant)(lesson=self.lesson, name="Ben")
        await tell(self.lesson, presence(self.student.pk, late.pk))
        names: list[str] = []
        while "Ben" not in names:
            tick = await hear(socket, "tick")
            names = [row["name"] for row in tick.get("students", [])]
        await socket.disconnect()

    async def test_flags_are_told_at_once(self):
        socket, _ = await self.watch()
        now = time.time()
        flag = {
            "id": 5,
            "kind": "away",
            "student": self.student.pk,
            "since": now - 150,
            "raised_at": now,
            "sure": None,
            "snoozed_until": 0,
        }
        await tell(self.lesson, {"type": "lesson.flags", "flags": [flag]})
        [card] = await hear(socket, "flags")
        self.assertEqual(card["reason"], "Asha has been out of the camera's view for 2 min.")
        await socket.disconnect()

    async def test_the_end_of_the_lesson_closes_the_page_with_its_code(self):
        socket, _ = await self.watch()
        state = {
            "paused": False,
            "locked": False,
            "closed": True,
            "closed_at": time.time(),
            "quiet_until": 0,
            "interval_ms": 2000,
            "analysis": True,
        }
        await tell(self.lesson, {"type": "lesson.changed", "lesson": state})
        self.assertTrue((await hear(socket, "lesson"))["closed"])
        self.assertEqual(await hear(socket, "code"), 4410)

    async def test_what_the_page_sends_does_nothing(self):
        socket, _ = await self.watch()
        await socket.send_to(text_data="{not json")
        await socket.send_to(bytes_data=b"\xff\xd8")
        # Still there: the next second has a tick or a sign of life.
        await socket.receive_from()
        await socket.disconnect()

    async def test_an_open_page_keeps_the_lesson_from_being_abandoned(self):
        await in_thread(lessons.change)(self.lesson, teacher_seen_at=None)
        socket, _ = await self.watch()
        for _ in range(600):
            await in_thread(self.lesson.refresh_from_db)()
            if self.lesson.teacher_seen_at:
                break
            await asyncio.sleep(0.05)
        self.assertIsNotNone(self.lesson.teacher_seen_at)
        await socket.disconnect()

    async def test_database_that_is_away_is_told_in_words_and_closes_nothing(self):
        socket, _ = await self.watch()
        away = mock.Mock(side_effect=OperationalError("the connection is closed"))
        with (
            mock.patch.object(meters.meters, "database_away_since", time.time()),
            mock.patch("dashboard.reading.read", away),
        ):
            await tell(self.lesson, {"type": "lesson.slices", "starts_at": 0})
            self.assertIn("Nothing is stored since", await hear(socket, "trouble"))
            while not away.called:
                await hear(socket, "alive")
        gone = drawn = False
        # The words go, and the read that failed is made up for.
        while not (gone and drawn):
            message = json.loads(await socket.receive_from(timeout=8))
            gone = gone or message.get("trouble") == ""
            drawn = drawn or "charts" in message.get("slice", {})
        await socket.disconnect()

    async def test_page_that_cannot_go_on_is_closed_with_a_code_that_a_server_may_send(self):
        with (
            mock.patch.object(sockets, "opened", side_effect=RuntimeError),
            self.assertLogs("dashboard.sockets", "ERROR"),
        ):
            socket = connect(self.lesson.pk, self.teacher)
            await socket.connect()
            self.assertIn("comes back by itself", await hear(socket, "closing"))
            code = (await socket.receive_output())["code"]
        self.assertTrue(3000 <= code <= 4999)
        await socket.wait()
