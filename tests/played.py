"""The practice class played whole, on a clock that is driven: what it stored, and what was said.

Readings go through the real slices, slices to the real judge four seconds after their end, as in a
served lesson; only the clock is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from classroom.models import Lesson
from classroom.presence import Rooms
from dashboard.desk import Desk
from dashboard.stored import read
from emotions import script
from emotions.attention import moment
from emotions.judge import Judging
from emotions.models import Flag
from emotions.practice import PracticeClass, enrol
from emotions.pulse import Conditions, Said
from emotions.readings import Reading
from emotions.slices import Slices, start_of
from tests import make
from tests.frames_contract import Clock

NUMBER = 424_242
"""The lesson's number is the script's seed: this one's class is the same wherever it is played."""
STEP_S = 1.0
PAGE_EVERY_S = 60


class Played:
    """`lesson`, its `students` by number, what the pulse `said` by second, and what is stored."""

    def __init__(self, until_s: float = script.ROUND_S) -> None:
        opened_at = moment(start_of((timezone.now() - timedelta(minutes=30)).timestamp()))
        self.lesson = make.lesson(
            pk=NUMBER, mode=Lesson.Mode.PRACTICE, interval_ms=2000, opened_at=opened_at
        )
        self.students = enrol(self.lesson)
        self.lesson.participants.update(joined_at=opened_at)
        self.opened_at = opened_at.timestamp()
        self.clock = Clock(self.opened_at)
        self.newest: dict[int, Reading] = {}
        self.waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.said: dict[int, Said] = {}
        self.pages: dict[int, Desk] = {}
        self.rooms = Rooms(self.say_nothing, self.store_now, clock=self.clock)
        self.slices = Slices(self.put, self.say_nothing, clock=self.clock)
        self.judging = Judging(self.clock)
        self.playing = PracticeClass(
            self.lesson,
            self.students,
            take=self.take,
            rooms=self.rooms,
            put=self.put,
            clock=self.clock,
        )
        async_to_sync(self.play)(until_s)

    def __deepcopy__(self, memo: dict[int, Any]) -> Played:
        """A test case hands each test a copy of what it set up; nobody changes this."""
        return self

    async def say_nothing(self, *told: Any) -> None: ...

    async def put(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await sync_to_async(fn)(*args)

    def store_now(self, fn: Callable[..., Any], *args: Any) -> None:
        self.waiting.append((fn, args))

    def take(self, reading: Reading) -> None:
        self.newest[reading.student] = reading
        self.slices.add(reading)

    async def play(self, until_s: float) -> None:
        second = 0
        while second < until_s:
            second += int(STEP_S)
            self.clock.pass_(STEP_S)
            await self.playing.step()
            await self.put(self.store_waiting)
            if second % 10 == 1:
                await self.slices.flush()
            if second % 10 == 5 and second > 10:
                await self.put(self.judge, second)

    def store_waiting(self) -> None:
        while self.waiting:
            fn, args = self.waiting.pop(0)
            fn(*args)

    def judge(self, second: int) -> None:
        at = second // 10 * 10
        self.judging.judge(self.lesson.pk, int(self.opened_at) + at)
        quiet_until = Lesson.objects.get(pk=self.lesson.pk).quiet_until
        conditions = Conditions(
            quiet_until=quiet_until.timestamp() if quiet_until else 0,
            first_read_at=self.opened_at,
        )
        bench = self.judging.benches[self.lesson.pk]
        self.said[at] = bench.pulse.said(self.opened_at + at, conditions)
        if at % PAGE_EVERY_S == 0:
            self.pages[at] = self.page()

    def page(self) -> Desk:
        """A teacher's page that is opened at this moment."""
        now = self.clock()
        desk = Desk(read(self.lesson.pk), now)
        desk.room.presence(self.rooms.message(self.rooms.rooms[self.lesson.pk], now))
        told = {str(s): reading.as_json(reading.read_at) for s, reading in self.newest.items()}
        desk.room.reading({"students": told})
        desk.worker({"state": "none", "since": 0, "analysing": 0, "offered": 0}, now)
        return desk

    def at(self, second: float) -> float:
        return self.opened_at + second

    def raised(self, *kinds: str) -> list[Flag]:
        flags = Flag.objects.filter(lesson=self.lesson, kind__in=kinds)
        return list(flags.select_related("participant").order_by("raised_at", "pk"))

    def second_of(self, at: Any) -> float:
        return at.timestamp() - self.opened_at
