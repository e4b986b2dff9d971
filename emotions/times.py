"""Moments and spans as people say them: "10:42", "0:40", "4 min"."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.translation import gettext as _


def clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def for_time(seconds: float) -> str:
    """How long something has lasted: "40 s", "4 min", "1 h 5 min"."""
    whole = max(0, int(seconds))
    if whole < 60:
        return _("%(seconds)d s") % {"seconds": whole}
    minutes = whole // 60
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


def time_of_day(epoch: float) -> str:
    return timezone.localtime(datetime.fromtimestamp(epoch, UTC)).strftime("%H:%M")
