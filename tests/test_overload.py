"""More snapshots than can be read: everybody gets an equal share, and the pace settles.

The real queue, worker and meters on a loop of virtual time; only the reader is a slow stand-in.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from unittest import TestCase

from emotions.frames import Counts, MemoryFrames
from emotions.meters import Meters
from emotions.readings import Reading
from emotions.worker import Worker
from tests import virtual
from tests.test_worker import FakeReader

PER_S = 20
"""What the worker can read."""
WARM_UP_S, WINDOW_S = 10.0, 10.0

Camera = Callable[["Class", int], Awaitable[None]]


@dataclass
class Class:
    """A lesson under way: `came` holds who got a reading, when, and how old it was."""

    every_s: float
    loop: asyncio.AbstractEventLoop
    chance: random.Random
    came: list[tuple[int, float, float]] = field(default_factory=list)
    told: list[tuple[float, float, Counts]] = field(default_factory=list)
    meters: Meters = field(default_factory=Meters)

    def __post_init__(self) -> None:
        self.began = self.loop.time()
        self.frames = MemoryFrames(2000, clock=self.loop.time)

    @property
    def now(self) -> float:
        return self.loop.time() - self.began

    def take(self, reading: Reading) -> None:
        self.came.append((reading.student, self.now, self.loop.time() - reading.offered_at))

    async def measure(self) -> None:
        while True:
            counts = await self.frames.counts()
            self.meters.sample(counts, self.loop.time())
            self.told.append((self.now, self.meters.stretch, counts))
            await asyncio.sleep(1)

    def shares(self, students: int) -> list[int]:
        """How many readings each student had in the window after the warm-up."""
        window = (who for who, at, _ in self.came if 0 <= at - WARM_UP_S < WINDOW_S)
        had = Counter(window)
        return sorted(had[student] for student in range(students))


async def keeps_its_own_clock(lesson: Class, student: int) -> None:
    """A camera that sends whatever happens, a little early or late each time."""
    turn = lesson.chance.random()
    while True:
        early = lesson.chance.uniform(-0.1, 0.1)
        await asyncio.sleep(max(0.0, (turn + early) * lesson.every_s - lesson.now))
        await lesson.frames.offer(1, student, 1, b"x")
        turn += 1


async def waits_as_told(lesson: Class, student: int) -> None:
    """A camera as pages have it."""
    await asyncio.sleep(lesson.chance.random() * lesson.every_s)
    while True:
        await lesson.frames.offer(1, student, 1, b"x")
        await asyncio.sleep(lesson.meters.next_ms(round(lesson.every_s * 1000)) / 1000)


def hold(
    camera: Camera, *, students: int, every_s: float, seconds: float, workers: int = 1
) -> Class:
    async def lesson() -> Class:
        held = Class(every_s, asyncio.get_running_loop(), random.Random(students))
        clock = held.loop.time
        crew = [
            Worker(held.frames, FakeReader(), held.take, lambda reading: None, clock=clock)
            for _ in range(workers)
        ]
        cameras = [camera(held, student) for student in range(students)]
        running = [asyncio.ensure_future(each) for each in (*cameras, held.measure())]
        working = [asyncio.create_task(worker.run()) for worker in crew]
        await asyncio.sleep(seconds)
        for task in running:
            task.cancel()
        for worker in crew:
            worker.stop()
        await asyncio.gather(*running, *working, return_exceptions=True)
        return held

    return virtual.run(lesson(), read_s=workers / PER_S)


class ShareTest(TestCase):
    def shares(self, workers: int) -> None:
        students = 4 * PER_S
        held = hold(keeps_its_own_clock, students=students, every_s=1, seconds=20, workers=workers)
        had = held.shares(students)
        usual = had[students // 2]
        self.assertGreaterEqual(sum(had), 0.95 * PER_S * WINDOW_S)
        self.assertLessEqual(max(abs(each - usual) for each in had), 1, had)
        self.assertLessEqual(max(age for _, _, age in held.came), 3)

    def test_at_four_times_what_can_be_read_everybody_gets_the_same_but_one(self) -> None:
        self.shares(workers=1)

    def test_two_workers_share_as_fairly(self) -> None:
        self.shares(workers=2)


class SettleTest(TestCase):
    def settled(self, every_s: float) -> None:
        students = round(4 * PER_S * every_s)
        random.seed(1)
        held = hold(waits_as_told, students=students, every_s=every_s, seconds=90)
        late = [(stretch, counts) for at, stretch, counts in held.told if at > 60]
        stretches = [stretch for stretch, _ in late]
        self.assertLess(max(stretches) / min(stretches), 1.5, stretches)
        self.assertTrue(min(stretches) > 3 and max(stretches) <= 5, stretches)
        before, after = late[0][1], late[-1][1]
        self.assertEqual(before.expired, after.expired)
        self.assertGreater(after.analysed - before.analysed, 0.8 * PER_S * (len(late) - 1))
        self.assertLess(max(age for _, at, age in held.came if at > 60), 3)

    def test_pace_settles_at_what_can_be_read_without_letting_the_worker_idle(self) -> None:
        self.settled(every_s=1)

    def test_it_settles_at_the_usual_interval_too(self) -> None:
        self.settled(every_s=2)

    def test_pace_comes_back_when_most_of_the_class_has_gone(self) -> None:
        async def leaves(lesson: Class, student: int) -> None:
            staying = asyncio.ensure_future(waits_as_told(lesson, student))
            await asyncio.wait([staying], timeout=None if student < PER_S // 2 else 40)
            staying.cancel()

        random.seed(1)
        held = hold(leaves, students=4 * PER_S, every_s=1, seconds=90)
        self.assertGreater(max(stretch for at, stretch, _ in held.told if at < 40), 3)
        self.assertEqual(held.told[-1][1], 1.0)
