"""One ear of a process for each lesson's readings, which passes each to the student whose it is.

With every student's socket in the group, each of them woke for everybody's readings, two to four
times a second, to find mostly that its own was not among them. That took more of a web process
than the snapshots themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from classroom.sockets import connected, end
from emotions import meters
from emotions.publish import readings_group

logger = logging.getLogger(__name__)

OPENS_WITHIN_S = 5.0
TRY_AGAIN_S = 0.5


class Hears(Protocol):
    async def hear_reading(self, own: str) -> None: ...


class Ear:
    """Listens while somebody of the lesson is connected here."""

    def __init__(self, lesson: int) -> None:
        self.group = readings_group(lesson)
        self.layer: Any = get_channel_layer()
        self.channel = ""
        self.students: defaultdict[int, set[Hears]] = defaultdict(set)
        self.is_open = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self.run())

    async def run(self) -> None:
        while True:
            try:
                await self.listen()
            except (OSError, RedisError) as error:
                # Redis is away; the sockets are told so by others, and this ear goes on trying.
                meters.count("readings_unheard")
                logger.warning("Readings are not heard: %s", type(error).__name__)
                await asyncio.sleep(TRY_AGAIN_S)

    async def listen(self) -> None:
        self.channel = self.channel or await self.layer.new_channel()
        connected.add(self)
        await self.join_again()
        self.is_open.set()
        while True:
            await self.pass_on(await self.layer.receive(self.channel))

    async def join_again(self) -> None:
        """Into the group, also after a Redis that began anew has forgotten us."""
        await self.layer.group_add(self.group, self.channel)

    async def pass_on(self, message: dict[str, Any]) -> None:
        for student, own in message["students"].items():
            for socket in list(self.students.get(int(student), ())):
                await socket.hear_reading(own)

    async def close(self) -> None:
        connected.discard(self)
        await end([self.task])
        # A Redis that is away, or was, has forgotten its members anyway.
        with contextlib.suppress(OSError, RedisError):
            await self.layer.group_discard(self.group, self.channel)


ears: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Ear]] = WeakKeyDictionary()
"""Lesson → ear. Of each event loop: a process may have had several."""


async def listen(lesson: int, student: int, socket: Hears) -> None:
    """From its return on, `socket` hears every reading of this student."""
    here = ears.setdefault(asyncio.get_running_loop(), {})
    ear = here.get(lesson)
    if ear is None:
        ear = here[lesson] = Ear(lesson)
    ear.students[student].add(socket)
    await asyncio.wait_for(ear.is_open.wait(), OPENS_WITHIN_S)


async def leave(lesson: int, student: int, socket: Hears) -> None:
    here = ears.get(asyncio.get_running_loop(), {})
    ear = here.get(lesson)
    if ear is None:
        return
    ear.students[student].discard(socket)
    if not ear.students[student]:
        del ear.students[student]
    if not ear.students:
        del here[lesson]
        await ear.close()
