"""The student's socket: snapshots and taps in, answers and the student's own reading out.

Every snapshot is answered at once, and its bytes go nowhere but to the queue. No message touches
the database: what must be stored goes through the writer, and what a teacher decides arrives as a
group message.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from classroom import participants, tokens
from classroom.presence import rooms
from classroom.sockets import (
    BAD_MESSAGE,
    ENDED,
    FLOODING,
    GOING_DOWN,
    NO_TOKEN,
    NOT_YOURS,
    SECOND_TAB,
    TOO_LARGE,
    Socket,
)
from classroom.writing import writer
from emotions import attention, ears, meters, notices, room, seats, taps, words
from emotions.allowance import Allowance
from emotions.frames import Answer, frames
from emotions.publish import students_group
from ml.images import BadImage, check_jpeg

MOST_BYTES = 64 * 1024
MOST_TEXT = 2 * 1024
SEQ_BYTES = 4
MOST_MISTAKES = 5
ALIVE_EVERY_S = 10.0
WATCH_EVERY_S = 2.0

open_sockets: set[StudentSocket] = set()
"""Every student's socket of this process, so that they can be told when it stops."""


def student_group(student: int) -> str:
    return f"student.{student}"


class StudentSocket(Socket):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seat: seats.Seat | None = None
        self.chair = 0
        self.order: list[Any] = [time.time(), uuid.uuid4().hex]
        self.messages = Allowance(per_s=20, burst=80)
        self.taps = Allowance(per_s=0.5, burst=10)
        # Each change is a row to write; a person switches a camera now and then.
        self.switches = Allowance(per_s=0.5, burst=10)
        self.mistakes = 0
        self.camera = "none"
        self.taken_at = float("-inf")
        self.told_ms = float("inf")
        self.read_at = 0.0
        self.asked_until = 0.0
        self.left = False
        self.hears: dict[str, Callable[[Any], Any]] = {
            "camera": self.hear_camera,
            "tap": self.hear_tap,
            "undo": self.hear_undo,
            "leave": self.hear_leave,
            "ping": self.hear_ping,
            "fine": self.hear_answer,
            "thinking": self.hear_answer,
        }

    # Coming and going

    async def dispatch(self, message: dict[str, Any]) -> None:
        # A group message may be under way to a socket that was not let in.
        if self.seat is not None or message["type"].startswith("websocket."):
            await super().dispatch(message)

    async def connect(self) -> None:
        lesson = int(self.scope["url_route"]["kwargs"]["lesson_id"])
        cookie = self.scope.get("cookies", {}).get(tokens.cookie_name(lesson), "")
        try:
            claim = tokens.read(lesson, cookie)
        except tokens.TokenError:
            return await self.refuse(NO_TOKEN, notices.refusal(NO_TOKEN))
        # Subscribed first, read then: a consent taken back in between is heard of.
        await self.join(students_group(lesson), student_group(claim.participant))
        try:
            seat = await self.in_database(seats.take, lesson, claim)
        except participants.NotAdmitted as error:
            return await self.refuse(error.code, str(error.words))
        await self.sit_down(seat)

    async def sit_down(self, seat: seats.Seat) -> None:
        self.seat = seat
        self.camera = "off" if seat.has_camera else "none"
        open_sockets.add(self)
        await self.accept()
        if seat.has_camera:
            # Consent may have been given again by joining again, which knows of no queue.
            await frames().unbar(student=seat.student)
        await self.channel_layer.group_send(
            student_group(seat.student), {"type": "student.replaced", "order": self.order}
        )
        await ears.listen(seat.lesson, seat.student, self)
        self.chair = rooms.enter(seat.lesson, seat.student, {"camera": self.camera})
        await self.send_json(seat.hello(worker=meters.worker_alive()))
        self.keep(self.stay_alive())

    async def disconnect(self, code: int) -> None:
        open_sockets.discard(self)
        if self.seat is not None:
            rooms.leave(self.seat.lesson, self.seat.student, self.chair, left=self.left)
            await ears.leave(self.seat.lesson, self.seat.student, self)
        await self.leave_groups()

    async def stay_alive(self) -> None:
        """Say something every ten seconds, and at once when the worker comes or goes."""
        worker, said_at = meters.worker_alive(), time.monotonic()
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if meters.worker_alive() != worker:
                worker = not worker
                await self.send_json({"worker": worker})
            elif time.monotonic() - said_at >= ALIVE_EVERY_S:
                said_at = time.monotonic()
                await self.send_json({"alive": round(time.time(), 1)})

    # What the browser sends

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.seat is None or self.closing:
            return
        if not self.messages.spend(time.monotonic()):
            meters.count("sockets_flooding")
            await self.refuse(FLOODING, notices.refusal(FLOODING))
        elif bytes_data is not None:
            await self.hear_snapshot(self.seat, bytes_data)
        else:
            await self.hear_text(text_data or "")

    async def hear_text(self, text: str) -> None:
        if len(text) > MOST_TEXT:
            return await self.complain(_("This message is too long."))
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return await self.complain(_("This message is not JSON; send pictures as bytes."))
        if not isinstance(message, dict):
            return await self.complain(_("This message is not an object."))
        for name, hear in self.hears.items():
            if name in message:
                return await hear(message)
        await self.complain(_("This message is not understood."))

    async def complain(self, why: str) -> None:
        """Say what was wrong; a page that goes on sending wrong messages is closed."""
        self.mistakes += 1
        meters.count("messages_not_understood")
        if self.mistakes > MOST_MISTAKES:
            await self.refuse(BAD_MESSAGE, notices.refusal(BAD_MESSAGE))
        else:
            await self.send_json({"error": why})

    async def hear_snapshot(self, seat: seats.Seat, message: bytes) -> None:
        if len(message) > MOST_BYTES:
            meters.count("snapshots_too_large")
            return await self.refuse(TOO_LARGE, notices.refusal(TOO_LARGE))
        if len(message) <= SEQ_BYTES:
            return await self.complain(_("A picture needs its number in the first four bytes."))
        seq, jpeg = int.from_bytes(message[:SEQ_BYTES], "big"), message[SEQ_BYTES:]
        pace, now = meters.meters.pace_ms(seat.interval_ms), time.monotonic()
        # A page that waits as long as it was told is never early, however the pace grew meanwhile.
        early_ms = min(pace, self.told_ms) / 2 - (now - self.taken_at) * 1000
        if not seat.has_camera or seat.paused or self.camera != "on":
            return await self.turn_down(seq, "not_wanted", pace)
        if early_ms > 0:
            return await self.turn_down(seq, "early", round(early_ms + pace / 2))
        told = meters.meters.next_ms(seat.interval_ms)
        self.taken_at, self.told_ms = now, told
        try:
            check_jpeg(jpeg)
        except BadImage as error:
            return await self.turn_down(seq, error.code, pace)
        await self.answer(seq, await frames().offer(seat.lesson, seat.student, seq, jpeg), told)

    async def answer(self, seq: int, answer: Answer, pace: int) -> None:
        if answer.status == "refused":
            why = "busy" if answer.why == "full" else "not_wanted"
            return await self.turn_down(seq, why, max(pace, answer.retry_ms))
        status = "taken" if answer.status == "accepted" else "replaced"
        await self.send_json(
            {"seq": seq, "status": status, "next_ms": pace, "why": None, "words": None}
        )

    async def turn_down(self, seq: int, why: str, next_ms: int) -> None:
        """Refused before it was queued: counted by its reason, never decoded."""
        meters.count(f"snapshots_{why}")
        said = notices.refusal("busy" if why == "early" else why) if why != "not_wanted" else None
        await self.send_json(
            {"seq": seq, "status": "refused", "next_ms": next_ms, "why": why, "words": said}
        )

    async def hear_camera(self, message: dict[str, Any]) -> None:
        """Why a camera is off is the student's own affair: it is neither kept nor passed on."""
        if message["camera"] not in ("on", "off"):
            return await self.complain(_("The camera is either on or off."))
        if self.seat is None or not self.seat.has_camera:
            return
        if not self.switches.spend(time.monotonic()):
            return await self.complain(_("The camera is switched too often. Wait a moment."))
        self.camera = message["camera"]
        rooms.change(self.seat.lesson, self.seat.student, {"camera": self.camera})

    async def hear_tap(self, message: dict[str, Any]) -> None:
        tap = as_uuid(message.get("id"))
        if message["tap"] not in taps.KINDS or tap is None:
            return await self.complain(_("This tap is not known."))
        if not self.taps.spend(time.monotonic()):
            return await self.send_json({"error": _("Too many taps. Wait a moment.")})
        self.see_through(self.store_tap(message["tap"], tap, timezone.now()))

    async def store_tap(self, kind: str, tap: uuid.UUID, at: datetime) -> None:
        """Acknowledge only what is committed; a page whose tap is not acknowledged sends again."""
        seat = self.taken_seat
        try:
            saved = await writer.put(taps.save, seat.lesson, seat.student, kind, tap, at)
        except taps.CannotTap as error:
            return await self.send_json({"error": str(error)})
        await self.send_json({"saved": str(tap)})
        await room.tell_tap(saved)

    async def hear_undo(self, message: dict[str, Any]) -> None:
        tap = as_uuid(message["undo"])
        if tap is None:
            return await self.complain(_("This tap is not known."))
        self.see_through(self.undo_tap(tap, timezone.now()))

    async def undo_tap(self, tap: uuid.UUID, at: datetime) -> None:
        seat = self.taken_seat
        undone = await writer.put(taps.undo, seat.lesson, seat.student, tap, at)
        await self.send_json({"undone": str(tap)})
        if undone is not None:
            await room.tell_tap(undone)

    async def hear_leave(self, message: dict[str, Any]) -> None:
        self.left = self.closing = True
        await self.close(1000)

    async def hear_ping(self, message: dict[str, Any]) -> None:
        pong = message["ping"] if isinstance(message["ping"], int) else 0
        await self.send_json({"pong": pong})

    async def hear_answer(self, message: dict[str, Any]) -> None:
        """To the private question, or unasked: "just thinking" is always a student's to say."""
        kind = "fine" if "fine" in message else "thinking"
        if message[kind] is not True:
            return await self.complain(_("This answer is not known."))
        if not self.taps.spend(time.monotonic()):
            return await self.send_json({"error": _("Too many taps. Wait a moment.")})
        self.asked_until = 0.0
        self.see_through(self.store_answer(kind, timezone.now()))

    async def store_answer(self, kind: str, at: datetime) -> None:
        seat = self.taken_seat
        shown = await writer.put(attention.answer, seat.lesson, seat.student, kind, at)
        await self.send_json({"nudge": False})
        if shown:
            await room.tell_flags(seat.lesson)

    # What the groups say

    async def hear_reading(self, own: str) -> None:
        """Pass on this student's own reading; others' are not even heard.

        The ear that calls is shared, and speaks the language of whoever came first.
        """
        if self.taken_seat.paused or self.camera != "on":
            return
        reading = json.loads(own)
        if reading["at"] <= self.read_at:
            return
        self.read_at = reading["at"]
        with translation.override(self.language):
            reading["words"] = reading_words(reading)
        await self.send_json({"reading": reading})

    async def lesson_changed(self, message: dict[str, Any]) -> None:
        lesson = message["lesson"]
        self.taken_seat.hear(lesson)
        if lesson.get("closed"):
            ended_at = lesson.get("closed_at") or time.time()
            ended = notices.lesson_ended(ended_at, camera=self.taken_seat.analysis)
            return await self.refuse(ENDED, str(ended.title))
        await self.send_json({"lesson": lesson})
        if not self.taken_seat.has_camera and self.camera != "none":
            await self.give_camera()

    async def lesson_student(self, message: dict[str, Any]) -> None:
        if message["student"] != self.taken_seat.student:
            return
        if message.get("removed"):
            return await self.refuse(NOT_YOURS, notices.refusal(NOT_YOURS))
        self.taken_seat.name = message.get("name", self.taken_seat.name)
        await self.send_json({"name": self.taken_seat.name})

    async def student_consent(self, message: dict[str, Any]) -> None:
        """Consent was given or taken back on another page of the same student."""
        seat = self.taken_seat
        if message["student"] != seat.student:
            return
        seat.consented = bool(message["given"])
        await self.give_camera()

    async def give_camera(self) -> None:
        """Whether one is wanted has changed: tell the page, which turns it on or off."""
        seat = self.taken_seat
        self.camera = "off" if seat.has_camera else "none"
        rooms.change(seat.lesson, seat.student, {"camera": self.camera})
        await self.send_json({"camera": "on" if seat.has_camera else "none"})

    async def students_asked(self, message: dict[str, Any]) -> None:
        """The private question: told to this student's page only, and taken back in time."""
        until = float(message["asked"].get(str(self.taken_seat.student), 0))
        if bool(until) != bool(self.asked_until):
            await self.send_json({"nudge": bool(until)})
        if until and not self.asked_until:
            self.keep(self.stop_asking(until - time.time()))
        self.asked_until = until

    async def stop_asking(self, after_s: float) -> None:
        await asyncio.sleep(max(0.0, after_s))
        if self.asked_until:
            self.asked_until = 0.0
            await self.send_json({"nudge": False})

    async def student_replaced(self, message: dict[str, Any]) -> None:
        if message["order"] > self.order:
            await self.refuse(SECOND_TAB, notices.refusal(SECOND_TAB))

    async def room_roll_call(self, message: dict[str, Any]) -> None:
        rooms.publish_now(self.taken_seat.lesson)

    @property
    def taken_seat(self) -> seats.Seat:
        if self.seat is None:
            raise RuntimeError("A socket without a seat is in no group")
        return self.seat


def as_uuid(word: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(word) if isinstance(word, str) else None
    except ValueError:
        return None


def reading_words(reading: dict[str, Any]) -> str | None:
    if reading["state"] == "reading":
        return words.reading_words(reading["top"], reading["sure"])
    return str(notices.notice(reading["why"] or "no_face").title)


async def say_goodbye() -> None:
    """Tell every page that the server stops; each comes back by itself."""
    for socket in list(open_sockets):
        with translation.override(socket.language):
            await socket.refuse(GOING_DOWN, notices.refusal(GOING_DOWN))
