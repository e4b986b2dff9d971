"""A class of simulated cameras over real WebSockets, to measure a running server.

Each student sends real JPEGs of a public-domain face on its own clock, whether or not the server
keeps up (an open loop: a slow server cannot slow the load and so flatter itself), or, `paced`, as
long after each answer as the server asked, as pages do. All join in one moment. A teacher's socket
listens beside them. Latency is taken at both ends of the whole path.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import struct
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from emotions.shares import Arrival, Window

FACE = Path(__file__).resolve().parent.parent / "ml" / "pictures" / "astronaut.jpg"
GRACE_S = 4.0
"""How long after the last snapshot its reading may still arrive and count."""
JOIN_WITHIN_S = 60.0
"""Long: how long it took is a figure, and browsers wait too."""
ANSWER_WITHIN_S = 3.0
"""As long as pages wait for an answer."""
CANNOT_JOIN = (OSError, InvalidHandshake, ConnectionClosed, TimeoutError)


@dataclass(slots=True)
class Tally:
    """What one run saw; times in seconds."""

    offered: int = 0
    taken: int = 0
    replaced: int = 0
    refused: int = 0
    analysed: int = 0
    joined: int = 0
    join_s: float = 0.0
    failed_sockets: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    began: float = 0.0
    ended: float = 0.0
    sent_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    told_ms: dict[int, int] = field(default_factory=dict)
    looks: list[dict[str, float]] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    to_student: list[float] = field(default_factory=list)
    to_teacher: list[float] = field(default_factory=list)

    def fail(self, error: Exception) -> None:
        self.failed_sockets += 1
        self.failures[type(error).__name__] += 1

    def window(self, seconds: float) -> Window:
        """The last seconds in which was sent."""
        return Window(max(self.began, self.ended - seconds), self.ended)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the sockets are, and what lets the teacher in."""

    url: str
    lesson: int
    teacher_cookie: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def socket(self, who: str) -> str:
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}/ws/{who}/{self.lesson}/"

    def tls(self) -> ssl.SSLContext | None:
        if urlsplit(self.url).scheme != "https":
            return None
        context = ssl.create_default_context()
        # Our own self-signed certificate on our own machine: nothing here to verify against.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


def snapshots(count: int, seed: int = 1) -> list[bytes]:
    """`count` JPEGs of 320×240 with the one face moved, scaled and relit; about 10 KB each."""
    face = cv2.imread(str(FACE))
    if face is None:
        raise FileNotFoundError(f"{FACE.name} is missing from ml/pictures; restore it from git.")
    chance = random.Random(seed)
    return [moved(face, chance) for _ in range(count)]


def moved(face: np.ndarray, chance: random.Random) -> bytes:
    scale = chance.uniform(0.75, 1.0)
    across, down = chance.uniform(-60, 0), chance.uniform(-10, 20)
    shift = np.array([[scale, 0, across], [0, scale, down]], dtype=np.float32)
    frame = cv2.warpAffine(face, shift, (320, 240), borderMode=cv2.BORDER_REFLECT)
    frame = cv2.convertScaleAbs(
        frame, alpha=chance.uniform(0.8, 1.15), beta=chance.uniform(-10, 15)
    )
    return bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])


