"""What a closed lesson keeps: one row of figures, and a row per minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from classroom.models import AuditEntry, Lesson
from emotions import closing, room
from emotions.attention import raise_flag
from emotions.closer import Closer, due
from emotions.frames import frames
from emotions.models import Flag, LessonMinute
from ml.engagement import SCORE_VERSION
from tests import make
from tests.stored import away, opened, rows


class SummaryTest(TestCase):
    def setUp(self) -> None:
        start = timezone.now() - timedelta(minutes=30)
        self.lesson = make.lesson(opened_at=start.replace(second=0, microsecond=0))
        self.asha, self.ben, _ = (make.participant(lesson=self.lesson) for _ in range(3))

    def test_figures_of_the_lesson(self) -> None:
        rows(self.asha, 0, 12, n=5, valence_sum=1.0, engagement_sum=4.0, neutral=5.0)
        away(self.ben, 0, 4)
        closing.close(self.lesson)
        lesson = self.lesson
        self.assertEqual((lesson.students, lesson.cameras, lesson.samples), (3, 2, 80))
        self.assertAlmostEqual(lesson.coverage, 60 / 80)
        self.assertAlmostEqual(lesson.valence, 0.2)
        self.assertAlmostEqual(lesson.engagement, 0.8)
        self.assertEqual(lesson.score_version, SCORE_VERSION)
        self.assertTrue(lesson.model_version)

    def test_minutes_sum_the_class(self) -> None:
        rows(self.asha, 0, 12)
        away(self.ben, 0, 3)
        closing.close(self.lesson)
        first, second = LessonMinute.objects.order_by("starts_at")
        self.assertEqual(first.starts_at, opened(self.lesson))
        self.assertEqual((first.n, first.absent), (30, 15))
        self.assertEqual((first.present, first.readable), (2, 1))
        self.assertEqual((second.n, second.absent, second.present), (30, 0, 1))
        self.assertAlmostEqual(first.neutral, 30.0)

    def test_twice_is_the_same(self) -> None:
        rows(self.asha, 0, 12)
        closing.close(self.lesson)
        closing.close(self.lesson)
        self.assertEqual(LessonMinute.objects.count(), 2)

    def test_late_slices_are_in_the_second_summary(self) -> None:
        rows(self.asha, 0, 6)
        closing.close(self.lesson)
        rows(self.ben, 0, 6)
        closing.close(self.lesson)
        self.assertEqual((self.lesson.samples, self.lesson.cameras), (60, 2))

    def test_an_empty_lesson_has_no_means(self) -> None:
        closing.close(self.lesson)
        self.assertEqual((self.lesson.samples, self.lesson.students), (0, 3))
        self.assertIsNone(self.lesson.coverage)
        self.assertIsNone(self.lesson.valence)
        self.assertEqual(self.lesson.model_version, "")

    def test_flags_are_closed_and_counted(self) -> None:
        now = timezone.now()
        for student in (self.asha.pk, self.ben.pk):
            raise_flag(self.lesson.pk, student, "low", reason="x", since=now, at=now)
        Flag.objects.filter(participant=self.ben).update(verdict="useful")
        closing.close(self.lesson)
        self.assertEqual((self.lesson.flags_raised, self.lesson.flags_useful), (2, 1))
        self.assertFalse(Flag.objects.filter(cleared_at=None).exists())


class ByItselfTest(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        self.now = timezone.now()

    async def look(self) -> Closer:
        closer = Closer(lambda lesson: None)
        await closer.look(self.now)
        return closer

    async def test_a_lesson_past_its_length_is_closed_and_the_trail_says_so(self) -> None:
        lesson = await room.in_database(
            lambda: make.lesson(ends_at=self.now - timedelta(minutes=1))
        )
        await self.look()
        await lesson.arefresh_from_db()
        self.assertEqual(lesson.closed_at, self.now)
        self.assertEqual(lesson.students, 0)
        entry = await AuditEntry.objects.aget()
        self.assertIn("over time", entry.which)

    @override_settings(ABANDONED_AFTER_S=900)
    async def test_a_lesson_left_by_its_teacher_is_closed_after_fifteen_minutes(self) -> None:
        left = await room.in_database(
            lambda: make.lesson(teacher_seen_at=self.now - timedelta(minutes=15, seconds=1))
        )
        kept = await room.in_database(
            lambda: make.lesson(teacher_seen_at=self.now - timedelta(minutes=14))
        )
        await self.look()
        for lesson, is_open in ((left, False), (kept, True)):
            await lesson.arefresh_from_db()
            self.assertEqual(lesson.is_open, is_open)

    async def test_one_lessons_trouble_is_not_the_others(self) -> None:
        late = self.now - timedelta(minutes=1)
        bad, good = [await room.in_database(lambda: make.lesson(ends_at=late)) for _ in range(2)]
        close = room.close

        async def failing(lesson: Lesson, **how: Any) -> bool:
            if lesson.pk == bad.pk:
                raise LookupError
            return await close(lesson, **how)

        with mock.patch.object(room, "close", failing), self.assertLogs("emotions.closer"):
            await self.look()
        await good.arefresh_from_db()
        self.assertFalse(good.is_open)

    async def test_closing_bars_its_snapshots(self) -> None:
        lesson = await room.in_database(make.lesson)
        self.assertTrue(await room.close(lesson))
        self.assertFalse(await room.close(lesson))
        self.assertEqual((await frames().offer(lesson.pk, 1, 1, b"x")).status, "refused")

    def test_over_time_and_abandoned_is_closed_once(self) -> None:
        long_ago = self.now - timedelta(hours=1)
        make.lesson(ends_at=long_ago, teacher_seen_at=long_ago)
        self.assertEqual([why for _, why in due(self.now)], ["over time"])

    async def test_the_summary_is_written_again_when_all_slices_are_in(self) -> None:
        lesson = await room.in_database(make.lesson)
        student = await room.in_database(lambda: make.participant(lesson=lesson))
        await room.close(lesson)
        await room.in_database(rows, student, 0, 6)
        self.now = timezone.now() + timedelta(seconds=20)
        await self.look()
        await lesson.arefresh_from_db()
        self.assertEqual(lesson.samples, 30)
