"""Readings reach a process once for each lesson, and each socket hears only its own student's."""

from __future__ import annotations

import asyncio
import json
from unittest import IsolatedAsyncioTestCase

from channels.layers import get_channel_layer

from classroom.sockets import connected
from emotions import ears
from emotions.publish import Publisher, readings_group
from tests.readings import reading


class Listener:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear_reading(self, own: str) -> None:
        self.heard.put_nowait(own)

    async def seq(self) -> int:
        return json.loads(await asyncio.wait_for(self.heard.get(), 30))["seq"]


def here() -> dict[int, ears.Ear]:
    return ears.ears.get(asyncio.get_running_loop(), {})


async def publish(*seqs: tuple[int, int]) -> None:
    publisher = Publisher()
    for student, seq in seqs:
        publisher.put(reading(1, student, seq=seq))
    await publisher.send_due()


class EarTest(IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.asha, self.ben = Listener(), Listener()
        await ears.listen(1, 7, self.asha)
        await ears.listen(1, 8, self.ben)

    async def asyncTearDown(self) -> None:
        await ears.leave(1, 7, self.asha)
        await ears.leave(1, 8, self.ben)

    async def test_each_hears_its_own_readings_and_no_others(self) -> None:
        await publish((7, 41), (8, 52), (9, 63))
        await publish((8, 53))
        self.assertEqual(await self.asha.seq(), 41)
        self.assertEqual([await self.ben.seq(), await self.ben.seq()], [52, 53])
        self.assertTrue(self.asha.heard.empty())

    async def test_a_whole_class_is_one_member_of_the_group(self) -> None:
        self.assertEqual(len(here()), 1)
        self.assertIn(here()[1], connected)

    async def test_who_left_hears_nothing_and_the_last_closes_the_ear(self) -> None:
        ear = here()[1]
        await ears.leave(1, 7, self.asha)
        await publish((7, 41), (8, 52))
        self.assertEqual(await self.ben.seq(), 52)
        self.assertTrue(self.asha.heard.empty())
        await ears.leave(1, 8, self.ben)
        self.assertTrue(ear.task.done())
        self.assertEqual(here(), {})
        self.assertNotIn(ear, connected)

    async def test_a_forgotten_group_is_joined_again(self) -> None:
        ear = here()[1]
        await get_channel_layer().group_discard(readings_group(1), ear.channel)
        await publish((7, 41))
        await ear.join_again()
        await publish((7, 42))
        self.assertEqual(await self.asha.seq(), 42)

    async def test_a_layer_that_fails_for_a_while_is_listened_to_again(self) -> None:
        ear = here()[1]
        fails = ear.layer = FailsOnce(ear.layer)
        with self.assertLogs("emotions.ears", "WARNING"):
            await publish((7, 41))
            self.assertEqual(await self.asha.seq(), 41)
            await asyncio.wait_for(fails.again.wait(), 30)
        await publish((7, 42))
        self.assertEqual(await self.asha.seq(), 42)


class FailsOnce:
    """A layer whose Redis is away for one call."""

    def __init__(self, layer: object) -> None:
        self.real = layer
        self.failed, self.again = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    async def receive(self, channel: str) -> object:
        if not self.failed.is_set():
            self.failed.set()
            raise ConnectionError("away")
        self.again.set()
        return await self.real.receive(channel)  # type: ignore[attr-defined]  # any layer's
