"""The student's own pages: the live page, my data, and taking consent or data back.

Who a student is says the signed cookie alone. One's own data stays one's own after the lesson has
ended and after being removed from it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from classroom import access, consent, notice, participants, tokens
from classroom.models import Lesson, Participant
from classroom.sockets import ENDED
from emotions import notices, own, room, taps

View = Callable[[HttpRequest, Lesson, Participant], HttpResponse]


def own_page(view: View) -> Callable[..., HttpResponse]:
    """For the student whose cookie it is; to everybody else there is nothing here."""

    @wraps(view)
    def checked(request: HttpRequest, lesson_id: int) -> HttpResponse:
        lesson = _lesson(lesson_id)
        try:
            participant = access.own_data_of(lesson, request.COOKIES)
        except tokens.TokenError:
            raise Http404("No such page.") from None
        return view(request, lesson, participant)

    return never_cache(checked)


@never_cache
@require_safe
def live(request: HttpRequest, lesson_id: int) -> HttpResponse:
    lesson = _lesson(lesson_id)
    try:
        participant = access.student_of(lesson, request.COOKIES)
    except tokens.TokenError:
        raise Http404("No such page.") from None
    except participants.NotAdmitted as error:
        if error.code == ENDED:
            return redirect("my-data", lesson.pk)
        return _turned_away(request, lesson, str(error.words))
    content = {"lesson": lesson, "participant": participant, "data": _data(lesson, participant)}
    # Whoever joined without a camera reads the notice here before turning it on.
    content["lines"] = notice.lines(lesson)
    return render(request, "student/live.html", content)


@require_safe
@own_page
def my_data(request: HttpRequest, lesson: Lesson, participant: Participant) -> HttpResponse:
    if request.GET.get("format") == "json":
        response = JsonResponse(own.as_download(participant), json_dumps_params={"indent": 1})
        response["Content-Disposition"] = f'attachment; filename="my-data-{lesson.pk}.json"'
        return response
    content = {"lesson": lesson, "participant": participant, "own": own.of(participant)}
    return render(request, "student/data.html", content)


@require_POST
@own_page
def erase(request: HttpRequest, lesson: Lesson, participant: Participant) -> HttpResponse:
    async_to_sync(room.erase)(participant)
    messages.success(request, _("Everything about you in this lesson is erased."))
    response = redirect("home")
    response.delete_cookie(tokens.cookie_name(lesson.pk))
    return response


@require_POST
@own_page
def forget(request: HttpRequest, lesson: Lesson, participant: Participant) -> HttpResponse:
    """For a computer that others use too: this browser no longer shows whose data it is."""
    messages.success(request, _("This browser no longer knows you."))
    response = redirect("home")
    response.delete_cookie(tokens.cookie_name(lesson.pk))
    return response


@require_POST
@own_page
def withdraw(request: HttpRequest, lesson: Lesson, participant: Participant) -> HttpResponse:
    async_to_sync(room.withdraw)(participant)
    messages.success(request, _("Your camera's scores are deleted. You are in without a camera."))
    return redirect("my-data", lesson.pk)


@require_POST
@own_page
def give_consent(request: HttpRequest, lesson: Lesson, participant: Participant) -> HttpResponse:
    if lesson.analysis and lesson.is_open and participant.removed_at is None:
        async_to_sync(room.give_consent)(participant)
    return redirect("student", lesson.pk)


def _lesson(lesson_id: int) -> Lesson:
    # An address may hold any number; SQLite cannot look for one beyond 63 bits.
    if lesson_id >= 2**63:
        raise Http404("No such page.")
    return access.find(lesson_id)


def _turned_away(request: HttpRequest, lesson: Lesson, words: str) -> HttpResponse:
    content = {"words": words, "lesson": lesson, "status": 403}
    return render(request, "join/closed.html", content, status=403)


def _data(lesson: Lesson, participant: Participant) -> dict[str, Any]:
    """What the page's script starts from; words included, because scripts hold no sentences."""
    return {
        "lesson": lesson.pk,
        "socket": f"/ws/student/{lesson.pk}/",
        "analysis": lesson.analysis,
        "camera": "on" if lesson.analysis and consent.is_given(participant) else "none",
        "words": notices.student_words(camera=lesson.analysis),
        "closes": notices.close_words(),
        "fades_s": taps.FADES_S,
    }
