"""The administration of what students and teachers said; measurements are not in it.

Slices and minutes have composite keys, which Django's admin cannot hold; they are shown on the
lesson's page.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from classroom.admin import KeepsBack
from emotions.models import Flag, Marker, Report


class LookedAt(KeepsBack):
    """May be deleted, not written: what somebody said is not for others to change.

    Whose it is stands on the lesson's report alone, which asks an administrator for a reason.
    """

    exclude = ("participant",)
    list_select_related = ("lesson__course",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Report)
class ReportAdmin(LookedAt):
    list_display = ("at", "kind", "lesson", "undone_at")
    list_filter = ("kind",)
    date_hierarchy = "at"


@admin.register(Flag)
class FlagAdmin(LookedAt):
    list_display = ("raised_at", "kind", "lesson", "cleared_at", "verdict")
    list_filter = ("kind", "verdict")
    date_hierarchy = "raised_at"


@admin.register(Marker)
class MarkerAdmin(LookedAt):
    list_display = ("at", "kind", "text", "lesson")
    list_filter = ("kind",)
    date_hierarchy = "at"
