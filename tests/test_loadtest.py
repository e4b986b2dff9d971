"""The load test refuses what is not its to load, and measures with real pictures."""

from __future__ import annotations

import asyncio
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, TestCase

from classroom.models import Lesson
from emotions import load
from emotions.feed import feed
from emotions.frames import Frame, MemoryFrames
from ml.images import check_jpeg


class PicturesTest(SimpleTestCase):
    def test_snapshots_are_small_jpegs_of_camera_size(self) -> None:
        for picture in load.snapshots(6):
            shape = check_jpeg(picture)
            assert (shape.width, shape.height) == (320, 240)
            assert len(picture) < 20_000

    def test_snapshots_differ_and_repeat_by_seed(self) -> None:
        assert len(set(load.snapshots(6))) == 6
        assert load.snapshots(3, seed=4) == load.snapshots(3, seed=4)


class TallyTest(SimpleTestCase):
    def test_teacher_latency_counts_each_snapshot_once(self) -> None:
        tally = load.Tally()
        place = load.Place("http://127.0.0.1:1", 1, "")
        student = load.Student(place, 0, "", tally)
        student.sent = {1: 10.0, 2: 11.0}
        teacher = load.Teacher(place, {7: student}, tally)
        teacher.note({"tick": {"seqs": {"7": 1}}}, 10.5)
        teacher.note({"tick": {"seqs": {"7": 1}}}, 11.5)
        teacher.note({"tick": {"seqs": {"7": 2, "8": 3}}}, 12.5)
        assert tally.to_teacher == [0.5, 1.5]

    def test_nothing_measured_is_said_as_nothing(self) -> None:
        assert load.percentiles([]) == {"p50": None, "p95": None, "p99": None}

    def test_refusals_are_counted_by_reason(self) -> None:
        tally = load.Tally()
        student = load.Student(load.Place("http://127.0.0.1:1", 1, ""), 0, "", tally)
        student.note({"seq": 1, "status": "refused", "why": "full"})
        student.note({"seq": 2, "status": "taken"})
        assert (tally.refused, tally.taken, tally.reasons) == (1, 1, {"full": 1})


async def fed() -> tuple[dict[str, float], list[Frame]]:
    """A worker that takes what waits as fast as it can, for half a second."""
    queue, read = MemoryFrames(capacity=100), []

    async def work() -> None:
        while True:
            for frame in await queue.claim(8):
                await queue.finish(frame, ok=True)
                read.append(frame)
            await asyncio.sleep(0)

    worker = asyncio.create_task(work())
    figures = await feed(queue, 1, [1, 2, 3], [b"one", b"two"], seconds=0.5, window=0.3)
    worker.cancel()
    return figures, read


class CommandTest(TestCase):
    def run_command(self, *args: str) -> str:
        out = StringIO()
        call_command("loadtest", *args, stdout=out)
        return out.getvalue()

    def test_another_machine_is_refused(self) -> None:
        with pytest.raises(CommandError, match="another machine"):
            self.run_command("--url", "http://192.0.2.1:8000")

    def test_an_address_that_is_none_is_refused(self) -> None:
        with pytest.raises(CommandError, match="not an http address"):
            self.run_command("--url", "localhost:8000")

    def test_bounds_are_kept(self) -> None:
        for option, value in (
            ("students", "1001"),
            ("rate", "0"),
            ("seconds", "601"),
            ("window", "0"),
        ):
            with pytest.raises(CommandError, match=f"--{option} must be"):
                self.run_command(f"--{option}", value)

    def test_filling_the_queue_needs_the_queue_that_workers_share(self) -> None:
        with pytest.raises(CommandError, match="REDIS_URL"):
            self.run_command("--queue")

    def test_a_fed_queue_is_never_empty_and_every_student_is_read(self) -> None:
        figures, read = asyncio.run(fed())
        assert figures["analysed_per_s"] > 0
        assert {frame.student for frame in read} == {1, 2, 3}
        assert figures["offered"] >= len(read) >= 6

    def test_no_server_is_said_and_leaves_no_lesson(self) -> None:
        with pytest.raises(CommandError, match="No server answers"):
            self.run_command("--url", "http://127.0.0.1:9", "--students", "1")
        assert not Lesson.objects.exists()
