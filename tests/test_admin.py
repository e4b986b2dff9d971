"""The administration shows every model of the room, and cannot rewrite what is append only."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.db.models import Model
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone

from classroom import audit
from classroom.models import AuditEntry, Consent, Lesson, Participant
from emotions.models import Flag, LessonMinute, Report, Slice
from tests import make

APPEND_ONLY = ("consent", "auditentry", "audithead", "person")


class AdminTest(TestCase):
    def setUp(self):
        self.admin = make.admin()
        self.client.force_login(self.admin)
        self.student = make.participant()
        audit.append(self.admin, "looked")

    def test_every_list_and_row_opens(self):
        for model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            self.assertEqual(self.client.get(reverse(f"{name}_changelist")).status_code, 200, name)
            row = model.objects.first()
            if row is not None:
                page = self.client.get(reverse(f"{name}_change", args=[row.pk]))
                self.assertEqual(page.status_code, 200, name)

    def test_measurements_are_not_in_the_administration(self):
        self.assertNotIn(Slice, admin.site._registry)
        self.assertNotIn(LessonMinute, admin.site._registry)

    def test_taps_and_flags_do_not_say_whose_they_are(self):
        now = timezone.now()
        of_lesson = {"lesson": self.student.lesson, "participant": self.student}
        tap = Report.objects.create(kind="lost", at=now, **of_lesson)
        flag = Flag.objects.create(kind="low", since=now, raised_at=now, **of_lesson)
        for row in (tap, flag):
            name = f"admin:emotions_{row._meta.model_name}"
            for path in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
                page = self.client.get(path)
                self.assertNotContains(page, str(self.student))
                self.assertNotContains(page, self.student.name)

    def pages_of(self, row: Model, **filters: str) -> list[Any]:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        paths = (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk]))
        return [self.client.get(paths[0], filters), self.client.get(paths[1])]

    def test_a_student_is_a_number_here(self):
        at = self.student.joined_at + timedelta(days=400)
        Participant.objects.update(seen_at=at, left_at=at)
        for page in self.pages_of(self.student):
            self.assertContains(page, str(self.student))
            for hidden in (self.student.name, "amera", f"{at:%Y}"):
                self.assertNotContains(page, hidden)

    def test_a_student_is_named_while_the_reason_given_on_the_report_holds(self):
        other = make.participant()
        for address, named in (("", False), ("lesson-look", True)):
            if address:
                path = reverse(address, args=[self.student.lesson_id])
                self.client.post(path, {"reason": "Erase her: her mother called"})
            for page in self.pages_of(self.student):
                self.assertEqual(self.student.name in page.content.decode(), named)
            for page in self.pages_of(other):
                self.assertNotContains(page, other.name)
        session = self.client.session
        session[f"look_{self.student.lesson_id}"] = time.time() - 3601
        session.save()
        for page in self.pages_of(self.student):
            self.assertNotContains(page, self.student.name)

    def test_a_lesson_s_measurements_are_not_on_its_page(self):
        lesson = self.student.lesson
        Lesson.objects.update(students=1, coverage=0.8125, engagement=0.4375, valence=-0.5625)
        for page in self.pages_of(lesson):
            for hidden in ("0.8125", "0.4375", "-0.5625", "alence"):
                self.assertNotContains(page, hidden)

    def test_what_is_hidden_cannot_be_asked_for_by_the_address(self):
        now, name = timezone.now(), self.student.name
        tap = Report.objects.create(
            kind="lost", at=now, lesson=self.student.lesson, participant=self.student
        )
        for row, filters in (
            (self.student, {"name": name}),
            (self.student, {"name__startswith": name[0]}),
            (self.student, {"camera": "on"}),
            (self.student, {"seen_at__isnull": "1"}),
            (self.student.lesson, {"valence__lt": "0"}),
            (self.student.lesson, {"participants__name": name}),
            (tap, {"participant": str(self.student.pk)}),
            (tap, {"participant_id__exact": str(self.student.pk)}),
            (tap, {"participant__name": name}),
        ):
            with self.subTest(str(row), **filters):
                with self.assertLogs("django.security.DisallowedModelAdminLookup"):
                    page, _ = self.pages_of(row, **filters)
                self.assertEqual(page.status_code, 400)

    def test_guessing_passwords_here_is_limited_too(self):
        address, wrong = reverse("admin:login"), {"username": "x", "password": "y"}
        self.client.logout()
        cache.clear()
        answers = [self.client.post(address, wrong).status_code for _ in range(21)]
        self.assertEqual((answers[0], answers[-1]), (200, 429))
        cache.clear()
        right = {"username": self.admin.username, "password": make.PASSWORD, "next": "/admin/"}
        self.assertRedirects(self.client.post(address, right), "/admin/")

    def test_an_account_that_is_not_staff_guesses_no_longer_than_a_stranger(self):
        self.client.force_login(make.teacher())
        cache.clear()
        self.addCleanup(cache.clear)
        wrong = {"username": self.admin.username, "password": "y"}
        answers = [self.client.post(reverse("admin:login"), wrong).status_code for _ in range(21)]
        self.assertEqual((answers[0], answers[-1]), (200, 429))

    def test_logging_in_rightly_here_is_no_guess(self):
        self.client.force_login(make.teacher())
        cache.clear()
        right = {"username": self.admin.username, "password": make.PASSWORD, "next": "/admin/"}
        for _ in range(21):
            self.assertRedirects(self.client.post(reverse("admin:login"), right), "/admin/")

    def test_append_only_rows_can_only_be_looked_at(self):
        for name in APPEND_ONLY:
            add = self.client.get(reverse(f"admin:classroom_{name}_add"))
            self.assertEqual(add.status_code, 403)
        for row in (AuditEntry.objects.get(), Consent.objects.get()):
            name = f"admin:classroom_{row._meta.model_name}"
            for page in ("change", "delete"):
                answer = self.client.post(reverse(f"{name}_{page}", args=[row.pk]), {"post": "yes"})
                self.assertEqual(answer.status_code, 403, (name, page))
        self.assertIsNone(audit.verify())

    def test_student_is_erased_by_the_rule(self):
        content = {"action": "erase", "_selected_action": [self.student.pk]}
        self.client.post(reverse("admin:classroom_participant_changelist"), content)
        self.assertFalse(Participant.objects.exists())
        self.assertTrue(AuditEntry.objects.filter(what="student erased").exists())

    def test_student_is_not_deleted_past_the_rule(self):
        address = reverse("admin:classroom_participant_delete", args=[self.student.pk])
        self.assertEqual(self.client.post(address, {"post": "yes"}).status_code, 403)
        self.assertTrue(Participant.objects.exists())

    def test_lesson_is_deleted_with_all_its_rows(self):
        lesson = self.student.lesson
        Slice.objects.create(lesson=lesson, participant=self.student, starts_at=0)
        address = reverse("admin:classroom_lesson_delete", args=[lesson.pk])
        self.assertEqual(self.client.get(address).status_code, 200)
        self.client.post(address, {"post": "yes"})
        self.assertFalse(Lesson.objects.exists() or Slice.objects.exists())
        self.assertTrue(AuditEntry.objects.filter(what="lesson deleted").exists())

    def test_teacher_has_no_business_here(self):
        self.client.force_login(make.teacher())
        answer = self.client.get(reverse("admin:classroom_lesson_changelist"))
        self.assertEqual(answer.status_code, 302)
