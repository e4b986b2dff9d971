"""Stored slices are judged once each, from what is stored alone."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from classroom import consent
from classroom.models import Lesson, Participant
from emotions import attention, judge, room, taps
from emotions.flags import Change
from emotions.judge import Judging
from emotions.models import Flag, Marker, Slice
from tests import make
from tests.stored import away, low, opened, rows


def make_class(size: int) -> list[Participant]:
    """A lesson that began half an hour ago, and its students."""
    lesson = make.lesson(opened_at=timezone.now() - timedelta(minutes=30))
    students = [make.participant(lesson=lesson) for _ in range(size)]
    lesson.participants.update(joined_at=lesson.opened_at)
    return students


class JudgeCase(TestCase):
    def setUp(self) -> None:
        (self.asha,) = make_class(1)
        self.lesson = self.asha.lesson
        self.judging = Judging()

    def judge(self, slices: int, judging: Judging | None = None) -> bool:
        """Judge the lesson's first so many slices."""
        until = opened(self.lesson) + 10 * slices
        with transaction.atomic():
            return (judging or self.judging).judge(self.lesson.pk, until)

    def flags(self) -> list[tuple[str, int, int | None]]:
        """Kind, and seconds from the lesson's start to raising and clearing."""
        start = opened(self.lesson)
        return [
            (
                flag.kind,
                int(flag.raised_at.timestamp()) - start,
                int(flag.cleared_at.timestamp()) - start if flag.cleared_at else None,
            )
            for flag in Flag.objects.filter(lesson=self.lesson).order_by("raised_at", "pk")
        ]


class JudgeTest(JudgeCase):
    def test_away_is_raised_with_since_and_reason(self) -> None:
        rows(self.asha, 0, 3)
        away(self.asha, 3, 13)
        self.assertTrue(self.judge(16))
        flag = Flag.objects.get()
        self.assertEqual((flag.kind, flag.reason, flag.participant), ("away", "no_face", self.asha))
        self.assertEqual(flag.since.timestamp(), opened(self.lesson) + 30)

    @override_settings(AWAY_AFTER_S=10)
    def test_away_after_ten_seconds_comes_with_the_first_whole_slice(self) -> None:
        """Gone at 33 s: the slice from 40 to 50 is the first without a face, judged at 54."""
        rows(self.asha, 0, 3)
        rows(self.asha, 3, 1, n=1, absent=4)
        away(self.asha, 4, 1)
        self.assertTrue(self.judge(5))
        self.assertEqual(self.flags(), [("away", 50, None)])

    def test_low_is_raised_and_cleared(self) -> None:
        rows(self.asha, 0, 20)
        low(self.asha, 20, 15)
        rows(self.asha, 35, 40)
        self.judge(75)
        ((kind, raised, cleared),) = self.flags()
        self.assertEqual(kind, "low")
        self.assertTrue(250 <= raised <= 350 < (cleared or 0), (raised, cleared))

    def test_a_slice_is_judged_once(self) -> None:
        away(self.asha, 0, 20)
        self.assertTrue(self.judge(20))
        self.assertFalse(self.judge(20))
        self.assertFalse(self.judge(20, Judging()))
        self.assertEqual(Flag.objects.count(), 1)

    def test_slice_by_slice_is_the_same_as_all_at_once(self) -> None:
        self.write_a_lesson()
        for number in range(1, 121):
            self.judge(number)
        slowly = self.flags()
        self.start_over()
        self.judge(120, Judging())
        self.assertEqual(self.flags(), slowly)
        self.assertGreaterEqual(len(slowly), 3)

    def test_a_judge_that_takes_over_goes_on_where_the_other_died(self) -> None:
        self.write_a_lesson()
        self.judge(120)
        whole = self.flags()
        self.start_over()
        for number in range(1, 121):
            self.judge(number, Judging())
        self.assertEqual(self.flags(), whole)

    def test_failing_after_the_claim_leaves_the_slice_to_the_next(self) -> None:
        away(self.asha, 0, 20)
        with self.assertRaises(RuntimeError), transaction.atomic():
            self.judging.judge(self.lesson.pk, opened(self.lesson) + 200)
            raise RuntimeError("the process dies before the commit")
        self.assertEqual(self.flags(), [])
        self.assertTrue(self.judge(20))
        self.assertEqual(len(self.flags()), 1)

    def write_a_lesson(self) -> None:
        rows(self.asha, 0, 20)
        low(self.asha, 20, 20)
        rows(self.asha, 40, 20)
        away(self.asha, 60, 20)
        rows(self.asha, 80, 10)
        low(self.asha, 95, 25)

    def start_over(self) -> None:
        Flag.objects.all().delete()
        self.lesson.judged_until = None
        self.lesson.save(update_fields=["judged_until"])

    def test_closed_lesson_is_not_judged(self) -> None:
        away(self.asha, 0, 20)
        self.lesson.closed_at = timezone.now()
        self.lesson.save(update_fields=["closed_at"])
        self.assertFalse(self.judge(20))


