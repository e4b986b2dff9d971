"""The services beside the pages: all running, started again when they die, drained at the end."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from channels.layers import get_channel_layer
from django.test import TransactionTestCase, override_settings
from django.utils import timezone

from classroom.models import Lesson
from classroom.writing import writer
from emotions import embedded, meters, room
from emotions.embedded import Services
from emotions.frames import frames
from emotions.management.commands.emotionworker import ALIVE, tell_health
from emotions.models import Slice
from ml.reader import Sample
from tests import make, pictures
from tests.frames_contract import Clock
from tests.readings import reading
from tests.stored import rows


async def until(there: Callable[[], Awaitable[Any]], within_s: float = 60) -> Any:
    for _ in range(int(within_s / 0.05)):
        found = await there()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen in time")


async def teacher_of(lesson: Lesson) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Hears what a teacher's socket would hear, one message after another."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(f"teachers.{lesson.pk}", channel)

    async def hear() -> dict[str, Any]:
        return await asyncio.wait_for(layer.receive(channel), 60)

    return hear


class FakeReader:
    """Reads anything as a happy face; dies as often as it is told to."""

    loads = 0

    @classmethod
    def load(cls) -> FakeReader:
        cls.loads += 1
        if cls.loads == 1:
            raise RuntimeError("the model cannot be loaded")
        return cls()

    def read(self, jpeg: bytes) -> Sample:
        p = (0.02, 0.01, 0.02, 0.8, 0.1, 0.03, 0.02)
        return Sample("face", 320, 240, p, "happy", 0.8, 0.1)


class ServicesTest(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        # A clock that stands still: no snapshot goes stale while this machine is busy.
        frames().clock = Clock(time.time())  # type: ignore[attr-defined]  # every backend has one
        meters.meters = meters.Meters()
        self.student = make.participant()
        self.lesson = self.student.lesson

    async def stored(self) -> bool:
        return await Slice.objects.aexists()

    async def reads(self, services: Services) -> None:
        """A snapshot that waits longer than three seconds for the model is dropped."""

        async def at_work() -> bool:
            return services.reads

        await until(at_work)

    async def test_a_snapshot_becomes_a_message_and_a_stored_slice(self) -> None:
        services = Services(worker=True)
        hear = await teacher_of(self.lesson)
        await services.start()
        await self.reads(services)
        await frames().offer(self.lesson.pk, self.student.pk, 1, pictures.face_jpeg())
        message = await hear()
        self.assertEqual(message["type"], "lesson.readings")
        self.assertIn(str(self.student.pk), message["students"])
        await services.stop()
        row = await Slice.objects.aget()
        self.assertEqual(row.participant_id, self.student.pk)

    async def test_a_dead_worker_is_started_again_and_counted(self) -> None:
        FakeReader.loads = 0
        with mock.patch.object(embedded, "Reader", FakeReader):
            services = Services(worker=True)
            with self.assertLogs("emotions.embedded", "ERROR"):
                await services.start()
                await until(meters.all_beats)
            await frames().offer(self.lesson.pk, self.student.pk, 1, b"x")

            async def analysed() -> int:
                return (await frames().counts()).analysed

            await until(analysed)
            await services.stop()
        self.assertEqual(meters.meters.counters["restarts_worker"], 1)

    async def test_worker_is_well_only_once_pages_can_see_it(self) -> None:
        go_on = threading.Event()

        class SlowToLoad(FakeReader):
            @classmethod
            def load(cls) -> FakeReader:
                assert go_on.wait(60)
                return cls()

        with (
            tempfile.TemporaryDirectory() as place,
            override_settings(DATA_DIR=Path(place)),
            mock.patch.object(embedded, "Reader", SlowToLoad),
        ):
            services = Services(worker=True, web=False)
            await services.start()
            await tell_health(services)
            self.assertFalse((Path(place) / ALIVE).exists())
            go_on.set()
            await self.reads(services)
            self.assertEqual(len(await meters.all_beats()), 1)
            await tell_health(services)
            self.assertTrue((Path(place) / ALIVE).exists())
            await services.stop()

    async def test_without_a_worker_nothing_is_claimed(self) -> None:
        services = Services(worker=False)
        await services.start()
        await frames().offer(self.lesson.pk, self.student.pk, 1, b"x")
        await asyncio.sleep(0.2)
        counts = await frames().counts()
        self.assertEqual((counts.waiting, counts.claimed), (1, 0))
        self.assertEqual(meters.worker_state()["state"], "none")
        await services.stop()

    async def test_stopping_writes_what_is_in_memory(self) -> None:
        services = Services(worker=False)
        await services.start()
        services.take(reading(self.lesson.pk, self.student.pk, time.time()))
        await services.stop()
        self.assertTrue(await self.stored())
        self.assertTrue(all(task.done() for task in services.tasks.values()))
        await services.stop()

    async def test_a_lesson_paused_before_the_restart_stays_barred(self) -> None:
        await Lesson.objects.filter(pk=self.lesson.pk).aupdate(paused_at=timezone.now())
        services = Services(worker=False)
        await services.start()
        answer = await frames().offer(self.lesson.pk, self.student.pk, 1, b"x")
        self.assertEqual(answer.status, "refused")
        await services.stop()

    @override_settings(EXPRESSION_ANALYSIS="off")
    async def test_open_lessons_lose_analysis_where_it_is_switched_off_now(self) -> None:
        services = Services(worker=False)
        await services.start()
        await services.stop()
        await self.lesson.arefresh_from_db()
        self.assertFalse(self.lesson.analysis)

    async def test_individual_data_goes_after_the_promised_days_by_itself(self) -> None:
        month_ago = timezone.now() - timedelta(days=31)
        await room.in_database(rows, self.student, 0, 2)
        await Lesson.objects.aupdate(opened_at=month_ago, closed_at=month_ago)
        services = Services(worker=False)
        await services.start()

        async def purged() -> bool:
            return not await self.stored()

        await until(purged)
        await services.stop()
        await self.student.arefresh_from_db()
        self.assertEqual(self.student.name, "Student 1")

    async def test_leader_leads_on_while_the_lease_cannot_be_asked_for(self) -> None:
        services = Services(worker=False)
        await services.start()

        async def leads() -> bool:
            return services.leads

        await until(leads)
        with mock.patch.object(services.lease, "hold", side_effect=ConnectionError):
            self.assertTrue(await services.holds_lease())
        await services.stop()
        self.assertEqual(meters.meters.counters["restarts_leader"], 0)

    async def test_a_practice_lesson_gets_its_class_and_keeps_to_itself(self) -> None:
        practice = await room.in_database(lambda: make.lesson(mode=Lesson.Mode.PRACTICE))
        services = Services(worker=False)
        hear = await teacher_of(practice)
        await services.start()
        seen: set[str] = set()
        while "lesson.readings" not in seen:
            seen.add((await hear())["type"])
        await services.stop()
        await writer.drain()
        self.assertEqual(await practice.participants.acount(), 30)
        self.assertEqual(await self.lesson.participants.acount(), 1)
        self.assertFalse(await Slice.objects.filter(lesson=self.lesson).aexists())

    @override_settings(ABANDONED_AFTER_S=900)
    async def test_a_practice_lesson_that_ended_while_no_server_ran_is_not_played_on(self) -> None:
        left_at = timezone.now() - timedelta(days=1)
        practice = await room.in_database(
            lambda: make.lesson(
                mode=Lesson.Mode.PRACTICE, opened_at=left_at, teacher_seen_at=left_at
            )
        )
        services = Services(worker=False)
        await services.start()

        async def is_over() -> bool:
            await practice.arefresh_from_db()
            return not practice.is_open and services.leads

        await until(is_over)
        await asyncio.sleep(2 * embedded.LOOK_FOR_LESSONS_S)
        await services.stop()
        self.assertEqual(practice.closed_at, left_at + timedelta(minutes=15))
        self.assertEqual(await practice.participants.acount(), 0)
