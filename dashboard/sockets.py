"""The teacher's socket: the picture of the class, once a second, to its teacher alone.

It subscribes first, then reads what is stored, then folds both; what happens in between is in one
of the two. No message touches the database: news of a slice starts a read in a thread, and what
the page must leave behind goes through the writer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.db import Error
from django.http import HttpRequest
from django.utils.translation import gettext as _

from classroom import access, lessons
from classroom.models import Lesson
from classroom.presence import students_group, teachers_group
from classroom.sockets import BROKEN, ENDED, NO_LESSON, NOT_YOURS, Socket, in_database
from classroom.writing import writer
from dashboard.desk import REREAD_S, Desk
from dashboard.reading import fresh
from dashboard.stored import read
from emotions import lines, meters
from emotions.models import SLICE_SECONDS

logger = logging.getLogger(__name__)

TICK_S = 1.0
SEEN_EVERY_S = 30.0
ROLL_CALL_S = 0.7
REREAD_LEAST_S = 1.0

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    code: int
    words: str


def refusal(user: Any, lesson_id: int) -> Refusal | None:
    """Why this person may not watch this lesson live, or None."""
    if not user.is_authenticated:
        return Refusal(NOT_YOURS, _("Log in as the teacher of this lesson."))
    lesson = Lesson.objects.select_related("course").filter(pk=lesson_id).first()
    if lesson is None or not access.may_teach(user, lesson):
        # Whether it exists is not theirs to know.
        return Refusal(NO_LESSON, _("There is no such lesson of yours."))
    if not lesson.is_open:
        return Refusal(ENDED, _("This lesson has ended."))
    return None


def refusal_now(scope: dict[str, Any], lesson_id: int) -> Refusal | None:
    """The same later: after a log-out, a new password or a closed account it is nobody's page."""
    request = HttpRequest()
    sessions = import_module(settings.SESSION_ENGINE)
    request.session = sessions.SessionStore(scope["session"].session_key)
    return refusal(get_user(request), lesson_id)


def opened(lesson_id: int) -> Desk:
    """Everything stored of the lesson, stepped through; run in a thread of its own."""
    return Desk(read(lesson_id), time.time())


