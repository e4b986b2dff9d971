"""The snapshot queue in Redis keeps the contract, on Redis's own clock, and outlives a restart."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any
from unittest import IsolatedAsyncioTestCase

import pytest
from redis import Redis as Client

from emotions.frames import LOST_AFTER_S, STALE_AFTER_S, Frame, Frames
from emotions.redis_frames import KEYS, RedisFrames
from tests.conftest import needs
from tests.frames_contract import Clock, FramesContract, check_identities
from tests.services import Redis, redis_program

PREFIXES = (f"test{number}:" for number in itertools.count())


@pytest.fixture(scope="module")
def redis() -> Any:
    needs("redis-server", redis_program(), "make test, or apt-get install redis-server")
    with Redis() as service:
        yield service


@pytest.mark.usefixtures("for_class")
class WithRedis(IsolatedAsyncioTestCase):
    service: Redis

    @pytest.fixture
    def for_class(self, redis: Redis) -> None:
        type(self).service = redis

    def queue(self, **options: Any) -> RedisFrames:
        frames = RedisFrames(self.service.url, 100, prefix=next(PREFIXES), **options)
        self.addAsyncCleanup(frames.close)
        return frames


class RedisFramesTest(FramesContract, WithRedis):
    def make_frames(self, clock: Clock, *, capacity: int = 100) -> Frames:
        return RedisFrames(self.service.url, capacity, prefix=next(PREFIXES), clock=clock)

    async def put_away(self, frames: Frames) -> None:
        assert isinstance(frames, RedisFrames)
        await frames.close()


class InRedisTest(WithRedis):
    async def test_offer_bears_redis_own_time(self) -> None:
        frames, taken = self.queue(), []
        while not taken:  # It goes stale where this machine stands still for three seconds.
            before = time.time()
            await frames.offer(1, 7, 1, b"\xff\xd8\x00\xff")
            taken = await frames.claim(5, wait_s=0)
        (frame,) = taken
        self.assertTrue(before - 0.01 <= frame.offered_at <= time.time() + 0.01)
        self.assertEqual(frame.jpeg, b"\xff\xd8\x00\xff")

    async def test_stale_snapshot_is_gone_from_redis_and_counted(self) -> None:
        frames = self.queue()
        await frames.offer(1, 7, 1, b"picture")
        client = Client.from_url(self.service.url)
        left_ms = client.pttl(f"{frames.prefix}picture:7")
        self.assertTrue(0 < left_ms <= (STALE_AFTER_S + 1) * 1000, left_ms)
        # As if its time were over: Redis deletes it by itself, and no script is asked.
        client.delete(f"{frames.prefix}picture:7")
        self.assertEqual(await frames.claim(5, wait_s=0), [])
        counts = await frames.counts()
        self.assertEqual((counts.expired, counts.waiting), (1, 0))
        check_identities(counts)

    async def test_every_key_ends_by_itself(self) -> None:
        frames = self.queue()
        await frames.offer(1, 7, 1, b"x")
        await frames.claim(1, wait_s=0)
        await frames.offer(1, 8, 1, b"x")
        await frames.bar(lesson=3, student=9)
        client = Client.from_url(self.service.url)
        keys = client.keys(f"{frames.prefix}*")
        self.assertGreaterEqual(len(keys), len(KEYS))
        self.assertEqual([key for key in keys if client.ttl(key) < 0], [])

    async def test_two_processes_see_one_queue(self) -> None:
        clock = Clock()
        one = self.queue(clock=clock)
        other = RedisFrames(self.service.url, 100, prefix=one.prefix, clock=clock)
        self.addAsyncCleanup(other.close)
        await one.offer(1, 7, 1, b"x")
        await one.offer(1, 8, 1, b"x")
        (first,) = await other.claim(1, wait_s=0)
        await one.bar(student=first.student)
        self.assertFalse(await other.finish(first, ok=True))
        self.assertEqual(await one.counts(), await other.counts())

    async def test_a_dead_workers_claims_are_lost_and_a_living_ones_are_not(self) -> None:
        clock = Clock()
        dead = self.queue(clock=clock)
        living = RedisFrames(self.service.url, 100, prefix=dead.prefix, clock=clock)
        self.addAsyncCleanup(living.close)
        for student, worker in ((7, dead), (8, living)):
            await living.offer(1, student, 1, b"x")
            await worker.claim(1, wait_s=0)
        for _ in range(3):
            clock.pass_(LOST_AFTER_S - 4)
            await living.claim(1, wait_s=0)
        counts = await living.counts()
        self.assertEqual((counts.lost, counts.in_hand), (1, 1))

    async def test_one_token_is_left_for_the_next_worker_while_others_wait(self) -> None:
        frames = self.queue(clock=Clock())
        for student in range(6):
            await frames.offer(1, student, 1, b"x")
        both = await asyncio.gather(frames.claim(3, wait_s=2), frames.claim(3, wait_s=2))
        self.assertEqual(sorted(len(taken) for taken in both), [3, 3])

    async def test_lost_wake_up_is_made_up_for(self) -> None:
        frames = self.queue(clock=Clock())
        await frames.offer(1, 7, 1, b"x")
        # A worker that died between the token and its claim took the token with it.
        Client.from_url(self.service.url).delete(f"{frames.prefix}wake")
        self.assertEqual(len(await frames.claim(1, wait_s=2)), 1)


class RestartTest(IsolatedAsyncioTestCase):
    async def test_without_redis_students_are_told_to_come_back_and_all_heals(self) -> None:
        needs("redis-server", redis_program(), "make test, or apt-get install redis-server")
        with Redis() as service:
            clock = Clock()
            # A clock that stands still: what is tried takes as long as it takes.
            frames = RedisFrames(service.url, 100, clock=clock)
            self.addAsyncCleanup(frames.close)
            await frames.offer(1, 7, 1, b"x")
            (held,) = await frames.claim(1, wait_s=0)
            service.stop()
            answer = await frames.offer(1, 8, 1, b"x")
            self.assertEqual((answer.status, answer.why), ("refused", "full"))
            self.assertGreater(answer.retry_ms, 0)
            self.assertEqual(await frames.claim(1, wait_s=0.1), [])
            self.assertFalse(await frames.finish(held, ok=True))
            barring = asyncio.create_task(frames.bar(student=9))
            service.start()
            clock.pass_(1)
            await asyncio.wait_for(barring, 60)
            self.assertEqual((await self.offered(frames, 9)).why, "barred")
            self.assertEqual((await self.offered(frames, 7)).status, "accepted")
            await self.check_claim_from_before(frames, held)

    async def offered(self, frames: RedisFrames, student: int) -> Any:
        """The answer, once Redis gives one."""
        for _ in range(1000):
            answer = await frames.offer(1, student, 2, b"x")
            if answer.why != "full":
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError("Redis did not come back")

    async def check_claim_from_before(self, frames: RedisFrames, held: Frame) -> None:
        (frame,) = await frames.claim(1, wait_s=0)
        self.assertNotEqual(frame.ticket, held.ticket)
        self.assertFalse(await frames.finish(held, ok=True))
        self.assertTrue(await frames.finish(frame, ok=True))
        check_identities(await frames.counts())
