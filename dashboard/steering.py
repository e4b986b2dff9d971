"""What the teacher presses on the live page: one POST each, answered in JSON with words.

A view parses and calls; what the rule refuses comes back as a sentence the page can show. Staff
have no say here: a lesson is steered by its own teacher alone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from classroom import access, participants
from classroom.models import Lesson, Participant
from classroom.sockets import in_database
from emotions import room
from emotions.attention import NoSuchFlag

Action = Callable[..., Awaitable[dict[str, Any] | None]]


class BadRequest(ValueError):
    """The message says what was wrong with what the page sent."""


def steers(action: Action) -> Callable[..., Coroutine[Any, Any, HttpResponse]]:
    """A POST by the lesson's own teacher. `action(request, lesson, …)` may add to the answer."""

    @require_POST
    @never_cache
    @csrf_protect
    @wraps(action)
    async def view(request: HttpRequest, lesson_id: int, **which: int) -> HttpResponse:
        user = await request.auser()
        if not user.is_authenticated:
            return refused(_("You are logged out. Log in and try again."), 403)
        try:
            lesson = await in_database(access.lesson_for_teacher, user, lesson_id)
            answer = await action(request, lesson, **which)
        except (Http404, NoSuchFlag) as error:
            return refused(str(error), 404)
        except room.LessonEnded as error:
            return refused(str(error), 409)
        except (BadRequest, participants.BadName, room.LongMarker) as error:
            return refused(str(error), 400)
        return JsonResponse({"ok": True, **(answer or {})})

    return view


def refused(words: str, status: int) -> JsonResponse:
    return JsonResponse({"ok": False, "error": words}, status=status)


def sent(request: HttpRequest) -> dict[str, Any]:
    """The fields of the request, from a form or from JSON."""
    if request.content_type != "application/json":
        return dict(request.POST.items())
    try:
        fields = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise BadRequest(_("The request is not valid JSON.")) from None
    if not isinstance(fields, dict):
        raise BadRequest(_("The request must be a JSON object."))
    return fields


def switch(request: HttpRequest, name: str) -> bool:
    value = sent(request).get(name)
    known = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    if not isinstance(value, bool | str) or value not in known:
        raise BadRequest(_("Say %(name)s: true or false.") % {"name": name})
    return known[value]


def words_sent(request: HttpRequest, name: str) -> str:
    value = sent(request).get(name, "")
    if not isinstance(value, str):
        raise BadRequest(_("%(name)s must be text.") % {"name": name})
    return value


async def student(lesson: Lesson, student_id: int) -> Participant:
    def find() -> Participant | None:
        of_lesson = Participant.objects.select_related("lesson")
        return of_lesson.filter(lesson=lesson, pk=student_id).first()

    found = await in_database(find)
    if found is None:
        raise Http404(_("This student is not in the lesson."))
    return found


@steers
async def end(request: HttpRequest, lesson: Lesson) -> None:
    """Ending twice is no mistake: it has ended, as was wished."""
    await room.close(lesson)


@steers
async def pause(request: HttpRequest, lesson: Lesson) -> None:
    await room.pause(lesson)


@steers
async def resume(request: HttpRequest, lesson: Lesson) -> None:
    await room.resume(lesson)


@steers
async def lock(request: HttpRequest, lesson: Lesson) -> None:
    await room.lock(lesson)


@steers
async def unlock(request: HttpRequest, lesson: Lesson) -> None:
    await room.unlock(lesson)


@steers
async def quiet(request: HttpRequest, lesson: Lesson) -> None:
    await room.quiet(lesson, switch(request, "on"))


@steers
async def marker(request: HttpRequest, lesson: Lesson) -> dict[str, Any]:
    if not lesson.is_open:
        raise room.LessonEnded(_("This lesson has ended."))
    made = await room.add_marker(lesson, words_sent(request, "text"))
    return {"at": made.at.timestamp(), "text": made.text}


@steers
async def remove(request: HttpRequest, lesson: Lesson, student_id: int) -> None:
    await room.remove(await student(lesson, student_id), by=await request.auser())


@steers
async def readmit(request: HttpRequest, lesson: Lesson, student_id: int) -> None:
    await room.readmit(await student(lesson, student_id))


@steers
async def rename(request: HttpRequest, lesson: Lesson, student_id: int) -> dict[str, Any]:
    found = await student(lesson, student_id)
    await room.rename(found, words_sent(request, "name"))
    return {"name": found.name}


@steers
async def dismiss(request: HttpRequest, lesson: Lesson, flag_id: int) -> None:
    await room.dismiss(lesson, flag_id)


@steers
async def snooze(request: HttpRequest, lesson: Lesson, flag_id: int) -> None:
    await room.snooze(lesson, flag_id)


@steers
async def verdict(request: HttpRequest, lesson: Lesson, flag_id: int) -> None:
    await room.verdict(lesson, flag_id, useful=switch(request, "useful"))