class TeacherTest(JudgeCase):
    def at(self, seconds: float) -> Any:
        return attention.moment(opened(self.lesson) + seconds)

    def test_quiet_work_raises_nothing(self) -> None:
        Marker.objects.create(lesson=self.lesson, kind="quiet", at=self.at(0))
        away(self.asha, 0, 60)
        self.assertFalse(self.judge(60))

    def test_quiet_work_ends_by_itself_after_a_quarter_of_an_hour(self) -> None:
        Marker.objects.create(lesson=self.lesson, kind="quiet", at=self.at(0))
        away(self.asha, 0, 110)
        self.judge(110)
        ((kind, raised, _),) = self.flags()
        self.assertEqual((kind, raised), ("away", 15 * 60 + 80))

    def test_switching_quiet_work_off_counts_from_then(self) -> None:
        Marker.objects.create(lesson=self.lesson, kind="quiet", at=self.at(0))
        Marker.objects.create(lesson=self.lesson, kind="quiet_end", at=self.at(100))
        away(self.asha, 0, 40)
        self.judge(40)
        self.assertEqual(self.flags(), [("away", 180, None)])

    def test_no_snapshots_no_flags(self) -> None:
        """A pause, or no camera at all."""
        rows(self.asha, 0, 20)
        self.assertFalse(self.judge(150))

    def test_dismissed_flag_comes_back_after_five_minutes_at_the_soonest(self) -> None:
        away(self.asha, 0, 80)
        self.judge(8)
        attention.dismiss(self.lesson, Flag.objects.get().pk, now=self.at(85))
        self.judge(80)
        (_, second) = self.flags()
        self.assertEqual(second, ("away", 390, None))

    def test_nothing_is_raised_of_a_student_who_withdrew_or_was_erased(self) -> None:
        away(self.asha, 0, 20)
        self.judge(20)
        Flag.objects.update(dismissed_at=self.at(150), cleared_at=self.at(150))
        Slice.objects.all().delete()
        self.asha.delete()
        self.judge(22)
        self.assertEqual(self.flags(), [])
        self.assertEqual(self.judging.benches[self.lesson.pk].judge.watches, {})

    def withdraw_and_consent_again(self) -> None:
        room._withdraw(self.asha)
        consent.give(self.asha)

    def test_deleted_slices_raise_nothing_of_who_consents_again_at_once(self) -> None:
        away(self.asha, 0, 7)
        self.assertFalse(self.judge(7))
        self.withdraw_and_consent_again()
        away(self.asha, 7, 7)
        self.assertFalse(self.judge(14))

    def test_a_deleted_flag_does_not_keep_the_next_from_being_raised(self) -> None:
        away(self.asha, 0, 20)
        self.judge(20)
        self.withdraw_and_consent_again()
        self.assertEqual(self.flags(), [])
        away(self.asha, 20, 20)
        self.judge(40)
        self.assertEqual(self.flags(), [("away", 280, None)])

    def test_rows_that_were_read_before_consent_went_raise_nothing(self) -> None:
        """Another process judges while it is taken back: it has the rows, and they are gone."""
        away(self.asha, 0, 20)
        consent.withdraw(self.asha)
        self.assertFalse(self.judge(20))
        self.assertEqual(self.flags(), [])

    def test_snoozed_flag_stays_open_and_is_not_doubled(self) -> None:
        away(self.asha, 0, 40)
        self.judge(13)
        attention.snooze(self.lesson, Flag.objects.get().pk)
        self.judge(40)
        self.assertEqual(len(self.flags()), 1)

    def test_raised_hand_fades_after_five_minutes(self) -> None:
        taps.save(self.lesson.pk, self.asha.pk, "hand", uuid.uuid4(), self.at(5))
        self.assertFalse(self.judge(30))
        self.assertTrue(self.judge(31))
        self.assertEqual(self.flags(), [("help", 5, 310)])

    def test_hand_that_went_up_after_the_judged_slice_stays_up(self) -> None:
        taps.save(self.lesson.pk, self.asha.pk, "hand", uuid.uuid4(), self.at(35))
        self.assertFalse(self.judge(3))
        self.assertEqual(self.flags(), [("help", 35, None)])


class ClassTest(TestCase):
    def setUp(self) -> None:
        self.students = make_class(10)
        self.lesson = self.students[0].lesson
        self.judging = Judging()

    def judge(self, slices: int) -> list[tuple[str, int | None]]:
        with transaction.atomic():
            self.judging.judge(self.lesson.pk, opened(self.lesson) + 10 * slices)
        flags = Flag.objects.filter(cleared_at=None).order_by("pk")
        return [(flag.kind, flag.participant_id) for flag in flags]

    def test_dip_of_the_whole_class_is_one_event(self) -> None:
        for student in self.students:
            rows(student, 0, 20)
            low(student, 20, 20)
        self.assertEqual(self.judge(40), [("class", None)])

    def test_a_few_lost_taps_call_for_the_class_without_any_camera(self) -> None:
        at = attention.moment(opened(self.lesson) + 100)
        for student in self.students[:4]:
            taps.save(self.lesson.pk, student.pk, "lost", uuid.uuid4(), at)
        self.assertEqual(self.judge(11), [])
        self.assertEqual(self.judge(13), [("class", None)])

    def test_it_clears_when_the_taps_have_faded(self) -> None:
        at = attention.moment(opened(self.lesson) + 100)
        for student in self.students[:4]:
            taps.save(self.lesson.pk, student.pk, "lost", uuid.uuid4(), at)
        self.judge(13)
        self.assertEqual(self.judge(60), [])

    def test_single_students_get_single_flags(self) -> None:
        for student in self.students:
            rows(student, 0, 20)
        low(self.students[0], 20, 20)
        for student in self.students[1:]:
            rows(student, 20, 20)
        self.assertEqual(self.judge(40), [("low", self.students[0].pk)])


