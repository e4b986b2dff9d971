"""Whether the database answers, asked every few seconds for all of this process's pages.

While it is away nothing is stored: what sockets must store waits in `classroom.writing`, and
teachers are told in words. Readings go on, for they need no database.
"""

from __future__ import annotations

import asyncio
import time

from django.db import Error, connection

from classroom.sockets import in_database
from emotions import meters

LOOK_EVERY_S = 2.0
ANSWER_WITHIN_S = 3.0


def ask() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


async def watch_database() -> None:
    while True:
        await look()
        await asyncio.sleep(LOOK_EVERY_S)


async def look() -> None:
    """One question at a time: a database that is away holds each for some seconds."""
    asking = asyncio.ensure_future(in_database(ask))
    answered, _ = await asyncio.wait({asking}, timeout=ANSWER_WITHIN_S)
    if not answered:
        note(there=False)
    note(there=await asking)


def note(*, there: bool) -> None:
    if there:
        meters.meters.database_away_since = 0.0
    elif not meters.meters.database_away_since:
        meters.count("database_away")
        meters.meters.database_away_since = time.time()
