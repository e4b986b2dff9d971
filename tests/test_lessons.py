"""Lessons open with a code, are steered while open, and close exactly once."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from django.db import IntegrityError, transaction
from django.test import TestCase, override_settings
from django.utils import timezone

from classroom import audit, lessons
from classroom.models import AuditEntry, Lesson
from tests import make


class CodeTest(TestCase):
    def test_code_has_sixty_bits_and_nothing_to_confuse(self):
        self.assertEqual(len(lessons.ALPHABET), 32)
        self.assertFalse(set("ILOU") & set(lessons.ALPHABET))
        self.assertRegex(lessons.new_code(), r"^[0-9A-Z]{12}$")

    def test_code_is_shown_in_groups_of_four(self):
        self.assertEqual(lessons.grouped("7KQ2M9XAPT4C"), "7KQ2-M9XA-PT4C")

    def test_code_may_be_typed_any_way(self):
        for typed in ("7kq2-m9xa-pt4c", " 7KQ2 M9XA PT4C ", "7kq2m9xapt4c"):
            self.assertEqual(lessons.tidy(typed), "7KQ2M9XAPT4C")

    def test_letters_that_look_like_digits_are_read_as_meant(self):
        self.assertEqual(lessons.tidy("oOiIlL"), "001111")

    def test_endless_code_is_cut(self):
        self.assertLessEqual(len(lessons.tidy("7" * 1_000_000)), 100)


class OpenTest(TestCase):
    def test_lesson_opens_with_the_settings_of_the_day(self):
        make.analysis("on")
        now = timezone.now()
        lesson = lessons.open(make.course(), title="  Waves ", now=now)
        self.assertTrue(lesson.is_open)
        self.assertEqual((lesson.title, lesson.interval_ms), ("Waves", 2000))
        self.assertEqual(lesson.ends_at, now + timedelta(hours=4))
        self.assertTrue(lesson.analysis)

    def test_analysis_stays_as_it_was_at_opening(self):
        make.analysis("off")
        lesson = lessons.open(make.course())
        make.analysis("on")
        lesson.refresh_from_db()
        self.assertFalse(lesson.analysis)

    def test_course_has_one_open_lesson(self):
        course = make.course()
        self.assertEqual(lessons.open(course), lessons.open(course))
        with self.assertRaises(IntegrityError), transaction.atomic():
            make.lesson(course=course)

    def test_teacher_has_an_open_lesson_per_course(self):
        teacher = make.teacher()
        first = lessons.open(make.course(teacher=teacher))
        self.assertNotEqual(first, lessons.open(make.course(teacher=teacher)))

    def test_taken_code_is_drawn_again(self):
        taken = make.lesson().code
        codes = iter([taken, taken, "0123456789AB"])
        with self.patched(lambda: next(codes)):
            self.assertEqual(lessons.open(make.course()).code, "0123456789AB")

    def test_no_free_code_is_said_and_not_tried_for_ever(self):
        taken = make.lesson().code
        with self.patched(lambda: taken), self.assertRaises(lessons.CannotOpen):
            lessons.open(make.course())

    def test_code_of_a_closed_lesson_is_free_again(self):
        closed = make.lesson(closed_at=timezone.now())
        again = make.lesson(code=closed.code)
        self.assertEqual(lessons.by_code(closed.code.lower()), again)

    def patched(self, draw):
        return patch.object(lessons, "new_code", draw)


class SteerTest(TestCase):
    def setUp(self):
        self.lesson = make.lesson()

    def stored(self) -> Lesson:
        return Lesson.objects.get(pk=self.lesson.pk)

    def test_pause_and_resume(self):
        self.assertTrue(lessons.pause(self.lesson))
        self.assertIsNotNone(self.stored().paused_at)
        self.assertTrue(lessons.resume(self.lesson))
        self.assertIsNone(self.stored().paused_at)

    def test_lock_and_unlock(self):
        lessons.lock(self.lesson)
        self.assertIsNotNone(self.stored().locked_at)
        lessons.unlock(self.lesson)
        self.assertIsNone(self.stored().locked_at)

    def test_quiet_work_ends_by_itself_or_at_once(self):
        now = timezone.now()
        lessons.quiet(self.lesson, True, now=now)
        self.assertEqual(self.stored().quiet_until, now + timedelta(minutes=15))
        lessons.quiet(self.lesson, False)
        self.assertIsNone(self.stored().quiet_until)

    def test_senseless_interval_is_refused(self):
        with self.assertRaisesMessage(ValueError, "250 to 60000 ms"):
            lessons.set_interval(self.lesson, 10)
        self.assertTrue(lessons.set_interval(self.lesson, 1000))

    def test_closed_lesson_cannot_be_steered(self):
        lessons.close(Lesson.objects.get(pk=self.lesson.pk))
        self.assertFalse(lessons.pause(self.lesson))
        self.assertFalse(self.lesson.is_open)
        self.assertIsNone(self.stored().paused_at)


class CloseTest(TestCase):
    def test_lesson_closes_once(self):
        lesson = make.lesson()
        other_hand = Lesson.objects.get(pk=lesson.pk)
        now = timezone.now()
        self.assertTrue(lessons.close(lesson, now=now))
        self.assertFalse(lessons.close(other_hand, now=now + timedelta(minutes=1)))
        self.assertEqual(other_hand.closed_at, now)

    def test_closing_by_itself_is_in_the_trail_once(self):
        lesson = make.lesson()
        lessons.close_by_itself(lesson, "abandoned")
        lessons.close_by_itself(lesson, "abandoned")
        entry = AuditEntry.objects.get()
        self.assertEqual(entry.which, f"lesson {lesson.pk}: abandoned")
        self.assertEqual(entry.actor, audit.NOBODY)

    def test_lesson_is_abandoned_after_a_quarter_of_an_hour(self):
        now = timezone.now()
        lesson = make.lesson(teacher_seen_at=now - timedelta(minutes=15))
        make.lesson(teacher_seen_at=now - timedelta(minutes=14))
        self.assertEqual(list(lessons.abandoned(now)), [lesson])

    def test_teacher_who_came_back_has_abandoned_nothing(self):
        now = timezone.now()
        lesson = make.lesson(teacher_seen_at=now - timedelta(hours=1))
        lessons.teacher_seen(lesson.pk, now=now)
        self.assertFalse(lessons.abandoned(now).exists())

    def test_lesson_is_overdue_at_its_set_length(self):
        now = timezone.now()
        lesson = make.lesson(ends_at=now)
        make.lesson(ends_at=now + timedelta(seconds=1))
        make.lesson(ends_at=now, closed_at=now)
        self.assertEqual(list(lessons.overdue(now)), [lesson])

    def test_closing_is_warned_of_ten_minutes_after_the_page_went(self):
        gone = timezone.now()
        lesson = make.lesson(teacher_seen_at=gone, ends_at=gone + timedelta(hours=4))
        self.assertIsNone(lessons.closing_at(lesson, gone + timedelta(minutes=9)))
        warned = lessons.closing_at(lesson, gone + timedelta(minutes=10))
        self.assertEqual(warned, gone + timedelta(minutes=15))

    def test_closing_at_the_set_length_is_warned_of_ahead(self):
        now = timezone.now()
        lesson = make.lesson(teacher_seen_at=now, ends_at=now + timedelta(minutes=10))
        self.assertEqual(lessons.closing_at(lesson, now), lesson.ends_at)

    @override_settings(ABANDONED_AFTER_S=30)
    def test_wait_for_the_teacher_is_a_setting(self):
        now = timezone.now()
        make.lesson(teacher_seen_at=now - timedelta(seconds=30))
        self.assertEqual(lessons.abandoned(now).count(), 1)
