"""The page that deletes practice data: what would go, and one button."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from emotions import practised


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        content = {"practised": practised.of(request.user)}
        return render(request, "dashboard/practice_delete.html", content)
    count = practised.delete(request.user)
    words = ngettext(
        "%(count)d practice lesson is deleted.", "%(count)d practice lessons are deleted.", count
    )
    messages.success(request, words % {"count": count})
    return redirect("home")
