"""Whether web, worker, queue and database are well: an icon, a word and since when."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from classroom.sockets import in_database
from emotions import meters, times
from emotions.frames import Counts, frames

STARTED_AT = time.time()
OK, CARE, BAD = "ok", "care", "bad"
ICONS = {OK: "circle-check", CARE: "circle-alert", BAD: "triangle-alert"}


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    level: str
    word: str
    since: str = ""
    figures: tuple[tuple[str, str], ...] = ()

    @property
    def icon(self) -> str:
        return ICONS[self.level]


async def parts() -> list[Part]:
    counts, database = await asyncio.gather(frames().counts(), in_database(database_part))
    return [web_part(), worker_part(meters.worker_state()), queue_part(counts), database]


def web_part() -> Part:
    return Part(_("Web"), OK, _("running"), since(STARTED_AT))


def worker_part(state: dict[str, Any]) -> Part:
    level = {"ok": OK, "late": CARE}.get(state["state"], BAD)
    word = {OK: _("reading faces"), CARE: _("behind: fewer readings"), BAD: _("not running")}[level]
    figures = (
        (_("analysed per second"), f"{state['analysing']:.1f}"),
        (_("offered per second"), f"{state['offered']:.1f}"),
    )
    return Part(_("Worker"), level, word, since(state["since"]), figures)


def queue_part(counts: Counts) -> Part:
    """Every snapshot ends in exactly one of these counters."""
    busy = counts.waiting > 100
    figures = tuple((name, f"{value:,}") for name, value in counts.as_dict().items())
    word = _("busy") if busy else _("keeping up")
    return Part(_("Queue"), CARE if busy else OK, word, since(STARTED_AT), figures)


def database_part() -> Part:
    begun = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Part(_("Database"), BAD, _("not answering"))
    took_ms = 1000 * (time.perf_counter() - begun)
    figures = ((_("engine"), connection.vendor), (_("answered in"), f"{took_ms:.1f} ms"))
    return Part(_("Database"), OK, _("answering"), since(STARTED_AT), figures)


def since(epoch: float) -> str:
    return times.time_of_day(epoch) if epoch else ""
