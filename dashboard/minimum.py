"""The smallest class whose figures are shown to somebody who is shown no individuals.

Of a class of one a curve, a count or a flag is that student's, whether or not a name stands beside
it. Its teacher sees it all the same, and so do staff who gave a reason.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from classroom.models import Lesson
from dashboard.stored import Stored

MIN_GROUP = 10


def too_few(lesson: Lesson) -> str:
    """Why its summary is hidden, in words, or nothing."""
    return words(lesson.students or 0, lesson.cameras or 0)


def too_few_now(lesson: Lesson, stored: Stored) -> str:
    """The same of what is drawn from stored rows: students may have erased theirs since.

    Once all slices are deleted the class's minutes are drawn, which were written at its end.
    """
    read = {row.participant_id for rows in stored.slices.values() for row in rows}
    students = min(lesson.students or 0, len(stored.people))
    return words(students, len(read) if read else lesson.cameras or 0)


def words(students: int, cameras: int) -> str:
    """Without any camera there are only taps, and they are of all students."""
    told = {"least": MIN_GROUP}
    if students < MIN_GROUP:
        return _("Hidden: fewer than %(least)d students.") % told
    if 0 < cameras < MIN_GROUP:
        return _("Hidden: fewer than %(least)d students with a camera.") % told
    return ""
