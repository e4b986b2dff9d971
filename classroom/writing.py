"""The one writer for what sockets must store.

Work waits in order and is taken in batches to one thread, each piece in a transaction of its
own. So no query runs on a socket's message path, and an answer sent after the future resolved is
an honest one: the row is committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.db import transaction

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Work:
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    value: Any = None
    error: Exception | None = None


def perform(batch: list[Work]) -> list[Outcome]:
    return [attempt(work) for work in batch]


def attempt(work: Work) -> Outcome:
    try:
        with transaction.atomic():
            return Outcome(work.fn(*work.args))
    except Exception as error:
        return Outcome(error=error)


class Writer:
    def __init__(self) -> None:
        self.waiting: deque[Work] = deque()
        self.task: asyncio.Task[None] | None = None
        self.written = 0
        self.failed = 0

    def put(self, fn: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Queue `fn(*args)`; the future carries its result, or its exception, after the commit."""
        loop = asyncio.get_running_loop()
        if self.task is not None and self.task.get_loop() is not loop:
            self.forget()
        future = loop.create_future()
        future.add_done_callback(self.count)
        self.waiting.append(Work(fn, args, future))
        if self.task is None or self.task.done():
            self.task = loop.create_task(self.write())
        return future

    async def drain(self) -> None:
        """Return when all that was put so far is written."""
        while self.task is not None and not self.task.done():
            await asyncio.wait([self.task])

    async def write(self) -> None:
        while self.waiting:
            batch = [self.waiting.popleft() for _ in range(min(len(self.waiting), MOST_AT_ONCE))]
            for work, outcome in zip(batch, await self.outcomes(batch), strict=True):
                settle(work.future, outcome)

    async def outcomes(self, batch: list[Work]) -> list[Outcome]:
        try:
            return await database_sync_to_async(perform, thread_sensitive=False)(batch)
        except Exception as error:
            return [Outcome(error=error)] * len(batch)

    def count(self, future: asyncio.Future[Any]) -> None:
        # Reading the exception here also keeps asyncio from reporting it a second time.
        error = None if future.cancelled() else future.exception()
        if error is None:
            self.written += 1
            return
        self.failed += 1
        logger.error("A write failed with %s", type(error).__name__)

    def forget(self) -> None:
        """The loop that the waiting work belonged to is gone; nobody can be told any more."""
        self.waiting.clear()
        self.task = None


def settle(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.value)


writer = Writer()
