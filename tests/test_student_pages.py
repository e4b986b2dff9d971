"""A student's own pages: only with the cookie, only one's own, and what erasing erases."""

from __future__ import annotations

import uuid
from datetime import timedelta
from unittest import mock

from asgiref.sync import async_to_sync
from django.test import TransactionTestCase
from django.urls import reverse
from django.utils import timezone

from classroom import consent, lessons, participants, tokens
from classroom.models import Consent, Participant
from emotions import attention, taps
from emotions.frames import frames
from emotions.models import Flag, Report, Slice
from tests import make
from tests.stored import low, rows

PAGES = ("student", "my-data")
POSTS = ("erase", "forget", "withdraw", "give-consent")


class StudentPagesTest(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        # Pages of dashboard/ that these link to are another module's affair.
        self.lesson = make.lesson(title="Physics 10B")
        self.asha = make.participant(lesson=self.lesson, name="Asha")
        self.ben = make.participant(lesson=self.lesson, name="Ben")
        self.be(self.asha)

    def be(self, participant: Participant) -> None:
        name = tokens.cookie_name(participant.lesson_id)
        self.client.cookies[name] = tokens.make(participant)

    def address(self, name: str, lesson_id: int | None = None) -> str:
        return reverse(name, args=[lesson_id or self.lesson.pk])

    def measure(self, participant: Participant) -> None:
        rows(participant, 0, 3)
        low(participant, 3, 1)
        at = timezone.now()
        taps.save(self.lesson.pk, participant.pk, "hand", uuid.uuid4(), at)

    def test_live_page_has_what_its_script_starts_from(self) -> None:
        response = self.client.get(self.address("student"))
        self.assertEqual(response.status_code, 200)
        data = response.context["data"]
        self.assertEqual(data["socket"], f"/ws/student/{self.lesson.pk}/")
        self.assertEqual((data["analysis"], data["camera"], data["fades_s"]), (True, "on", 300))
        self.assertContains(response, "Physics 10B")

    def test_stranger_finds_nothing(self) -> None:
        self.client.cookies.clear()
        for name in (*PAGES, *POSTS):
            for lesson in (self.lesson.pk, self.lesson.pk + 99, 2**63, 10**30):
                method = self.client.get if name in PAGES else self.client.post
                self.assertEqual(method(self.address(name, lesson)).status_code, 404, name)

    def test_another_lessons_cookie_opens_nothing(self) -> None:
        other = make.lesson()
        name = tokens.cookie_name(other.pk)
        self.client.cookies[name] = tokens.make(self.asha)
        self.assertEqual(self.client.get(self.address("student", other.pk)).status_code, 404)

    def test_nothing_changes_by_get(self) -> None:
        for name in POSTS:
            self.assertEqual(self.client.get(self.address(name)).status_code, 405)

    def test_removed_student_is_told_so_and_still_sees_own_data(self) -> None:
        participants.remove(self.asha)
        self.assertContains(
            self.client.get(self.address("student")), "removed you", status_code=403
        )
        self.assertEqual(self.client.get(self.address("my-data")).status_code, 200)

    def test_after_the_end_the_live_page_leads_to_my_data(self) -> None:
        lessons.close(self.lesson)
        response = self.client.get(self.address("student"))
        self.assertRedirects(response, self.address("my-data"))

    def test_my_data_shows_mine_and_nobody_elses(self) -> None:
        self.measure(self.ben)
        response = self.client.get(self.address("my-data"))
        self.assertContains(response, "Nothing was read of you")
        self.measure(self.asha)
        own = self.client.get(self.address("my-data")).context["own"]
        self.assertEqual((own.samples, own.readable, own.shares[0].label), (20, 20, "neutral"))
        self.assertEqual((len(own.taps), len(own.flags)), (1, 1))

    def test_my_data_has_no_flag_that_my_teacher_was_not_told(self) -> None:
        self.measure(self.asha)
        now = timezone.now()
        how = {"reason": "x", "since": now, "at": now}
        for kind in ("low", "away"):
            later = now + timedelta(seconds=30)
            attention.raise_flag(self.lesson.pk, self.asha.pk, kind, **how, shown_at=later)
        attention.clear_flag(self.lesson.pk, self.asha.pk, "low", at=now)
        page = self.client.get(self.address("my-data"))
        self.assertEqual([flag.kind for flag in page.context["own"].flags], ["help"])
        data = self.client.get(self.address("my-data"), {"format": "json"}).json()
        self.assertEqual({flag["kind"] for flag in data["flags"]}, {"help", "low", "away"})
        self.lesson.flags.filter(kind="help").delete()
        page = self.client.get(self.address("my-data"))
        self.assertContains(page, "Your teacher was shown no flag about you.")

    def test_download_holds_every_row(self) -> None:
        self.measure(self.asha)
        response = self.client.get(self.address("my-data"), {"format": "json"})
        self.assertIn("attachment", response["Content-Disposition"])
        data = response.json()
        self.assertEqual(data["name"], "Asha")
        counts = [len(data[part]) for part in ("ten_seconds", "taps", "flags", "consents")]
        self.assertEqual(counts, [4, 1, 1, 1])
        self.assertLessEqual({"camera", "seen_at", "left_at", "removed_at"}, data.keys())
        self.assertLessEqual({"reason", "sure", "verdict", "dismissed_at"}, data["flags"][0].keys())

    def test_erasing_leaves_nothing_of_me_and_all_of_the_others(self) -> None:
        self.measure(self.asha)
        self.measure(self.ben)
        response = self.client.post(self.address("erase"))
        self.assertEqual(response.status_code, 302)
        self.assertEqual(response.cookies[tokens.cookie_name(self.lesson.pk)].value, "")
        for model in (Slice, Report, Flag, Consent):
            whose = set(model.objects.values_list("participant_id", flat=True))
            self.assertEqual(whose, {self.ben.pk}, model)
        self.assertFalse(Participant.objects.filter(name="Asha").exists())
        self.be(self.asha)
        self.assertEqual(self.client.get(self.address("my-data")).status_code, 404)

    def test_erasing_bars_what_is_still_under_way(self) -> None:
        self.client.post(self.address("erase"))
        answer = async_to_sync(frames().offer)(self.lesson.pk, self.asha.pk, 1, b"x")
        self.assertEqual(answer.status, "refused")

    def test_withdrawing_deletes_scores_and_keeps_taps(self) -> None:
        self.measure(self.asha)
        self.client.post(self.address("withdraw"))
        self.assertFalse(Slice.objects.exists())
        self.assertEqual(Report.objects.count(), 1)
        self.assertFalse(consent.is_given(self.asha))

    def test_consent_can_be_given_later(self) -> None:
        tove = make.participant(lesson=self.lesson, camera="none")
        self.be(tove)
        self.assertRedirects(
            self.client.post(self.address("give-consent")), self.address("student")
        )
        self.assertTrue(consent.is_given(tove))

    def test_where_analysis_is_off_no_consent_is_taken(self) -> None:
        lesson = make.lesson(analysis=False)
        tove = make.participant(lesson=lesson, camera="none")
        self.be(tove)
        self.client.post(self.address("give-consent", lesson.pk))
        self.assertFalse(consent.is_given(tove))

    def test_where_analysis_is_off_the_page_speaks_of_no_camera(self) -> None:
        lesson = make.lesson(analysis=False)
        self.be(make.participant(lesson=lesson, camera="none"))
        response = self.client.get(self.address("student", lesson.pk))
        for word in ("Camera", " camera", "picture", "face"):
            self.assertNotContains(response, word)
        self.assertEqual(response.context["data"]["camera"], "none")

    def test_posts_from_another_site_are_refused(self) -> None:
        strict = self.client_class(enforce_csrf_checks=True)
        strict.cookies = self.client.cookies
        for name in POSTS:
            self.assertEqual(strict.post(self.address(name)).status_code, 403)

    def test_token_of_yesterday_opens_no_lesson_but_ones_own_data(self) -> None:
        with mock.patch.object(tokens, "live_s", return_value=-1):
            self.assertEqual(self.client.get(self.address("student")).status_code, 404)
            self.assertEqual(self.client.get(self.address("my-data")).status_code, 200)
        with mock.patch.object(tokens, "kept_s", return_value=-1):
            self.assertEqual(self.client.get(self.address("my-data")).status_code, 404)

    def test_a_shared_computer_can_forget_me_and_keep_my_data(self) -> None:
        response = self.client.post(self.address("forget"))
        self.assertEqual(response.cookies[tokens.cookie_name(self.lesson.pk)].value, "")
        self.assertEqual(self.client.get(self.address("my-data")).status_code, 404)
        self.assertTrue(Participant.objects.filter(pk=self.asha.pk).exists())
