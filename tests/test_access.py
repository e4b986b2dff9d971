"""A lesson is its teacher's; its report is staff's too; to everybody else it does not exist."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone

from classroom import access, audit, lessons, participants, tokens
from classroom.models import AuditEntry
from tests import make


class AccessTest(TestCase):
    def setUp(self):
        self.teacher = make.teacher()
        self.lesson = make.lesson(teacher=self.teacher)
        self.student = make.participant(lesson=self.lesson)

    def test_teacher_reaches_the_lesson(self):
        self.assertEqual(access.lesson_for_teacher(self.teacher, self.lesson.pk), self.lesson)
        self.assertEqual(access.lesson_for_history(self.teacher, self.lesson.pk), self.lesson)

    def test_admin_reaches_the_report_but_not_the_live_page(self):
        admin = make.admin()
        self.assertEqual(access.lesson_for_history(admin, self.lesson.pk), self.lesson)
        with self.assertRaises(Http404):
            access.lesson_for_teacher(admin, self.lesson.pk)

    def test_everybody_else_is_told_there_is_nothing(self):
        dismissed = make.teacher()
        dismissed.is_active = False
        for user in (make.other_teacher(), AnonymousUser(), dismissed):
            for rule in (access.lesson_for_teacher, access.lesson_for_history):
                with self.assertRaises(Http404):
                    rule(user, self.lesson.pk)

    def test_owner_who_was_dismissed_reaches_nothing(self):
        self.teacher.is_active = False
        with self.assertRaises(Http404):
            access.lesson_for_teacher(self.teacher, self.lesson.pk)

    def test_lesson_that_never_was_is_not_found_either(self):
        with self.assertRaises(Http404):
            access.lesson_for_teacher(self.teacher, 10**9)

    def test_admins_look_at_a_report_is_logged_and_the_teachers_own_is_not(self):
        admin = make.admin()
        access.log_report_opened(self.teacher, self.lesson)
        access.log_report_opened(admin, self.lesson)
        self.assertEqual(AuditEntry.objects.get().actor, audit.identity(admin))


class ReasonTest(TestCase):
    def setUp(self):
        self.admin = make.admin()
        self.lesson = make.lesson(closed_at=timezone.now())
        self.address = reverse("lesson-look", args=[self.lesson.pk])

    def sees(self, user) -> bool:
        return access.sees_individuals(user, self.lesson, self.client.session)

    def test_admin_sees_individuals_after_a_reason_that_is_logged(self):
        self.client.force_login(self.admin)
        self.assertFalse(self.sees(self.admin))
        answer = self.client.post(self.address, {"reason": "Parent asked for a copy"})
        self.assertEqual(answer.status_code, 302)
        self.assertTrue(self.sees(self.admin))
        entry = AuditEntry.objects.get(what="individual data opened")
        self.assertEqual(entry.which, f"lesson {self.lesson.pk}: Parent asked for a copy")

    def test_reason_is_for_one_lesson_and_one_hour(self):
        session: dict[str, float] = {}
        access.give_reason(self.admin, self.lesson, session, "Parent asked for a copy")
        self.assertTrue(access.sees_individuals(self.admin, self.lesson, session))
        self.assertFalse(access.sees_individuals(self.admin, make.lesson(), session))
        session[access.look_key(self.lesson)] -= 3601
        self.assertFalse(access.sees_individuals(self.admin, self.lesson, session))

    def test_no_reason_is_no_reason(self):
        self.client.force_login(self.admin)
        for reason in ("", "because", " " * 40, "x" * 301):
            self.client.post(self.address, {"reason": reason})
            self.assertFalse(self.sees(self.admin), reason)
        self.assertFalse(AuditEntry.objects.exists())

    def test_teacher_of_the_lesson_needs_none(self):
        self.assertTrue(self.sees(self.lesson.course.teacher))

    def test_nobody_else_gets_in_with_a_reason(self):
        self.client.force_login(make.other_teacher())
        answer = self.client.post(self.address, {"reason": "Parent asked for a copy"})
        self.assertEqual(answer.status_code, 404)
        session = {access.look_key(self.lesson): 1e12}
        self.assertFalse(access.sees_individuals(make.other_teacher(), self.lesson, session))


class StudentTest(TestCase):
    def setUp(self):
        self.student = make.participant()
        self.lesson = self.student.lesson
        self.cookies = {tokens.cookie_name(self.lesson.pk): tokens.make(self.student)}

    def test_student_is_known_by_the_cookie(self):
        self.assertEqual(access.student_of(self.lesson, self.cookies), self.student)

    def test_no_cookie_is_nobody(self):
        with self.assertRaises(tokens.TokenError):
            access.student_of(self.lesson, {})

    def test_cookie_of_another_lesson_opens_nothing(self):
        other = make.lesson()
        for name in (tokens.cookie_name(self.lesson.pk), tokens.cookie_name(other.pk)):
            cookies = {name: tokens.make(self.student)}
            with self.assertRaises(tokens.TokenError):
                access.student_of(other, cookies)

    def test_own_data_stays_ones_own_after_removal_and_end(self):
        participants.remove(self.student)
        lessons.close(self.lesson, now=timezone.now())
        with self.assertRaises(participants.NotAdmitted):
            access.student_of(self.lesson, self.cookies)
        self.assertEqual(access.own_data_of(self.lesson, self.cookies), self.student)

    def test_erased_student_has_no_data_to_open(self):
        participants.erase(self.student)
        with self.assertRaises(tokens.TokenError):
            access.own_data_of(self.lesson, self.cookies)
