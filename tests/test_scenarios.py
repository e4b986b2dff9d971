"""Lessons told as scripts, each with the one fact that a teacher would hold us to.

A script is a series of ten-second slices, as the workers would have stored them. Where the
database settles something (two judges, an answer, the class as a whole) the slices are stored.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from unittest import TestCase

from django.db import connection, transaction
from django.test import TestCase as DatabaseCase
from django.test import TransactionTestCase

from dashboard.panel import panel
from dashboard.stored import open_flag
from emotions import attention, taps
from emotions.judge import Bench, Judging, fold
from emotions.models import Flag, Marker
from tests import make
from tests.stored import away, opened, rows
from tests.test_flags import Lesson, Row, cleared, gone, raised, read
from tests.test_judge import make_class

MINUTE = 6
"""Slices in a minute."""


def noisy(dice: random.Random, valence: float, spread: float, n: int = 5) -> Row:
    """Ten seconds as a classifier reads them: the mean of five samples, each a little off."""
    mean = valence + dice.gauss(0, spread)
    return read(valence=max(-1.0, min(1.0, mean)), n=n)


def told(lesson: Lesson, minutes: float, row: Callable[[], Row]) -> list:
    return [change for _ in range(round(minutes * MINUTE)) for change in lesson.go(1, row())]


class OneStudentTest(TestCase):
    def test_a_calm_neutral_student_is_never_flagged_in_fifty_minutes(self) -> None:
        for seed in range(20):
            dice, lesson = random.Random(seed), Lesson()
            self.assertEqual(told(lesson, 50, lambda d=dice: noisy(d, -0.05, 0.08)), [], seed)

    def test_who_reads_low_from_the_start_is_judged_by_their_own_usual(self) -> None:
        dice, lesson = random.Random(1), Lesson()
        self.assertEqual(told(lesson, 30, lambda: noisy(dice, -0.55, 0.05)), [])
        self.assertEqual(raised(told(lesson, 3, lambda: noisy(dice, -0.95, 0.02))), [(1, "low")])

    def test_ninety_seconds_of_real_dip_raise_one_flag_that_clears_once(self) -> None:
        dice, lesson = random.Random(2), Lesson()
        told(lesson, 10, lambda: noisy(dice, 0.0, 0.05))
        dip = told(lesson, 1.5, lambda: noisy(dice, -0.7, 0.05))
        after = told(lesson, 20, lambda: noisy(dice, 0.0, 0.05))
        self.assertEqual(raised(dip + after), [(1, "low")])
        self.assertEqual(cleared(dip + after), [(1, "low")])
        (flag,) = [change for change in dip + after if change.raised]
        self.assertEqual(flag.reason, "below_usual")
        self.assertTrue(-0.1 < (lesson.judge.usual(1) or 0) < 0.1)

    def test_noise_at_the_threshold_does_not_flap(self) -> None:
        for seed in range(20):
            dice, lesson = random.Random(seed), Lesson()
            told(lesson, 5, lambda d=dice: noisy(d, 0.0, 0.05))
            line = -2 * lesson.judge.watches[1].usual.scale
            changes = told(lesson, 45, lambda d=dice, at=line: noisy(d, at, 0.05))
            self.assertLessEqual(len(raised(changes)), 2, seed)
            times = [change.at for change in changes]
            held = [b.at - a.at for a, b in zip(changes, changes[1:], strict=False) if a.raised]
            self.assertTrue(all(seconds >= 30 for seconds in held), (seed, times))

    def test_a_joke_raises_nothing(self) -> None:
        dice, lesson = random.Random(3), Lesson()
        told(lesson, 5, lambda: noisy(dice, -0.05, 0.06))
        joke = told(lesson, 0.5, lambda: noisy(dice, 0.9, 0.05))
        self.assertEqual(joke + told(lesson, 15, lambda: noisy(dice, -0.05, 0.06)), [])

    def test_a_joke_while_the_usual_is_learnt_does_not_make_the_rest_a_dip(self) -> None:
        dice, lesson = random.Random(4), Lesson()
        told(lesson, 1, lambda: noisy(dice, -0.05, 0.06))
        told(lesson, 0.5, lambda: noisy(dice, 0.9, 0.05))
        self.assertEqual(told(lesson, 20, lambda: noisy(dice, -0.05, 0.06)), [])

    def test_a_smile_at_a_second_monitor_raises_nothing(self) -> None:
        lesson = Lesson()
        lesson.go(5 * MINUTE, read())
        self.assertEqual(lesson.go(5 * MINUTE, read(valence=0.8, turned=5)), [])
        self.assertEqual(lesson.go(10 * MINUTE, read()), [])

    def test_twenty_minutes_of_writing_in_quiet_work_raise_nothing(self) -> None:
        lesson = Lesson()
        lesson.go(5 * MINUTE, read())
        for heads_down in (gone(), read(valence=-0.6, turned=5), Row(1, absent=3, unsure=2)):
            self.assertEqual(lesson.go(7 * MINUTE, heads_down, quiet=True), [])
        self.assertEqual(lesson.go(10 * MINUTE, read()), [])


class ClassCase(DatabaseCase):
    size = 30

    def setUp(self) -> None:
        self.students = make_class(self.size)
        self.lesson = self.students[0].lesson
        self.now = 0.0
        self.judging = Judging(clock=lambda: opened(self.lesson) + self.now)

    def judge(self, slices: int, judging: Judging | None = None) -> bool:
        """As it is done in class: each slice four seconds after its end."""
        changed = False
        first = int(self.now) // 10 or 1
        for number in range(first, slices + 1):
            self.now = number * 10 + 4.05
            with transaction.atomic():
                until = opened(self.lesson) + 10 * number
                changed = (judging or self.judging).judge(self.lesson.pk, until) or changed
        return changed

    def at(self, seconds: float):
        return attention.moment(opened(self.lesson) + seconds)

    def flags(self) -> list[tuple[str, int | None]]:
        return [(flag.kind, flag.participant_id) for flag in Flag.objects.order_by("pk")]


class TogetherTest(ClassCase):
    def test_twenty_students_dipping_together_are_one_class_event(self) -> None:
        dice = random.Random(5)
        for place, student in enumerate(self.students):
            begins = 24 + dice.randrange(3) if place < 20 else 60
            for number in range(60):
                dips = begins <= number < begins + 18
                mean = -0.7 if dips else 0.0
                rows(student, number, 1, n=5, valence_sum=5 * (mean + dice.gauss(0, 0.04)))
        self.judge(60)
        flags = Flag.objects.exclude(participant=None).shown(self.at(600))
        self.assertEqual(flags.count(), 0, self.flags())
        self.assertEqual([kind for kind, who in self.flags() if who is None], ["class"])

    def test_five_away_students_show_three_and_two_more(self) -> None:
        for student in self.students:
            rows(student, 0, 6)
        for student in self.students[:5]:
            away(student, 6, 20)
        for student in self.students[5:]:
            rows(student, 6, 20)
        self.judge(26)
        seen = [open_flag(one) for one in Flag.objects.shown(self.at(260))]
        names = {student.pk: student.name for student in self.students}
        told = panel(seen, names, opened(self.lesson) + 260.0, useful=0, rated=0)
        self.assertEqual(len(told["flags"]), 3)
        self.assertEqual((told["more"], told["more_words"]), (2, "2 more"))


class OneOfTheClassTest(ClassCase):
    size = 2

    def setUp(self) -> None:
        super().setUp()
        self.asha, self.ben = self.students

    def test_a_student_without_a_camera_is_never_flagged_by_the_model(self) -> None:
        """No snapshots, so no rows; what they tap counts all the same."""
        rows(self.asha, 0, 300)
        self.judge(300)
        self.assertEqual(self.flags(), [])
        taps.save(self.lesson.pk, self.ben.pk, "hand", uuid.uuid4(), self.at(3000))
        self.assertEqual(self.flags(), [("help", self.ben.pk)])

    def test_twenty_minutes_of_quiet_work_that_the_teacher_renewed(self) -> None:
        for minute in (2, 14):
            Marker.objects.create(lesson=self.lesson, kind="quiet", at=self.at(60 * minute))
        rows(self.asha, 0, 2 * MINUTE)
        away(self.asha, 2 * MINUTE, 20 * MINUTE)
        rows(self.asha, 22 * MINUTE, MINUTE)
        self.judge(23 * MINUTE)
        self.assertEqual(self.flags(), [])

    def test_just_thinking_stops_a_flag_before_the_teacher_sees_it(self) -> None:
        away(self.asha, 0, 60)
        self.judge(8)
        asked = attention.asked(self.lesson.pk, self.at(85))
        self.assertEqual(asked, {self.asha.pk: opened(self.lesson) + 114})
        shown = attention.answer(self.lesson.pk, self.asha.pk, "thinking", self.at(100))
        self.assertFalse(shown)
        self.judge(39)
        self.assertFalse(Flag.objects.shown(self.at(400)).exists())
        self.assertEqual(attention.asked(self.lesson.pk, self.at(116)), {})

    def test_just_thinking_said_unasked_keeps_a_flag_from_being_raised(self) -> None:
        away(self.asha, 0, 60)
        self.judge(5)
        attention.answer(self.lesson.pk, self.asha.pk, "thinking", self.at(57))
        self.judge(34)
        self.assertEqual(self.flags(), [])
        self.judge(36)
        self.assertEqual(self.flags(), [("away", self.asha.pk)])

    def test_no_answer_for_thirty_seconds_shows_it(self) -> None:
        away(self.asha, 0, 60)
        self.judge(8)
        self.assertEqual(attention.open_flags(self.lesson.pk, self.at(113)), [])
        (told,) = attention.open_flags(self.lesson.pk, self.at(114))
        self.assertEqual((told["kind"], told["student"]), ("away", self.asha.pk))

    def test_a_raised_hand_says_more_than_the_face_that_waits(self) -> None:
        away(self.asha, 0, 60)
        self.judge(8)
        taps.save(self.lesson.pk, self.asha.pk, "hand", uuid.uuid4(), self.at(100))
        shown = attention.open_flags(self.lesson.pk, self.at(200))
        self.assertEqual([flag["kind"] for flag in shown], ["help"])

    def test_a_course_that_does_not_ask_first_shows_it_at_once(self) -> None:
        self.lesson.rules = {"ask_first": False}
        self.lesson.save(update_fields=["rules"])
        away(self.asha, 0, 60)
        self.judge(8)
        self.assertEqual(len(attention.open_flags(self.lesson.pk, self.at(85))), 1)

    def test_judged_again_after_an_answer_the_flags_are_the_same(self) -> None:
        away(self.asha, 0, 120)
        self.judge(8)
        attention.answer(self.lesson.pk, self.asha.pk, "fine", self.at(100))
        self.judge(120)
        self.assertEqual(self.raised_at(), [80, 400])
        begin = opened(self.lesson)
        again = fold(self.lesson, Bench(self.lesson), begin, begin + 1200)
        self.assertEqual([change.at - begin for change in again if change.raised], [80, 400])

    def raised_at(self) -> list[int]:
        begin = opened(self.lesson)
        raised_at = Flag.objects.order_by("raised_at").values_list("raised_at", flat=True)
        return [int(at.timestamp()) - begin for at in raised_at]

    def test_a_slice_whose_judge_died_is_judged_again(self) -> None:
        away(self.asha, 0, 20)
        self.now = 204.05
        until = opened(self.lesson) + 200
        with self.assertRaises(RuntimeError), transaction.atomic():
            self.judging.judge(self.lesson.pk, until)
            raise RuntimeError("it dies before its commit")
        self.assertEqual(self.flags(), [])
        with transaction.atomic():
            self.assertTrue(Judging().judge(self.lesson.pk, until))
        self.assertEqual(self.flags(), [("away", self.asha.pk)])


class TwoWorkersTest(TransactionTestCase):
    def test_two_workers_judging_the_same_slice_raise_one_flag(self) -> None:
        student = make.participant()
        away(student, 0, 20)
        until = opened(student.lesson) + 200
        changed: list[bool] = []

        def work() -> None:
            with transaction.atomic():
                changed.append(Judging().judge(student.lesson_id, until))
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(sorted(changed), [False, True])
        self.assertEqual(Flag.objects.count(), 1)
