"""What a closed lesson keeps: one row of figures, and a row per minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from classroom.models import AuditEntry, Lesson
from emotions import closing, retention, room
from emotions.attention import moment, raise_flag
from emotions.closer import Closer, due
from emotions.frames import frames
from emotions.models import Flag, LessonMinute, Marker, Report
from emotions.slices import Slices, start_of
from ml.engagement import SCORE_VERSION
from tests import make
from tests.readings import reading
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
            lambda: make.lesson(ends_at=self.now - timedelta(seconds=5))
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

    def test_what_came_first_is_why_it_was_closed(self) -> None:
        make.lesson(ends_at=self.now, teacher_seen_at=self.now - timedelta(hours=1))
        self.assertEqual([why for _, why in due(self.now)], ["abandoned"])

    async def test_the_summary_is_written_again_when_all_slices_are_in(self) -> None:
        lesson = await room.in_database(make.lesson)
        student = await room.in_database(lambda: make.participant(lesson=lesson))
        await room.close(lesson)
        await room.in_database(rows, student, 0, 6)
        self.now = timezone.now() + timedelta(seconds=20)
        await self.look()
        await lesson.arefresh_from_db()
        self.assertEqual(lesson.samples, 30)


@override_settings(ABANDONED_AFTER_S=900)
class MissedTest(TransactionTestCase):
    """The server stood still when these lessons ended, and looks at them a day later."""

    def setUp(self) -> None:
        frames.cache_clear()
        self.now = timezone.now()
        self.opened_at = moment(start_of((self.now - timedelta(hours=22)).timestamp()))
        self.lesson = make.lesson(opened_at=self.opened_at, teacher_seen_at=self.at(40))
        self.asha = make.participant(lesson=self.lesson)
        self.closer = Closer(lambda lesson: None)

    def at(self, minutes: float) -> datetime:
        return self.opened_at + timedelta(minutes=minutes)

    def look(self, now: datetime | None = None) -> Lesson:
        async_to_sync(self.closer.look)(now or self.now)
        self.lesson.refresh_from_db()
        return self.lesson

    def test_it_ended_a_quarter_of_an_hour_after_its_teacher_went(self) -> None:
        self.assertEqual(self.look().closed_at, self.at(55))
        self.assertIn("abandoned", AuditEntry.objects.get().which)

    def test_it_ended_at_its_set_length_where_its_teacher_stayed_as_long(self) -> None:
        Lesson.objects.update(teacher_seen_at=self.at(239))
        self.assertEqual(self.look().closed_at, self.at(240))
        self.assertIn("over time", AuditEntry.objects.get().which)

    def test_it_did_not_end_before_its_last_slice_tap_or_marker(self) -> None:
        rows(self.asha, 6 * 59, 6)
        ends = [self.at(60)]
        for minute, kept in ((61, Report(participant=self.asha, kind="lost")), (62, Marker())):
            kept.lesson, kept.at = self.lesson, self.at(minute)
            kept.save()
            ends.append(kept.at)
        self.assertEqual(closing.ended_at(self.lesson, self.now), ends[2])
        Marker.objects.all().delete()
        self.assertEqual(closing.ended_at(self.lesson, self.now), ends[1])
        Report.objects.all().delete()
        self.assertEqual(self.look().closed_at, ends[0])

    def test_it_did_not_end_before_what_is_in_memory(self) -> None:
        held = Slices(room.in_database)
        at = self.at(70).timestamp()
        held.add(reading(self.lesson.pk, self.asha.pk, at))
        self.assertEqual(self.look().closed_at, moment(at + 10))
        self.assertEqual(self.lesson.samples, 1)

    def test_what_stood_open_and_the_summary_end_with_it(self) -> None:
        rows(self.asha, 0, 60)
        at = self.at(10)
        raise_flag(self.lesson.pk, self.asha.pk, "low", reason="x", since=at, at=at)
        self.assertEqual(self.look().samples, 300)
        self.assertEqual(Flag.objects.get().cleared_at, self.at(55))

    def test_its_summary_is_written_again_when_all_slices_are_in(self) -> None:
        self.look()
        rows(self.asha, 0, 6)
        self.assertEqual(self.look().samples, 0)
        self.assertEqual(self.look(self.now + timedelta(seconds=20)).samples, 30)
        answer = async_to_sync(frames().offer)(self.lesson.pk, self.asha.pk, 1, b"x")
        self.assertEqual(answer.status, "accepted")

    def test_a_summary_that_nobody_came_to_write_is_written_later(self) -> None:
        rows(self.asha, 0, 6)
        Lesson.objects.update(closed_at=self.at(55))
        self.assertEqual(self.look().samples, 30)

    def test_a_summary_outlives_slices_that_are_too_old_to_be_kept(self) -> None:
        rows(self.asha, 0, 6)
        much_later = self.now + timedelta(days=31)
        self.assertEqual(self.look(much_later).samples, 30)
        retention.purge(days=30, now=much_later)
        self.assertEqual(self.look(much_later + timedelta(seconds=20)).samples, 30)
        self.assertFalse(self.lesson.slices.exists())
