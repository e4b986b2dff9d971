"""Ten-second sums of what was read: the only measurement that is ever stored.

Readings add up in memory and go to the database once per slice as one additive upsert, so rows of
several workers, and rows that come late, simply add up. Snapshots that were never sent (paused, no
camera) make no row.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from weakref import WeakSet

from django.db import connection, transaction

from classroom import consent
from classroom.models import Consent, Participant
from emotions import meters
from emotions.models import SLICE_SECONDS
from emotions.publish import tell_teachers
from emotions.readings import Reading
from ml import engagement
from ml.labels import EMOTIONS

logger = logging.getLogger(__name__)

SETTLE_S = 1.0
"""A slice is written this long after its end, so that what was in hand is in it."""
FEWEST_YAWS = 5
ROWS_PER_STATEMENT = 500

COUNTS = ("n", "absent", "several", "unsure", "turned")
COLUMNS = (*COUNTS, "engagement_sum", "valence_sum", *EMOTIONS)

Key = tuple[int, int, int]
"""Lesson, start of the slice in epoch seconds, participant: the primary key of a Slice."""
Row = tuple[Key, tuple[float, ...]]


def start_of(at: float) -> int:
    return int(at // SLICE_SECONDS) * SLICE_SECONDS


def samples_in(sums: Sequence[float]) -> int:
    return int(sum(sums[:4]))


def sums_of(reading: Reading, *, turned: bool) -> list[float]:
    """One reading as a row of sums, in the order of COLUMNS."""
    sums = [0.0] * len(COLUMNS)
    if reading.p is None:
        unread = "absent" if reading.state == "no_face" else "unsure"
        sums[COLUMNS.index("several" if reading.why == "several" else unread)] = 1
        return sums
    score = float(engagement.engagement(reading.p, "turned" if turned else "facing"))
    head = [1, 0, 0, 0, int(turned), score, float(engagement.valence(reading.p))]
    return [*head, *reading.p]


@dataclass(slots=True)
class Facing:
    """A student's usual yaw: the median of the first three minutes.

    A camera at the side is normal, so "turned" is measured from there and not from straight on.
    """

    first_at: float
    yaws: list[float] = field(default_factory=list)
    usual: float | None = None

    def is_turned(self, yaw: float | None, at: float) -> bool:
        if yaw is None:
            return False
        if self.usual is None and at - self.first_at < engagement.BASELINE_S:
            self.yaws.append(yaw)
            usual = median(self.yaws) if len(self.yaws) >= FEWEST_YAWS else 0.0
            return _is_turned(yaw, usual)
        if self.usual is None:
            self.usual = median(self.yaws) if self.yaws else yaw
            self.yaws.clear()
        return _is_turned(yaw, self.usual)


def _is_turned(yaw: float, usual: float) -> bool:
    return str(engagement.facing(yaw, usual)) == "turned"


class Slices:
    """Sums in memory until their slice has ended; `put` queues a write and tells how it went."""

    def __init__(
        self,
        put: Callable[..., Awaitable[Any]],
        tell: Callable[[int, dict[str, Any]], Awaitable[None]] = tell_teachers,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.put = put
        self.tell = tell
        self.clock = clock
        self.sums: dict[Key, list[float]] = {}
        self.facing: dict[tuple[int, int], Facing] = {}
        self.written = 0
        self.lost = 0
        self.writing = 0
        of_this_process.add(self)

    def add(self, reading: Reading) -> None:
        who = (reading.lesson, reading.student)
        facing = self.facing.setdefault(who, Facing(reading.offered_at))
        turned = reading.p is not None and facing.is_turned(reading.yaw, reading.offered_at)
        key = (reading.lesson, start_of(reading.offered_at), reading.student)
        new = sums_of(reading, turned=turned)
        old = self.sums.get(key)
        self.sums[key] = new if old is None else [a + b for a, b in zip(old, new, strict=True)]

    @property
    def held(self) -> int:
        """Samples that were read and are not stored: a process that dies takes them along."""
        return self.writing + sum(map(samples_in, self.sums.values()))

    def forget(self, lesson: int, student: int | None = None) -> None:
        """Drop what is not yet written of a student, or of a whole lesson."""
        self.sums = {k: v for k, v in self.sums.items() if not _is_of(k[0], k[2], lesson, student)}
        self.facing = {k: v for k, v in self.facing.items() if not _is_of(*k, lesson, student)}

    async def flush(self, *, everything: bool = False) -> None:
        """Write all slices that have ended, or all there are, in one transaction."""
        now = self.clock()
        keys = [key for key in self.sums if everything or key[1] + SLICE_SECONDS <= now]
        if not keys:
            return
        # Sorted, because two workers whose upserts take rows in different orders deadlock.
        rows = [(key, tuple(self.sums.pop(key))) for key in sorted(keys)]
        samples = sum(samples_in(sums) for _, sums in rows)
        self.writing += samples
        try:
            stored = await self.put(store, rows)
        except Exception as error:
            # It may have been committed all the same. Adding it again could count it twice, and
            # a sum that is too large is worse than one that is missing and counted as missing.
            self.lost += samples
            meters.count("slice_samples_lost", samples)
            logger.error("%d samples of slices were lost: %s", samples, type(error).__name__)
            return
        finally:
            self.writing -= samples
        self.written += samples
        meters.count("slice_samples_stored", samples)
        for lesson, starts_at in stored:
            await self.tell(lesson, {"type": "lesson.slices", "starts_at": starts_at})

    async def run(self) -> None:
        """Flush one second after each slice's end, and again for what came late."""
        while True:
            into_slice = (self.clock() - SETTLE_S) % SLICE_SECONDS
            step = SLICE_SECONDS / 4
            await asyncio.sleep(step - into_slice % step)
            await self.flush()


