"""The addresses of a student's own pages."""

from __future__ import annotations

from django.urls import path

from emotions import views

urlpatterns = [
    path("s/<int:lesson_id>/", views.live, name="student"),
    path("s/<int:lesson_id>/data/", views.my_data, name="my-data"),
    path("s/<int:lesson_id>/erase/", views.erase, name="erase"),
    path("s/<int:lesson_id>/forget/", views.forget, name="forget"),
    path("s/<int:lesson_id>/withdraw/", views.withdraw, name="withdraw"),
    path("s/<int:lesson_id>/consent/", views.give_consent, name="give-consent"),
]
