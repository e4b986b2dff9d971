"""Consent is added to, never changed; the notice says this lesson's own figures."""

from __future__ import annotations

from django.test import TestCase, override_settings

from classroom import consent, notice
from classroom.models import Consent, Participant
from tests import make


class ConsentTest(TestCase):
    def setUp(self):
        self.student = make.participant(camera="none")

    def test_latest_answer_counts(self):
        consent.give(self.student)
        self.assertTrue(consent.is_given(self.student))
        consent.withdraw(self.student)
        self.assertFalse(consent.is_given(self.student))
        self.assertEqual(self.student.consents.count(), 3)

    def test_camera_follows_the_answer(self):
        consent.give(self.student)
        self.assertEqual(Participant.objects.get(pk=self.student.pk).camera, "on")
        consent.withdraw(self.student)
        self.assertEqual(Participant.objects.get(pk=self.student.pk).camera, "none")

    def test_answer_to_an_older_notice_is_no_answer(self):
        Consent.objects.create(participant=self.student, given=True, notice_version="2020-01")
        self.assertFalse(consent.is_given(self.student))

    def test_withdrawing_deletes(self):
        deleted = []
        consent.withdraw(self.student, delete=deleted.append)
        self.assertEqual(deleted, [self.student])

    def test_failed_deletion_withdraws_nothing(self):
        consent.give(self.student)

        def fail(student: Participant) -> None:
            raise OSError

        with self.assertRaises(OSError):
            consent.withdraw(self.student, delete=fail)
        self.assertTrue(consent.is_given(self.student))


class NoticeTest(TestCase):
    def words(self, lesson) -> str:
        return " ".join([*(line.text for line in notice.lines(lesson)), notice.caution(lesson)])

    def test_notice_is_four_lines_of_at_most_ninety_words(self):
        for analysis in (True, False):
            lesson = make.lesson(analysis=analysis)
            self.assertEqual(len(notice.lines(lesson)), 4)
            self.assertLessEqual(len(self.words(lesson).split()), 90)

    def test_two_seconds_are_eighteen_megabytes_an_hour(self):
        words = self.words(make.lesson(interval_ms=2000))
        self.assertIn("every 2 s", words)
        self.assertIn("18 MB an hour", words)

    @override_settings(KEEP_SLICES_DAYS=7)
    def test_figures_are_the_lessons_own(self):
        words = self.words(make.lesson(interval_ms=500))
        self.assertIn("every 0.5 s", words)
        self.assertIn("72 MB an hour", words)
        self.assertIn("7 days", words)

    def test_without_analysis_no_word_of_cameras(self):
        words = self.words(make.lesson(analysis=False)).lower()
        for word in ("camera", "picture", "score", "face"):
            self.assertNotIn(word, words)
