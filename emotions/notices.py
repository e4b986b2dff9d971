"""What the student page says when something is not as wished: a title, help, and what to press.

The camera being off is never an error: each notice says first that the student is in. Close codes
and refusals of single snapshots have their words here too, so that page and socket agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from emotions import times


@dataclass(frozen=True, slots=True)
class Notice:
    """`buttons` pairs what the page does ("retry", "stay", "data", …) with its label."""

    title: Promise | str
    help: Promise | str = ""
    buttons: tuple[tuple[str, Promise], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """For the page's data: plain strings in the reader's language."""
        return {
            "title": str(self.title),
            "help": str(self.help),
            "buttons": [{"action": action, "label": str(label)} for action, label in self.buttons],
        }


RETRY = ("retry", gettext_lazy("Try again"))
STAY = ("stay", gettext_lazy("Stay without"))
TAKE_OVER = ("take_over", gettext_lazy("Use this one"))
MY_DATA = ("data", gettext_lazy("See my data"))
ERASE = ("erase", gettext_lazy("Erase my data"))

NOTICES: dict[str, Notice] = {
    "refused": Notice(
        gettext_lazy("Camera is off. That's fine, you are in."),
        gettext_lazy("To turn it on, allow the camera beside the address."),
        (RETRY, STAY),
    ),
    "none": Notice(gettext_lazy("No camera found. You are in without one.")),
    "in_use": Notice(
        gettext_lazy("Another app is using the camera, perhaps the video call."),
        gettext_lazy("You are in without it."),
        (RETRY,),
    ),
    "ended": Notice(
        gettext_lazy("The camera stopped."), gettext_lazy("You are in without it."), (RETRY,)
    ),
    "not_https": Notice(
        gettext_lazy("This address can't use a camera."),
        gettext_lazy("You can still join and tap."),
    ),
    "background": Notice(
        gettext_lazy("Your camera stopped while you were on another page. It is on again.")
    ),
    "several": Notice(gettext_lazy("Several faces: nothing is read.")),
    "dark": Notice(gettext_lazy("Too dark.")),
    "small": Notice(gettext_lazy("Move a little closer.")),
    "blurred": Notice(gettext_lazy("Blurred: hold still for a moment.")),
    "no_face": Notice(gettext_lazy("No face in the picture.")),
    "low_sure": Notice(gettext_lazy("Not sure enough to say.")),
    "busy": Notice(gettext_lazy("Busy: sending less often. Nothing to do.")),
    "no_worker": Notice(gettext_lazy("Connected. Pictures are not being read right now.")),
    "reconnecting": Notice(gettext_lazy("Reconnecting… your taps are kept.")),
    "second_tab": Notice(
        gettext_lazy("You are already here in another tab."), buttons=(TAKE_OVER,)
    ),
    "paused": Notice(gettext_lazy("Analysis is paused. Camera off.")),
    "analysis_off": Notice(gettext_lazy("Faces are not read here. You can tap.")),
    "no_consent": Notice(gettext_lazy("Your camera is off until you agree to the notice.")),
    "removed": Notice(
        gettext_lazy("You were taken out of this lesson."), gettext_lazy("Ask your teacher.")
    ),
    "bad_token": Notice(
        gettext_lazy("This page no longer knows you."), gettext_lazy("Open the join link again.")
    ),
    "no_lesson": Notice(
        gettext_lazy("No open lesson is here."), gettext_lazy("Ask your teacher for the link.")
    ),
    "lesson_ended": Notice(
        gettext_lazy("The lesson ended. Camera is off."), buttons=(MY_DATA, ERASE)
    ),
    "going_down": Notice(gettext_lazy("The server restarts. Your taps are kept.")),
    "left": Notice(gettext_lazy("You left the lesson. Camera is off."), buttons=(MY_DATA, ERASE)),
    # Joining, before there is a page of one's own.
    "wrong_code": Notice(
        gettext_lazy("No open lesson has this code."), gettext_lazy("Check it with your teacher.")
    ),
    "locked": Notice(gettext_lazy("Joining is closed."), gettext_lazy("Ask your teacher.")),
    # One snapshot that was not taken.
    "not_jpeg": Notice(gettext_lazy("The picture is not a JPEG.")),
    "truncated": Notice(gettext_lazy("The picture is cut short.")),
    "too_large": Notice(gettext_lazy("The picture is too large.")),
    "bad_message": Notice(gettext_lazy("The page sent something that is not understood.")),
    "flooding": Notice(gettext_lazy("The page sends too much. Reload it.")),
}

CLOSE_CODES: dict[int, str] = {
    4400: "bad_message",
    4401: "bad_token",
    4403: "removed",
    4404: "no_lesson",
    4409: "second_tab",
    4410: "lesson_ended",
    4413: "too_large",
    4429: "flooding",
    4503: "going_down",
}

UNREADABLE = Notice(gettext_lazy("The picture could not be read."))


def notice(key: str) -> Notice:
    return NOTICES.get(key, UNREADABLE)


def refusal(code: str | int) -> str:
    """Title and help in one line, for a refused snapshot's code or a WebSocket's close code."""
    found = notice(CLOSE_CODES.get(code, "") if isinstance(code, int) else code)
    return f"{found.title} {found.help}".strip()


# Where faces are not read, no page speaks of a camera.
WITHOUT_CAMERA: dict[str, Notice] = {
    **{
        key: NOTICES[key]
        for key in (
            "reconnecting",
            "second_tab",
            "removed",
            "bad_token",
            "no_lesson",
            "going_down",
            "bad_message",
            "flooding",
        )
    },
    "lesson_ended": Notice(gettext_lazy("The lesson ended."), buttons=(MY_DATA, ERASE)),
    "left": Notice(gettext_lazy("You left the lesson."), buttons=(MY_DATA, ERASE)),
}


def lesson_ended(epoch: float, *, camera: bool = True) -> Notice:
    at = {"time": times.time_of_day(epoch)}
    title = (
        _("Lesson ended at %(time)s. Camera is off.") if camera else _("Lesson ended at %(time)s.")
    )
    return Notice(title % at, buttons=(MY_DATA, ERASE))


def student_words(*, camera: bool = True) -> dict[str, dict[str, object]]:
    """All that a student's page may have to say, for its data."""
    said = NOTICES if camera else WITHOUT_CAMERA
    return {key: found.as_dict() for key, found in said.items()}


def close_words() -> dict[str, str]:
    """Close code → key of the notice that explains it, for the student page's data."""
    return {str(code): key for code, key in CLOSE_CODES.items()}
