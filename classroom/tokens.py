"""Who a student is: a signed cookie per lesson, which no script can read and no URL carries.

The signature proves that we made it; that it still counts (not removed, the lesson open) is a
question for the database, which `participants.admit` asks.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from classroom.models import Participant

SALT = "classroom.student"
HOUR_S, DAY_S = 3600, 86_400
LEAST_LIVE_S = 12 * HOUR_S
OURS = re.compile(r"student_([1-9]\d{0,18})", re.ASCII)
MOST_IN_A_BROWSER = 50
"""All of them go with every request, 150 bytes each. A server hangs up on headers of over 16 KB,
and many a proxy takes only 8 KB of cookies."""


class TokenError(Exception):
    """`reason` is forged, expired or other_lesson."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claim:
    lesson: int
    participant: int
    key: uuid.UUID


def cookie_name(lesson_id: int) -> str:
    return f"student_{lesson_id}"


def make(participant: Participant) -> str:
    content = {"l": participant.lesson_id, "p": participant.pk, "k": participant.key.hex}
    return signing.dumps(content, salt=SALT)


def live_s() -> int:
    """How long a token lets a student in: longer than any lesson lasts."""
    return max(LEAST_LIVE_S, round((settings.LESSON_HOURS + 1) * HOUR_S))


def kept_s() -> int:
    """How long it shows a student their own data, and erases it: as long as there is any."""
    return settings.KEEP_SLICES_DAYS * DAY_S


def read(lesson_id: int, value: str, *, max_age_s: int | None = None) -> Claim:
    try:
        content = signing.loads(value, salt=SALT, max_age=max_age_s or live_s())
    except signing.SignatureExpired:
        raise TokenError("expired") from None
    except signing.BadSignature:
        raise TokenError("forged") from None
    claim = claim_of(content)
    if claim.lesson != lesson_id:
        raise TokenError("other_lesson")
    return claim


def claim_of(content: Any) -> Claim:
    try:
        return Claim(int(content["l"]), int(content["p"]), uuid.UUID(hex=str(content["k"])))
    except (KeyError, TypeError, ValueError):
        raise TokenError("forged") from None


def from_cookies(lesson_id: int, cookies: dict[str, str]) -> Claim | None:
    """The claim in these cookies, or None when there is none for this lesson that holds."""
    value = cookies.get(cookie_name(lesson_id), "")
    try:
        return read(lesson_id, value) if value else None
    except TokenError:
        return None


def set_cookie(request: HttpRequest, response: HttpResponseBase, participant: Participant) -> None:
    response.set_cookie(
        cookie_name(participant.lesson_id),
        make(participant),
        max_age=kept_s(),
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    for name in too_many(request.COOKIES, participant.lesson_id):
        response.delete_cookie(name)


def too_many(cookies: dict[str, str], lesson_id: int) -> list[str]:
    """The oldest of a browser's cookies, so that there is room for this lesson's."""
    found = [OURS.fullmatch(name) for name in cookies]
    others = {int(ours[1]) for ours in found if ours} - {lesson_id}
    oldest = sorted(others, reverse=True)[MOST_IN_A_BROWSER - 1 :]
    return [cookie_name(lesson) for lesson in oldest]
