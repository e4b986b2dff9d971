"""Set-up in three steps: the first account, face analysis off or on, and something to try."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from classroom import installation, setup
from classroom.forms import AccountForm, AnalysisForm

SOURCE = "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"
GONE = 410


@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest, token: str) -> HttpResponse:
    state = setup.look_up(token)
    if state is not setup.Link.GOOD:
        return refused(request, state)
    form = AccountForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return step(request, 1, "setup/account.html", {"form": form})
    try:
        user = setup.create_account(token, form.save(commit=False))
    except setup.LinkUsed:
        return refused(request, setup.Link.USED)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("setup-analysis")


def refused(request: HttpRequest, state: setup.Link) -> HttpResponse:
    if state is setup.Link.USED:
        words = _("This set-up link was already used. Print a new one on the server.")
    else:
        words = _("This set-up link does not work any more. Use the one printed last.")
    return render(request, "setup/refused.html", {"words": words}, status=GONE)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def analysis(request: HttpRequest) -> HttpResponse:
    if not request.user.is_superuser:
        raise PermissionDenied
    if installation.analysis_fixed():
        if request.method == "POST":
            return redirect("setup-try")
        return step(request, 2, "setup/analysis_fixed.html", {"on": installation.analysis_on()})
    form = AnalysisForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        setup.choose_analysis(request.user, form.cleaned_data["analysis"])
        return redirect("setup-try")
    chosen = form["analysis"].value() or installation.row().analysis
    content = {"form": form, "chosen": chosen, "source": SOURCE}
    return step(request, 2, "setup/analysis.html", content)


@login_required
@require_safe
def something_to_try(request: HttpRequest) -> HttpResponse:
    return step(request, 3, "setup/try.html", {})


def step(request: HttpRequest, number: int, template: str, content: dict[str, Any]) -> HttpResponse:
    failed = content.get("form") is not None and content["form"].errors
    return render(
        request, template, {**content, "step": number, "steps": 3}, status=400 if failed else 200
    )
