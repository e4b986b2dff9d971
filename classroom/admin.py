"""The administration: every model of the room; what is append only can only be looked at.

Students are deleted here through the same rule as on their own page, so that the trail shows it.
What was measured of them, and who they are, stands on a lesson's report alone: it asks an
administrator for a reason.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from classroom import access, audit, participants
from classroom.models import (
    AuditEntry,
    AuditHead,
    Consent,
    Course,
    Installation,
    Lesson,
    Participant,
    Person,
)

# In a class of one these are one student's; the report tells them of a class that is large enough.
MEASURED = (
    *("cameras", "samples", "coverage", "engagement", "valence"),
    *("flags_raised", "flags_useful"),
)


class ReadOnly(admin.ModelAdmin):
    """Nothing to add, change or delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class KeepsBack(admin.ModelAdmin):
    """What is in `exclude` stands on no page, and the address cannot ask for it by a filter."""

    exclude: ClassVar[tuple[str, ...]] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        name = lookup.split("__")[0].removesuffix("_id")
        return name not in self.exclude and super().lookup_allowed(lookup, value, request)


class WithItsRows(admin.ModelAdmin):
    """May be deleted with all that hangs on it, consents too, which alone may not; audited."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        listed, counts, missing, protected = super().get_deleted_objects(objs, request)
        missing = set(missing) - {Consent._meta.verbose_name}
        return listed, counts, missing, protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.append(request.user, f"{obj._meta.verbose_name} deleted", f"{obj.pk}")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(Installation)
class InstallationAdmin(admin.ModelAdmin):
    list_display = ("__str__", "analysis", "setup_used_at")
    readonly_fields = ("setup_used_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        audit.append(request.user, "face analysis chosen", obj.analysis or "unset")


@admin.register(Course)
class CourseAdmin(WithItsRows):
    list_display = ("name", "teacher", "created_at")
    list_select_related = ("teacher",)
    search_fields = ("name", "teacher__username")


@admin.register(Lesson)
class LessonAdmin(WithItsRows, KeepsBack):
    list_display = ("__str__", "course", "mode", "opened_at", "closed_at", "students")
    list_filter = ("mode", "opened_at")
    list_select_related = ("course",)
    search_fields = ("title", "course__name")
    exclude = MEASURED
    # Opening and closing belong to the lesson's own rules.
    readonly_fields = [
        field.name
        for field in Lesson._meta.fields
        if field.name not in {"id", "title", "course", "interval_ms", *MEASURED}
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Participant)
class ParticipantAdmin(KeepsBack):
    """By number; by name too for an hour after a reason was given on the lesson's report, because
    whoever is to erase a student must find that student.
    """

    list_display = ("__str__", "called", "lesson", "joined_at", "removed_at")
    list_select_related = ("lesson__course",)
    exclude = ("name", "camera", "seen_at", "left_at")
    readonly_fields = ("called", "lesson", "joined_at", "removed_at")
    actions = ("erase",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        seen = Q(lesson__in=access.looked_at(request.session))
        seen |= Q(lesson__course__teacher=request.user.pk)
        called = Case(When(seen, then=F("name")), default=Value(""))
        return super().get_queryset(request).annotate(called=called)

    @admin.display(description="name", empty_value="–")
    def called(self, participant: Any) -> str | None:
        return participant.called or None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only along with a lesson; a student alone is erased, by the action."""
        match = request.resolver_match
        return match is not None and "participant" not in (match.url_name or "")

    @admin.action(description=_("Erase the selected students and all their data"))
    def erase(self, request: HttpRequest, queryset: QuerySet[Participant]) -> None:
        for participant in queryset:
            participants.erase(participant, by=request.user)


@admin.register(Consent)
class ConsentAdmin(ReadOnly):
    list_display = ("participant", "given", "notice_version", "made_at")
    list_select_related = ("participant",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ("made_at", "what", "which", "actor", "subject")
    search_fields = ("what", "which")
    ordering = ("-pk",)


@admin.register(AuditHead)
class AuditHeadAdmin(ReadOnly):
    list_display = ("__str__", "digest")


@admin.register(Person)
class PersonAdmin(ReadOnly):
    list_display = ("identity", "user")
    list_select_related = ("user",)
