"""Everything that runs beside the pages, or beside a worker, on one process's loop.

Of several web processes one leads: it alone judges slices, plays the practice class and purges;
another takes over within seconds of its end. Each service is a task that is started again, with
back-off, when it dies, and counted. Stopping drains them: no new claims, what is in hand finished,
slices flushed, writes written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from django.conf import settings
from django.utils import timezone

from classroom.models import Lesson
from classroom.presence import rooms
from classroom.sockets import end, in_database
from classroom.writing import writer
from emotions import judge, meters, past, practice, retention, seats, sockets
from emotions.closer import Closer
from emotions.frames import frames
from emotions.groups import Groups
from emotions.lease import RENEW_EVERY_S, Lease
from emotions.publish import Publisher
from emotions.readings import Reading
from emotions.roll import Roll
from emotions.slices import Slices
from emotions.storing import watch_database
from emotions.worker import AT_ONCE, Worker
from ml.reader import Reader

logger = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
STEADY_AFTER_S = 60.0
DRAIN_S = 4.0
LOOK_FOR_LESSONS_S = 1.0
LOOK_FOR_COURSES_S = 10.0
PURGE_EVERY_S = 3600.0


class Services:
    def __init__(self, *, worker: bool | None = None, web: bool = True) -> None:
        self.with_worker = settings.EMBEDDED_WORKER if worker is None else worker
        self.with_web = web
        self.lease = Lease("lessons")
        self.leads = False
        self.heart = meters.Heartbeat("web")
        self.publisher = Publisher()
        self.slices = Slices(writer.put)
        meters.meters.held = lambda: self.slices.held
        self.roll = Roll()
        self.closer = Closer(self.forget, lambda: self.leads)
        self.worker: Worker | None = None
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.classes: dict[int, asyncio.Task[None]] = {}
        self.stopping = False

    async def start(self) -> None:
        self.keep("publisher", self.publisher.run)
        self.keep("slices", self.slices.run)
        if self.with_web:
            await self.start_web()
        if self.with_worker:
            self.keep("worker", self.work)

    async def start_web(self) -> None:
        await in_database(_switch_analysis_off)
        await self.bar_paused()
        self.keep("meters", self.watch_meters)
        self.keep("beat", self.beat)
        self.keep("database", watch_database)
        self.keep("closer", self.closer.run)
        self.keep("leader", self.lead)
        if settings.REDIS_URL:
            self.keep("groups", Groups().run)

    async def bar_paused(self) -> None:
        for lesson in await in_database(_paused_lessons):
            await frames().bar(lesson=lesson)

    async def stop(self) -> None:
        """Drain in the order of the pipeline; safe to call twice."""
        if self.stopping:
            return
        self.stopping = True
        await sockets.say_goodbye()
        if self.worker is not None:
            self.worker.stop()
        working = [task for name, task in self.tasks.items() if name == "worker"]
        if working:
            await asyncio.wait(working, timeout=DRAIN_S)
        await end([*self.tasks.values(), *self.classes.values()])
        await self.heart.stop()
        if self.leads:
            await self.give_way()
        await self.slices.flush(everything=True)
        await writer.drain()

    def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self.tasks[name] = asyncio.get_running_loop().create_task(self.again(name, run), name=name)

    async def again(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run it, and run it again when it dies: at once the first time, then ever later."""
        wait_s = FIRST_WAIT_S
        while not self.stopping:
            started = time.monotonic()
            try:
                await run()
                if self.stopping:
                    return
                logger.error("The %s service ended by itself", name)
            except Exception as error:
                logger.error("The %s service died: %s", name, _told(error))
            meters.count(f"restarts_{name}")
            if time.monotonic() - started > STEADY_AFTER_S:
                wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def take(self, reading: Reading) -> None:
        """Where a reading goes, whether a worker made it or the practice class."""
        self.publisher.put(reading)
        self.slices.add(reading)

    def forget(self, lesson: int) -> None:
        self.publisher.forget(lesson)
        self.slices.forget(lesson)

    async def work(self) -> None:
        reader = await asyncio.to_thread(Reader.load)
        # Beside a web server the loop comes back to the worker late: the reader is to go on.
        ahead = AT_ONCE if self.with_web else 1
        self.worker = Worker(frames(), reader, self.publisher.put, self.slices.add, ahead=ahead)
        await self.worker.run()

    @property
    def reads(self) -> bool:
        """Whether a worker of this process is at work, and has told so where pages look."""
        return self.worker is not None and self.worker.heart.sent

    async def beat(self) -> None:
        await self.heart.keep_beating(meters.news)

    async def lead(self) -> None:
        """Try to lead; begin with it and end it as the lease comes and goes."""
        while True:
            leads = await self.holds_lease()
            if leads and not self.leads:
                # First of all: nothing is played, judged or purged in a lesson that ended while
                # no server ran.
                await self.closer.look_after_lessons(timezone.now())
                for name, run in self.led().items():
                    self.keep(name, run)
            elif self.leads and not leads:
                await self.follow()
            self.leads = leads
            await asyncio.sleep(RENEW_EVERY_S)

    async def holds_lease(self) -> bool:
        try:
            return await self.lease.hold()
        except Exception:
            # Redis is away, so nobody can take it; asked again soon, not after a growing wait.
            meters.count("redis_away")
            return self.leads

    def led(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "judge": judge.Judging().run,
            "practice": self.watch_practice,
            "past": self.watch_past,
            "purge": self.purge,
        }

    async def follow(self) -> None:
        """Another process leads now."""
        led = [task for name in self.led() if (task := self.tasks.pop(name, None))]
        await end([*led, *self.classes.values()])
        self.classes.clear()

    async def give_way(self) -> None:
        """Let another process lead at once; where the cache is away the lease ends by itself."""
        self.leads = False
        with contextlib.suppress(Exception):
            await self.lease.release()

    async def watch_meters(self) -> None:
        while True:
            if meters.meters.sample(await frames().counts(), time.time()):
                # Redis began anew, and knows no more who is barred.
                self.roll.forget()
                await self.bar_paused()
            await self.hear_beats()
            await asyncio.sleep(1)

    async def hear_beats(self) -> None:
        try:
            beats = await meters.all_beats()
        except Exception:
            # Without the cache no worker is heard of, and pages say so.
            meters.count("beats_unheard")
            self.roll.forget()
            return meters.meters.heard([], time.time())
        meters.meters.heard(beats, time.time())
        lost = self.roll.look(beats, time.time())
        if lost and self.leads:
            meters.count("slice_samples_lost_with_worker", lost)
            logger.warning("A worker died with about %d samples that were not stored", lost)

    async def purge(self) -> None:
        """What the notice promises is kept without anybody setting up a timer for it."""
        while True:
            await in_database(retention.purge)
            await asyncio.sleep(PURGE_EVERY_S)

    async def watch_practice(self) -> None:
        """Give every open practice lesson its class."""
        while True:
            self.classes = {pk: task for pk, task in self.classes.items() if not task.done()}
            for lesson in await in_database(_practice_lessons):
                if lesson.pk not in self.classes:
                    task = asyncio.get_running_loop().create_task(self.play(lesson))
                    self.classes[lesson.pk] = task
            await asyncio.sleep(LOOK_FOR_LESSONS_S)

    async def watch_past(self) -> None:
        """Give new practice courses their ended lessons, once the live one is well under way."""
        while True:
            await asyncio.sleep(LOOK_FOR_COURSES_S)
            for course, number in await in_database(past.missing, timezone.now()):
                await in_database(past.write, course, number)
                # It keeps the database to itself while it writes; others take their turn now.
                await asyncio.sleep(LOOK_FOR_LESSONS_S)

    async def play(self, lesson: Lesson) -> None:
        async def told() -> practice.Told:
            return await in_database(practice.look_up, lesson.pk)

        try:
            students = await in_database(practice.enrol, lesson)
            playing = practice.PracticeClass(
                lesson, students, take=self.take, rooms=rooms, put=writer.put
            )
            await playing.run(told)
        except Exception as error:
            # The next look for practice lessons starts it again.
            meters.count("restarts_practice_class")
            logger.error("A practice class stopped: %s", _told(error))


def _told(error: Exception) -> str:
    """Its kind and words; never the traceback, whose frames could hold a picture."""
    return f"{type(error).__name__}: {str(error)[:200]}"


def _switch_analysis_off() -> None:
    """A server that was started again with face analysis off has no open lesson with it."""
    if seats.is_forbidden():
        Lesson.objects.filter(closed_at=None, analysis=True).update(analysis=False)


def _paused_lessons() -> list[int]:
    paused = Lesson.objects.filter(closed_at=None).exclude(paused_at=None)
    return list(paused.values_list("pk", flat=True))


def _practice_lessons() -> list[Lesson]:
    return list(Lesson.objects.filter(closed_at=None, mode=Lesson.Mode.PRACTICE))