class TeacherSocket(Socket):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lesson_id = 0
        self.desk: Desk | None = None
        self.early: list[Message] = []
        self.heard = asyncio.Event()
        self.stale = asyncio.Event()

    async def connect(self) -> None:
        self.lesson_id = int(self.scope["url_route"]["kwargs"]["lesson_id"])
        refused = await in_database(refusal, self.scope["user"], self.lesson_id)
        if refused is not None:
            await self.refuse(refused.code, refused.words)
            return
        await self.accept()
        await self.join(teachers_group(self.lesson_id))
        self.keep(self.run())

    async def disconnect(self, code: int) -> None:
        await self.leave_groups()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """The page steers by its own POSTs; a socket that only listens cannot be misused."""

    # What this socket does on its own.

    async def run(self) -> None:
        try:
            await self.begin()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.tick())
                group.create_task(self.reread())
                group.create_task(self.be_seen())
        except Exception:
            # The page comes back by itself and begins again from what is stored.
            logger.exception("A teacher's page of lesson %d is closed", self.lesson_id)
            # Not 1011: Autobahn allows no server to send that one.
            await self.refuse(BROKEN, _("Something went wrong. This page comes back by itself."))

    async def begin(self) -> None:
        roll_call = {"type": "room.roll_call"}
        await self.channel_layer.group_send(students_group(self.lesson_id), roll_call)
        desk = await in_database(opened, self.lesson_id)
        await self.hear_roll_call(desk)
        self.fold_early(desk)
        desk.worker(meters.worker_state(), time.time())
        for message in desk.opening(time.time()):
            await self.send_json(message)
        # News of a row goes out only to a page that has the row: what came meanwhile waited.
        self.fold_early(desk)
        self.desk = desk

    def fold_early(self, desk: Desk) -> None:
        for message in self.early:
            fold(desk, message)
        self.early.clear()

    async def hear_roll_call(self, desk: Desk) -> None:
        """Everybody would show as reconnecting until the first answer comes."""
        if not desk.room.people:
            return
        try:
            async with asyncio.timeout(ROLL_CALL_S):
                await self.heard.wait()
        except TimeoutError:
            pass

    async def tick(self) -> None:
        desk = self.known_desk()
        due, trouble = time.monotonic(), ""
        while True:
            due = max(due + TICK_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            now = time.time()
            desk.worker(meters.worker_state(), now)
            if desk.room.strangers:
                self.stale.set()
            messages = desk.tick(now)
            for message in messages or [{"alive": now}]:
                await self.send_json(message)
            if trouble != lines.database_away(meters.meters.database_away_since):
                trouble = lines.database_away(meters.meters.database_away_since)
                await self.send_json({"trouble": trouble})

    async def reread(self) -> None:
        """With each news of a slice, a marker or a stranger: read again, and draw again."""
        desk = self.known_desk()
        while True:
            await self.stale.wait()
            self.stale.clear()
            since = (time.time() - REREAD_S) // SLICE_SECONDS * SLICE_SECONDS
            try:
                desk.refresh(await fresh(self.lesson_id, since))
            except Error:
                # What is shown is live all the same; it is read again until the database is back.
                self.stale.set()
            else:
                for message in desk.slice_news(time.time()):
                    await self.send_json(message)
            await asyncio.sleep(REREAD_LEAST_S)

    async def be_seen(self) -> None:
        """While this page is open, and its teacher's to see, the lesson is not abandoned."""
        while True:
            writer.put(lessons.teacher_seen, self.lesson_id)
            await asyncio.sleep(SEEN_EVERY_S)
            try:
                refused = await in_database(refusal_now, self.scope, self.lesson_id)
            except Error:
                # Whose page this is cannot be asked now; it is with the next look.
                continue
            if refused is not None:
                await self.refuse(refused.code, refused.words)
                return

    def known_desk(self) -> Desk:
        assert self.desk is not None
        return self.desk

    # What others tell; the names are message types.

    async def take(self, message: Message) -> Desk | None:
        """Fold the message in; None when the page has no picture yet."""
        told = {"at": time.time(), **message}
        if self.desk is None:
            self.early.append(told)
        else:
            fold(self.desk, told)
        return self.desk

    async def room_presence(self, message: Message) -> None:
        await self.take(message)
        self.heard.set()

    async def lesson_readings(self, message: Message) -> None:
        await self.take(message)

    async def lesson_worker(self, message: Message) -> None:
        """The worker's state is read from the meters with each tick."""

    async def lesson_slices(self, message: Message) -> None:
        self.stale.set()

    async def lesson_taps(self, message: Message) -> None:
        await self.tell_now(message)

    async def lesson_flags(self, message: Message) -> None:
        await self.tell_now(message)

    async def lesson_student(self, message: Message) -> None:
        await self.tell_now(message)
        if message.get("erased") or message.get("forgotten"):
            self.stale.set()

    async def lesson_changed(self, message: Message) -> None:
        desk = await self.take(message)
        self.stale.set()
        if desk is None:
            return
        await self.send_json({"lesson": desk.lesson_told()})
        if desk.lesson.closed_at:
            await self.refuse(ENDED, _("This lesson has ended."))

    async def tell_now(self, message: Message) -> None:
        """Flags, taps and names do not wait for the second to pass."""
        desk = await self.take(message)
        if desk is None:
            return
        for news in desk.tick(time.time()):
            await self.send_json(news)


def fold(desk: Desk, message: Message) -> None:
    room = desk.room
    kind = message["type"]
    if kind == "room.presence":
        room.presence(message)
    elif kind == "lesson.readings":
        room.reading(message)
    elif kind == "lesson.taps":
        room.taps(message)
    elif kind == "lesson.flags":
        room.flagged(message)
    elif kind == "lesson.changed":
        room.changed(message)
    elif kind == "lesson.student":
        fold_student(desk, message)


def fold_student(desk: Desk, message: Message) -> None:
    student = int(message["student"])
    if message.get("erased"):
        desk.room.forget(student)
        desk.forget(student)
        return
    if message.get("forgotten"):
        desk.room.forget(student, face_only=True)
        desk.forget(student)
    desk.room.student(message)
