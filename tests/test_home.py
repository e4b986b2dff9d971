"""Home, courses, starting a lesson, and the join sheet."""

from __future__ import annotations

from datetime import timedelta

from django.test import RequestFactory, TestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from classroom import invitations, lessons, participants
from classroom.models import Course, Lesson
from tests import make


class LandingTest(TestCase):
    def test_visitor_finds_a_code_field_and_the_way_to_log_in(self):
        make.teacher()
        page = self.client.get("/")
        self.assertContains(page, 'name="code"')
        self.assertContains(page, reverse("login"))
        self.assertNotContains(page, "Courses")


class HomeTest(TestCase):
    def setUp(self):
        self.teacher = make.teacher()
        self.client.force_login(self.teacher)

    def test_new_teacher_is_told_what_to_do(self):
        words = "No courses yet. Make one, or see how it works with a practice class."
        self.assertContains(self.client.get("/"), words)

    def test_open_lesson_comes_first(self):
        now = timezone.now()
        course = make.course(teacher=self.teacher, name="Physics 10B")
        lesson = make.lesson(course=course, opened_at=now - timedelta(minutes=12, seconds=5))
        for _ in range(3):
            make.participant(lesson=lesson)
        participants.leave(make.participant(lesson=lesson))
        participants.remove(make.participant(lesson=lesson))
        page = self.client.get("/")
        for words in ("Physics 10B", "live 12 min", "3 in the room"):
            self.assertContains(page, words)
        self.assertContains(page, reverse("live", args=[lesson.pk]))
        self.assertNotContains(page, "closes by itself")

    def test_lesson_about_to_close_by_itself_says_when(self):
        seen = timezone.now() - timedelta(minutes=11)
        make.lesson(teacher=self.teacher, teacher_seen_at=seen)
        at = (seen + timedelta(minutes=15)).strftime("%H:%M")
        self.assertContains(self.client.get("/"), f"closes by itself at {at}")

    def test_courses_of_others_are_not_shown(self):
        make.course(name="Somebody else's")
        self.assertNotContains(self.client.get("/"), "Somebody else")

    def test_course_is_made_with_one_field(self):
        answer = self.client.post(reverse("course-new"), {"name": "  Physics   10B "})
        self.assertRedirects(answer, "/")
        self.assertEqual(Course.objects.get().name, "Physics 10B")
        self.assertEqual(Course.objects.get().teacher, self.teacher)

    def test_bad_course_names_are_answered_in_words(self):
        make.course(teacher=self.teacher, name="Physics")
        for name, words in (
            ("Physics", "You have a course of this name already."),
            ("", "required"),
            ("x" * 101, "at most 100"),
        ):
            page = self.client.post(reverse("course-new"), {"name": name})
            self.assertContains(page, words, status_code=400)

    def test_same_name_for_another_teacher_is_fine(self):
        make.course(name="Physics")
        self.client.post(reverse("course-new"), {"name": "Physics"})
        self.assertEqual(Course.objects.filter(name="Physics").count(), 2)

    def test_stranger_makes_nothing(self):
        self.client.logout()
        for name, args in (("course-new", []), ("practice-start", []), ("lesson-start", [1])):
            answer = self.client.post(reverse(name, args=args), {"name": "Physics"})
            self.assertIn(answer.status_code, {302, 403})
            self.assertIn(reverse("login"), answer.headers.get("Location", answer.content.decode()))
        self.assertFalse(Course.objects.exists())


class StartTest(TestCase):
    def setUp(self):
        self.teacher = make.teacher()
        self.client.force_login(self.teacher)
        self.course = make.course(teacher=self.teacher)
        self.address = reverse("lesson-start", args=[self.course.pk])

    def test_started_lesson_shows_its_join_sheet(self):
        answer = self.client.post(self.address, {"title": "Waves"})
        lesson = Lesson.objects.get()
        self.assertEqual((lesson.mode, lesson.title), ("live", "Waves"))
        self.assertRedirects(answer, reverse("lesson-invite", args=[lesson.pk]))

    def test_starting_twice_opens_one_lesson(self):
        self.client.post(self.address)
        self.client.post(self.address)
        self.assertEqual(Lesson.objects.count(), 1)

    def test_practice_class_starts_with_one_click(self):
        answer = self.client.post(reverse("practice-start"))
        lesson = Lesson.objects.get()
        self.assertTrue(lesson.is_simulated)
        live = reverse("live", args=[lesson.pk])
        self.assertRedirects(answer, live, fetch_redirect_response=False)
        self.assertContains(self.client.get("/"), "Simulated")

    def test_mode_is_one_of_two(self):
        self.client.post(self.address, {"mode": "load"})
        self.assertEqual(Lesson.objects.get().mode, "live")

    def test_nobody_starts_a_lesson_in_anothers_course(self):
        self.client.force_login(make.other_teacher())
        self.assertEqual(self.client.post(self.address).status_code, 404)
        self.assertFalse(Lesson.objects.exists())

    def test_looking_starts_nothing(self):
        self.assertEqual(self.client.get(self.address).status_code, 405)
        self.assertEqual(self.client.get(reverse("practice-start")).status_code, 405)


