"""Taps: stored once, counted for five minutes, taken back whole."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.test import TestCase
from django.utils import timezone

from classroom import lessons, participants
from emotions import attention, taps
from emotions.models import Flag, Report
from tests import make


class TapsTest(TestCase):
    def setUp(self) -> None:
        self.asha = make.participant()
        self.lesson = self.asha.lesson
        self.now = timezone.now()

    def tap(self, kind: str = "lost", tap: uuid.UUID | None = None, ago_s: float = 0) -> taps.Tap:
        at = self.now - timedelta(seconds=ago_s)
        return taps.save(self.lesson.pk, self.asha.pk, kind, tap or uuid.uuid4(), at)

    def open_flags(self) -> list[str]:
        return [flag["kind"] for flag in attention.open_flags(self.lesson.pk)]

    def test_a_tap_is_stored_as_it_was_made(self) -> None:
        tap = self.tap("too_fast", ago_s=3)
        report = Report.objects.get()
        self.assertEqual((report.kind, str(report.tap)), ("too_fast", tap.id))
        self.assertEqual((tap.student, tap.undone, tap.new), (self.asha.pk, False, True))

    def test_a_repeat_changes_nothing(self) -> None:
        tap = uuid.uuid4()
        self.assertTrue(self.tap("hand", tap).new)
        self.assertFalse(self.tap("hand", tap).new)
        self.assertEqual((Report.objects.count(), Flag.objects.count()), (1, 1))

    def test_a_repeat_of_an_undone_tap_stays_undone(self) -> None:
        tap = uuid.uuid4()
        self.tap("hand", tap)
        taps.undo(self.lesson.pk, self.asha.pk, tap, self.now)
        self.assertTrue(self.tap("hand", tap).undone)
        self.assertEqual(self.open_flags(), [])

    def test_only_a_hand_is_a_flag(self) -> None:
        for kind in taps.KINDS:
            self.tap(kind)
        self.assertEqual(self.open_flags(), ["help"])
        self.assertEqual(Flag.objects.get().reason, "hand")

    def test_two_hands_of_one_student_are_one_flag_until_both_are_down(self) -> None:
        first, second = uuid.uuid4(), uuid.uuid4()
        self.tap("hand", first)
        self.tap("hand", second)
        taps.undo(self.lesson.pk, self.asha.pk, first, self.now)
        self.assertEqual(self.open_flags(), ["help"])
        taps.undo(self.lesson.pk, self.asha.pk, second, self.now)
        self.assertEqual(self.open_flags(), [])

    def test_lowering_ones_hand_leaves_the_others_up(self) -> None:
        tap, ben = uuid.uuid4(), make.participant(lesson=self.lesson)
        self.tap("hand", tap)
        taps.save(self.lesson.pk, ben.pk, "hand", uuid.uuid4(), self.now)
        taps.undo(self.lesson.pk, self.asha.pk, tap, self.now)
        (flag,) = attention.open_flags(self.lesson.pk)
        self.assertEqual(flag["student"], ben.pk)

    def test_nobody_undoes_anothers_tap(self) -> None:
        tap, ben = uuid.uuid4(), make.participant(lesson=self.lesson)
        self.tap("lost", tap)
        self.assertIsNone(taps.undo(self.lesson.pk, ben.pk, tap, self.now))
        self.assertIsNone(Report.objects.get().undone_at)

    def test_taps_fade_after_five_minutes(self) -> None:
        self.tap("lost", ago_s=taps.FADES_S + 1)
        self.tap("got_it", ago_s=taps.FADES_S - 1)
        kinds = [tap["kind"] for tap in taps.own(self.lesson, self.asha, self.now)]
        self.assertEqual(kinds, ["got_it"])

    def test_who_is_not_inside_cannot_tap(self) -> None:
        other = make.lesson()
        with self.assertRaises(taps.CannotTap):
            taps.save(other.pk, self.asha.pk, "lost", uuid.uuid4(), self.now)
        participants.remove(self.asha)
        with self.assertRaises(taps.CannotTap):
            self.tap()
        participants.readmit(self.asha)
        lessons.close(self.lesson)
        with self.assertRaises(taps.CannotTap):
            self.tap()
        self.assertFalse(Report.objects.exists())
