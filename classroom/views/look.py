"""An administrator says why a student's data is needed, before it is shown."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from classroom import access


@access.account_needed
@require_POST
def look(request: HttpRequest, lesson_id: int) -> HttpResponse:
    lesson = access.lesson_for_history(request.user, lesson_id)
    try:
        access.give_reason(request.user, lesson, request.session, request.POST.get("reason", ""))
    except access.BadReason:
        limits = {"least": access.LEAST_REASON, "most": access.MOST_REASON}
        messages.error(request, _("Write a reason of %(least)d to %(most)d characters.") % limits)
    return redirect("lesson", lesson.pk)
