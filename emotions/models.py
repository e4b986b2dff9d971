"""What was measured in a lesson: sums per ten seconds, taps, markers and flags.

Slices hold sums and counts, never means, so that rows written by different workers simply add up.
No image, and no single reading, is ever stored.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from classroom.models import Lesson, Participant

SLICE_SECONDS = 10


class Sums(models.Model):
    """Sums over samples: `n` readable ones; the rest are counted by what kept them unread."""

    n = models.PositiveIntegerField(default=0)
    absent = models.PositiveIntegerField(default=0)
    several = models.PositiveIntegerField(default=0)
    unsure = models.PositiveIntegerField(default=0)
    turned = models.PositiveIntegerField(default=0)
    engagement_sum = models.FloatField(default=0)
    valence_sum = models.FloatField(default=0)
    angry = models.FloatField(default=0)
    disgust = models.FloatField(default=0)
    fear = models.FloatField(default=0)
    happy = models.FloatField(default=0)
    neutral = models.FloatField(default=0)
    sad = models.FloatField(default=0)
    surprise = models.FloatField(default=0)

    class Meta:
        abstract = True


class Slice(Sums):
    """Ten seconds of one student. `starts_at` is epoch seconds, a multiple of ten."""

    pk = models.CompositePrimaryKey("lesson_id", "starts_at", "participant_id")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="slices")
    starts_at = models.BigIntegerField()
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="slices")

    class Meta(Sums.Meta):
        abstract = False


class LessonMinute(Sums):
    """One minute of a closed lesson, over the class. `starts_at` is epoch seconds."""

    pk = models.CompositePrimaryKey("lesson_id", "starts_at")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="minutes")
    starts_at = models.BigIntegerField()
    present = models.PositiveIntegerField(default=0)
    readable = models.PositiveIntegerField(default=0)

    class Meta(Sums.Meta):
        abstract = False


class Report(models.Model):
    """A student's tap. `tap` is made by the browser, so that a repeat changes nothing."""

    class Kind(models.TextChoices):
        HAND = "hand", _("Raise hand")
        LOST = "lost", _("Lost")
        TOO_FAST = "too_fast", _("Too fast")
        TOO_SLOW = "too_slow", _("Too slow")
        GOT_IT = "got_it", _("Got it")

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="reports")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="reports")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    tap = models.UUIDField(default=uuid.uuid4)
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "tap"], name="report_tap_once")
        ]
        indexes = [models.Index(fields=["lesson", "at"], name="report_by_lesson")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%H:%M:%S}"


class Answer(models.Model):
    """What a student said to the private question; no teacher's page ever shows it."""

    class Kind(models.TextChoices):
        FINE = "fine", _("I'm fine")
        THINKING = "thinking", _("Just thinking")

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="answers")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="answers")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["lesson", "at"], name="answer_by_lesson")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%H:%M:%S}"


class Marker(models.Model):
    """A moment worth finding again: the teacher's own, or where a pause or quiet work begins."""

    class Kind(models.TextChoices):
        NOTE = "note", _("marker")
        QUIET = "quiet", _("quiet work")
        QUIET_END = "quiet_end", _("quiet work ended")
        PAUSE = "pause", _("paused")
        RESUME = "resume", _("resumed")

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="markers")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.NOTE)
    at = models.DateTimeField()
    text = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [models.Index(fields=["lesson", "at"], name="marker_by_lesson")]

    def __str__(self) -> str:
        return self.text or f"{self.get_kind_display()} at {self.at:%H:%M:%S}"


class Flags(models.QuerySet["Flag"]):
    def shown(self, at: datetime) -> Flags:
        """Those a teacher has seen or sees at this moment, not those that a student answered."""
        waited = Q(shown_at=None) | Q(shown_at__lte=at)
        in_time = Q(cleared_at=None) | Q(shown_at=None) | Q(shown_at__lt=F("cleared_at"))
        return self.filter(waited & in_time)


class Flag(models.Model):
    """A reason for the teacher to look, raised and cleared by the rules in `flags.py`.

    Where the student is asked first, `shown_at` is when the teacher gets to see it; a flag that
    was cleared before is the student's own affair.
    """

    class Kind(models.TextChoices):
        HELP = "help", _("Asked for help")
        AWAY = "away", _("Away")
        LOW = "low", _("Expression reads low")
        TURNED = "turned", _("Looking away")
        CLASS = "class", _("The class")

    class Verdict(models.TextChoices):
        NONE = "", _("not rated")
        USEFUL = "useful", _("useful")
        NOT_USEFUL = "not", _("not useful")

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="flags")
    participant = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.CASCADE, related_name="flags"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.CharField(max_length=200)
    sure = models.FloatField(null=True, blank=True)
    since = models.DateTimeField()
    raised_at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(
        max_length=8, choices=Verdict.choices, default=Verdict.NONE, blank=True
    )

    objects = Flags.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lesson", "participant", "kind"],
                condition=Q(cleared_at=None, participant__isnull=False),
                name="open_student_flag_once",
            ),
            models.UniqueConstraint(
                fields=["lesson", "kind"],
                condition=Q(cleared_at=None, participant__isnull=True),
                name="open_class_flag_once",
            ),
        ]
        indexes = [models.Index(fields=["lesson", "raised_at"], name="flag_by_lesson")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.raised_at:%H:%M:%S}"
