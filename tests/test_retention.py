"""What is forgotten after the promised days, and what stays."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO

from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings
from django.utils import timezone

from classroom.models import AuditEntry, Lesson
from emotions import closing, retention, taps
from emotions.models import Flag, LessonMinute, Report, Slice
from tests import make
from tests.stored import rows


@override_settings(KEEP_SLICES_DAYS=30)
class PurgeTest(TestCase):
    def setUp(self) -> None:
        self.old = self.lesson(days=31)
        self.recent = self.lesson(days=29)

    def lesson(self, days: int) -> Lesson:
        ended = timezone.now() - timedelta(days=days)
        lesson = make.lesson(opened_at=ended - timedelta(hours=1))
        for name in ("Asha", "Student 1"):
            student = make.participant(lesson=lesson, name=name)
            rows(student, 0, 6)
            taps.save(lesson.pk, student.pk, "hand", uuid.uuid4(), ended)
        lesson.closed_at = ended
        lesson.save(update_fields=["closed_at"])
        closing.close(lesson)
        return lesson

    def test_slices_taps_flags_and_names_of_old_lessons_go(self) -> None:
        purged = retention.purge()
        self.assertEqual((purged.lessons, purged.slices, purged.students), (1, 12, 2))
        for model in (Slice, Report, Flag):
            self.assertFalse(model.objects.filter(lesson=self.old).exists())
        names = list(self.old.participants.order_by("pk").values_list("name", flat=True))
        self.assertEqual(names, ["Student 1", "Student 2"])

    def test_class_figures_stay(self) -> None:
        before = self.old.samples, self.old.coverage, self.old.flags_raised
        retention.purge()
        self.old.refresh_from_db()
        self.assertEqual((self.old.samples, self.old.coverage, self.old.flags_raised), before)
        self.assertTrue(LessonMinute.objects.filter(lesson=self.old).exists())

    def test_recent_lessons_are_not_touched(self) -> None:
        retention.purge()
        self.assertEqual(Slice.objects.filter(lesson=self.recent).count(), 12)
        self.assertTrue(self.recent.participants.filter(name="Asha").exists())

    def test_a_browser_is_no_longer_recognised(self) -> None:
        keys = set(self.old.participants.values_list("key", flat=True))
        retention.purge()
        self.assertFalse(keys & set(self.old.participants.values_list("key", flat=True)))

    def test_the_second_time_nothing_is_left_to_do(self) -> None:
        retention.purge()
        self.assertEqual(retention.purge(), retention.Purged())
        self.assertEqual(AuditEntry.objects.filter(what="individual data purged").count(), 1)

    def test_an_open_lesson_is_never_purged(self) -> None:
        Lesson.objects.filter(pk=self.old.pk).update(closed_at=None)
        self.assertEqual(retention.purge(days=0).lessons, 1)
        self.assertTrue(self.old.participants.filter(name="Asha").exists())

    def test_the_command_says_what_it_did(self) -> None:
        out = StringIO()
        call_command("purge", stdout=out)
        self.assertIn("1 lessons: 12 slices deleted, 2 students unnamed.", out.getvalue())

    def test_negative_days_are_refused(self) -> None:
        with self.assertRaisesMessage(CommandError, "give 0 or more"):
            call_command("purge", "--days=-1")
