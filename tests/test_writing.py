"""The writer keeps order, answers after the commit, and survives what fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from unittest import mock

from asgiref.sync import async_to_sync
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import TransactionTestCase

from classroom import writing
from classroom.models import Course
from classroom.writing import Writer
from tests import make


class WriterTest(TransactionTestCase):
    def setUp(self):
        self.writer = Writer()
        self.teacher = make.teacher()

    def make_course(self, name: str) -> int:
        return Course.objects.create(teacher=self.teacher, name=name).pk

    def run_async(self, work):
        return async_to_sync(work)()

    def test_answer_comes_with_the_row_stored(self):
        async def work() -> int:
            return await self.writer.put(self.make_course, "Physics")

        key = self.run_async(work)
        self.assertEqual(Course.objects.get(pk=key).name, "Physics")
        self.assertEqual((self.writer.written, self.writer.failed), (1, 0))

    def test_order_is_kept_over_batches(self):
        done: list[int] = []

        async def work() -> None:
            futures = [self.writer.put(done.append, number) for number in range(500)]
            await asyncio.gather(*futures)

        self.run_async(work)
        self.assertEqual(done, list(range(500)))

    def test_work_runs_in_another_thread(self):
        async def work() -> int:
            return await self.writer.put(threading.get_ident)

        self.assertNotEqual(self.run_async(work), threading.get_ident())

    def test_one_that_fails_takes_no_other_with_it(self):
        async def work() -> list[object]:
            names = ["Physics", "Physics", "Chemistry"]
            futures = [self.writer.put(self.make_course, name) for name in names]
            return await asyncio.gather(*futures, return_exceptions=True)

        with self.assertLogs("classroom.writing", "ERROR"):
            outcomes = self.run_async(work)
        self.assertIsInstance(outcomes[1], IntegrityError)
        self.assertEqual(Course.objects.count(), 2)
        self.assertEqual((self.writer.written, self.writer.failed), (2, 1))

    def test_failed_piece_leaves_nothing_half_done(self):
        def half() -> None:
            self.make_course("Half")
            raise OSError

        async def work() -> None:
            await self.writer.put(half)

        with self.assertLogs("classroom.writing", "ERROR"), self.assertRaises(OSError):
            self.run_async(work)
        self.assertFalse(Course.objects.exists())

    def test_drain_waits_for_everything_put(self):
        async def work() -> None:
            for number in range(20):
                self.writer.put(self.make_course, f"Course {number}")
            await self.writer.drain()

        self.run_async(work)
        self.assertEqual(Course.objects.count(), 20)

    def test_drain_with_nothing_to_do_returns(self):
        self.run_async(self.writer.drain)

    def test_one_who_stopped_waiting_stops_nobody(self):
        async def work() -> None:
            impatient = self.writer.put(self.make_course, "First")
            impatient.cancel()
            await self.writer.put(self.make_course, "Second")

        with self.assertNoLogs("classroom.writing", "ERROR"):
            self.run_async(work)
        self.assertEqual(Course.objects.count(), 2)

    def test_new_loop_finds_a_working_writer(self):
        async def left_behind() -> None:
            self.writer.put(self.make_course, "Left behind")

        async def work() -> None:
            await self.writer.put(self.make_course, "Now")

        self.run_async(left_behind)
        self.run_async(work)
        self.assertTrue(Course.objects.filter(name="Now").exists())


class AwayTest(TransactionTestCase):
    """A database that goes away before the commit has nothing; one that goes after may have all."""

    def setUp(self) -> None:
        self.writer = Writer()
        self.teacher = make.teacher()
        self.tries = 0

    def make_course(self, name: str) -> None:
        Course.objects.create(teacher=self.teacher, name=name)

    def away(self, times: int) -> Callable[[str], None]:
        def make_course(name: str) -> None:
            self.make_course(name)
            self.tries += 1
            if self.tries <= times:
                connection.close()
                raise OperationalError("the connection is closed")

        return make_course

    async def test_work_waits_for_the_database_and_keeps_its_order(self) -> None:
        first = self.writer.put(self.away(times=2), "First")
        second = self.writer.put(self.make_course, "Second")
        with self.assertLogs("classroom.writing", "WARNING"):
            await asyncio.gather(first, second)
        names = [
            name async for name in Course.objects.order_by("pk").values_list("name", flat=True)
        ]
        self.assertEqual(names, ["First", "Second"])
        self.assertEqual((self.tries, self.writer.again, self.writer.failed), (3, 2, 0))

    async def test_commit_that_broke_is_never_tried_again(self) -> None:
        def break_off() -> None:
            connection.close()
            raise OperationalError("the connection is closed")

        def make_course() -> None:
            self.make_course("Once")
            transaction.on_commit(break_off)

        with self.assertLogs("classroom.writing", "ERROR"), self.assertRaises(OperationalError):
            await self.writer.put(make_course)
        self.assertEqual(await Course.objects.acount(), 1)
        self.assertEqual((self.writer.again, self.writer.failed), (0, 1))

    async def test_what_waited_too_long_is_given_up(self) -> None:
        with (
            mock.patch.object(writing, "WAIT_FOR_DATABASE_S", 0),
            self.assertLogs("classroom.writing", "ERROR"),
            self.assertRaises(OperationalError),
        ):
            await self.writer.put(self.away(times=1), "Late")
        self.assertEqual((self.tries, self.writer.failed), (1, 1))

    async def test_no_more_waits_than_memory_is_meant_for(self) -> None:
        with (
            mock.patch.object(writing, "MOST_WAITING", 1),
            self.assertLogs("classroom.writing", "ERROR"),
        ):
            first = self.writer.put(self.make_course, "First")
            with self.assertRaises(OperationalError):
                await self.writer.put(self.make_course, "One too many")
            await first
        self.assertEqual((self.writer.written, self.writer.failed), (1, 1))

    async def test_end_of_the_process_does_not_wait_for_the_database(self) -> None:
        futures = [self.writer.put(self.away(times=9), f"Course {n}") for n in range(3)]
        with self.assertLogs("classroom.writing", "ERROR"):
            await self.writer.drain()
        self.assertTrue(all(isinstance(one.exception(), OperationalError) for one in futures))
        self.assertEqual((self.tries, self.writer.failed), (1, 3))
