"""manage.py purge: delete individual data that has been kept for as long as was promised."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from emotions import retention


class Command(BaseCommand):
    help = "Deletes slices, taps and names of lessons older than KEEP_SLICES_DAYS; summaries stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="instead of KEEP_SLICES_DAYS")

    def handle(self, *args: Any, days: int | None = None, **options: Any) -> None:
        if days is not None and days < 0:
            raise CommandError(f"--days is {days}; give 0 or more.")
        purged = retention.purge(days=days)
        self.stdout.write(
            f"{purged.lessons} lessons: {purged.slices} slices deleted, "
            f"{purged.students} students unnamed."
        )
