"""Whether web, worker, queue and database are well: an icon, a word and since when.

For people it is a page, for machines that ask for JSON the same words; a figure more for staff.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from classroom.sockets import in_database
from emotions import meters, times
from emotions.frames import Counts, frames

logger = logging.getLogger(__name__)

STARTED_AT = time.time()
PATIENCE_S = 3.0
OK, CARE, BAD = "ok", "care", "bad"
COUNTED = {
    "offered": pgettext_lazy("snapshots", "offered"),
    "accepted": pgettext_lazy("snapshots", "accepted"),
    "replaced": pgettext_lazy("snapshots", "replaced"),
    "refused": pgettext_lazy("snapshots", "refused"),
    "claimed": pgettext_lazy("snapshots", "claimed"),
    "expired": pgettext_lazy("snapshots", "expired"),
    "barred": pgettext_lazy("snapshots", "barred"),
    "waiting": pgettext_lazy("snapshots", "waiting"),
    "analysed": pgettext_lazy("snapshots", "analysed"),
    "failed": pgettext_lazy("snapshots", "failed"),
    "barred_claims": pgettext_lazy("snapshots", "barred_claims"),
    "lost": pgettext_lazy("snapshots", "lost"),
    "in_hand": pgettext_lazy("snapshots", "in_hand"),
}
"""Every count of the queue; in English it keeps the name that machines read."""
ICONS = {OK: "circle-check", CARE: "circle-alert", BAD: "triangle-alert"}


@dataclass(frozen=True, slots=True)
class Part:
    key: str
    name: str
    level: str
    word: str
    since: str = ""
    figures: tuple[tuple[str, str], ...] = ()

    @property
    def icon(self) -> str:
        return ICONS[self.level]


async def parts() -> list[Part]:
    queue, database = await asyncio.gather(queue_now(), database_now())
    return [web_part(), worker_part(meters.worker_state()), queue, database]


def is_well(these: list[Part]) -> bool:
    """Whether this process can do its work: a missing worker is no reason to start it again."""
    return not any(part.level == BAD for part in these if part.key != "worker")


def for_machines(these: list[Part], *, figures: bool) -> dict[str, Any]:
    """The page's words as JSON; the figures behind them for those who may measure."""
    told = {
        part.key: {"level": part.level, "word": part.word}
        | ({"figures": dict(part.figures)} if figures and part.figures else {})
        for part in these
    }
    return {"ok": is_well(these), "parts": told}


async def queue_now() -> Part:
    try:
        counts = await asyncio.wait_for(frames().counts(), PATIENCE_S)
    except Exception as error:
        # Whatever the queue's engine raises: that it does not answer is the news.
        logger.error("The queue does not answer: %s", type(error).__name__)
        return Part("queue", _("Queue"), BAD, _("not answering"))
    return queue_part(counts)


async def database_now() -> Part:
    try:
        return await asyncio.wait_for(in_database(database_part), PATIENCE_S)
    except TimeoutError:
        return silent_database()


def silent_database() -> Part:
    return Part("database", _("Database"), BAD, _("not answering"))


def web_part() -> Part:
    return Part("web", _("Web"), OK, _("running"), since(STARTED_AT))


def worker_part(state: dict[str, Any]) -> Part:
    level = {"ok": OK, "late": CARE}.get(state["state"], BAD)
    word = {OK: _("reading faces"), CARE: _("behind: fewer readings"), BAD: _("not running")}[level]
    figures = (
        (_("analysed per second"), f"{state['analysing']:.1f}"),
        (_("offered per second"), f"{state['offered']:.1f}"),
    )
    return Part("worker", _("Worker"), level, word, since(state["since"]), figures)


def queue_part(counts: Counts) -> Part:
    """Every snapshot ends in exactly one of these counters."""
    busy = counts.waiting > 100
    figures = tuple((str(COUNTED[name]), f"{value:,}") for name, value in counts.as_dict().items())
    word = _("busy") if busy else _("keeping up")
    return Part("queue", _("Queue"), CARE if busy else OK, word, since(STARTED_AT), figures)


def database_part() -> Part:
    begun = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return silent_database()
    took_ms = 1000 * (time.perf_counter() - begun)
    figures = ((_("engine"), connection.vendor), (_("answered in"), f"{took_ms:.1f} ms"))
    return Part("database", _("Database"), OK, _("answering"), since(STARTED_AT), figures)


def since(epoch: float) -> str:
    return times.time_of_day(epoch) if epoch else ""
