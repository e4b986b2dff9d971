"""Joining by link or code, with a camera or without; every failure has its own words."""

from __future__ import annotations

import re
import uuid

from django.core.cache import cache
from django.test import Client, TestCase
from django.urls import reverse
from django.utils import timezone

from classroom import consent, lessons, participants, tokens
from classroom.models import Participant
from tests import make

WRONG = "No open lesson has this code. Check it with your teacher."


class JoinCase(TestCase):
    def setUp(self):
        cache.clear()
        self.lesson = make.lesson(code="7KQ2M9XAPT4C")
        self.address = reverse("join", args=["7KQ2-M9XA-PT4C"])

    def join(self, name: str = "Asha", camera: str = "on", **more: str):
        return self.client.post(self.address, {"name": name, "camera": camera, **more})


class JoinTest(JoinCase):
    def test_student_joins_with_camera_and_gets_a_cookie(self):
        answer = self.join()
        self.assertRedirects(
            answer, reverse("student", args=[self.lesson.pk]), fetch_redirect_response=False
        )
        student = Participant.objects.get()
        self.assertEqual((student.name, student.camera), ("Asha", "on"))
        self.assertTrue(consent.is_given(student))
        cookie = self.client.cookies[tokens.cookie_name(self.lesson.pk)]
        self.assertTrue(cookie["httponly"])
        self.assertEqual(tokens.read(self.lesson.pk, cookie.value).participant, student.pk)

    def test_a_browser_of_very_many_lessons_is_rid_of_the_oldest(self):
        """Every request carries them all, and a server hangs up on headers of over 16 KB."""
        newest = make.lesson(pk=10_000)
        for number in range(1, 121):
            self.client.cookies[tokens.cookie_name(number)] = "x" * 120
        self.client.post(reverse("join", args=[newest.code]), {"name": "Asha", "camera": "on"})
        kept = {name for name, cookie in self.client.cookies.items() if cookie.value}
        expected = {tokens.cookie_name(number) for number in (*range(72, 121), 10_000)}
        self.assertEqual({name for name in kept if name.startswith("student_")}, expected)

    def test_student_joins_without_camera_just_as_well(self):
        self.assertEqual(self.join(camera="none").status_code, 302)
        self.assertEqual(Participant.objects.get().camera, "none")

    def test_page_shows_two_equal_buttons_and_the_notice(self):
        page = self.client.get(self.address, headers={"host": "localhost"})
        buttons = re.findall(r'<button class="([^"]*)" name="camera"', page.content.decode())
        self.assertEqual(len(buttons), 2)
        self.assertEqual(buttons[0], buttons[1])
        for words in (
            self.lesson.course.name,
            "Ada Teacher",
            "every 2 s",
            "About 18 MB an hour",
            "It can be wrong.",
            "Your browser will ask. Choose Allow.",
            "Full notice",
        ):
            self.assertContains(page, words)

    def test_page_of_a_lesson_without_analysis_speaks_of_no_camera(self):
        make_off = make.lesson(analysis=False, code="A" * 12)
        page = self.client.get(reverse("join", args=["A" * 12]))
        main = page.content.decode().split("<main")[1].lower()
        for word in ("camera", "picture", "face"):
            self.assertNotIn(word, main)
        answer = self.client.post(reverse("join", args=["A" * 12]), {"name": "Asha"})
        self.assertEqual(answer.status_code, 302)
        self.assertEqual(make_off.participants.get().camera, "none")

    def test_address_without_https_says_what_that_means(self):
        with self.settings(ALLOWED_HOSTS=["*"]):
            page = self.client.get(self.address, headers={"host": "192.168.1.20:8000"})
            self.assertContains(page, "This address can't use a camera.")
            safe = self.client.get(self.address, headers={"host": "192.168.1.20"}, secure=True)
        self.assertNotContains(safe, "This address can't use a camera.")
        here = self.client.get(self.address, headers={"host": "localhost:8000"})
        self.assertNotContains(here, "This address can't use a camera.")

    def test_same_browser_is_the_same_participant(self):
        self.join()
        self.assertContains(self.client.get(self.address), "You are in this lesson as Asha.")
        self.join(camera="none")
        self.assertEqual(Participant.objects.get().camera, "none")

    def test_another_browser_of_the_same_name_is_another(self):
        self.join()
        self.client.cookies.clear()
        self.join()
        names = sorted(Participant.objects.values_list("name", flat=True))
        self.assertEqual(names, ["Asha", "Asha (2)"])

    def test_double_click_is_one_student(self):
        ticket = str(uuid.uuid4())
        self.join(ticket=ticket)
        self.client.cookies.clear()
        self.join(ticket=ticket)
        self.assertEqual(Participant.objects.count(), 1)

    def test_code_is_typed_any_way(self):
        answer = self.client.post(reverse("join-code"), {"code": " 7kq2 m9xa pt4c "})
        self.assertRedirects(answer, self.address)

    def test_full_notice_says_this_lessons_figures(self):
        page = self.client.get(reverse("notice", args=[self.lesson.code]))
        self.assertContains(page, "every 2 s")
        self.assertContains(page, "kept 30 days")


