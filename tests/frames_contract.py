"""What every snapshot queue must keep, whatever it is made of.

A backend's test class takes `FramesContract` and says how to make one on a given clock. The state
machine offers, claims, bars, lets time pass and finishes in random order, and checks after each
step that every snapshot is in exactly one counter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from emotions.frames import HELD_AT_MOST_S, LOST_AFTER_S, STALE_AFTER_S, Counts, Frames


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


class MakesFrames(Protocol):
    def make_frames(self, clock: Clock, *, capacity: int = 100) -> Frames: ...

    async def put_away(self, frames: Frames) -> None: ...


def check_identities(counts: Counts) -> None:
    c = counts
    assert c.offered == c.accepted + c.replaced + c.refused, c
    assert c.accepted == c.claimed + c.expired + c.barred + c.waiting, c
    assert c.claimed == c.analysed + c.failed + c.barred_claims + c.lost + c.in_hand, c


class FramesContract:
    """Mix into a TestCase that has `make_frames(clock, capacity=…)`."""

    def frames_and_clock(self: Any, capacity: int = 100) -> tuple[Frames, Clock]:
        clock = Clock()
        frames = self.make_frames(clock, capacity=capacity)
        self.addAsyncCleanup(self.put_away, frames)
        return frames, clock

    async def put_away(self, frames: Frames) -> None:
        """Close what the backend keeps open on this loop."""

    async def test_what_is_offered_is_claimed(self: Any) -> None:
        frames, clock = self.frames_and_clock()
        answer = await frames.offer(1, 7, 42, b"picture")
        self.assertEqual(answer.status, "accepted")
        (frame,) = await frames.claim(10, wait_s=0)
        self.assertEqual((frame.lesson, frame.student, frame.seq), (1, 7, 42))
        self.assertEqual((frame.offered_at, frame.jpeg), (clock.now, b"picture"))
        self.assertTrue(await frames.finish(frame, ok=True))
        self.assertEqual((await frames.counts()).analysed, 1)

    async def test_newer_frame_keeps_its_turn(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"old")
        await frames.offer(1, 8, 1, b"other")
        self.assertEqual((await frames.offer(1, 7, 2, b"new")).status, "replaced")
        claimed = await frames.claim(10, wait_s=0)
        self.assertEqual([(f.student, f.jpeg) for f in claimed], [(7, b"new"), (8, b"other")])

    async def test_claim_takes_no_more_than_asked(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        for student in range(5):
            await frames.offer(1, student, 1, b"x")
        self.assertEqual([f.student for f in await frames.claim(2, wait_s=0)], [0, 1])
        self.assertEqual([f.student for f in await frames.claim(9, wait_s=0)], [2, 3, 4])

    async def test_no_frame_is_claimed_twice(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        both = await asyncio.gather(frames.claim(5, wait_s=0), frames.claim(5, wait_s=0))
        self.assertEqual(sorted(len(taken) for taken in both), [0, 1])

    async def test_stale_frame_is_never_analysed(self: Any) -> None:
        frames, clock = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        clock.pass_(STALE_AFTER_S + 0.1)
        self.assertEqual(await frames.claim(5, wait_s=0), [])
        self.assertEqual((await frames.counts()).expired, 1)

    async def test_frame_of_just_under_three_seconds_is_analysed(self: Any) -> None:
        frames, clock = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        clock.pass_(STALE_AFTER_S - 0.1)
        self.assertEqual(len(await frames.claim(5, wait_s=0)), 1)

    async def test_full_queue_refuses_and_says_when_to_come_back(self: Any) -> None:
        frames, _ = self.frames_and_clock(capacity=2)
        await frames.offer(1, 1, 1, b"x")
        await frames.offer(1, 2, 1, b"x")
        answer = await frames.offer(1, 3, 1, b"x")
        self.assertEqual((answer.status, answer.why), ("refused", "full"))
        self.assertGreater(answer.retry_ms, 0)

    async def test_full_queue_still_takes_a_newer_frame_of_who_waits(self: Any) -> None:
        frames, _ = self.frames_and_clock(capacity=1)
        await frames.offer(1, 1, 1, b"old")
        self.assertEqual((await frames.offer(1, 1, 2, b"new")).status, "replaced")

    async def test_stale_frames_do_not_fill_the_queue(self: Any) -> None:
        frames, clock = self.frames_and_clock(capacity=1)
        await frames.offer(1, 1, 1, b"x")
        clock.pass_(STALE_AFTER_S + 1)
        self.assertEqual((await frames.offer(1, 2, 1, b"x")).status, "accepted")

    async def test_barred_student_is_refused_and_others_are_not(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.bar(student=7)
        answer = await frames.offer(1, 7, 1, b"x")
        self.assertEqual((answer.status, answer.why), ("refused", "barred"))
        self.assertEqual((await frames.offer(1, 8, 1, b"x")).status, "accepted")

    async def test_bar_drops_what_waits(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        await frames.offer(2, 8, 1, b"x")
        await frames.bar(lesson=1)
        self.assertEqual([f.student for f in await frames.claim(5, wait_s=0)], [8])
        self.assertEqual((await frames.counts()).barred, 1)

    async def test_result_of_a_claim_barred_meanwhile_is_discarded(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        (frame,) = await frames.claim(1, wait_s=0)
        await frames.bar(student=7)
        self.assertFalse(await frames.finish(frame, ok=True))
        counts = await frames.counts()
        self.assertEqual((counts.barred_claims, counts.analysed), (1, 0))

    async def test_bar_and_unbar_while_in_hand_still_discards(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        (frame,) = await frames.claim(1, wait_s=0)
        await frames.bar(lesson=1)
        await frames.unbar(lesson=1)
        self.assertFalse(await frames.finish(frame, ok=True))

    async def test_unbarred_student_is_taken_again(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.bar(student=7)
        await frames.unbar(student=7)
        self.assertEqual((await frames.offer(1, 7, 1, b"x")).status, "accepted")

    async def test_unbarring_a_student_leaves_the_lesson_barred(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.bar(lesson=1)
        await frames.bar(student=7)
        await frames.unbar(student=7)
        self.assertEqual((await frames.offer(1, 7, 1, b"x")).status, "refused")

    async def test_claim_of_a_dead_worker_is_counted_lost(self: Any) -> None:
        frames, clock = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        (frame,) = await frames.claim(1, wait_s=0)
        clock.pass_(LOST_AFTER_S + 1)
        self.assertEqual((await frames.counts()).lost, 1)
        self.assertFalse(await frames.finish(frame, ok=True))

    async def test_claim_of_a_living_worker_is_not_lost_however_long_it_takes(self: Any) -> None:
        frames, clock = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        (frame,) = await frames.claim(1, wait_s=0)
        for _ in range(3):
            clock.pass_(LOST_AFTER_S - 1)
            self.assertEqual(await frames.claim(1, wait_s=0), [])
        self.assertEqual((await frames.counts()).in_hand, 1)
        self.assertTrue(await frames.finish(frame, ok=True))

    async def test_claim_whose_answer_got_lost_is_counted_lost_in_the_end(self: Any) -> None:
        frames, clock = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        await frames.claim(1, wait_s=0)
        for _ in range(int(HELD_AT_MOST_S / 5) + 1):
            clock.pass_(5)
            await frames.claim(1, wait_s=0)
        counts = await frames.counts()
        self.assertEqual((counts.lost, counts.in_hand), (1, 0))

    async def test_finishing_twice_counts_once(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        await frames.offer(1, 7, 1, b"x")
        (frame,) = await frames.claim(1, wait_s=0)
        self.assertTrue(await frames.finish(frame, ok=False))
        self.assertFalse(await frames.finish(frame, ok=True))
        counts = await frames.counts()
        self.assertEqual((counts.failed, counts.analysed), (1, 0))

    async def test_waiting_claim_wakes_at_an_offer(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        claim = asyncio.create_task(frames.claim(1, wait_s=5))
        await asyncio.sleep(0)
        await frames.offer(1, 7, 1, b"x")
        self.assertEqual(len(await asyncio.wait_for(claim, 60)), 1)

    async def test_claim_comes_back_empty_when_nothing_arrives(self: Any) -> None:
        frames, _ = self.frames_and_clock()
        self.assertEqual(await frames.claim(1, wait_s=0.01), [])

    async def test_overload_shares_equally(self: Any) -> None:
        """40 students at 1/s each, a worker of 10/s: over 10 s everyone gets 2 or 3 readings."""
        frames, clock = self.frames_and_clock()
        read: dict[int, int] = dict.fromkeys(range(40), 0)
        for step in range(200):  # 20 s in steps of 100 ms; the first 10 s warm up
            for student in range(40):
                # Everyone has a phase and some jitter of their own, as cameras do.
                if (step + student * 3 + (step // 10) * (student % 3)) % 10 == 0:
                    await frames.offer(1, student, step, b"x")
            for frame in await frames.claim(1, wait_s=0):
                await frames.finish(frame, ok=True)
                read[frame.student] += step >= 100
            clock.pass_(0.1)
        self.assertLessEqual(max(read.values()) - min(read.values()), 1, read)
        check_identities(await frames.counts())

    def test_every_snapshot_ends_in_exactly_one_counter(self: Any) -> None:
        run_state_machine_as_test(
            machine_for(self),
            settings=settings(max_examples=60, stateful_step_count=40, deadline=None),
        )


def machine_for(case: MakesFrames) -> Callable[[], RuleBasedStateMachine]:
    """The state machine over one backend, which `case` knows how to make."""

    class Machine(RuleBasedStateMachine):
        claims: Bundle = Bundle("claims")
        students = st.integers(1, 6)
        lessons = st.integers(1, 2)

        def __init__(self) -> None:
            super().__init__()
            self.loop = asyncio.Runner()
            self.clock = Clock()
            self.frames = case.make_frames(self.clock, capacity=4)
            self.claimed: set[tuple[int, int]] = set()
            self.seq = 0

        def do(self, what: Awaitable[Any]) -> Any:
            async def waiting() -> Any:
                return await what

            return self.loop.run(waiting())

        @rule(student=students)
        def offer(self, student: int) -> None:
            self.seq += 1
            self.do(self.frames.offer(student % 2 + 1, student, self.seq, b"x"))

        @rule(target=claims, limit=st.integers(1, 4))
        def claim(self, limit: int) -> Any:
            taken = self.do(self.frames.claim(limit, wait_s=0))
            for frame in taken:
                key = (frame.student, frame.seq)
                assert key not in self.claimed, "claimed twice"
                assert self.clock.now - frame.offered_at <= STALE_AFTER_S
                self.claimed.add(key)
            return multiple(*taken)

        @rule(frame=consumes(claims), ok=st.booleans())
        def finish(self, frame: Any, ok: bool) -> None:
            self.do(self.frames.finish(frame, ok=ok))

        @rule(frame=claims)
        def finish_and_again_later(self, frame: Any) -> None:
            self.do(self.frames.finish(frame, ok=True))

        @rule(student=students)
        def bar_student(self, student: int) -> None:
            self.do(self.frames.bar(student=student))

        @rule(lesson=lessons)
        def bar_lesson(self, lesson: int) -> None:
            self.do(self.frames.bar(lesson=lesson))

        @rule(lesson=lessons, student=students)
        def unbar(self, lesson: int, student: int) -> None:
            self.do(self.frames.unbar(lesson=lesson, student=student))

        @rule(seconds=st.sampled_from([0.5, 2.0, 4.0, 11.0]))
        def time_passes(self, seconds: float) -> None:
            self.clock.pass_(seconds)

        @invariant()
        def identities_hold(self) -> None:
            check_identities(self.do(self.frames.counts()))

        def teardown(self) -> None:
            self.do(case.put_away(self.frames))
            self.loop.close()

    return Machine