class RaceTest(TransactionTestCase):
    def test_two_processes_raise_one_flag(self) -> None:
        (asha,) = make_class(1)
        away(asha, 0, 20)
        until = opened(asha.lesson) + 200
        changed: list[bool] = []

        def judge_in_thread() -> None:
            with transaction.atomic():
                changed.append(Judging().judge(asha.lesson_id, until))
            connection.close()

        threads = [threading.Thread(target=judge_in_thread) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(changed), [False, False, False, True])
        self.assertEqual(Flag.objects.count(), 1)

    async def test_one_lessons_trouble_is_not_the_others_and_closed_ones_are_forgotten(self):
        (bad,), (good,) = [await judge.in_database(make_class, 1) for _ in range(2)]
        await judge.in_database(away, good, 0, 20)
        judging = Judging(clock=lambda: opened(good.lesson) + 206.0)
        inner = judging.judge

        def failing(lesson_id: int, until: int) -> bool:
            if lesson_id == bad.lesson_id:
                raise LookupError
            return inner(lesson_id, until)

        judging.judge = failing  # type: ignore[method-assign]
        with self.assertLogs("classroom.writing"):
            await judging.judge_all()
        self.assertEqual((await Flag.objects.aget()).participant_id, good.pk)
        self.assertEqual(set(judging.benches), {good.lesson_id})
        await Lesson.objects.aupdate(closed_at=timezone.now())
        await judging.judge_all()
        self.assertEqual(judging.benches, {})

    async def test_teachers_are_told_of_a_change(self) -> None:
        from channels.layers import get_channel_layer

        (asha,) = await judge.in_database(make_class, 1)
        await judge.in_database(away, asha, 0, 40)
        layer = get_channel_layer()
        await layer.group_add(f"teachers.{asha.lesson_id}", "teacher")
        now = [opened(asha.lesson) + 206.0]
        judging = Judging(clock=lambda: now[0])
        await judging.judge_all()
        self.assertEqual((await layer.receive("teacher"))["flags"], [])
        now[0] += 31  # The student was asked, and did not answer.
        await judging.judge_all()
        message = await layer.receive("teacher")
        self.assertEqual([flag["kind"] for flag in message["flags"]], ["away"])

    async def test_the_student_is_asked_first_and_alone(self) -> None:
        from channels.layers import get_channel_layer

        (asha,) = await judge.in_database(make_class, 1)
        await judge.in_database(away, asha, 0, 12)
        layer = get_channel_layer()
        await layer.group_add(f"students.{asha.lesson_id}", "student")
        begin = opened(asha.lesson)
        now = [begin + 84.1]
        judging = Judging(clock=lambda: now[0])
        await judging.judge_all()
        message = await layer.receive("student")
        self.assertEqual(message["type"], "students.asked")
        self.assertEqual(message["asked"], {str(asha.pk): begin + 114})
        now[0] = begin + 114.1
        await judging.judge_all()
        self.assertEqual((await layer.receive("student"))["asked"], {})

    @override_settings(AWAY_AFTER_S=10)
    async def test_away_waits_no_longer_for_an_answer_than_it_took(self) -> None:
        (asha,) = await judge.in_database(make_class, 1)
        await judge.in_database(away, asha, 0, 3)
        begin = opened(asha.lesson)
        await Judging(clock=lambda: begin + 14.1).judge_all()
        flag = await Flag.objects.aget()
        self.assertEqual(flag.shown_at.timestamp(), begin + 14 + 10)


class ConstraintTest(TestCase):
    def test_a_flag_that_stands_open_is_not_raised_again(self) -> None:
        student = make.participant()
        now = timezone.now()
        for participant in (student.pk, None):
            how = {"reason": "x", "since": now, "at": now}
            lesson = student.lesson_id
            self.assertTrue(attention.raise_flag(lesson, participant, "low", **how))
            self.assertFalse(attention.raise_flag(lesson, participant, "low", **how))
            self.assertTrue(attention.clear_flag(lesson, participant, "low", at=now))
            self.assertTrue(attention.raise_flag(lesson, participant, "low", **how))

    def test_changes_carry_no_names(self) -> None:
        self.assertFalse({"name"} & set(Change.__slots__))
        self.assertFalse({field.name for field in Slice._meta.fields} & {"name", "image", "jpeg"})
