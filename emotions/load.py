"""A class of simulated cameras over real WebSockets, to measure a running server.

Each student sends real JPEGs of a public-domain face on its own clock, whether or not the server
keeps up (an open loop: a slow server cannot slow the load and so flatter itself). A teacher's
socket listens beside them. Latency is taken at both ends of the whole path.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

FACE = Path(__file__).resolve().parent.parent / "ml" / "pictures" / "astronaut.jpg"
GRACE_S = 4.0
"""How long after the last snapshot its reading may still arrive and count."""


@dataclass(slots=True)
class Tally:
    """What one run saw; times in seconds."""

    offered: int = 0
    taken: int = 0
    replaced: int = 0
    refused: int = 0
    analysed: int = 0
    failed_sockets: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    to_student: list[float] = field(default_factory=list)
    to_teacher: list[float] = field(default_factory=list)


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

    async def attend(
        self, pictures: Sequence[bytes], *, starts: float, every: float, count: int
    ) -> None:
        try:
            socket = await self.enter()
        except (OSError, InvalidHandshake, TimeoutError):
            self.tally.failed_sockets += 1
            return
        listening = asyncio.create_task(self.listen(socket))
        try:
            await self.send_all(socket, pictures, starts, every, count)
            await asyncio.sleep(GRACE_S)
        except ConnectionClosed:
            self.tally.failed_sockets += 1
        finally:
            listening.cancel()
            await socket.close()

    async def enter(self) -> ClientConnection:
        socket = await connect(
            self.place.socket("student"),
            additional_headers={"Cookie": self.cookie, "Origin": self.place.origin},
            ssl=self.place.tls(),
            compression=None,
            open_timeout=15,
        )
        await socket.send(json.dumps({"camera": "on"}))
        return socket

    async def send_all(
        self,
        socket: ClientConnection,
        pictures: Sequence[bytes],
        starts: float,
        every: float,
        count: int,
    ) -> None:
        for turn in range(count):
            await asyncio.sleep(max(0.0, starts + turn * every - time.monotonic()))
            seq = turn + 1
            picture = pictures[(self.number + turn) % len(pictures)]
            self.sent[seq] = time.monotonic()
            self.tally.offered += 1
            await socket.send(struct.pack(">I", seq) + picture)

    async def listen(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self.note(json.loads(text))
        except ConnectionClosed:
            return

    def note(self, message: dict) -> None:
        if "status" in message:
            setattr(self.tally, message["status"], getattr(self.tally, message["status"], 0) + 1)
            if message["status"] == "refused":
                why = message.get("why") or "unsaid"
                self.tally.reasons[why] = self.tally.reasons.get(why, 0) + 1
        seq = (message.get("reading") or {}).get("seq")
        if seq in self.sent:
            self.tally.analysed += 1
            self.tally.to_student.append(time.monotonic() - self.sent[seq])


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


async def run(place: Place, cookies: dict[int, str], *, rate: float, seconds: float) -> Tally:
    """Load the server with one camera per participant id in `cookies`."""
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
    starts, every = time.monotonic() + 2.0, 1 / rate
    count = round(seconds * rate)
    await asyncio.gather(
        *(
            student.attend(
                pictures,
                starts=starts + every * student.number / len(students),
                every=every,
                count=count,
            )
            for student in students.values()
        )
    )
    watching.cancel()
    return tally


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99 in milliseconds; None where nothing was measured."""
    if not seconds:
        return {"p50": None, "p95": None, "p99": None}
    return {f"p{p}": round(float(np.percentile(seconds, p)) * 1000, 1) for p in (50, 95, 99)}
