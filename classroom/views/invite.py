"""The join sheet: link, QR code, the code in groups, how many have joined, and the lock."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from classroom import access, invitations, lessons
from classroom.models import Lesson


@access.account_needed
@never_cache
@require_safe
def invite(request: HttpRequest, lesson_id: int) -> HttpResponse:
    lesson = access.lesson_for_teacher(request.user, lesson_id)
    if not lesson.is_open:
        return redirect("lesson", lesson.pk)
    if lesson.is_simulated:
        return redirect("live", lesson.pk)
    return render(request, "lesson/invite.html", sheet(request, lesson))


def sheet(request: HttpRequest, lesson: Lesson) -> dict[str, Any]:
    """What lesson/join_sheet.html shows; the live page includes the same sheet."""
    link = invitations.link(request, lesson)
    return {
        "lesson": lesson,
        "join_link": link,
        "link_parts": link.partition("join/"),
        "code_groups": lessons.groups(lesson.code),
        "joined": joined_count(lesson),
        "no_cameras": lesson.analysis and not invitations.camera_possible(request),
        "only_here": invitations.only_here(request),
    }


def joined_count(lesson: Lesson) -> int:
    return lesson.participants.filter(removed_at=None).count()


@access.account_needed
@never_cache
@require_safe
def joined(request: HttpRequest, lesson_id: int) -> JsonResponse:
    lesson = access.lesson_for_teacher(request.user, lesson_id)
    return JsonResponse({"joined": joined_count(lesson), "locked": lesson.locked_at is not None})


@access.account_needed
@require_safe
def qr(request: HttpRequest, lesson_id: int) -> HttpResponse:
    lesson = access.lesson_for_teacher(request.user, lesson_id)
    drawing = invitations.qr(invitations.link(request, lesson))
    response = HttpResponse(drawing, content_type="image/svg+xml")
    response.headers["Cache-Control"] = "private, max-age=600"
    return response
