"""Who is connected to this web process, told to the teachers' pages whole and repeatably.

A change is told at once, further ones at most once a second, and everything again every five
seconds: a page that missed a message, or heard it twice, is right again soon after. A process
that falls silent is forgotten by the listener. The clock and the ways out are given, so the rules
are tested without sleeping.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels.layers import get_channel_layer

from classroom.models import Participant
from classroom.writing import writer

logger = logging.getLogger(__name__)

BETWEEN_CHANGES_S = 1.0
HEARTBEAT_S = 5.0
ROLL_CALL_WAIT_S = 0.2
STORE_SEEN_EVERY_S = 60.0

State = dict[str, Any]


def teachers_group(lesson_id: int) -> str:
    return f"teachers.{lesson_id}"


def students_group(lesson_id: int) -> str:
    return f"students.{lesson_id}"


@dataclass(slots=True)
class Room:
    """One lesson as this process sees it."""

    students: dict[int, State] = field(default_factory=dict)
    seats: dict[int, int] = field(default_factory=dict)
    left: dict[int, float] = field(default_factory=dict)
    changed: bool = False
    told_at: float = float("-inf")
    stored_at: float = float("-inf")
    asked_at: float | None = None

    def next_at(self) -> float:
        """When this room has to be told next."""
        at = self.told_at + HEARTBEAT_S if self.students else float("inf")
        if self.changed:
            at = min(at, self.told_at + BETWEEN_CHANGES_S)
        if self.asked_at is not None:
            at = min(at, self.asked_at + ROLL_CALL_WAIT_S)
        return at


class Rooms:
    """The students connected here, lesson by lesson.

    `send(group, message)` tells a group; `store(fn, *args)` queues a write.
    """

    def __init__(
        self,
        send: Callable[[str, dict[str, Any]], Awaitable[None]],
        store: Callable[..., Any],
        *,
        clock: Callable[[], float] = time.time,
        process: str = "",
    ) -> None:
        self.send = send
        self.store = store
        self.clock = clock
        self.process = process or secrets.token_hex(4)
        self.rooms: dict[int, Room] = {}
        self.seat_numbers = itertools.count(1)
        self.stirred = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def enter(self, lesson_id: int, participant_id: int, state: State) -> int:
        """Seat a student; a second tab takes the seat over, and only the last one can leave it."""
        room = self.rooms.setdefault(lesson_id, Room())
        seat = next(self.seat_numbers)
        room.seats[participant_id] = seat
        room.students[participant_id] = {"since": self.clock(), **state}
        room.left.pop(participant_id, None)
        self.store(store_entered, participant_id, state.get("camera", "none"), self.clock())
        self.stir(room)
        return seat

    def change(self, lesson_id: int, participant_id: int, state: State) -> None:
        """Fold `state` into what is known; a camera that changes restarts its `since`."""
        room = self.rooms.get(lesson_id)
        if room is None or participant_id not in room.students:
            return
        old = room.students[participant_id]
        new = {**old, **state}
        if new == old:
            return
        if new["camera"] != old["camera"]:
            new["since"] = state.get("since", self.clock())
            self.store(store_camera, participant_id, new["camera"], self.clock())
        room.students[participant_id] = new
        self.stir(room)

    def leave(
        self, lesson_id: int, participant_id: int, seat: int | None = None, *, left: bool = False
    ) -> None:
        """Free the seat. `left` means that the student pressed Leave, not that a socket closed."""
        room = self.rooms.get(lesson_id)
        if room is None or participant_id not in room.students:
            return
        if seat is not None and room.seats[participant_id] != seat:
            return
        del room.students[participant_id], room.seats[participant_id]
        if left:
            room.left[participant_id] = self.clock()
        self.store(store_gone, participant_id, self.clock(), left)
        self.stir(room)

    def publish_now(self, lesson_id: int) -> None:
        """A roll call: every student's socket passes it on, so the answers are gathered."""
        room = self.rooms.get(lesson_id)
        if room is not None and room.asked_at is None:
            room.asked_at = self.clock()
            self.wake()

    def stir(self, room: Room) -> None:
        room.changed = True
        self.wake()

    def wake(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self.task is None or self.task.done() or self.task.get_loop() is not loop:
            self.stirred = asyncio.Event()
            self.task = loop.create_task(self.run())
        self.stirred.set()

    async def run(self) -> None:
        """Tell what is due, until nobody is left."""
        while self.rooms:
            self.stirred.clear()
            await self.publish_due()
            wait_s = min((room.next_at() for room in self.rooms.values()), default=0) - self.clock()
            if wait_s > 0:
                await self.sleep(wait_s)

    async def sleep(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(min(wait_s, HEARTBEAT_S)):
                await self.stirred.wait()
        except TimeoutError:
            pass

    async def publish_due(self) -> None:
        now = self.clock()
        due = [(key, room) for key, room in self.rooms.items() if room.next_at() <= now]
        for lesson_id, room in due:
            message = self.message(room, now)
            room.changed, room.asked_at, room.told_at = False, None, now
            self.store_seen(room, now)
            try:
                await self.send(teachers_group(lesson_id), message)
            except Exception as error:
                # The heartbeat says it all again; what must not happen is that it stops.
                logger.warning("Presence was not told: %s", type(error).__name__)
            self.forget_if_empty(lesson_id)

    def message(self, room: Room, now: float) -> dict[str, Any]:
        return {
            "type": "room.presence",
            "process": self.process,
            "at": now,
            "students": {
                str(student): {"camera": state["camera"], "since": state["since"]}
                for student, state in room.students.items()
            },
            "left": {str(student): at for student, at in room.left.items()},
        }

    def store_seen(self, room: Room, now: float) -> None:
        if room.students and now - room.stored_at >= STORE_SEEN_EVERY_S:
            room.stored_at = now
            self.store(store_seen, list(room.students), now)

    def forget_if_empty(self, lesson_id: int) -> None:
        room = self.rooms.get(lesson_id)
        if room is not None and not room.students and not room.changed:
            del self.rooms[lesson_id]


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)


def store_entered(participant_id: int, camera: str, at: float) -> None:
    Participant.objects.filter(pk=participant_id).update(
        seen_at=moment(at), left_at=None, camera=camera
    )


def store_camera(participant_id: int, camera: str, at: float) -> None:
    Participant.objects.filter(pk=participant_id).update(seen_at=moment(at), camera=camera)


def store_gone(participant_id: int, at: float, left: bool) -> None:
    row = Participant.objects.filter(pk=participant_id)
    if left:
        row.update(seen_at=moment(at), left_at=moment(at))
    else:
        row.update(seen_at=moment(at))


def store_seen(participant_ids: list[int], at: float) -> None:
    Participant.objects.filter(pk__in=participant_ids).update(seen_at=moment(at))


async def tell(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(group, message)


rooms = Rooms(tell, writer.put)
