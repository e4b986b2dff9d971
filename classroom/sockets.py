"""The lean base class of all our WebSocket consumers.

A socket touches the database while it connects and never again: what a message must store goes
through `classroom.writing`. It keeps the tasks it starts and cancels them when it closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import translation
from redis.exceptions import RedisError

from classroom import languages

Answer = TypeVar("Answer")

BAD_MESSAGE = 4400
NO_TOKEN = 4401
NOT_YOURS = 4403
NO_LESSON = 4404
SECOND_TAB = 4409
ENDED = 4410
TOO_LARGE = 4413
FLOODING = 4429
BROKEN = 4500
GOING_DOWN = 4503

CANCEL_AGAIN_S = 0.5


async def in_database(fn: Callable[..., Answer], *args: Any) -> Answer:
    """Run `fn` in a thread of its own, with a connection that is closed again after it."""
    return await database_sync_to_async(fn, thread_sensitive=False)(*args)


async def end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel them until they are done.

    A task that waits for a thread may swallow its cancelling: asgiref then waits for the thread's
    answer and gives that back. Cancelled once, such a task would go on, and we wait for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


def as_text(content: dict[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


unfinished: set[asyncio.Task[Any]] = set()
"""What is seen through although its socket may have closed; held so that it is not collected."""


class Member(Protocol):
    async def join_again(self) -> None: ...


connected: WeakSet[Member] = WeakSet()
"""Everything of this process that is in a group: sockets, and what listens for them."""


class Socket(AsyncWebsocketConsumer):
    """A WebSocket whose messages never touch the database."""

    in_database = staticmethod(in_database)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.memberships: list[str] = []
        self.accepted = False
        self.closing = False
        self.gone = False
        self.language = str(settings.LANGUAGE_CODE)

    async def __call__(self, scope: dict[str, Any], *args: Any) -> None:
        """However it ends, by an error or cancelled too, it leaves its seat and its groups."""
        self.language = languages.of_socket(scope)
        try:
            # Tasks and threads that are started in here speak this language too.
            with translation.override(self.language):
                await super().__call__(scope, *args)
        finally:
            await self.go(1006)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels closes stale database connections before every message, on the one
        # thread all consumers share. That cuts throughput to a third, and one slow query
        # anywhere holds up every student. We query in connect() only, and only through
        # in_database, which closes stale connections itself; the async ORM does not.
        await getattr(self, get_handler_name(message))(message)

    async def accept(self, *args: Any, **kwargs: Any) -> None:
        await super().accept(*args, **kwargs)
        self.accepted = True

    async def send_json(self, content: dict[str, Any]) -> None:
        if self.closing:
            return
        try:
            await self.send(text_data=as_text(content))
        except (RuntimeError, OSError):
            # The browser went a moment ago and its disconnect is not here yet; daphne says so
            # with a RuntimeError, other servers with an OSError.
            self.closing = True

    async def refuse(self, code: int, words: str) -> None:
        """Say why, then close. A code sent before accept() would never reach the browser."""
        if self.closing:
            return
        if not self.accepted:
            await self.accept()
        await self.send_json({"closing": str(words), "code": code})
        if self.closing:
            return
        self.closing = True
        await self.close(code)

    async def join(self, *groups: str) -> None:
        """Hear what these groups are told, until `leave_groups`."""
        self.memberships += groups
        connected.add(self)
        await self.join_again()

    async def join_again(self) -> None:
        """Redis forgets who is in a group when it restarts, and after some hours."""
        for group in self.memberships:
            await self.channel_layer.group_add(group, self.channel_name)

    async def leave_groups(self) -> None:
        connected.discard(self)
        while self.memberships:
            group = self.memberships.pop()
            # A Redis that is away, or was, has forgotten its members anyway.
            with contextlib.suppress(OSError, RedisError):
                await self.channel_layer.group_discard(group, self.channel_name)

    def keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start `work` and hold on to it, so that it is neither collected nor left behind."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    @staticmethod
    def see_through(work: Coroutine[Any, Any, Any]) -> None:
        """Start `work` that must be done and told even if this page goes at this moment."""
        task = asyncio.get_running_loop().create_task(work)
        unfinished.add(task)
        task.add_done_callback(unfinished.discard)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        """Channels' own, less its trip to the shared database thread (see `dispatch`)."""
        await self.go(message.get("code", 1006))
        raise StopConsumer

    async def go(self, code: int) -> None:
        if self.gone:
            return
        self.gone = self.closing = True
        try:
            await self.disconnect(code)
        finally:
            await self.cancel_tasks()

    async def cancel_tasks(self) -> None:
        await end([task for task in self.tasks if task is not asyncio.current_task()])
