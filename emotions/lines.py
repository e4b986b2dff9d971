"""What stands under and beside the pulse. Words say what to do, not what a class feels."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from emotions.times import clock, time_of_day


def pulse_word(key: str) -> str:
    return {"steady": _("Steady"), "mixed": _("Mixed"), "check_in": _("Check in")}.get(key, "")


def arrow_word(key: str) -> str:
    return {"rising": _("rising"), "holding": _("holding"), "falling": _("falling")}.get(key, "")


def signal_line(kind: str, count: int, of: int) -> str:
    """The line under the pulse word, when one signal set it."""
    told = {"count": count, "of": of}
    if kind == "lost":
        return _("%(count)d of %(of)d tapped Lost in the last 5 min") % told
    if kind == "low":
        return _("%(count)d of %(of)d read lower than their usual") % told
    if kind == "turned":
        return _("%(count)d of %(of)d are looking away") % told
    if kind == "away":
        return _("%(count)d of %(of)d with a camera are away") % told
    return _("%(count)d of %(of)d, each for a different reason") % told


def taps_against_faces(lost: int, faces: str) -> str:
    """Taps set the word and the faces disagree; `faces` is the word they would have set."""
    told = {"count": lost, "word": pulse_word(faces).lower()}
    return _("%(count)d tapped Lost. Faces read %(word)s.") % told


def steady_line(flagged: int = 0) -> str:
    """The class is steady; students may still have asked, and the two must not disagree."""
    if not flagged:
        return _("Nobody needs a look right now")
    told = {"count": flagged}
    return ngettext("%(count)d student to look at", "%(count)d students to look at", flagged) % told


def getting_to_know(left_s: float) -> str:
    return _("Getting to know the class · %(time)s left") % {"time": clock(left_s)}


def small_group() -> str:
    return _("Small group: see each student below")


def few_faces(readable: int, cameras: int) -> str:
    told = {"readable": readable, "cameras": cameras}
    return _("Not enough faces to say (%(readable)d of %(cameras)d)") % told


def not_analysed_since(epoch: float) -> str:
    if not epoch:
        return _("Faces are not analysed")
    return _("Faces not analysed since %(time)s") % {"time": time_of_day(epoch)}


def paused() -> str:
    return _("Paused")


def quiet_until(epoch: float) -> str:
    return _("Quiet work until %(time)s: no flags") % {"time": time_of_day(epoch)}


def taps_only() -> str:
    return _("Faces are not read in this lesson. Taps count.")


def worker(state: str, analysing: float, offered: float, seen_at: float) -> str:
    if state == "none":
        return not_analysed_since(seen_at)
    if round(offered) < 1:
        return _("no pictures right now")
    told = {"analysing": round(analysing), "offered": round(offered)}
    return _("analysing %(analysing)d of %(offered)d/s") % told


def database_away(since: float) -> str:
    if not since:
        return ""
    told = {"time": time_of_day(since)}
    return _("Nothing is stored since %(time)s. Charts and taps catch up by themselves.") % told


def simulated() -> str:
    return _("simulated readings, no camera")


def nobody_here() -> str:
    return _("Waiting for students")


def no_cameras() -> str:
    return _("No camera is on. Taps count.")


def coverage(readable: int, room: int) -> str:
    return _("%(readable)d of %(room)d readable") % {"readable": readable, "room": room}
