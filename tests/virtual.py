"""An event loop whose time passes only when nobody has anything left to do.

Twenty seconds of a lesson are over in a moment, and the same every time. What the loop is given to
run in a thread is run at once; a worker's reader then keeps the worker waiting for as long as the
test says that one snapshot takes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

Answer = TypeVar("Answer")

BEGAN = 1_000_000.0


class Skips(selectors.SelectSelector):
    """Does not sleep: it tells the clock how long it would have slept."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, read_s: float) -> None:
        self.skips = Skips()
        self.read_s = read_s
        super().__init__(self.skips)

    def time(self) -> float:
        return self.skips.now

    def run_in_executor(  # type: ignore[override]  # asyncio's own names it for any loop
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        self.call_later(0 if executor is None else self.read_s, answer, done, func, args)
        return done


def answer(done: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if done.cancelled():
        return
    try:
        done.set_result(func(*args))
    except Exception as error:
        done.set_exception(error)


def run(work: Coroutine[Any, Any, Answer], *, read_s: float) -> Answer:
    """Run to the end; one snapshot takes a worker `read_s`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(read_s)) as runner:
        return runner.run(work)
