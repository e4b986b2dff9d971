"""The pace that pages are told under load, what it may never do, and that it can be turned off."""

from __future__ import annotations

import asyncio
from unittest import TestCase, mock

from django.test import override_settings

from emotions import meters
from emotions.meters import SPREAD, Meters
from tests import make
from tests.test_student_socket import FACE, StudentSocketCase, in_thread


class PaceTest(TestCase):
    def test_load_stretches_the_pace_unless_pacing_is_off(self) -> None:
        stretched = Meters(stretch=3.0)
        self.assertEqual(stretched.pace_ms(1000), 3000)
        with override_settings(PACE_UNDER_LOAD=False):
            self.assertEqual(stretched.pace_ms(1000), 1000)
            self.assertEqual(stretched.next_ms(1000), 1000)

    def test_students_told_in_one_moment_are_told_different_times_around_the_pace(self) -> None:
        told = [Meters(stretch=3.0).next_ms(1000) for _ in range(200)]
        self.assertGreater(len(set(told)), 100)
        self.assertGreaterEqual(min(told), 3000 * SPREAD[0])
        self.assertLessEqual(max(told), 3000 * SPREAD[1])

    def test_without_load_everybody_is_told_the_interval(self) -> None:
        self.assertEqual({Meters().next_ms(1000) for _ in range(20)}, {1000})


class SocketPaceTest(StudentSocketCase):
    async def told(self, stretch: float, waits_s: float = 0.0) -> dict[str, object]:
        """The answer to a snapshot while the pace is stretched, after one from before."""
        page = await self.page(await in_thread(make.participant, lesson=self.lesson))
        await page.shoot(FACE)
        await asyncio.sleep(waits_s)
        with mock.patch.object(meters.meters, "stretch", stretch):
            answer = await page.shoot(FACE)
        await page.close()
        return answer

    async def test_page_that_waits_as_it_was_told_is_not_early_when_the_pace_grows(self) -> None:
        answer = await self.told(4.0, waits_s=0.26)
        self.assertEqual(answer["status"], "replaced")
        self.assertGreaterEqual(answer["next_ms"], 1000 * SPREAD[0])

    async def test_with_pacing_off_the_page_is_told_the_lessons_interval(self) -> None:
        with override_settings(PACE_UNDER_LOAD=False):
            answer = await self.told(4.0, waits_s=0.26)
        self.assertEqual((answer["status"], answer["next_ms"]), ("replaced", 250))
