"""`manage.py audit_verify`: walks the audit chain and names the first entry that does not fit."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from classroom import audit
from classroom.models import AuditEntry


class Command(BaseCommand):
    help = "Check that no audit entry was changed, removed or put in by hand."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = audit.verify()
        if isinstance(broken, AuditEntry):
            raise CommandError(f"The chain breaks at entry {broken.pk} ({broken.made_at:%F %T}).")
        if broken is not None:
            raise CommandError(broken)
        self.stdout.write(f"The chain holds: {AuditEntry.objects.count()} entries.")
