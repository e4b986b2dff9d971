"""The first minutes of an installation: a one-time link that makes the first account.

Only the link's digest is kept. Printing a new link voids the one before; making the account uses
it up. Where an account exists already there is no link, and set-up goes on after the first log-in.
"""

from __future__ import annotations

import hashlib
import secrets
from enum import Enum
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from classroom import audit, installation
from classroom.models import Installation


class Link(Enum):
    """What a set-up link is good for."""

    GOOD = "good"
    USED = "used"
    VOID = "void"


class LinkUsed(Exception):
    """Somebody else was faster, or an account exists already."""


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def has_accounts() -> bool:
    return get_user_model().objects.exists()


def link(base: str) -> str | None:
    """A new link under `base` (http://localhost:8000), or None once an account exists."""
    if has_accounts():
        return None
    token = secrets.token_urlsafe(24)
    Installation.objects.update_or_create(
        pk=1, defaults={"setup_digest": digest(token), "setup_used_at": None}
    )
    return base.rstrip("/") + reverse("setup", args=[token])


def look_up(token: str) -> Link:
    row = installation.row()
    if row.setup_digest and secrets.compare_digest(row.setup_digest, digest(token)):
        return Link.USED if row.setup_used_at or has_accounts() else Link.GOOD
    return Link.USED if has_accounts() else Link.VOID


@transaction.atomic
def create_account(token: str, account: Any) -> Any:
    """Save the unsaved `account` as the installation's owner; the link works once."""
    unused = Installation.objects.filter(
        pk=1, setup_digest=digest(token), setup_used_at=None
    ).update(setup_used_at=timezone.now())
    if not unused or has_accounts():
        raise LinkUsed
    account.is_staff = account.is_superuser = True
    account.save()
    audit.append(account, "installation set up", "first account")
    return account


@transaction.atomic
def choose_analysis(user: Any, word: str) -> None:
    installation.choose(word)
    audit.append(user, "face analysis chosen", word)


def is_unfinished(user: Any) -> bool:
    """Whether this person should be asked about face analysis before anything else."""
    return bool(user.is_superuser and not installation.analysis_chosen())
