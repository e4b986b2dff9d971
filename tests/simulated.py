"""A class that behaves as its pages do: it sends, waits for answers, and comes back by itself.

Real sockets and real JPEGs, in a thread of its own so that a test can break things meanwhile. Each
student keeps what was sent, taken and read, so that a test can count afterwards what was stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from emotions.load import Place, snapshots
from emotions.models import SLICE_SECONDS
from emotions.slices import start_of
from tests.pictures import wall_jpeg

ANSWER_S = 3.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
"""The page goes up to 15 s; a fault of some seconds never brings it there, and tests are short."""
OPEN_WITHIN_S = 15.0


@dataclass(slots=True)
class Sent:
    """One snapshot: when it left, when it was answered, and how."""

    seq: int
    at: float
    answered_at: float = 0.0
    status: str = ""


class Page(ABC):
    """What both pages do: connect, listen, and connect again with back-off."""

    def __init__(self, place: Place, who: str, cookie: str) -> None:
        self.place, self.who, self.cookie = place, who, cookie
        self.lost_at: list[float] = []
        self.over = False

    async def attend(self) -> None:
        tries = 0
        while not self.over:
            with contextlib.suppress(OSError, TimeoutError, WebSocketException):
                async with self.line() as socket:
                    tries = 0
                    await self.use(socket)
            self.lost_at.append(time.time())
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**tries))
            tries += 1

    def line(self) -> connect:
        return connect(
            self.place.socket(self.who),
            additional_headers={"Cookie": self.cookie, "Origin": self.place.origin},
            max_size=None,
            compression=None,
            open_timeout=OPEN_WITHIN_S,
            ping_interval=None,
        )

    async def use(self, socket: ClientConnection) -> None:
        async for text in socket:
            self.hear(json.loads(text), time.time())

    @abstractmethod
    def hear(self, message: dict[str, Any], now: float) -> None: ...


class Student(Page):
    """One camera: sends at the pace that the server sets, one picture in flight."""

    def __init__(self, place: Place, key: int, cookie: str, pictures: list[bytes]) -> None:
        super().__init__(place, "student", cookie)
        self.key, self.pictures = key, pictures
        self.sent: list[Sent] = []
        self.readings: dict[int, float] = {}
        """Number of each snapshot whose reading came -> when it was offered, by the server."""
        self.taps_kept: dict[str, str] = {}
        self.saved: set[str] = set()
        self.socket: ClientConnection | None = None
        self.pace_s = 1.0
        self.answered = asyncio.Event()

    async def use(self, socket: ClientConnection) -> None:
        self.socket = socket
        await socket.send(json.dumps({"camera": "on"}))
        for tap, kind in self.taps_kept.items():
            await socket.send(json.dumps({"tap": kind, "id": tap}))
        sending = asyncio.create_task(self.send_all(socket))
        try:
            await super().use(socket)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def send_all(self, socket: ClientConnection) -> None:
        while True:
            began = time.monotonic()
            seq = len(self.sent) + 1
            self.answered.clear()
            self.sent.append(Sent(seq, time.time()))
            await socket.send(struct.pack(">I", seq) + self.pictures[seq % len(self.pictures)])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.answered.wait(), ANSWER_S)
            await asyncio.sleep(max(0.05, self.pace_s - (time.monotonic() - began)))

    def hear(self, message: dict[str, Any], now: float) -> None:
        if "status" in message:
            sent = self.sent[message["seq"] - 1]
            sent.answered_at, sent.status = now, message["status"]
            self.pace_s = message["next_ms"] / 1000
            if sent is self.sent[-1]:
                self.answered.set()
        if reading := message.get("reading"):
            self.readings[reading["seq"]] = reading["at"]
        if "saved" in message:
            self.saved.add(message["saved"])
            self.taps_kept.pop(message["saved"], None)

    async def tap(self, kind: str) -> str:
        """Sent now, and again with each connection until it is acknowledged."""
        tap = str(uuid.uuid4())
        self.taps_kept[tap] = kind
        if self.socket is not None:
            with contextlib.suppress(WebSocketException):
                await self.socket.send(json.dumps({"tap": kind, "id": tap}))
        return tap

    def read_in(self) -> Counter[int]:
        """Readings heard, by the start of their slice, where it can be no other.

        A slice goes by when the server took the snapshot, which lies between sending and reading.
        """
        both = [(start_of(self.sent[seq - 1].at), at) for seq, at in list(self.readings.items())]
        return Counter(sent for sent, at in both if sent == start_of(at))

    def most_in(self) -> Counter[int]:
        """Snapshots that were taken, by every slice that they may be counted in."""
        may: Counter[int] = Counter()
        for sent in list(self.sent):
            if sent.status == "refused":
                continue
            until = sent.answered_at or sent.at + SLICE_SECONDS
            may.update(range(start_of(sent.at), start_of(until) + 1, SLICE_SECONDS))
        return may

    def longest_wait_s(self, since: float, until: float) -> float:
        """The longest time between two of its snapshots from `since` on."""
        at = [sent.at for sent in list(self.sent) if since - 5 <= sent.at <= until]
        return max((later - at for at, later in zip(at, at[1:], strict=False)), default=until)


class Teacher(Page):
    """The live page: what it shows of the worker and the flags, and when it knew."""

    def __init__(self, place: Place, cookie: str) -> None:
        super().__init__(place, "teacher", cookie)
        self.hellos: list[float] = []
        self.worker: list[tuple[float, str, str]] = []
        self.flags: list[dict[str, Any]] = []
        self.trouble: list[tuple[float, str]] = []

    def hear(self, message: dict[str, Any], now: float) -> None:
        if hello := message.get("hello"):
            self.hellos.append(now)
            self.flags = hello["flags"].get("flags", [])
            self.worker_told(hello["picture"]["worker"], now)
        tick = message.get("tick") or {}
        if "worker" in tick:
            self.worker_told(tick["worker"], now)
        if "flags" in message:
            self.flags = message["flags"]
        if "trouble" in message:
            self.trouble.append((now, message["trouble"]))

    def worker_told(self, told: dict[str, Any], now: float) -> None:
        self.worker.append((now, told["state"], told["words"]))

    def is_told_none(self, since: float) -> tuple[float, str] | None:
        """When, after `since`, the page was told that nobody analyses, and in which words."""
        told = ((at, words) for at, state, words in list(self.worker) if state == "none")
        return next(((at, words) for at, words in told if at >= since), None)


@dataclass
class SimulatedClass:
    """All of them together, in one thread with a loop of its own."""

    students: list[Student]
    teacher: Teacher

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.pages = [self.call(page.attend()) for page in (*self.students, self.teacher)]

    def call(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def tap(self, student: Student, kind: str) -> str:
        return self.call(student.tap(kind)).result(10)

    def leave(self) -> None:
        """Everybody goes; asked a second time it does nothing."""
        if self.thread.is_alive():
            self.call(self.end()).result(20)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(20)

    async def end(self) -> None:
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def all_read_since(self, at: float) -> bool:
        """Whether everybody was given a reading of a snapshot that was offered after `at`."""
        return all(max(one.readings.values(), default=0) > at for one in self.students)


def simulated(
    places: list[Place], cookies: dict[int, str], teacher_cookie: str, *, away: int
) -> SimulatedClass:
    """Students by turns on each of the places, the teacher on the first; `away` shows no face."""
    pictures, empty = snapshots(12), [wall_jpeg()]
    students = [
        Student(places[number % len(places)], key, cookie, empty if key == away else pictures)
        for number, (key, cookie) in enumerate(cookies.items())
    ]
    return SimulatedClass(students, Teacher(places[0], teacher_cookie))


def until(true: Callable[[], Any], what: str, within_s: float = 60.0) -> Any:
    """Wait for it; what it gave at last."""
    for _ in ticks(within_s):
        if found := true():
            return found
    raise AssertionError(f"not within {within_s:g} s: {what}")


def ticks(within_s: float) -> Iterator[None]:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
