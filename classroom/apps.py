"""Registers the classroom app and its system checks."""

from __future__ import annotations

from django.apps import AppConfig


class ClassroomConfig(AppConfig):
    name = "classroom"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from classroom import checks  # noqa: F401  (importing registers them)
