"""Registers the emotions app."""

from __future__ import annotations

from django.apps import AppConfig


class EmotionsConfig(AppConfig):
    name = "emotions"
    default_auto_field = "django.db.models.BigAutoField"