of_this_process: WeakSet[Slices] = WeakSet()


async def flush_all() -> None:
    """Write what this process holds, ended or not: a lesson is closing."""
    for one in list(of_this_process):
        await one.flush(everything=True)


def forget_everywhere(lesson: int, student: int | None = None) -> None:
    for one in list(of_this_process):
        one.forget(lesson, student)


def _is_of(lesson: int, student: int, of_lesson: int, of_student: int | None) -> bool:
    return lesson == of_lesson and of_student in (None, student)


def store(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Add these sums to the stored ones; which lessons and slices were touched, in order.

    The one hand-written SQL statement: Django's bulk_create(update_conflicts=True) overwrites,
    and only adding lets workers share a lesson. Valid on SQLite and Postgres.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        keep = still_wanted({key[2] for key, _ in rows})
        rows = [row for row in rows if row[0][2] in keep]
        for at in range(0, len(rows), ROWS_PER_STATEMENT):
            part = rows[at : at + ROWS_PER_STATEMENT]
            values = [value for key, sums in part for value in (*key, *_typed(sums))]
            cursor.execute(upsert(len(part)), values)
    return sorted({(key[0], key[1]) for key, _ in rows})


def upsert(rows: int) -> str:
    columns = ", ".join(("lesson_id", "starts_at", "participant_id", *COLUMNS))
    one = "(" + ", ".join(["%s"] * (3 + len(COLUMNS))) + ")"
    added = ", ".join(f"{name} = emotions_slice.{name} + excluded.{name}" for name in COLUMNS)
    return (
        f"INSERT INTO emotions_slice ({columns}) VALUES {', '.join([one] * rows)} "
        f"ON CONFLICT (lesson_id, starts_at, participant_id) DO UPDATE SET {added}"
    )


def _typed(sums: tuple[float, ...]) -> tuple[float, ...]:
    """Counts as whole numbers: Postgres takes no float for an integer column."""
    counts = len(COUNTS)
    return (*(int(count) for count in sums[:counts]), *sums[counts:])


def still_wanted(participants: set[int]) -> set[int]:
    """Who was not erased and did not withdraw since the reading was made.

    One row of an erased student would fail its foreign key and take the whole class's with it.
    Who erases or withdraws meanwhile waits until these rows are written, and deletes them then;
    SQLite lets one write at a time anyway. In order, so that two workers never hold each other up.
    """
    rows = Participant.objects.filter(pk__in=participants).order_by("pk")
    there = set(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    newest: dict[int, bool] = {}
    answers = Consent.objects.filter(participant__in=there).order_by("made_at", "pk")
    for participant, given, version in answers.values_list(
        "participant_id", "given", "notice_version"
    ):
        newest[participant] = given and version == consent.NOTICE_VERSION
    return {participant for participant in there if newest.get(participant)}
