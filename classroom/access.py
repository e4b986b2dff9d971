"""Who may see what, as plain rules that every view and socket uses.

A lesson live belongs to its teacher alone. Its report is for its teacher and for staff. Everybody
else is told that there is nothing here, because even the existence of a lesson is not theirs to
know.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping, MutableMapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from classroom import audit, invitations, participants, tokens
from classroom.models import Lesson, Participant
from classroom.texts import one_line

LEAST_REASON = 10
MOST_REASON = 300
LOOK_S = 3600
LOOK = "look_"
# What a proxy adds. One on this machine passes on requests that are not this machine's.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


class BadReason(ValueError):
    """Too short to be a reason, or too long to be read."""


def account_needed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse whoever is not logged in with 403; its page offers to log in and come back.

    A redirect would say the same to a person, but to everything else that there is a page.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def may_teach(user: Any, lesson: Lesson) -> bool:
    return bool(user.is_authenticated and user.is_active and lesson.course.teacher_id == user.pk)


def may_review(user: Any, lesson: Lesson) -> bool:
    return may_teach(user, lesson) or is_admin(user)


def is_admin(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_active and user.is_staff)


def may_measure(request: HttpRequest) -> bool:
    """Whoever has METRICS_TOKEN; where there is none, programs on this machine."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
    if settings.BEHIND_PROXY or any(name in request.headers for name in FORWARDED):
        return False
    return invitations.is_this_machine(request.get_host()) and is_loopback(request)


def is_loopback(request: HttpRequest) -> bool:
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def find(lesson_id: int) -> Lesson:
    lesson = Lesson.objects.select_related("course__teacher").filter(pk=lesson_id).first()
    if lesson is None:
        raise Http404(_("No such lesson."))
    return lesson


def lesson_for_teacher(user: Any, lesson_id: int) -> Lesson:
    lesson = find(lesson_id)
    if not may_teach(user, lesson):
        raise Http404(_("No such lesson."))
    return lesson


def lesson_for_history(user: Any, lesson_id: int) -> Lesson:
    lesson = find(lesson_id)
    if not may_review(user, lesson):
        raise Http404(_("No such lesson."))
    return lesson


def log_report_opened(user: Any, lesson: Lesson) -> None:
    """Write into the trail that somebody other than its teacher looked at a lesson."""
    if not may_teach(user, lesson):
        audit.append(user, "report opened", f"lesson {lesson.pk}")


def sees_individuals(user: Any, lesson: Lesson, session: Mapping[str, Any]) -> bool:
    """Its teacher does; staff do for an hour after saying why (`give_reason`)."""
    if may_teach(user, lesson):
        return True
    return is_admin(user) and session.get(look_key(lesson), 0) > time.time() - LOOK_S


def give_reason(user: Any, lesson: Lesson, session: MutableMapping[str, Any], reason: str) -> None:
    """Write why a student's data is looked at into the trail, then allow it. Raises BadReason."""
    reason = one_line(reason)
    if not LEAST_REASON <= len(reason) <= MOST_REASON:
        raise BadReason
    audit.append(user, "individual data opened", f"lesson {lesson.pk}: {reason}")
    session[look_key(lesson)] = time.time()


def look_key(lesson: Lesson) -> str:
    return f"{LOOK}{lesson.pk}"


def looked_at(session: Mapping[str, Any]) -> list[int]:
    """The lessons that a reason was given for and whose hour is not over."""
    since = time.time() - LOOK_S
    looks = [key for key, at in session.items() if key.startswith(LOOK) and at > since]
    return [int(key.removeprefix(LOOK)) for key in looks]


def student_of(lesson: Lesson, cookies: dict[str, str]) -> Participant:
    """The student whose cookie this is. Raises TokenError or NotAdmitted."""
    return participants.admit(lesson, claim_in(lesson, cookies))


def own_data_of(lesson: Lesson, cookies: dict[str, str]) -> Participant:
    """The same, also after the lesson or a removal: one's own data stays one's own."""
    claim = claim_in(lesson, cookies, max_age_s=tokens.kept_s())
    participant = participants.find(lesson, claim.key)
    if participant is None or participant.pk != claim.participant:
        raise tokens.TokenError("forged")
    return participant


def claim_in(
    lesson: Lesson, cookies: dict[str, str], *, max_age_s: int | None = None
) -> tokens.Claim:
    value = cookies.get(tokens.cookie_name(lesson.pk), "")
    return tokens.read(lesson.pk, value, max_age_s=max_age_s)


def log_student_opened(user: Any, student: Participant, session: MutableMapping[str, Any]) -> None:
    """Write into the trail that a student's lesson was looked at, once an hour and not with each
    time that the open page brings it up to date.
    """
    key = f"opened_{student.pk}"
    if session.get(key, 0) > time.time() - LOOK_S:
        return
    audit.append(user, "student opened", f"lesson {student.lesson_id}", audit.subject_of(student))
    session[key] = time.time()


def log_exported(user: Any, lesson: Lesson, *, names: bool) -> None:
    """Write into the trail that a lesson's rows left as a file, its teacher's own too."""
    which = f"lesson {lesson.pk}, {'with' if names else 'without'} names"
    audit.append(user, "lesson exported", which)
