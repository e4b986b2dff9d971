"""One student at the side of the live page: this lesson so far, for its own teacher alone."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.test import TestCase
from django.urls import reverse
from django.utils import timezone

from classroom.models import AuditEntry
from dashboard import drawer
from emotions import taps
from emotions.models import Answer, Flag
from tests import make
from tests.stored import away, low, rows


class DrawerTest(TestCase):
    def setUp(self) -> None:
        self.now = timezone.now()
        self.lesson = make.lesson(opened_at=self.now - timedelta(minutes=40))
        self.asha = make.participant(lesson=self.lesson, name="Asha")
        self.client.force_login(self.lesson.course.teacher)

    def path(self, student: int | None = None) -> str:
        return reverse("lesson-student", args=[self.lesson.pk, student or self.asha.pk])

    def flag(self, kind: str, ago_s: int, **fields: object) -> Flag:
        since = self.now - timedelta(seconds=ago_s)
        return Flag.objects.create(
            lesson=self.lesson,
            participant=self.asha,
            kind=kind,
            since=since,
            raised_at=since,
            **fields,
        )

    def test_the_teacher_sees_line_coverage_taps_and_flags(self) -> None:
        rows(self.asha, 0, 120)
        away(self.asha, 120, 60)
        low(self.asha, 180, 60)
        taps.save(self.lesson.pk, self.asha.pk, "lost", uuid.uuid4(), self.now)
        self.flag("low", 300, verdict=Flag.Verdict.USEFUL)
        told = self.client.get(self.path()).json()
        self.assertEqual((told["line"][0], told["line"][-2], told["readable"]), (0, -0.7, 75))
        self.assertIn(None, told["line"])
        self.assertLessEqual(len(told["line"]), drawer.MOST_POINTS)
        self.assertRegex(told["taps"][0], r"^\d\d:\d\d Lost$")
        self.assertRegex(told["flags"][0], "Expression reads low · 5 min · open · useful$")

    def test_of_whom_nothing_was_read_there_is_no_line(self) -> None:
        told = self.client.get(self.path()).json()
        self.assertEqual((told["line"], told["readable"]), ([], None))
        self.assertEqual((told["taps"], told["flags"]), ([], []))

    def test_what_is_the_students_own_affair_is_not_told(self) -> None:
        later = self.now + timedelta(seconds=20)
        self.flag("away", 200, shown_at=later)
        self.flag("low", 200, shown_at=later, cleared_at=self.now)
        Answer.objects.create(
            lesson=self.lesson, participant=self.asha, kind=Answer.Kind.THINKING, at=self.now
        )
        tap = uuid.uuid4()
        taps.save(self.lesson.pk, self.asha.pk, "lost", tap, self.now)
        taps.undo(self.lesson.pk, self.asha.pk, tap, self.now)
        text = self.client.get(self.path()).content.decode()
        self.assertIn('"taps": [], "flags": []', text)
        self.assertNotIn("thinking", text.lower())

    def test_no_other_lesson_and_no_other_student_is_in_it(self) -> None:
        ben = make.participant(lesson=self.lesson)
        earlier = make.participant(
            lesson=make.lesson(course=self.lesson.course, closed_at=self.now), key=self.asha.key
        )
        low(ben, 0, 20)
        low(earlier, 0, 20)
        self.assertEqual(self.client.get(self.path()).json()["line"], [])

    def test_students_of_other_lessons_and_numbers_of_none_are_not_there(self) -> None:
        for student in (make.participant().pk, 10**6, 2**63, 10**30):
            self.assertEqual(self.client.get(self.path(student)).status_code, 404)

    def test_another_teacher_and_staff_are_told_that_there_is_nothing(self) -> None:
        for somebody in (make.other_teacher(), make.admin()):
            self.client.force_login(somebody)
            self.assertEqual(self.client.get(self.path()).status_code, 404)
        self.assertFalse(AuditEntry.objects.exists())

    def test_a_look_is_written_into_the_trail_once_an_hour(self) -> None:
        for _ in range(3):
            self.client.get(self.path())
        [entry] = AuditEntry.objects.filter(what="student opened")
        self.assertEqual(entry.which, f"lesson {self.lesson.pk}")
        self.assertNotIn("Asha", f"{entry.which} {entry.what}")

    def test_a_line_as_long_as_a_day_has_no_more_points_than_can_be_seen(self) -> None:
        spans = {at: drawer.Span(5, 5, 5.0) for at in range(0, 86_400, 10)}
        found = drawer.line(spans, 0, 86_400)
        self.assertEqual((set(found), len(found)), ({1.0}, drawer.MOST_POINTS))
