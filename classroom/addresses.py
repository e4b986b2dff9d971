"""The addresses of set-up, home, courses, joining and logging in."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from classroom.views import accounts, home, invite, join, look, setup

urlpatterns = [
    path("", home.home, name="home"),
    path("setup/analysis/", setup.analysis, name="setup-analysis"),
    path("setup/try/", setup.something_to_try, name="setup-try"),
    path("setup/<str:token>/", setup.account, name="setup"),
    path("accounts/login/", accounts.LoginView.as_view(), name="login"),
    path("courses/", home.course_new, name="course-new"),
    path("courses/<int:course_id>/start/", home.lesson_start, name="lesson-start"),
    path("practice/", home.practice_start, name="practice-start"),
    path("join/", join.code, name="join-code"),
    path("join/<str:code>/", join.join, name="join"),
    path("notice/<str:code>/", join.full_notice, name="notice"),
    path("lessons/<int:lesson_id>/invite/", invite.invite, name="lesson-invite"),
    path("lessons/<int:lesson_id>/joined/", invite.joined, name="lesson-joined"),
    path("lessons/<int:lesson_id>/look/", look.look, name="lesson-look"),
    path("lessons/<int:lesson_id>/qr.svg", invite.qr, name="lesson-qr"),
    path("language/", set_language, name="language"),
]