class Student:
    """One camera: sends on its clock, and remembers when each snapshot left."""

    def __init__(self, place: Place, number: int, cookie: str, tally: Tally) -> None:
        self.place, self.number, self.cookie, self.tally = place, number, cookie, tally
        self.sent: dict[int, float] = {}
        self.socket: ClientConnection | None = None
        self.pace_s = 1.0
        self.answered = asyncio.Event()

    async def enter(self) -> None:
        """In once the server said hello; one that cannot join is counted, and stays out."""
        try:
            async with asyncio.timeout(JOIN_WITHIN_S):
                socket = await connect(
                    self.place.socket("student"),
                    additional_headers={"Cookie": self.cookie, "Origin": self.place.origin},
                    ssl=self.place.tls(),
                    compression=None,
                    open_timeout=None,
                )
                if "hello" not in json.loads(await socket.recv()):
                    raise TimeoutError
                await socket.send(json.dumps({"camera": "on"}))
        except CANNOT_JOIN as error:
            self.tally.fail(error)
            return
        self.socket = socket
        self.tally.joined += 1

    async def attend(self, pictures: Sequence[bytes], clock: Clock) -> None:
        if self.socket is None:
            return
        listening = asyncio.create_task(self.listen(self.socket))
        try:
            await self.send_all(self.socket, pictures, clock)
            await asyncio.sleep(GRACE_S)
        except ConnectionClosed as error:
            self.tally.fail(error)
        finally:
            listening.cancel()
            await self.socket.close()

    async def send_all(
        self, socket: ClientConnection, pictures: Sequence[bytes], clock: Clock
    ) -> None:
        at = clock.begins + clock.every * self.number / max(1, clock.students)
        self.pace_s = clock.every
        seq = 0
        while at < clock.ends:
            await asyncio.sleep(at - time.monotonic())
            seq += 1
            self.sent[seq] = time.monotonic()
            self.tally.offered += 1
            self.tally.sent_at.append(self.sent[seq])
            self.answered.clear()
            await socket.send(
                struct.pack(">I", seq) + pictures[(self.number + seq) % len(pictures)]
            )
            at = at + clock.every if not clock.paced else await self.come_back(self.sent[seq])

    async def come_back(self, sent_at: float) -> float:
        """When this page sends next: as long after this snapshot as its answer asks."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.answered.wait(), ANSWER_WITHIN_S)
        # As pages do: sooner than half the pace after a late answer, the next would be refused.
        return max(sent_at + self.pace_s, time.monotonic() + self.pace_s / 2)

    async def listen(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self.note(json.loads(text))
        except ConnectionClosed:
            return

    def note(self, message: dict) -> None:
        if "status" in message:
            self.pace_s = (message.get("next_ms") or 1000) / 1000
            self.tally.told_ms[self.number] = round(self.pace_s * 1000)
            self.answered.set()
            setattr(self.tally, message["status"], getattr(self.tally, message["status"], 0) + 1)
            if message["status"] == "refused":
                why = message.get("why") or "unsaid"
                self.tally.reasons[why] = self.tally.reasons.get(why, 0) + 1
                self.tally.refused_at.append(time.monotonic())
        seq = (message.get("reading") or {}).get("seq")
        if seq in self.sent:
            self.tally.analysed += 1
            now = time.monotonic()
            self.tally.to_student.append(now - self.sent[seq])
            self.tally.arrivals.append(Arrival(self.number, now, now - self.sent[seq]))


class Teacher:
    """Listens to the live page's socket; each second's tick names the snapshots it covers."""

    def __init__(self, place: Place, students: dict[int, Student], tally: Tally) -> None:
        self.place, self.students, self.tally = place, students, tally
        self.covered: dict[int, int] = {}

    async def watch(self) -> None:
        async with connect(
            self.place.socket("teacher"),
            additional_headers={"Cookie": self.place.teacher_cookie, "Origin": self.place.origin},
            ssl=self.place.tls(),
            max_size=None,
            open_timeout=15,
        ) as socket:
            async for text in socket:
                self.note(json.loads(text), time.monotonic())

    def note(self, message: dict, now: float) -> None:
        for key, seq in ((message.get("tick") or {}).get("seqs") or {}).items():
            student = self.students.get(int(key))
            if student is None:
                continue
            for older in range(self.covered.get(int(key), 0) + 1, seq + 1):
                if older in student.sent:
                    self.tally.to_teacher.append(now - student.sent[older])
            self.covered[int(key)] = max(seq, self.covered.get(int(key), 0))


@dataclass(frozen=True, slots=True)
class Clock:
    """When a class sends; `paced` cameras come back when they are asked to instead."""

    begins: float
    ends: float
    every: float
    students: int
    paced: bool = False


Look = Callable[[], dict[str, float]]


async def run(
    place: Place,
    cookies: dict[int, str],
    *,
    rate: float,
    seconds: float,
    paced: bool = False,
    window: float = 10.0,
    look: Look = dict,
) -> Tally:
    """Load the server with one camera per participant id in `cookies`.

    `look` is taken where the window begins and ends: what the server itself has counted.
    """
    tally = Tally()
    pictures = snapshots(24)
    students = {
        key: Student(place, number, cookie, tally)
        for number, (key, cookie) in enumerate(cookies.items())
    }
    watching = asyncio.create_task(Teacher(place, students, tally).watch())
    await asyncio.sleep(1.5)
    if watching.done():
        await watching
    await join(students.values(), tally)
    tally.began = time.monotonic() + 0.5
    tally.ended = tally.began + seconds
    clock = Clock(tally.began, tally.ended, 1 / rate, len(students), paced)
    looking = asyncio.create_task(look_twice(tally, window, look))
    await asyncio.gather(*(student.attend(pictures, clock) for student in students.values()))
    await looking
    watching.cancel()
    return tally


async def look_twice(tally: Tally, window: float, look: Look) -> None:
    within = tally.window(window)
    for at in (within.begins, within.ends):
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        tally.looks.append({"at": time.monotonic(), **await asyncio.to_thread(look)})


async def join(students: Collection[Student], tally: Tally) -> None:
    """All in one moment, as a school does when the hour begins."""
    began = time.monotonic()
    await asyncio.gather(*(student.enter() for student in students))
    tally.join_s = time.monotonic() - began


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99 in milliseconds; None where nothing was measured."""
    if not seconds:
        return {"p50": None, "p95": None, "p99": None}
    return {f"p{p}": round(float(np.percentile(seconds, p)) * 1000, 1) for p in (50, 95, 99)}
