"""The notice a student reads before joining, with every figure taken from this lesson's settings.

Four lines and at most ninety words, because a longer one is not read. With face analysis off it
does not speak of cameras.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from classroom.models import Lesson

# A 320 × 240 JPEG at quality 0.7, measured; docs tell how.
SNAPSHOT_KB = 10


@dataclass(frozen=True, slots=True)
class Line:
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Figures:
    interval_s: str
    days: int
    megabytes_an_hour: int


def figures(lesson: Lesson) -> Figures:
    interval_s = lesson.interval_ms / 1000
    return Figures(
        interval_s=f"{interval_s:g}",
        days=settings.KEEP_SLICES_DAYS,
        megabytes_an_hour=max(1, round(SNAPSHOT_KB * 3600 / interval_s / 1000)),
    )


def lines(lesson: Lesson) -> list[Line]:
    return with_camera(figures(lesson)) if lesson.analysis else taps_only(figures(lesson))


def with_camera(own: Figures) -> list[Line]:
    sent = _("With a camera, a small picture is sent every %(s)s s. About %(mb)d MB an hour.")
    kept = _("Scores and taps are kept %(days)d days. Pictures never are.")
    return [
        Line("camera", sent % {"s": own.interval_s, "mb": own.megabytes_an_hour}),
        Line("database", kept % {"days": own.days}),
        Line("eye", _("Your teacher sees them; an administrator only with a logged reason.")),
        Line("hand", _("Pause, leave or erase your data at any time.")),
    ]


def taps_only(own: Figures) -> list[Line]:
    kept = _("They are kept %(days)d days.")
    return [
        Line("messages-square", _("You tap how you are doing. Only your taps are sent.")),
        Line("database", kept % {"days": own.days}),
        Line("eye", _("Your teacher sees them; an administrator only with a logged reason.")),
        Line("hand", _("Leave or erase your data at any time.")),
    ]


def caution(lesson: Lesson) -> str:
    return _("It can be wrong. It isn't a grade.") if lesson.analysis else _("It isn't a grade.")
