"""Logging in, with a limit on guessing; the rest of the accounts' pages are Django's own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from classroom import setup
from classroom.limits import WRONG_PASSWORDS

FOUND = 302


class LoginView(auth.LoginView):
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if WRONG_PASSWORDS.reached(request):
            return too_many(request)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        WRONG_PASSWORDS.count(self.request)
        response = super().form_invalid(form)
        response.status_code = 400
        return response

    def get_default_redirect_url(self) -> str:
        """Whoever owns a new installation is asked about face analysis first."""
        if setup.is_unfinished(self.request.user):
            return reverse("setup-analysis")
        return super().get_default_redirect_url()


def admin_login(request: HttpRequest) -> HttpResponse:
    """The administration's own form, behind the same limit."""
    if request.method != "POST":
        return admin.site.login(request)
    if WRONG_PASSWORDS.reached(request):
        return too_many(request)
    response = admin.site.login(request)
    # Whoever asks: one who is logged in without being staff gets the form, and may guess, too.
    if response.status_code != FOUND:
        WRONG_PASSWORDS.count(request)
    return response


def too_many(request: HttpRequest) -> HttpResponse:
    response = render(request, "registration/too_many.html", status=429)
    response.headers["Retry-After"] = str(WRONG_PASSWORDS.window_s)
    return response
