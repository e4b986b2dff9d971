"""When a flag rises and falls, told slice by slice."""

from __future__ import annotations

import random
from dataclasses import dataclass
from unittest import TestCase

from emotions.flags import Change, Judge
from emotions.rules import Rules
from emotions.usual import LEAST_SCALE

START = 1_000_000


@dataclass
class Row:
    participant_id: int
    n: int = 0
    absent: int = 0
    several: int = 0
    unsure: int = 0
    turned: int = 0
    valence_sum: float = 0.0
    happy: float = 0.0


def read(student: int = 1, valence: float = 0.0, *, turned: int = 0, n: int = 5) -> Row:
    return Row(student, n=n, turned=turned, valence_sum=valence * n)


def gone(student: int = 1) -> Row:
    return Row(student, absent=5)


class Lesson:
    """Folds the same rows for a number of slices and keeps what the judge said."""

    def __init__(self, away_after_s: float = Rules().away_after_s) -> None:
        self.judge = Judge(Rules(away_after_s=away_after_s))
        self.at = START
        self.said: list[Change] = []
        self.dismissed: dict[tuple[int, str], list[float]] = {}

    def go(self, slices: int, *rows: Row, quiet: bool = False) -> list[Change]:
        """What was said in these slices."""
        new = []
        for _ in range(slices):
            new += self.judge.fold(self.at, rows, quiet=quiet, dismissed=self.dismissed)
            self.at += 10
        self.said += new
        return new


def raised(changes: list[Change]) -> list[tuple[int, str]]:
    return [(change.student, change.kind) for change in changes if change.raised]


def cleared(changes: list[Change]) -> list[tuple[int, str]]:
    return [(change.student, change.kind) for change in changes if not change.raised]


class AwayTest(TestCase):
    def test_eighty_seconds_without_a_face_raise_away(self) -> None:
        lesson = Lesson()
        lesson.go(3, read())
        self.assertEqual(lesson.go(7, gone()), [])
        (change,) = lesson.go(1, gone())
        self.assertEqual((change.kind, change.raised, change.since), ("away", True, START + 30))

    def test_away_after_ten_seconds_needs_one_whole_slice(self) -> None:
        lesson = Lesson(away_after_s=10)
        self.assertEqual(lesson.go(1, Row(1, n=1, absent=4)), [])
        self.assertEqual(raised(lesson.go(1, gone())), [(1, "away")])

    def test_it_is_raised_once(self) -> None:
        lesson = Lesson(away_after_s=10)
        self.assertEqual(raised(lesson.go(30, gone())), [(1, "away")])

    def test_a_face_for_thirty_seconds_clears_it(self) -> None:
        lesson = Lesson(away_after_s=10)
        lesson.go(2, gone())
        self.assertEqual(lesson.go(2, read()), [])
        self.assertEqual(cleared(lesson.go(1, read())), [(1, "away")])

    def test_somebody_unreadable_is_not_away(self) -> None:
        lesson = Lesson(away_after_s=10)
        for row in (Row(1, unsure=5), Row(1, several=3, absent=2), Row(1, absent=4, unsure=1)):
            self.assertEqual(lesson.go(20, row), [])

    def test_without_snapshots_nobody_is_away(self) -> None:
        """Paused, no camera or a page in the background: no rows, so no flag."""
        lesson = Lesson(away_after_s=10)
        lesson.go(3, read())
        self.assertEqual(lesson.go(60), [])

    def test_camera_paused_while_away_clears_the_flag(self) -> None:
        lesson = Lesson(away_after_s=10)
        lesson.go(2, gone())
        self.assertEqual(cleared(lesson.go(3)), [(1, "away")])

    def test_quiet_work_raises_nothing_and_clears_what_is_open(self) -> None:
        lesson = Lesson(away_after_s=10)
        lesson.go(2, gone())
        self.assertEqual(cleared(lesson.go(1, gone(), quiet=True)), [(1, "away")])
        self.assertEqual(lesson.go(30, gone(), quiet=True), [])
        self.assertEqual(raised(lesson.go(1, gone())), [(1, "away")])


