"""The loop from snapshot to reading, with the real reader and, for its rules, a fake one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import IsolatedAsyncioTestCase

from emotions import meters
from emotions.frames import MemoryFrames
from emotions.readings import Reading
from emotions.worker import Stuck, Worker
from ml.images import BadImage
from ml.reader import Reader, Sample
from tests import pictures
from tests.frames_contract import Clock

SAMPLE = Sample("face", 320, 240, (0.02, 0.01, 0.02, 0.8, 0.1, 0.03, 0.02), "happy", 0.8, 0.1)


class FakeReader:
    """Answers at once, or does what the test gives it to do."""

    def __init__(self, do: Any = None) -> None:
        self.do = do
        self.threads: set[str] = set()

    def read(self, jpeg: bytes) -> Sample:
        self.threads.add(threading.current_thread().name)
        if self.do is not None:
            self.do(jpeg)
        return SAMPLE


async def until(there: Callable[[], Awaitable[Any]], within_s: float = 60) -> None:
    for _ in range(int(within_s / 0.01)):
        await asyncio.sleep(0.01)
        if await there():
            return
    raise AssertionError("it did not happen in time")


class WorkerCase(IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        # A clock that stands still: no snapshot goes stale while this machine is busy.
        self.clock = Clock(time.time())
        self.frames = MemoryFrames(100, clock=self.clock)
        self.published: list[Reading] = []
        self.recorded: list[Reading] = []

    def worker(self, reader: Any, **how: Any) -> Worker:
        how = {"stuck_after_s": 60.0} | how
        return Worker(self.frames, reader, self.published.append, self.recorded.append, **how)

    async def work(self, worker: Worker) -> None:
        """Until nothing waits and nothing is in hand."""

        async def idle() -> bool:
            counts = await self.frames.counts()
            return counts.waiting == counts.in_hand == 0 or running.done()

        running = asyncio.create_task(worker.run())
        await until(idle)
        worker.stop()
        await running


class RealReaderTest(WorkerCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.reader = Reader.load()

    async def test_a_face_becomes_a_reading_and_a_wall_none(self) -> None:
        await self.frames.offer(1, 7, 3, pictures.face_jpeg())
        await self.frames.offer(1, 8, 4, pictures.wall_jpeg())
        await self.work(self.worker(self.reader))
        face, wall = self.published
        self.assertEqual((face.lesson, face.student, face.seq), (1, 7, 3))
        self.assertIn(face.state, ("reading", "unsure"))
        self.assertEqual((wall.student, wall.state, wall.p), (8, "no_face", None))
        self.assertEqual(face.offered_at, self.clock.now)
        self.assertEqual(self.recorded, self.published)

    async def test_the_smiling_face_reads_as_happy(self) -> None:
        await self.frames.offer(1, 7, 1, pictures.face_jpeg(face_px=100))
        await self.work(self.worker(self.reader))
        self.assertEqual(self.published[0].top, "happy")

    async def test_bytes_that_are_no_picture_count_as_failed(self) -> None:
        await self.frames.offer(1, 7, 1, b"not a picture")
        await self.work(self.worker(self.reader))
        counts = await self.frames.counts()
        self.assertEqual((self.published, counts.failed), ([], 1))


class LoopTest(WorkerCase):
    async def test_everything_is_read_in_one_thread(self) -> None:
        reader = FakeReader()
        for student in range(20):
            await self.frames.offer(1, student, 1, b"x")
        await self.work(self.worker(reader))
        self.assertEqual(len(self.published), 20)
        self.assertEqual(len(reader.threads), 1)
        self.assertNotIn(threading.main_thread().name, reader.threads)

    async def test_the_event_loop_goes_on_while_a_snapshot_is_read(self) -> None:
        loop = asyncio.get_running_loop()
        reading, ticked = asyncio.Event(), threading.Event()
        seen: list[bool] = []

        def read(jpeg: bytes) -> None:
            loop.call_soon_threadsafe(reading.set)
            seen.append(ticked.wait(60))

        async def tick() -> None:
            await reading.wait()
            ticked.set()

        ticking = asyncio.create_task(tick())
        await self.frames.offer(1, 7, 1, b"x")
        await self.work(self.worker(FakeReader(read)))
        await ticking
        self.assertEqual(seen, [True])

    async def test_reader_goes_on_while_the_loop_has_much_else_to_do(self) -> None:
        go_on, read = threading.Event(), threading.Semaphore(0)
        worker = self.worker(FakeReader(lambda jpeg: (go_on.wait(30), read.release())), ahead=4)
        for student in range(4):
            await self.frames.offer(1, student, 1, b"x")
        running = asyncio.create_task(worker.run())

        async def begun() -> int:
            return (await self.frames.counts()).in_hand

        await until(begun)
        go_on.set()
        # The loop does nothing else than this; with one at a time only the first would be read.
        done = [read.acquire(timeout=30) for _ in range(4)]
        worker.stop()
        await running
        self.assertEqual((done, len(self.published)), ([True] * 4, 4))

    async def test_result_of_a_student_barred_meanwhile_goes_nowhere(self) -> None:
        started, go_on = threading.Event(), threading.Event()

        def hold(jpeg: bytes) -> None:
            started.set()
            go_on.wait(60)

        discarded = meters.meters.counters["readings_discarded"]
        worker = self.worker(FakeReader(hold))
        await self.frames.offer(1, 7, 1, b"x")
        running = asyncio.create_task(worker.run())
        await asyncio.to_thread(started.wait, 60)
        await self.frames.bar(student=7)
        go_on.set()
        worker.stop()
        await running
        self.assertEqual((self.published, self.recorded), ([], []))
        self.assertEqual((await self.frames.counts()).barred_claims, 1)
        self.assertEqual(meters.meters.counters["readings_discarded"], discarded + 1)

    async def test_one_bad_image_does_not_stop_the_rest(self) -> None:
        def do(jpeg: bytes) -> None:
            if jpeg == b"bad":
                raise BadImage("truncated", "The picture is cut short.")
            if jpeg == b"worse":
                raise ValueError("unforeseen")

        for student, jpeg in enumerate((b"bad", b"worse", b"good")):
            await self.frames.offer(1, student, 1, jpeg)
        with self.assertLogs("emotions.worker", "ERROR") as logs:
            await self.work(self.worker(FakeReader(do)))
        self.assertEqual([reading.student for reading in self.published], [2])
        self.assertEqual((await self.frames.counts()).failed, 2)
        self.assertNotIn("worse", str(logs.output))

    async def test_stuck_snapshot_ends_the_worker_so_that_a_new_one_starts(self) -> None:
        held = threading.Event()
        worker = self.worker(FakeReader(lambda jpeg: held.wait(60)), stuck_after_s=0.05)
        await self.frames.offer(1, 7, 1, b"x")
        with self.assertRaises(Stuck):
            await worker.run()
        held.set()
        self.assertEqual((await self.frames.counts()).failed, 1)
        await self.frames.offer(1, 7, 2, b"x")
        await self.work(self.worker(FakeReader()))
        self.assertEqual([reading.seq for reading in self.published], [2])

    async def test_stopping_finishes_what_is_in_hand(self) -> None:
        worker = self.worker(FakeReader(lambda jpeg: time.sleep(0.05)))
        for student in range(3):
            await self.frames.offer(1, student, 1, b"x")
        running = asyncio.create_task(worker.run())

        async def claimed() -> int:
            return (await self.frames.counts()).in_hand

        await until(claimed)
        worker.stop()
        await running
        self.assertEqual(len(self.published), 3)
        self.assertEqual((await self.frames.counts()).in_hand, 0)

    async def test_a_living_worker_is_seen_and_a_stopped_one_is_not(self) -> None:
        worker = self.worker(FakeReader())
        running = asyncio.create_task(worker.run())
        await until(meters.all_beats)
        worker.stop()
        await running
        self.assertEqual(await meters.all_beats(), [])
