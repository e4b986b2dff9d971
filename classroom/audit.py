"""The trail of who did what: append only, and chained so that a changed or missing entry shows.

Each entry's digest is an HMAC over its content and the digest before it, with a key derived from
SECRET_KEY. One head row is locked per append and counts the entries, so that entries cut off the
end are missed too. The trail holds random identities, no names.
"""

from __future__ import annotations

import hmac
import json
import uuid
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from classroom.models import AuditEntry, AuditHead, Participant, Person

SALT = "classroom.audit"
WHICH_LENGTH = 340
# Somebody without an account: a student, or the product itself.
NOBODY = uuid.UUID(int=0)


def append(actor: Any, what: str, which: str = "", subject: uuid.UUID | None = None) -> AuditEntry:
    """Add an entry. `actor` is a user, or None for a student or for the product itself."""
    with transaction.atomic():
        head = locked_head()
        entry = AuditEntry(
            actor=identity(actor),
            subject=subject,
            what=what,
            which=which[:WHICH_LENGTH],
            made_at=timezone.now(),
            previous=head.digest,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
        AuditHead.objects.filter(pk=1).update(digest=entry.digest, length=head.length + 1)
    return entry


def verify() -> AuditEntry | str | None:
    """The first entry that does not fit the chain, words when the end is missing, or None."""
    previous, length = "", 0
    for entry in AuditEntry.objects.order_by("pk").iterator():
        if entry.previous != previous or not hmac.compare_digest(entry.digest, digest_of(entry)):
            return entry
        previous, length = entry.digest, length + 1
    head = AuditHead.objects.filter(pk=1).first() or AuditHead(pk=1, digest="")
    if (head.digest, head.length) != (previous, length):
        return f"The chain ends after {length} entries; {head.length} were written."
    return None


def identity(user: Any) -> uuid.UUID:
    """The random identity that stands for an account in the trail."""
    if user is None or not user.is_authenticated:
        return NOBODY
    return Person.objects.get_or_create(user=user)[0].identity


def subject_of(participant: Participant) -> uuid.UUID:
    """A stand-in for a student, which does not give the key away that lets the student in."""
    return uuid.UUID(bytes=salted_hmac(SALT, participant.key.hex).digest()[:16])


def locked_head() -> AuditHead:
    # On SQLite every transaction takes the write lock at its start (settings), and there is
    # no SELECT ... FOR UPDATE to take it with.
    heads = AuditHead.objects.all()
    if connection.features.has_select_for_update:
        heads = heads.select_for_update()
    head = heads.filter(pk=1).first()
    if head is None:
        AuditHead.objects.bulk_create([AuditHead(pk=1, digest="")], ignore_conflicts=True)
        head = heads.get(pk=1)
    return head


def digest_of(entry: AuditEntry) -> str:
    content = [
        str(entry.actor),
        str(entry.subject or ""),
        entry.what,
        entry.which,
        stamp(entry.made_at),
        entry.previous,
    ]
    text = json.dumps(content, ensure_ascii=True)
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()


def stamp(at: datetime) -> str:
    return f"{at.timestamp():.6f}"
