"""What the process knows of itself: rates, the worker's state, and the pace it asks for."""

from __future__ import annotations

from unittest import TestCase

from emotions.frames import Counts
from emotions.meters import BEAT_EVERY_S, BEAT_TTL_S, MOST_STRETCH, Meters

WORKER = [{"at": 0.0}]


class MetersTest(TestCase):
    def test_rates_are_per_second_over_the_last_five(self) -> None:
        meters = Meters()
        for second in range(20):
            meters.sample(Counts(offered=25 * second, analysed=24 * second), float(second))
        self.assertAlmostEqual(meters.offered, 25)
        self.assertAlmostEqual(meters.analysed, 24)

    def test_no_heartbeat_means_no_worker_and_since_when(self) -> None:
        meters = Meters()
        meters.heard(WORKER, 100.0)
        meters.heard([], 160.0)
        meters.heard([], 170.0)
        self.assertEqual((meters.state, meters.since), ("none", 160.0))

    def test_gone_is_said_within_ten_seconds_and_a_stall_of_five_is_not_gone(self) -> None:
        looks_s = tells_s = 1
        self.assertLess(BEAT_TTL_S + looks_s + tells_s, 10)
        self.assertGreater(BEAT_TTL_S - BEAT_EVERY_S, 5)

    def test_a_worker_that_falls_behind_is_late(self) -> None:
        meters = Meters()
        for second in range(6):
            meters.sample(Counts(offered=50 * second, analysed=20 * second), float(second))
        meters.heard(WORKER, 6.0)
        self.assertEqual(meters.state, "late")

    def test_pace_stretches_while_snapshots_wait_and_comes_back(self) -> None:
        meters = Meters()
        for second in range(30):
            meters.sample(Counts(analysed=10 * second, waiting=40), float(second))
        self.assertEqual(meters.pace_ms(2000), round(2000 * MOST_STRETCH))
        for second in range(30, 60):
            meters.sample(Counts(analysed=10 * second, waiting=0), float(second))
        self.assertEqual(meters.pace_ms(2000), 2000)

    def test_counters_that_began_anew_are_noticed_and_give_no_negative_rate(self) -> None:
        meters = Meters()
        for second in range(5):
            self.assertFalse(meters.sample(Counts(offered=10 * second), float(second)))
        self.assertTrue(meters.sample(Counts(offered=3), 5.0))
        self.assertFalse(meters.sample(Counts(offered=13), 6.0))
        self.assertAlmostEqual(meters.offered, 10)
