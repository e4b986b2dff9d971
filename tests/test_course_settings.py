"""A course's own settings for its flags: kept by its lessons, refused with words out of range."""

from __future__ import annotations

import json

from django.test import TestCase, TransactionTestCase
from django.urls import reverse

from classroom import lessons
from dashboard.forms import TIMES
from emotions import rules
from emotions.models import Flag, Marker
from tests import make


class CourseSettingsTest(TestCase):
    def setUp(self) -> None:
        self.course = make.course(name="Physics 10B")
        self.client.force_login(self.course.teacher)
        self.path = reverse("course-settings", args=[self.course.pk])

    def save(self, **fields: object):
        return self.client.post(self.path, {"sensitivity": "usual", "ask_first": "on", **fields})

    def test_one_choice_and_the_rest_folded_with_its_usual_values(self) -> None:
        page = self.client.get(self.path)
        self.assertContains(page, "<details>")
        for word in ("fewer", "usual", "more", "Empty means 80, as usual."):
            self.assertContains(page, word)

    def test_a_lesson_keeps_what_was_set_when_it_opened(self) -> None:
        self.assertRedirects(self.save(sensitivity="more", low_for_s="90"), self.path)
        self.course.refresh_from_db()
        lesson = lessons.open(self.course)
        self.save(sensitivity="fewer")
        lesson.refresh_from_db()
        found = rules.of(lesson)
        self.assertEqual((found.low_for_s, found.scales_below), (90, 1.75))
        self.assertEqual(found.ask_s, 30)

    def test_not_asking_first_is_read_by_the_judge(self) -> None:
        self.client.post(self.path, {"sensitivity": "usual"})
        self.course.refresh_from_db()
        self.assertEqual(rules.of(lessons.open(self.course)).ask_s, 0)

    def test_fewer_flags_need_more_than_usual_and_more_need_less(self) -> None:
        fewer, usual, more = (rules.usual(word) for word in ("fewer", "usual", "more"))
        for name in ("away_after_s", "scales_below", "low_for_s", "turned_for_s", "turned_share"):
            order = [getattr(one, name) for one in (more, usual, fewer)]
            self.assertEqual(order, sorted(set(order)), name)

    def test_each_setting_out_of_range_is_refused_with_words(self) -> None:
        wrong = {
            "away_after_s": ("29", "At least 30 seconds."),
            "low_for_s": ("901", "At most 900 seconds."),
            "turned_for_s": ("59", "At least 60 seconds."),
            "cool_down_s": ("soon", "Write whole seconds, or leave it empty."),
            "sensitivity": ("most", "Choose fewer, usual or more flags."),
        }
        for name, (value, words) in wrong.items():
            with self.subTest(name):
                answer = self.save(**{name: value})
                self.assertContains(answer, words, status_code=400)
        self.course.refresh_from_db()
        self.assertEqual(self.course.rules(), {"sensitivity": "usual", "ask_first": True})

    def test_each_time_is_refused_just_below_and_just_above_its_range(self) -> None:
        for name, (_, least, most) in TIMES.items():
            for value in (least - 1, most + 1, -1, 10**30, "1e3", "²", "\0"):
                with self.subTest(name, value=value):
                    answer = self.save(**{name: str(value)})
                    self.assertContains(answer, 'class="error"', status_code=400)
            for value in (least, most):
                with self.subTest(name, value=value):
                    self.assertEqual(self.save(**{name: str(value)}).status_code, 302)

    def test_each_setting_at_its_limits_is_taken(self) -> None:
        for name, value in (("away_after_s", 30), ("low_for_s", 900), ("turned_for_s", 60)):
            self.assertEqual(self.save(**{name: value}).status_code, 302)

    def test_another_teachers_course_is_not_there(self) -> None:
        self.client.force_login(make.other_teacher())
        self.assertEqual(self.client.get(self.path).status_code, 404)
        self.assertEqual(self.save(sensitivity="more").status_code, 404)


class BadInputTest(TransactionTestCase):
    def setUp(self) -> None:
        self.lesson = make.lesson()
        self.client.force_login(self.lesson.course.teacher)

    def post(self, name: str, *numbers: int, **fields: object):
        path = reverse(name, args=[self.lesson.pk, *numbers])
        return self.client.post(path, json.dumps(fields), content_type="application/json")

    def test_a_marker_of_ten_thousand_characters_is_refused_with_words(self) -> None:
        answer = self.post("lesson-marker", text="x" * 10_000)
        self.assertEqual(answer.status_code, 400)
        self.assertIn("at most 80 characters; this one has 10000", answer.json()["error"])
        self.assertFalse(Marker.objects.exists())

    def test_a_marker_that_is_no_text_is_refused_with_words(self) -> None:
        answer = self.post("lesson-marker", text=["x"] * 10_000)
        self.assertEqual((answer.status_code, answer.json()["error"]), (400, "text must be text."))

    def test_a_verdict_on_another_teachers_flag_is_refused_and_changes_nothing(self) -> None:
        other = make.participant()
        now = other.joined_at
        flag = Flag.objects.create(
            lesson=other.lesson, participant=other, kind="low", since=now, raised_at=now
        )
        answer = self.post("flag-verdict", flag.pk, useful=True)
        self.assertEqual(answer.status_code, 404)
        self.assertTrue(answer.json()["error"])
        flag.refresh_from_db()
        self.assertEqual(flag.verdict, "")
