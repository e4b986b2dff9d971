"""Who is in the room: courses, lessons, participants, their consent, and the audit trail.

The meeting is called a lesson, because "session" already means three things in Django. Rules live
in the modules named after the nouns; the database keeps what must never be broken.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

NAME_LENGTH = 60
COURSE_LENGTH = 100


class Installation(models.Model):
    """What was chosen at set-up; exactly one row, with primary key 1."""

    class Analysis(models.TextChoices):
        UNSET = "", _("not chosen yet")
        OFF = "off", _("off")
        ON = "on", _("on")

    analysis = models.CharField(
        max_length=3, choices=Analysis.choices, default=Analysis.UNSET, blank=True
    )
    setup_digest = models.CharField(max_length=64, blank=True, editable=False)
    setup_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_installation")]

    def __str__(self) -> str:
        return f"Installation (face analysis {self.get_analysis_display()})"


class Course(models.Model):
    """What a teacher holds lessons of, and how readily its lessons raise flags."""

    class Sensitivity(models.TextChoices):
        FEWER = "fewer", _("fewer")
        USUAL = "usual", _("usual")
        MORE = "more", _("more")

    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="courses"
    )
    name = models.CharField(max_length=COURSE_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)
    sensitivity = models.CharField(
        max_length=5, choices=Sensitivity.choices, default=Sensitivity.USUAL
    )
    ask_first = models.BooleanField(default=True)
    away_after_s = models.PositiveIntegerField(null=True, blank=True)
    low_for_s = models.PositiveIntegerField(null=True, blank=True)
    turned_for_s = models.PositiveIntegerField(null=True, blank=True)
    cool_down_s = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["teacher", "name"], name="course_name_once")]

    def __str__(self) -> str:
        return self.name

    def rules(self) -> dict[str, Any]:
        """What is set for its flags, as a lesson keeps it; what is left alone is not in it."""
        times = ("away_after_s", "low_for_s", "turned_for_s", "cool_down_s")
        set_here = {name: getattr(self, name) for name in times if getattr(self, name) is not None}
        return {"sensitivity": self.sensitivity, "ask_first": self.ask_first, **set_here}


class Lesson(models.Model):
    """One meeting of a course; its summary columns are written once, at closing."""

    class Mode(models.TextChoices):
        LIVE = "live", _("live")
        PRACTICE = "practice", _("simulated students")
        LOAD = "load", _("load test")

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="lessons")
    title = models.CharField(max_length=COURSE_LENGTH, blank=True)
    code = models.CharField(max_length=16)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.LIVE)
    analysis = models.BooleanField(default=False)
    interval_ms = models.PositiveIntegerField(default=2000)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)
    locked_at = models.DateTimeField(null=True, blank=True)
    teacher_seen_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    judged_until = models.DateTimeField(null=True, blank=True)
    rules = models.JSONField(default=dict, blank=True)
    model_version = models.CharField(max_length=40, blank=True)
    score_version = models.CharField(max_length=20, blank=True)

    students = models.PositiveIntegerField(null=True, blank=True)
    cameras = models.PositiveIntegerField(null=True, blank=True)
    samples = models.PositiveIntegerField(null=True, blank=True)
    coverage = models.FloatField(null=True, blank=True)
    engagement = models.FloatField(null=True, blank=True)
    valence = models.FloatField(null=True, blank=True)
    flags_raised = models.PositiveIntegerField(null=True, blank=True)
    flags_useful = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code"], condition=Q(closed_at=None), name="open_code_once"
            ),
            models.UniqueConstraint(
                fields=["course"], condition=Q(closed_at=None), name="one_open_lesson"
            ),
            models.CheckConstraint(
                condition=Q(interval_ms__gte=250, interval_ms__lte=60_000), name="interval_sane"
            ),
        ]
        indexes = [models.Index(fields=["course", "-opened_at"], name="lesson_by_course")]

    def __str__(self) -> str:
        return f"{self.title or self.course.name}, {self.opened_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_simulated(self) -> bool:
        return self.mode != self.Mode.LIVE


class Participant(models.Model):
    """A student in one lesson; knows no account, only the key in a signed cookie."""

    class Camera(models.TextChoices):
        # The teacher reads the same words for both: why a camera is off is the student's business.
        NONE = "none", _("no camera")
        OFF = "off", _("no camera")
        ON = "on", _("camera on")

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="participants")
    name = models.CharField(max_length=NAME_LENGTH)
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    camera = models.CharField(max_length=4, choices=Camera.choices, default=Camera.NONE)
    joined_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lesson", "key"], name="participant_key_once"),
            models.UniqueConstraint(fields=["lesson", "name"], name="participant_name_once"),
        ]

    def __str__(self) -> str:
        return f"Participant {self.pk}"


class Consent(models.Model):
    """Append only: each row is one answer to one version of the notice."""

    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="consents")
    given = models.BooleanField()
    notice_version = models.CharField(max_length=20)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["participant", "-made_at"], name="consent_latest")]

    def __str__(self) -> str:
        return f"Consent {'given' if self.given else 'not given'} ({self.notice_version})"


class AuditHead(models.Model):
    """The end of the audit chain; one row, locked by each append."""

    digest = models.CharField(max_length=64)
    length = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_audit_head")]

    def __str__(self) -> str:
        return f"Audit chain of {self.length}"


class AuditEntry(models.Model):
    """Append only and chained: each digest covers the entry and the digest before it."""

    actor = models.UUIDField()
    subject = models.UUIDField(null=True)
    what = models.CharField(max_length=40)
    which = models.CharField(max_length=340, blank=True)
    made_at = models.DateTimeField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.what} at {self.made_at:%Y-%m-%d %H:%M}"


class Person(models.Model):
    """A random audit identity for an account, so that the trail holds no names."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="audit_person"
    )
    identity = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        verbose_name_plural = "people (audit identities)"

    def __str__(self) -> str:
        return str(self.identity)
