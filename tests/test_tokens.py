"""A student's cookie: ours, of this lesson, not too old, or refused with the reason."""

from __future__ import annotations

import time
from unittest.mock import patch

from django.core import signing
from django.http import HttpResponse
from django.test import RequestFactory, TestCase

from classroom import tokens
from classroom.models import Participant
from tests import make


class TokenTest(TestCase):
    def setUp(self):
        self.student = make.participant()
        self.lesson_id = self.student.lesson_id
        self.token = tokens.make(self.student)

    def refused(self, value: str, reason: str, lesson_id: int | None = None) -> None:
        with self.assertRaises(tokens.TokenError) as caught:
            tokens.read(lesson_id or self.lesson_id, value)
        self.assertEqual(caught.exception.reason, reason)

    def test_token_is_read_back(self):
        claim = tokens.read(self.lesson_id, self.token)
        self.assertEqual(claim, tokens.Claim(self.lesson_id, self.student.pk, self.student.key))

    def test_changed_token_is_forged(self):
        self.refused(self.token[:-1] + ("A" if self.token[-1] != "A" else "B"), "forged")
        self.refused("x" + self.token, "forged")

    def test_nonsense_is_forged(self):
        for value in ("", ":", "a:b:c", "é", "x" * 100_000):
            self.refused(value, "forged")

    def test_token_signed_for_something_else_is_forged(self):
        content = {"l": self.lesson_id, "p": self.student.pk, "k": self.student.key.hex}
        self.refused(signing.dumps(content, salt="another"), "forged")

    def test_signed_content_of_another_shape_is_forged(self):
        for content in ([], {}, {"l": 1, "p": 2, "k": "no"}, {"l": 1, "p": 2, "k": 7}, None):
            self.refused(signing.dumps(content, salt=tokens.SALT), "forged")

    def test_token_of_another_lesson_is_refused(self):
        self.refused(self.token, "other_lesson", make.lesson().pk)

    def test_token_expires_after_twelve_hours(self):
        with patch.object(time, "time", return_value=time.time() - 12 * 3600 - 5):
            old = tokens.make(self.student)
        self.refused(old, "expired")
        assert tokens.read(self.lesson_id, old, max_age_s=tokens.kept_s())

    def test_token_outlasts_the_longest_lesson(self):
        with self.settings(LESSON_HOURS=24):
            self.assertGreater(tokens.live_s(), 24 * 3600)

    def test_cookie_is_kept_from_scripts_and_other_sites(self):
        for secure in (False, True):
            request = RequestFactory().get("/", secure=secure)
            response = HttpResponse()
            tokens.set_cookie(request, response, self.student)
            cookie = response.cookies[tokens.cookie_name(self.lesson_id)]
            self.assertTrue(cookie["httponly"])
            self.assertEqual(cookie["samesite"], "Lax")
            self.assertEqual(bool(cookie["secure"]), secure)

    def test_cookies_without_a_good_one_claim_nothing(self):
        name = tokens.cookie_name(self.lesson_id)
        self.assertIsNone(tokens.from_cookies(self.lesson_id, {}))
        self.assertIsNone(tokens.from_cookies(self.lesson_id, {name: "forged"}))
        self.assertIsNotNone(tokens.from_cookies(self.lesson_id, {name: self.token}))

    def test_a_browser_keeps_its_newest_lessons(self):
        most = tokens.MOST_IN_A_BROWSER
        names = [tokens.cookie_name(lesson) for lesson in range(1, most + 4)]
        cookies = dict.fromkeys(reversed(names), "x")
        self.assertEqual(tokens.too_many(cookies, most + 4), names[3::-1])
        self.assertEqual(tokens.too_many(cookies, 1), names[3:0:-1])
        few = dict.fromkeys(names[: most - 1], "x")
        self.assertEqual(tokens.too_many(few, most), [])

    def test_cookies_that_are_not_ours_stay(self):
        others = {f"student_{n}x": "" for n in range(100)} | {"student_é": "", "sessionid": ""}
        self.assertEqual(tokens.too_many(others, 1), [])
        self.assertEqual(tokens.too_many({f"student_{'9' * 5000}": ""}, 1), [])

    def test_all_that_a_browser_keeps_fits_into_eight_kilobytes(self):
        """A school's numbers after years, and Django's own cookies beside."""
        old = Participant(pk=9_999_999, lesson_id=999_999, key=self.student.key)
        one = f"{tokens.cookie_name(old.lesson_id)}={tokens.make(old)}; "
        self.assertLess(tokens.MOST_IN_A_BROWSER * len(one) + 200, 8000)
