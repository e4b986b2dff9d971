"""Fairness under load as a figure: who had how many readings, how old, and what was refused."""

from __future__ import annotations

from unittest import TestCase

from emotions.shares import Arrival, Window, by_bins, shares

WINDOW = Window(100.0, 110.0)


def came(student: int, *times: float, age_s: float = 0.5) -> list[Arrival]:
    return [Arrival(student, at, age_s) for at in times]


class SharesTest(TestCase):
    def test_everybody_within_one_of_the_usual_is_fair(self) -> None:
        found = shares([*came(0, 101, 104), *came(1, 102), *came(2, 103, 106, 109)], 3, WINDOW)
        self.assertEqual((found["least"], found["median"], found["most"]), (1, 2, 3))
        self.assertTrue(found["fair"])
        self.assertEqual((found["readings"], found["per_s"]), (6, 0.6))

    def test_a_student_without_any_is_counted_and_unfair(self) -> None:
        found = shares([*came(0, 101, 102, 103), *came(1, 101, 102, 103)], 3, WINDOW)
        self.assertEqual((found["least"], found["students_with"]), (0, {0: 1, 3: 2}))
        self.assertFalse(found["fair"])

    def test_only_the_window_counts_and_its_oldest_reading(self) -> None:
        outside = came(0, 99.9, 110.0, age_s=9)
        found = shares([*outside, *came(0, 100.0), *came(0, 105, age_s=2.25)], 1, WINDOW)
        self.assertEqual((found["readings"], found["oldest_s"]), (2, 2.25))

    def test_refusals_are_told_for_each_ten_seconds(self) -> None:
        self.assertEqual(by_bins([100, 104, 119, 131], 100, 125), [2, 1, 1])
        self.assertEqual(by_bins([], 100, 120), [0, 0])
