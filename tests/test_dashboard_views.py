"""The teacher's pages and buttons: whose they are, and what they answer."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from django.test import Client, TestCase, TransactionTestCase
from django.utils import timezone

from classroom import lessons
from classroom.models import AuditEntry, Lesson, Participant
from emotions.models import Flag, Marker, Report
from tests import make


def logged_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


class PagesTest(TestCase):
    def setUp(self):
        self.teacher, self.stranger, self.admin = (
            make.teacher(),
            make.other_teacher(),
            make.admin(),
        )
        self.course = make.course(teacher=self.teacher, name="Optics")
        self.lesson = make.lesson(course=self.course, title="Mirrors")
        self.student = make.participant(lesson=self.lesson, name="Asha")
        self.client.force_login(self.teacher)

    def close(self) -> None:
        at = timezone.now() + timedelta(minutes=5)
        Lesson.objects.filter(pk=self.lesson.pk).update(closed_at=at, students=1, coverage=0.8)

    def test_the_live_page_opens_for_its_teacher_alone(self):
        address = f"/lessons/{self.lesson.pk}/live/"
        self.assertContains(self.client.get(address), 'id="pulse"')
        self.assertEqual(logged_in(self.stranger).get(address).status_code, 404)
        self.assertEqual(logged_in(self.admin).get(address).status_code, 404)
        self.assertContains(Client().get(address), "Log in", status_code=403)

    def test_quiet_work_that_ended_by_itself_is_not_pressed(self):
        now = timezone.now()
        for minutes, pressed in ((14, "true"), (16, "false")):
            lessons.quiet(self.lesson, True, now=now - timedelta(minutes=minutes))
            page = self.client.get(f"/lessons/{self.lesson.pk}/live/")
            self.assertContains(page, f'id="quiet" aria-pressed="{pressed}"')

    def test_a_simulated_lesson_says_so_in_its_header(self):
        self.lesson.mode = Lesson.Mode.PRACTICE
        self.lesson.save()
        page = self.client.get(f"/lessons/{self.lesson.pk}/live/")
        self.assertContains(page, '<span class="ribbon">Simulated</span>')

    def test_an_open_lesson_leads_to_the_live_page_and_a_closed_one_to_its_report(self):
        address = f"/lessons/{self.lesson.pk}/"
        self.assertRedirects(self.client.get(address), f"{address}live/")
        self.close()
        self.assertContains(self.client.get(address), "Per student")
        self.assertRedirects(self.client.get(f"{address}live/"), address)

    def test_a_report_is_for_its_teacher_and_for_staff(self):
        self.close()
        address = f"/lessons/{self.lesson.pk}/"
        self.assertEqual(logged_in(self.stranger).get(address).status_code, 404)
        self.assertEqual(logged_in(self.admin).get(address).status_code, 200)

    def test_an_admin_looks_at_a_report_on_the_record_and_without_names(self):
        self.close()
        page = logged_in(self.admin).get(f"/lessons/{self.lesson.pk}/")
        self.assertNotContains(page, "Asha")
        self.assertContains(page, "Why do you need to see this?")
        entry = AuditEntry.objects.get()
        self.assertEqual((entry.what, entry.which), ("report opened", f"lesson {self.lesson.pk}"))

    def test_an_admin_who_gave_a_reason_sees_names(self):
        self.close()
        client = self.with_a_reason()
        self.assertContains(client.get(f"/lessons/{self.lesson.pk}/"), "Asha")

    def with_a_reason(self) -> Client:
        client = logged_in(self.admin)
        session = client.session
        session[f"look_{self.lesson.pk}"] = time.time()
        session.save()
        return client

    def test_of_a_small_class_an_admin_sees_no_figure_before_a_reason(self):
        Report.objects.create(
            lesson=self.lesson, participant=self.student, kind="lost", at=timezone.now()
        )
        self.close()
        address, hidden = f"/lessons/{self.lesson.pk}/", "Hidden: fewer than 10 students."
        page = logged_in(self.admin).get(address)
        self.assertContains(page, hidden)
        for part in ("report-data", "report.js", "Lost", "Flags", "With a camera", "80 %"):
            self.assertNotContains(page, part)
        for client in (self.client, self.with_a_reason()):
            page = client.get(address)
            self.assertNotContains(page, hidden)
            self.assertContains(page, "Lost")
            self.assertContains(client.get("/history/"), "80 %")
        self.assertNotContains(logged_in(self.admin).get("/history/"), "80 %")

    def test_a_teacher_who_is_staff_sees_own_students_without_a_reason(self):
        type(self.teacher).objects.filter(pk=self.teacher.pk).update(is_staff=True)
        self.close()
        page = self.client.get(f"/lessons/{self.lesson.pk}/")
        self.assertContains(page, "Asha")
        self.assertNotContains(page, "Why do you need to see this?")

    def test_a_teachers_own_look_is_not_in_the_trail(self):
        self.close()
        self.client.get(f"/lessons/{self.lesson.pk}/")
        self.assertFalse(AuditEntry.objects.exists())

    def test_staff_wait_for_the_report_of_an_open_lesson(self):
        page = logged_in(self.admin).get(f"/lessons/{self.lesson.pk}/", follow=True)
        self.assertContains(page, "This lesson is still open.")

    def test_names_are_escaped(self):
        Participant.objects.filter(pk=self.student.pk).update(name="<script>alert(1)</script>")
        self.close()
        page = self.client.get(f"/lessons/{self.lesson.pk}/")
        self.assertNotContains(page, "<script>alert")

    def test_history_lists_own_lessons(self):
        self.close()
        page = self.client.get("/history/")
        self.assertContains(page, "Optics · Mirrors")
        self.assertContains(page, "80 %")
        self.assertNotContains(logged_in(self.stranger).get("/history/"), "Mirrors")

    def test_history_names_the_teacher_to_staff_only(self):
        self.close()
        self.assertContains(logged_in(self.admin).get("/history/"), "Ada Teacher")
        self.assertNotContains(self.client.get("/history/"), "Ada Teacher")

    def test_filters_that_match_nothing_can_be_cleared(self):
        self.close()
        page = self.client.get("/history/?q=nothing+like+it")
        self.assertContains(page, "No lessons match.")
        self.assertContains(page, "Clear filters")

    def test_history_has_pages_that_keep_the_filters(self):
        at = timezone.now()
        Lesson.objects.bulk_create(
            Lesson(course=self.course, title=f"Lens {n}", code="", opened_at=at, closed_at=at)
            for n in range(30)
        )
        page = self.client.get("/history/?q=lens")
        self.assertContains(page, "?q=lens&amp;page=2")
        self.assertContains(self.client.get("/history/?q=lens&page=2"), "Page 2 of 2")
        self.assertEqual(self.client.get("/history/?page=abc&course=x").status_code, 200)

    def test_an_empty_history_says_what_will_be_here(self):
        self.assertContains(self.client.get("/history/"), "No lesson has ended yet.")

    def test_a_lesson_where_nobody_joined_says_so(self):
        empty = make.lesson(course=self.course, closed_at=timezone.now(), students=0)
        self.assertContains(self.client.get(f"/lessons/{empty.pk}/"), "Nobody joined.")


class SteeringTest(TransactionTestCase):
    def setUp(self):
        self.teacher = make.teacher()
        self.lesson = make.lesson(teacher=self.teacher)
        self.student = make.participant(lesson=self.lesson, name="Asha")
        self.client.force_login(self.teacher)

    def press(self, button: str, fields: Any = None, client: Client | None = None) -> Any:
        return (client or self.client).post(
            f"/lessons/{self.lesson.pk}/{button}/",
            json.dumps({} if fields is None else fields),
            content_type="application/json",
        )

    def lesson_now(self) -> Lesson:
        self.lesson.refresh_from_db()
        return self.lesson

    def test_pause_and_resume(self):
        self.assertEqual(self.press("pause").json(), {"ok": True})
        self.assertIsNotNone(self.lesson_now().paused_at)
        self.press("resume")
        self.assertIsNone(self.lesson_now().paused_at)
        self.assertEqual(
            list(Marker.objects.order_by("pk").values_list("kind", flat=True)), ["pause", "resume"]
        )

    def test_lock_and_unlock(self):
        self.press("lock")
        self.assertIsNotNone(self.lesson_now().locked_at)
        self.press("unlock")
        self.assertIsNone(self.lesson_now().locked_at)

    def test_quiet_work_on_and_off(self):
        self.press("quiet", {"on": True})
        self.assertIsNotNone(self.lesson_now().quiet_until)
        self.press("quiet", {"on": False})
        self.assertIsNone(self.lesson_now().quiet_until)

    def test_a_marker_is_set(self):
        answer = self.press("marker", {"text": " Group   work "}).json()
        self.assertEqual((answer["ok"], answer["text"]), (True, "Group work"))

    def test_the_end_ends_it_once_and_twice(self):
        self.assertEqual(self.press("end").status_code, 200)
        self.assertFalse(self.lesson_now().is_open)
        self.assertEqual(self.press("end").json(), {"ok": True})

    def test_after_the_end_nothing_can_be_changed(self):
        lessons.close(self.lesson)
        for button in ("pause", "lock", "marker"):
            answer = self.press(button)
            self.assertEqual((answer.status_code, answer.json()["ok"]), (409, False))
            self.assertIn("ended", answer.json()["error"])

    def test_a_student_is_renamed_removed_and_let_in_again(self):
        student = f"students/{self.student.pk}"
        self.assertEqual(self.press(f"{student}/rename", {"name": "Asha K."}).json()["ok"], True)
        self.press(f"{student}/remove")
        self.student.refresh_from_db()
        self.assertEqual(self.student.name, "Asha K.")
        self.assertIsNotNone(self.student.removed_at)
        self.press(f"{student}/readmit")
        self.student.refresh_from_db()
        self.assertIsNone(self.student.removed_at)

    def test_bad_input_is_answered_in_words(self):
        student = f"students/{self.student.pk}"
        for button, fields, status in (
            (f"{student}/rename", {"name": "x" * 10_000}, 400),
            (f"{student}/rename", {"name": ""}, 400),
            (f"{student}/rename", {"name": ["a"]}, 400),
            ("quiet", {}, 400),
            ("quiet", {"on": "perhaps"}, 400),
            ("quiet", {"on": [1]}, 400),
            ("quiet", [1], 400),
            ("students/999999/remove", {}, 404),
            ("flags/999999/dismiss", {}, 404),
            ("flags/999999/verdict", {"useful": True}, 404),
        ):
            with self.subTest(button=button, fields=str(fields)[:40]):
                answer = self.press(button, fields)
                self.assertEqual(answer.status_code, status)
                self.assertTrue(answer.json()["error"])

    def test_broken_json_is_answered_in_words(self):
        address = f"/lessons/{self.lesson.pk}/quiet/"
        answer = self.client.post(address, "{", content_type="application/json")
        self.assertEqual((answer.status_code, answer.json()["ok"]), (400, False))

    def test_a_flag_is_rated_snoozed_and_dismissed(self):
        now = timezone.now()
        flag = Flag.objects.create(
            lesson=self.lesson, participant=self.student, kind="low", since=now, raised_at=now
        )
        for button, fields in (("verdict", {"useful": True}), ("snooze", {}), ("dismiss", {})):
            self.assertEqual(self.press(f"flags/{flag.pk}/{button}", fields).status_code, 200)
        flag.refresh_from_db()
        self.assertEqual(flag.verdict, Flag.Verdict.USEFUL)
        self.assertTrue(flag.snoozed_until and flag.dismissed_at)

    def test_another_lessons_student_cannot_be_removed(self):
        other = make.participant()
        self.assertEqual(self.press(f"students/{other.pk}/remove").status_code, 404)
        other.refresh_from_db()
        self.assertIsNone(other.removed_at)

    def test_nobody_else_steers(self):
        for client, status in (
            (Client(), 403),
            (logged_in(make.other_teacher()), 404),
            (logged_in(make.admin()), 404),
        ):
            for button in ("end", "pause", "lock", "marker", f"students/{self.student.pk}/remove"):
                self.assertEqual(self.press(button, client=client).status_code, status)
        self.assertTrue(self.lesson_now().is_open)

    def test_a_button_is_pressed_not_visited_and_only_from_our_page(self):
        self.assertEqual(self.client.get(f"/lessons/{self.lesson.pk}/end/").status_code, 405)
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(self.teacher)
        self.assertEqual(self.press("end", client=strict).status_code, 403)
        self.assertTrue(self.lesson_now().is_open)


class StatusTest(TransactionTestCase):
    def test_each_part_has_a_word(self):
        page = logged_in(make.teacher()).get("/status/")
        for name in ("Web", "Worker", "Queue", "Database"):
            self.assertContains(page, name)
        self.assertNotContains(page, "barred_claims")

    def test_figures_are_for_staff(self):
        self.assertContains(logged_in(make.admin()).get("/status/"), "barred_claims")

    def test_whoever_is_not_logged_in_is_sent_to_log_in(self):
        self.assertEqual(Client().get("/status/").status_code, 302)
