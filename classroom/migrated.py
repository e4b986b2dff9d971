"""Whether the database has every table that this version of the code expects.

Where several processes share a database one of them migrates it, and the others only look.
"""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def check() -> None:
    """Raise CommandError, with what to do, unless the database is up to date."""
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        kind = type(error).__name__
        raise CommandError(f"The database does not answer ({kind}): see DATABASE_URL.") from None
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run: manage.py migrate")
