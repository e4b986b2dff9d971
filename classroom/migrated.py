"""Whether the database has every table that this version of the code expects.

Where several processes share a database one of them migrates it, and the others only look.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

# Any number, as long as it stays the same in all releases.
LOCK = 7_316_001


@contextmanager
def alone() -> Iterator[None]:
    """One process after another; SQLite's own lock and its one web process need no more."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def check() -> None:
    """Raise CommandError, with what to do, unless the database is up to date."""
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        kind = type(error).__name__
        raise CommandError(f"The database does not answer ({kind}): see DATABASE_URL.") from None
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run: manage.py migrate")
