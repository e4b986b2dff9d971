"""The one writer for what sockets must store.

Work waits in order and is taken in batches to one thread, each piece in a transaction of its
own. So no query runs on a socket's message path, and an answer sent after the future resolved is
an honest one: the row is committed. While the database is away, work waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError, connection, transaction

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200
AGAIN_AFTER_S = 0.5
WAIT_FOR_DATABASE_S = 600.0
"""Longer than any restart; what waited so long for the database is given up."""
MOST_WAITING = 20_000


@dataclass(frozen=True, slots=True)
class Work:
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any]
    put_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`again`: the database went away before the commit, and surely holds nothing of it."""

    value: Any = None
    error: Exception | None = None
    again: bool = False


def perform(batch: list[Work]) -> list[Outcome]:
    """Shorter than the batch when the database is away: the rest need not be tried then."""
    outcomes: list[Outcome] = []
    for work in batch:
        outcomes.append(attempt(work))
        if outcomes[-1].again:
            break
    return outcomes


def attempt(work: Work) -> Outcome:
    committing = False
    try:
        with transaction.atomic():
            value = work.fn(*work.args)
            committing = True
        return Outcome(value)
    except (OperationalError, InterfaceError) as error:
        # A commit that breaks may have been done all the same: that is never tried again.
        return Outcome(error=error, again=not committing and connection.connection is None)
    except Exception as error:
        return Outcome(error=error)


class Writer:
    def __init__(self) -> None:
        self.waiting: deque[Work] = deque()
        self.task: asyncio.Task[None] | None = None
        self.written = 0
        self.failed = 0
        self.again = 0
        self.draining = False

    def put(self, fn: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Queue `fn(*args)`; the future carries its result, or its exception, after the commit."""
        loop = asyncio.get_running_loop()
        if self.task is not None and self.task.get_loop() is not loop:
            self.forget()
        future = loop.create_future()
        future.add_done_callback(self.count)
        if len(self.waiting) >= MOST_WAITING:
            future.set_exception(OperationalError("too much waits for the database"))
            return future
        self.waiting.append(Work(fn, args, future))
        if self.task is None or self.task.done():
            self.task = loop.create_task(self.write())
        return future

    async def drain(self) -> None:
        """Return when all that was put so far is written; an absent database is not waited for."""
        self.draining = True
        try:
            while self.task is not None and not self.task.done():
                await asyncio.wait([self.task])
        finally:
            self.draining = False

    async def write(self) -> None:
        while self.waiting:
            batch = [self.waiting.popleft() for _ in range(min(len(self.waiting), MOST_AT_ONCE))]
            outcomes = await self.outcomes(batch)
            last = outcomes[-1]
            if last.again and self.may_wait(batch[len(outcomes) - 1]):
                outcomes.pop()
                self.again += 1
                logger.warning("The database is away: writing waits for it")
            for work, outcome in zip(batch, outcomes, strict=False):
                settle(work.future, outcome)
            self.waiting.extendleft(reversed(batch[len(outcomes) :]))
            if last.again and self.draining:
                self.give_up(last)
            elif last.again:
                await asyncio.sleep(AGAIN_AFTER_S)

    def may_wait(self, work: Work) -> bool:
        """At the head of the queue, until the database is back."""
        return not self.draining and time.monotonic() - work.put_at < WAIT_FOR_DATABASE_S

    def give_up(self, outcome: Outcome) -> None:
        while self.waiting:
            settle(self.waiting.popleft().future, outcome)

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
