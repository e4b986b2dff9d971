"""Whether the database answers is asked for all pages at once, and known by the second look."""

from __future__ import annotations

import threading
import time
from unittest import IsolatedAsyncioTestCase, mock

from emotions import meters, storing


class StoringTest(IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        meters.meters = meters.Meters()

    async def look(self, ask: object) -> float:
        with mock.patch.object(storing, "ask", ask):
            await storing.look()
        return meters.meters.database_away_since

    async def test_database_that_answers_is_there(self) -> None:
        self.assertEqual(await self.look(lambda: True), 0)

    async def test_it_is_away_since_the_first_look_that_failed(self) -> None:
        since = await self.look(lambda: False)
        self.assertAlmostEqual(since, time.time(), delta=5)
        self.assertEqual(await self.look(lambda: False), since)
        self.assertEqual(meters.meters.counters["database_away"], 1)
        self.assertEqual(await self.look(lambda: True), 0)

    async def test_silence_counts_as_away_before_the_answer_comes(self) -> None:
        seen: list[float] = []
        go_on = threading.Event()

        def note(*, there: bool) -> None:
            seen.append(there)
            go_on.set()

        with (
            mock.patch.object(storing, "ANSWER_WITHIN_S", 0.01),
            mock.patch.object(storing, "ask", lambda: go_on.wait(30)),
            mock.patch.object(storing, "note", note),
        ):
            await storing.look()
        self.assertEqual(seen, [False, True])
