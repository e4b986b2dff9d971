"""Ten-second sums: they add up, are written once, and what is lost is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.db import OperationalError, connection
from django.test import TestCase, TransactionTestCase, skipUnlessDBFeature

from classroom import consent, participants
from emotions import room
from emotions.models import Slice
from emotions.slices import COLUMNS, Facing, Slices, start_of, store, sums_of, upsert
from ml.labels import HAPPY, NEUTRAL
from tests import make
from tests.frames_contract import Clock
from tests.readings import NOW, SAD, no_face, reading, unsure


class SlicesTest(TestCase):
    def setUp(self) -> None:
        self.lesson = make.lesson()
        self.asha = make.participant(lesson=self.lesson)
        self.ben = make.participant(lesson=self.lesson)
        self.clock = Clock(NOW)
        self.told: list[tuple[int, dict[str, Any]]] = []
        self.slices = Slices(self.put, self.tell, clock=self.clock)

    async def put(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await sync_to_async(fn)(*args)

    async def tell(self, lesson: int, message: dict[str, Any]) -> None:
        self.told.append((lesson, message))

    def of(self, student: Any, at: float = NOW, **fields: Any) -> Any:
        return reading(self.lesson.pk, student.pk, at, **fields)

    async def test_readings_of_ten_seconds_become_one_row_of_sums(self) -> None:
        for second in range(0, 10, 2):
            self.slices.add(self.of(self.asha, NOW + second))
        self.clock.pass_(11)
        await self.slices.flush()
        row = await Slice.objects.aget()
        self.assertEqual((row.starts_at, row.n, row.participant_id), (NOW, 5, self.asha.pk))
        self.assertAlmostEqual(row.neutral, 5 * 0.78)
        self.assertAlmostEqual(row.valence_sum, 5 * (0.1 - 0.02 - 0.01 - 0.02 - 0.05))
        self.assertAlmostEqual(sum(getattr(row, label) for label in COLUMNS[7:]), 5.0)

    async def test_every_outcome_has_its_own_count(self) -> None:
        lesson, student = self.lesson.pk, self.asha.pk
        self.slices.add(no_face(lesson, student))
        for why in ("several", "dark", "blurred", "low_sure"):
            self.slices.add(unsure(lesson, student, why=why))
        await self.slices.flush(everything=True)
        row = await Slice.objects.aget()
        self.assertEqual((row.n, row.absent, row.several, row.unsure), (0, 1, 1, 3))
        self.assertEqual((row.engagement_sum, row.valence_sum), (0, 0))

    async def test_a_slice_that_has_not_ended_waits(self) -> None:
        self.slices.add(self.of(self.asha))
        self.clock.pass_(9.9)
        await self.slices.flush()
        self.assertFalse(await Slice.objects.aexists())

    async def test_two_workers_add_up(self) -> None:
        other = Slices(self.put, self.tell, clock=self.clock)
        for one in (self.slices, other):
            one.add(self.of(self.asha))
            await one.flush(everything=True)
        row = await Slice.objects.aget()
        self.assertEqual(row.n, 2)
        self.assertAlmostEqual(row.neutral, 2 * 0.78)

    async def test_late_readings_add_to_what_is_stored(self) -> None:
        self.slices.add(self.of(self.asha))
        await self.slices.flush(everything=True)
        self.slices.add(self.of(self.asha, NOW + 3))
        await self.slices.flush(everything=True)
        self.assertEqual((await Slice.objects.aget()).n, 2)

    async def test_teachers_are_told_once_per_slice(self) -> None:
        for student in (self.asha, self.ben):
            self.slices.add(self.of(student))
        self.slices.add(self.of(self.asha, NOW + 12))
        await self.slices.flush(everything=True)
        expected = [{"type": "lesson.slices", "starts_at": int(NOW) + more} for more in (0, 10)]
        self.assertEqual([message for _, message in self.told], expected)

    async def test_failed_write_is_counted_lost_and_not_tried_again(self) -> None:
        async def fail(fn: Callable[..., Any], *args: Any) -> Any:
            raise OperationalError("disk full")

        slices = Slices(fail, self.tell, clock=self.clock)
        for _ in range(3):
            slices.add(self.of(self.asha))
        with self.assertLogs("emotions.slices", "ERROR"):
            await slices.flush(everything=True)
        self.assertEqual((slices.lost, slices.written, slices.sums), (3, 0, {}))

    async def test_what_is_not_stored_yet_is_known(self) -> None:
        held: list[int] = []

        async def put(fn: Callable[..., Any], *args: Any) -> Any:
            held.append(slices.held)
            return await self.put(fn, *args)

        slices = Slices(put, self.tell, clock=self.clock)
        for _ in range(3):
            slices.add(self.of(self.asha))
        await slices.flush(everything=True)
        self.assertEqual((held, slices.held), ([3], 0))

    async def test_erased_student_does_not_take_the_class_along(self) -> None:
        for student in (self.asha, self.ben):
            self.slices.add(self.of(student))
        await sync_to_async(participants.erase)(self.asha)
        await self.slices.flush(everything=True)
        self.assertEqual((await Slice.objects.aget()).participant_id, self.ben.pk)
        self.assertEqual(self.slices.lost, 0)

    async def test_nothing_is_stored_of_who_withdrew(self) -> None:
        self.slices.add(self.of(self.asha))
        await sync_to_async(consent.withdraw)(self.asha)
        await self.slices.flush(everything=True)
        self.assertFalse(await Slice.objects.aexists())

    async def test_forgotten_sums_are_not_written(self) -> None:
        self.slices.add(self.of(self.asha))
        self.slices.add(self.of(self.ben))
        self.slices.forget(self.lesson.pk, self.asha.pk)
        await self.slices.flush(everything=True)
        self.assertEqual((await Slice.objects.aget()).participant_id, self.ben.pk)

    def test_a_thousand_rows_go_in_one_call(self) -> None:
        students = [make.participant(lesson=self.lesson) for _ in range(2)]
        rows = [
            ((self.lesson.pk, start, student.pk), tuple(sums_of(self.of(student), turned=False)))
            for student in students
            for start in range(0, 6000, 10)
        ]
        store(rows)
        self.assertEqual(Slice.objects.count(), 1200)


class MeanwhileTest(TransactionTestCase):
    """On Postgres others write at the same time; SQLite lets one write at a time."""

    def setUp(self) -> None:
        self.lesson = make.lesson()
        self.asha = make.participant(lesson=self.lesson)
        self.ben = make.participant(lesson=self.lesson)

    def store_while(self, act: Callable[[], object]) -> None:
        """Store a slice of both; `act` begins between the look who is there and the write."""
        sums = tuple(sums_of(reading(), turned=False))
        rows = [((self.lesson.pk, 0, one.pk), sums) for one in (self.asha, self.ben)]

        def acting() -> None:
            try:
                act()
            finally:
                connection.close()

        thread = threading.Thread(target=acting)

        def write(number: int) -> str:
            thread.start()
            until(lambda: not thread.is_alive() or somebody_waits())
            return upsert(number)

        with mock.patch("emotions.slices.upsert", write):
            store(rows)
        thread.join(60)

    def stored(self) -> list[int]:
        return list(Slice.objects.values_list("participant_id", flat=True))

    @skipUnlessDBFeature("has_select_for_update")
    def test_student_erased_while_it_is_written_is_gone_and_the_class_is_not(self) -> None:
        self.store_while(lambda: participants.erase(self.asha))
        self.assertEqual(self.stored(), [self.ben.pk])

    @skipUnlessDBFeature("has_select_for_update")
    def test_nothing_is_left_of_who_withdraws_while_it_is_written(self) -> None:
        self.store_while(lambda: room._withdraw(self.asha))
        self.assertEqual(self.stored(), [self.ben.pk])


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


class SumsTest(TestCase):
    def test_probabilities_keep_their_places(self) -> None:
        p = tuple(0.94 if label == HAPPY else 0.01 for label in range(7))
        row = dict(zip(COLUMNS, sums_of(reading(p=p), turned=False), strict=True))
        self.assertEqual((row["happy"], row["neutral"], row["n"]), (0.94, p[NEUTRAL], 1))
        self.assertAlmostEqual(row["valence_sum"], 0.94 - 0.04)

    def test_a_turned_face_counts_and_engages_less(self) -> None:
        facing, turned = (sums_of(reading(p=SAD), turned=turned) for turned in (False, True))
        score = COLUMNS.index("engagement_sum")
        self.assertEqual((facing[4], turned[4]), (0, 1))
        self.assertAlmostEqual(turned[score], 0.3 * facing[score])

    def test_slices_start_at_multiples_of_ten(self) -> None:
        self.assertEqual([start_of(at) for at in (0, 9.99, 10.0, 1e9 + 7)], [0, 0, 10, 10**9])


class FacingTest(TestCase):
    def test_camera_at_the_side_is_normal(self) -> None:
        facing = Facing(NOW)
        first = [facing.is_turned(0.6, NOW + 2 * n) for n in range(90)]
        self.assertEqual(first[5:], [False] * 85)
        self.assertFalse(facing.is_turned(0.6, NOW + 200))
        self.assertTrue(facing.is_turned(-0.2, NOW + 202))

    def test_turning_away_from_straight_on_is_turned(self) -> None:
        facing = Facing(NOW)
        for n in range(90):
            facing.is_turned(0.02, NOW + 2 * n)
        self.assertTrue(facing.is_turned(0.8, NOW + 200))
        self.assertFalse(facing.is_turned(0.2, NOW + 202))

    def test_looking_away_later_does_not_become_the_usual(self) -> None:
        facing = Facing(NOW)
        for n in range(90):
            facing.is_turned(0.0, NOW + 2 * n)
        self.assertTrue(all(facing.is_turned(0.8, NOW + 200 + n) for n in range(300)))
