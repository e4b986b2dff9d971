"""Joining a lesson: type the code or follow the link, read the notice, choose, and be in.

The cookie set here is all that a student has; no script can read it and no address carries it.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from classroom import invitations, lessons, notice, participants, tokens
from classroom.consent import NOTICE_VERSION
from classroom.forms import CodeForm, JoinForm
from classroom.limits import WRONG_CODES
from classroom.models import Lesson, Participant

FORBIDDEN, NOT_FOUND, GONE, TOO_MANY = 403, 404, 410, 429


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return redirect("join", lessons.grouped(form.cleaned_data["code"]))
    return render(request, "join/code.html", {"form": form}, status=400 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, code: str) -> HttpResponse:
    if WRONG_CODES.reached(request):
        return too_many(request)
    lesson = lessons.by_code(code)
    if lesson is None or not lesson.is_open:
        return no_open_lesson(request, lesson)
    if lesson.is_simulated:
        words = _("This is a practice class with simulated students. Nobody can join it.")
        return closed_door(request, words, FORBIDDEN, lesson)
    known = known_student(request, lesson)
    if known is not None and known.removed_at is not None:
        return removed(request, lesson)
    if lesson.locked_at is not None and known is None:
        return closed_door(request, _("Joining is closed. Ask your teacher."), FORBIDDEN, lesson)
    if request.method == "POST":
        return come_in(request, lesson, known)
    return page(request, lesson, known, JoinForm(initial=first_values(known)))


def come_in(request: HttpRequest, lesson: Lesson, known: Participant | None) -> HttpResponse:
    # Without face analysis there is one button, and nothing to choose.
    answer = request.POST if lesson.analysis else {**request.POST.dict(), "camera": "none"}
    form = JoinForm(answer)
    if not form.is_valid():
        return page(request, lesson, known, form)
    given = form.cleaned_data
    key = known.key if known else key_of(lesson, given["ticket"])
    try:
        student = participants.join(lesson, given["name"], given["camera"] == "on", key=key)
    except participants.BadName as error:
        form.add_error("name", str(error))
        return page(request, lesson, known, form)
    except participants.NotAdmitted:
        return removed(request, lesson)
    except participants.Full as error:
        return closed_door(request, str(error), FORBIDDEN, lesson)
    response = redirect("student", lesson.pk)
    tokens.set_cookie(request, response, student)
    return response


def known_student(request: HttpRequest, lesson: Lesson) -> Participant | None:
    """Who this browser was in this lesson before, if anybody."""
    claim = tokens.from_cookies(lesson.pk, request.COOKIES)
    return participants.find(lesson, claim.key) if claim else None


def key_of(lesson: Lesson, ticket: uuid.UUID | None) -> uuid.UUID:
    """The key of a newcomer, the same for both clicks of a double click."""
    if ticket is None:
        return uuid.uuid4()
    digest = salted_hmac("classroom.join", f"{lesson.pk}:{ticket}", algorithm="sha256").digest()
    return uuid.UUID(bytes=digest[:16], version=4)


def first_values(known: Participant | None) -> dict[str, Any]:
    return {"name": known.name if known else "", "ticket": uuid.uuid4()}


def page(
    request: HttpRequest, lesson: Lesson, known: Participant | None, form: JoinForm
) -> HttpResponse:
    content = {
        "lesson": lesson,
        "teacher": teacher_name(lesson),
        "form": form,
        "known": known,
        "lines": notice.lines(lesson),
        "caution": notice.caution(lesson),
        "camera_possible": invitations.camera_possible(request),
    }
    return render(request, "join/join.html", content, status=400 if form.errors else 200)


def teacher_name(lesson: Lesson) -> str:
    teacher = lesson.course.teacher
    return teacher.get_full_name() or teacher.get_username()


def no_open_lesson(request: HttpRequest, lesson: Lesson | None) -> HttpResponse:
    check = _("No open lesson has this code. Check it with your teacher.")
    if lesson is None or lesson.closed_at is None:
        WRONG_CODES.count(request)
        return closed_door(request, check, NOT_FOUND)
    ended = time_format(timezone.localtime(lesson.closed_at), "H:i")
    words = _("Lesson ended at %(time)s.") % {"time": ended}
    return closed_door(request, f"{words} {check}", GONE, lesson)


def removed(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    words = _("Your teacher removed you from this lesson. Ask your teacher.")
    return closed_door(request, words, FORBIDDEN, lesson)


def too_many(request: HttpRequest) -> HttpResponse:
    words = _("Too many wrong codes from this network. Wait a minute, then try again.")
    response = closed_door(request, words, TOO_MANY)
    response.headers["Retry-After"] = str(WRONG_CODES.window_s)
    return response


def closed_door(
    request: HttpRequest, words: str, status: int, lesson: Lesson | None = None
) -> HttpResponse:
    content = {"words": words, "form": CodeForm(), "lesson": lesson, "status": status}
    return render(request, "join/closed.html", content, status=status)


@require_safe
def full_notice(request: HttpRequest, code: str) -> HttpResponse:
    if WRONG_CODES.reached(request):
        return too_many(request)
    lesson = lessons.by_code(code)
    if lesson is None:
        return no_open_lesson(request, None)
    content = {
        "lesson": lesson,
        "teacher": teacher_name(lesson),
        "figures": notice.figures(lesson),
        "caution": notice.caution(lesson),
        "version": NOTICE_VERSION,
    }
    return render(request, "join/notice.html", content)