class InviteTest(TestCase):
    def setUp(self):
        self.lesson = make.lesson(code="7KQ2M9XAPT4C")
        self.client.force_login(self.lesson.course.teacher)
        self.address = reverse("lesson-invite", args=[self.lesson.pk])

    def test_sheet_has_link_code_and_count(self):
        make.participant(lesson=self.lesson)
        page = self.client.get(self.address)
        self.assertContains(page, "http://testserver/join/7KQ2-M9XA-PT4C/")
        self.assertContains(page, "<span>7KQ2</span> <span>M9XA</span> <span>PT4C</span>")
        self.assertContains(page, '<span class="number" data-joined>1</span> joined')

    def test_address_without_cameras_says_how_to_fix_it(self):
        with self.settings(ALLOWED_HOSTS=["*"]):
            plain = self.client.get(self.address, headers={"host": "10.0.0.5:8000"})
            safe = self.client.get(self.address, headers={"host": "10.0.0.5"}, secure=True)
        self.assertContains(plain, "because the address isn't https")
        self.assertContains(plain, "How to fix")
        self.assertNotContains(safe, "How to fix")

    def test_lesson_without_analysis_wants_no_https(self):
        lesson = make.lesson(teacher=self.lesson.course.teacher, analysis=False)
        page = self.client.get(reverse("lesson-invite", args=[lesson.pk]))
        self.assertNotContains(page, "How to fix")

    def test_localhost_says_that_it_is_this_computer_only(self):
        page = self.client.get(self.address, headers={"host": "localhost:8000"})
        self.assertContains(page, "This link opens on this computer only.")

    def test_qr_code_is_a_drawing_of_the_link(self):
        drawing = self.client.get(reverse("lesson-qr", args=[self.lesson.pk]))
        self.assertEqual(drawing.headers["Content-Type"], "image/svg+xml")
        expected = invitations.qr("http://testserver/join/7KQ2-M9XA-PT4C/")
        self.assertEqual(drawing.content.decode(), expected)
        self.assertNotIn("style=", expected)
        self.assertNotEqual(expected, invitations.qr("http://testserver/"))

    def test_count_for_the_page(self):
        participants.remove(make.participant(lesson=self.lesson))
        make.participant(lesson=self.lesson)
        lessons.lock(self.lesson)
        answer = self.client.get(reverse("lesson-joined", args=[self.lesson.pk])).json()
        self.assertEqual(answer, {"joined": 1, "locked": True})

    def test_sheet_is_the_teachers_alone(self):
        for user in (make.other_teacher(), make.admin()):
            self.client.force_login(user)
            for name in ("lesson-invite", "lesson-qr", "lesson-joined"):
                answer = self.client.get(reverse(name, args=[self.lesson.pk]))
                self.assertEqual(answer.status_code, 404)

    def test_closed_lesson_invites_nobody(self):
        lessons.close(self.lesson)
        lesson = reverse("lesson", args=[self.lesson.pk])
        self.assertRedirects(self.client.get(self.address), lesson, fetch_redirect_response=False)


class ThisMachineTest(TestCase):
    @override_settings(ALLOWED_HOSTS=["localhost", ".localhost", "192.168.1.20", "pulse.local"])
    def test_link_made_on_localhost_leads_others_to_this_machine(self):
        lesson = make.lesson(code="7KQ2M9XAPT4C")
        for host, secure, expected in (
            ("localhost:8443", True, "https://192.168.1.20:8443/join/7KQ2-M9XA-PT4C/"),
            ("pulse.local:8443", True, "https://pulse.local:8443/join/7KQ2-M9XA-PT4C/"),
            ("localhost:8000", False, "http://localhost:8000/join/7KQ2-M9XA-PT4C/"),
        ):
            request = RequestFactory().get("/", headers={"host": host}, secure=secure)
            self.assertEqual(invitations.link(request, lesson), expected)

    def test_loopback_is_this_machine(self):
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "pulse.localhost"):
            self.assertTrue(invitations.is_this_machine(host), host)
        for host in ("192.168.1.20:8000", "pulse.local", "localhost.example.org", "[fe80::1]"):
            self.assertFalse(invitations.is_this_machine(host), host)