class RefusedTest(JoinCase):
    def test_bad_names_are_answered_in_words(self):
        for name, words in (
            ("", "Write your name"),
            ("a" * 10_000, "too long"),
            ("As\u202eha", "turn text around"),
            ("As\x1bha", "cannot be shown"),
            ("As\x00ha", "Null characters"),
        ):
            self.assertContains(self.join(name), words, status_code=400)
        self.assertFalse(Participant.objects.exists())

    def test_neither_button_is_no_answer(self):
        for camera in ("", "maybe"):
            self.assertEqual(self.join(camera=camera).status_code, 400)
        self.assertFalse(Participant.objects.exists())

    def test_wrong_code(self):
        for code in ("0" * 12, "nonsense", "%00", "é"):
            page = self.client.get(f"/join/{code}/")
            self.assertContains(page, WRONG, status_code=404)

    def test_empty_code(self):
        page = self.client.post(reverse("join-code"), {"code": " - "})
        self.assertContains(page, "Type the code", status_code=400)

    def test_ended_lesson_says_when(self):
        lessons.close(self.lesson, now=timezone.now().replace(hour=11, minute=30))
        page = self.client.get(self.address)
        self.assertContains(page, "Lesson ended at 11:30.", status_code=410)
        self.assertEqual(self.join().status_code, 410)

    def test_locked_lesson(self):
        lessons.lock(self.lesson)
        page = self.join()
        self.assertContains(page, "Joining is closed. Ask your teacher.", status_code=403)
        self.assertFalse(Participant.objects.exists())

    def test_nobody_joins_a_practice_class(self):
        practice = make.lesson(mode="practice", code="B" * 12)
        page = self.client.post("/join/BBBBBBBBBBBB/", {"name": "Asha", "camera": "on"})
        self.assertContains(page, "simulated students. Nobody can join it.", status_code=403)
        self.assertFalse(practice.participants.exists())

    def test_lock_keeps_nobody_out_who_was_in(self):
        self.join()
        lessons.lock(self.lesson)
        self.assertEqual(self.client.get(self.address).status_code, 200)
        self.assertEqual(self.join().status_code, 302)

    def test_removed_student_is_told_so(self):
        self.join()
        participants.remove(Participant.objects.get())
        for answer in (self.client.get(self.address), self.join("Somebody else")):
            self.assertContains(answer, "Your teacher removed you", status_code=403)
        participants.readmit(Participant.objects.get())
        self.assertEqual(self.join().status_code, 302)

    def test_erased_student_joins_anew(self):
        self.join()
        participants.erase(Participant.objects.get())
        self.assertEqual(self.join().status_code, 302)

    def test_forged_cookie_is_a_newcomers(self):
        self.client.cookies[tokens.cookie_name(self.lesson.pk)] = "forged"
        self.assertEqual(self.join().status_code, 302)
        self.assertEqual(Participant.objects.count(), 1)

    def test_guessing_codes_is_slowed_down(self):
        for number in range(60):
            self.client.get(f"/join/{number:012}/")
        page = self.client.get("/join/999999999999/")
        self.assertContains(page, "Too many wrong codes", status_code=429)
        self.assertEqual(page.headers["Retry-After"], "60")

    def test_class_that_reloads_an_ended_lesson_is_not_guessing(self):
        ended = make.lesson(closed_at=timezone.now())
        for _ in range(70):
            self.client.get(reverse("join", args=[ended.code]))
        self.assertEqual(self.client.get(self.address).status_code, 200)

    def test_form_of_another_site_is_refused(self):
        answer = Client(enforce_csrf_checks=True).post(self.address, {"name": "A", "camera": "on"})
        self.assertEqual(answer.status_code, 403)
        self.assertFalse(Participant.objects.exists())