class LowTest(TestCase):
    def learnt(self) -> Lesson:
        lesson = Lesson()
        lesson.go(18, read(valence=0.0))
        return lesson

    def test_a_mean_of_a_minute_and_a_half_well_below_the_usual_raises_low(self) -> None:
        lesson = self.learnt()
        changes = lesson.go(9, read(valence=-0.6))
        self.assertEqual(raised(changes), [(1, "low")])
        self.assertEqual(changes[0].at - changes[0].since, 90)

    def test_a_low_moment_now_and_then_belongs_to_the_usual(self) -> None:
        """A median would not know of it, and every average of it would lie under that."""
        lesson = Lesson()
        for _ in range(12):
            lesson.go(3, read(valence=-0.05))
            lesson.go(2, read(valence=-0.6))
        self.assertAlmostEqual(lesson.judge.usual(1) or 0, -0.27, delta=0.03)
        self.assertEqual(lesson.said, [])

    def test_a_usual_that_rests_on_little_is_held_less_narrow(self) -> None:
        lesson, watched = Lesson(), []
        for slices in (18, 300):
            lesson.go(slices, read())
            watched.append(lesson.judge.watches[1].usual.scale)
        self.assertAlmostEqual(watched[0], LEAST_SCALE * (1 + 9 / 18) ** 0.5)
        self.assertAlmostEqual(watched[1], LEAST_SCALE * (1 + 9 / 306) ** 0.5, delta=1e-3)

    def test_one_neutral_look_does_not_restart_it(self) -> None:
        lesson = self.learnt()
        lesson.go(4, read(valence=-0.8))
        lesson.go(1, read())
        self.assertEqual(raised(lesson.go(5, read(valence=-0.8))), [(1, "low")])

    def test_low_is_never_likely(self) -> None:
        lesson = self.learnt()
        (change,) = lesson.go(12, read(valence=-1.0))
        self.assertTrue(0.45 <= (change.sure or 0) < 0.75, change.sure)

    def test_half_a_minute_is_not_enough(self) -> None:
        lesson = self.learnt()
        self.assertEqual(lesson.go(3, read(valence=-0.4)) + lesson.go(30, read()), [])

    def test_who_always_reads_low_is_not_flagged(self) -> None:
        lesson = Lesson()
        self.assertEqual(lesson.go(60, read(valence=-0.7)), [])

    def test_nothing_is_low_before_the_usual_is_known(self) -> None:
        lesson = Lesson()
        self.assertEqual(lesson.go(8, read()) + lesson.go(9, read(valence=-0.9)), [])

    def test_usual_needs_twenty_samples(self) -> None:
        lesson = Lesson()
        lesson.go(19, read(n=1))
        self.assertIsNone(lesson.judge.usual(1))
        lesson.go(1, read(n=1))
        self.assertEqual(lesson.judge.usual(1), 0.0)

    def test_happy_and_surprise_never_raise_a_flag(self) -> None:
        lesson = self.learnt()
        self.assertEqual(lesson.go(60, read(valence=0.9)), [])

    def test_it_clears_once_back_at_the_usual(self) -> None:
        lesson = self.learnt()
        lesson.go(12, read(valence=-0.6))
        self.assertEqual(cleared(lesson.go(30, read(valence=0.0))), [(1, "low")])

    def test_dismissed_flag_stays_away_for_five_minutes(self) -> None:
        lesson = self.learnt()
        lesson.go(12, read(valence=-0.6))
        lesson.dismissed[1, "low"] = [float(lesson.at)]
        slices = int(Rules().cool_down_s) // 10
        self.assertEqual(lesson.go(slices - 1, read(valence=-0.6)), [])
        self.assertEqual(raised(lesson.go(1, read(valence=-0.6))), [(1, "low")])

    def test_unreadable_minutes_end_a_run(self) -> None:
        lesson = self.learnt()
        lesson.go(5, read(valence=-0.6))
        self.assertEqual(lesson.go(7, Row(1, unsure=5)), [])
        self.assertEqual(lesson.go(5, read(valence=-0.6)), [])

    def test_dip_of_the_whole_class_is_not_a_flag_for_each(self) -> None:
        lesson = Lesson()
        lesson.go(18, *[read(student) for student in range(10)])
        dip = [read(student, -0.6) for student in range(10)]
        self.assertEqual(lesson.go(30, *dip), [])
        self.assertTrue(lesson.judge.class_dips)
        self.assertEqual(len(lesson.judge.low), 10)

    def test_two_of_ten_are_flagged_each(self) -> None:
        lesson = Lesson()
        lesson.go(18, *[read(student) for student in range(10)])
        rows = [read(student, -0.6 if student < 2 else 0.0) for student in range(10)]
        self.assertEqual(raised(lesson.go(20, *rows)), [(0, "low"), (1, "low")])


class LookingAwayTest(TestCase):
    def test_turned_for_eighty_seconds_is_raised(self) -> None:
        lesson = Lesson()
        self.assertEqual(lesson.go(7, read(turned=5)), [])
        self.assertEqual(raised(lesson.go(1, read(turned=5))), [(1, "turned")])

    def test_half_turned_is_not(self) -> None:
        self.assertEqual(Lesson().go(60, read(turned=3)), [])

    def test_few_readable_samples_do_not_count(self) -> None:
        row = Row(1, n=2, turned=2, unsure=3)
        self.assertEqual(Lesson().go(60, row), [])

    def test_one_glance_back_does_not_restart_it(self) -> None:
        lesson = Lesson()
        lesson.go(6, read(turned=5))
        lesson.go(1, read(turned=2))
        self.assertEqual(raised(lesson.go(1, read(turned=5))), [(1, "turned")])

    def test_whoever_is_back_needs_no_look(self) -> None:
        lesson = Lesson()
        lesson.go(3, read())
        lesson.go(6, read(turned=5))
        self.assertEqual(lesson.go(2, Row(1, n=1, unsure=4)), [])


class ReplayTest(TestCase):
    def test_the_same_slices_give_the_same_flags(self) -> None:
        def tell() -> list[Change]:
            dice, lesson = random.Random(7), Lesson(away_after_s=30)
            for _ in range(300):
                rows = [
                    gone(s) if dice.random() < 0.3 else read(s, dice.uniform(-0.9, 0.6))
                    for s in range(4)
                ]
                lesson.go(dice.randint(1, 6), *rows)
            return lesson.said

        first = tell()
        self.assertEqual(first, tell())
        self.assertGreater(len(first), 10)

    def test_no_flag_is_open_twice(self) -> None:
        dice, lesson, opened = random.Random(3), Lesson(away_after_s=20), set()
        for _ in range(300):
            rows = [gone(s) if dice.random() < 0.5 else read(s) for s in range(3)]
            for change in lesson.go(dice.randint(1, 4), *rows):
                key = (change.student, change.kind)
                self.assertEqual(change.raised, key not in opened)
                opened ^= {key}
