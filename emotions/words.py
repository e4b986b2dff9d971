"""Every state a student can be in, and every sentence the product says about one.

Pages, sockets, flags and reports take their words from here, so that nobody is "unsure" on one
screen and "bored" on another. Nothing here says that someone *is* anything: an expression reads
as something, more or less surely, and what cannot be read is grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from emotions.flags import FACE_KINDS
from emotions.notices import notice as notice
from emotions.notices import refusal as refusal
from emotions.times import clock, for_time, time_of_day

LEFT_AFTER_S = 300
DISCONNECTED_AFTER_S = 60
OUT_OF_VIEW_AFTER_S = 30
MISSED_SAMPLES = 3
READABLE_FOR_S = 10
"""As long as a slice: who was read once in it counts as read, here as in the stored rows."""
LIKELY, MAYBE = 0.75, 0.60


class State(StrEnum):
    LEFT = "left"
    DISCONNECTED = "disconnected"
    NO_CAMERA = "no_camera"
    WAITING = "waiting"
    UNSURE = "unsure"
    OUT_OF_VIEW = "out_of_view"
    AWAY = "away"
    READING = "reading"


class Counts(StrEnum):
    """What a state counts as: coverage is `READABLE` of everybody who is in the room."""

    OUT = "not in the room"
    NEVER_FLAGGED = "not readable, never flagged"
    UNREADABLE = "not readable"
    MAY_FLAG = "may raise a flag"
    READABLE = "readable"


@dataclass(frozen=True, slots=True)
class Look:
    """How a state looks: a colour token, an icon's name, what it counts as, the plain word."""

    token: str
    icon: str
    counts: Counts
    word: Promise


LOOKS: dict[State, Look] = {
    State.LEFT: Look("dim", "log-out", Counts.OUT, gettext_lazy("left")),
    State.DISCONNECTED: Look(
        "unknown", "wifi-off", Counts.NEVER_FLAGGED, gettext_lazy("disconnected")
    ),
    State.NO_CAMERA: Look("unknown", "video-off", Counts.NEVER_FLAGGED, gettext_lazy("no camera")),
    State.WAITING: Look("unknown", "hourglass", Counts.UNREADABLE, gettext_lazy("waiting")),
    State.UNSURE: Look("unknown-hatch", "help-circle", Counts.UNREADABLE, gettext_lazy("unsure")),
    State.OUT_OF_VIEW: Look("unknown", "user", Counts.UNREADABLE, gettext_lazy("out of view")),
    State.AWAY: Look("unknown", "user-x", Counts.MAY_FLAG, gettext_lazy("away")),
    State.READING: Look("emotion", "circle", Counts.READABLE, gettext_lazy("readable")),
}

EMOTIONS: dict[str, Promise] = {
    "happy": pgettext_lazy("expression", "happy"),
    "surprise": pgettext_lazy("expression", "surprise"),
    "neutral": pgettext_lazy("expression", "neutral"),
    "sad": pgettext_lazy("expression", "sad"),
    "fear": pgettext_lazy("expression", "fear"),
    "angry": pgettext_lazy("expression", "angry"),
    "disgust": pgettext_lazy("expression", "disgust"),
    "low": pgettext_lazy("expression", "low"),
    "unknown": pgettext_lazy("expression", "not readable"),
}

FLAG_TITLES: dict[str, Promise] = {
    "help": gettext_lazy("Asked for help"),
    "away": gettext_lazy("Away"),
    "low": gettext_lazy("Expression reads low"),
    "turned": gettext_lazy("Looking away"),
    "class": gettext_lazy("The class"),
}

FLAG_SUGGESTIONS: dict[str, Promise] = {
    "help": gettext_lazy("Ask what would help."),
    "away": gettext_lazy("Leave it, and look again in a few minutes."),
    "low": gettext_lazy("Ask a quick check question."),
    "turned": gettext_lazy("Give a small task that everyone answers."),
    "class": gettext_lazy("Stop and ask the class."),
}

TAPS: dict[str, Promise] = {
    "hand": gettext_lazy("Raised hand"),
    "lost": gettext_lazy("Lost"),
    "too_fast": gettext_lazy("Too fast"),
    "too_slow": gettext_lazy("Too slow"),
    "got_it": gettext_lazy("Got it"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one student at one moment; every time is in epoch seconds.

    `reading` is the newest answer about the camera picture ("reading", "unsure" or "no_face") and
    `face_at` the last time a face was there. `top` and `sure` belong to the last face that could
    be read, at `readable_at`, so that one missed or unsure sample does not turn a row grey.
    """

    connected: bool = True
    gone_at: float = 0
    left_at: float = 0
    camera: bool = True
    camera_since: float = 0
    reading: str = ""
    read_at: float = 0
    face_at: float = 0
    top: str = ""
    sure: float = 0
    readable_at: float = 0
    worker: bool = True
    quiet: bool = False
    interval_s: float = 2
    away_after_s: float = 80

    @property
    def late_after_s(self) -> float:
        """One snapshot is in flight for 3 s at most, and a killed worker delays one by 4 s."""
        return 2 * self.interval_s + 4

    @property
    def out_of_view_after_s(self) -> float:
        return min(OUT_OF_VIEW_AFTER_S, self.away_after_s * 3 / 8)

    def read_lately(self, now: float) -> bool:
        """Whether this camera gave a face that could be read in the last ten seconds or so."""
        lasts_s = max(READABLE_FOR_S, MISSED_SAMPLES * self.interval_s)
        since = max(self.camera_since, now - lasts_s)
        return bool(self.top) and self.readable_at >= since

    def absent_s(self, now: float) -> float:
        """For how long no face was there; a camera just switched on starts from nothing."""
        return now - max(self.face_at, self.camera_since)


@dataclass(frozen=True, slots=True)
class StudentState:
    state: State
    words: str
    since: float

    @property
    def look(self) -> Look:
        return LOOKS[self.state]

    @property
    def readable(self) -> bool:
        return self.look.counts is Counts.READABLE

    @property
    def in_room(self) -> bool:
        return self.look.counts is not Counts.OUT


def state_of(seen: Seen, now: float) -> StudentState:
    """The one state a student is in; the rules are tried from the top."""
    return _outside(seen, now) or _unread(seen, now) or _without_face(seen, now) or _read(seen)


def _outside(seen: Seen, now: float) -> StudentState | None:
    if seen.left_at:
        return StudentState(State.LEFT, left_words(seen.left_at), seen.left_at)
    if seen.connected:
        return None
    gone_s = now - seen.gone_at
    if gone_s > LEFT_AFTER_S:
        return StudentState(State.LEFT, left_words(seen.gone_at), seen.gone_at)
    words = _("reconnecting")
    if gone_s >= DISCONNECTED_AFTER_S:
        words = _("disconnected %(time)s") % {"time": for_time(gone_s)}
    return StudentState(State.DISCONNECTED, words, seen.gone_at)


def _unread(seen: Seen, now: float) -> StudentState | None:
    if not seen.camera:
        return StudentState(State.NO_CAMERA, _("no camera"), seen.camera_since)
    late = now - seen.read_at > seen.late_after_s or seen.read_at < seen.camera_since
    if late or not seen.worker or not seen.reading:
        return StudentState(State.WAITING, _("waiting"), seen.read_at)
    return None


def _without_face(seen: Seen, now: float) -> StudentState | None:
    if seen.reading == "unsure":
        if seen.read_lately(now):
            return None
        return StudentState(State.UNSURE, _("unsure"), seen.read_at)
    if seen.reading != "no_face":
        return None
    absent_s = seen.absent_s(now)
    since = now - absent_s
    if absent_s >= seen.away_after_s and not seen.quiet:
        return StudentState(State.AWAY, _("away %(time)s") % {"time": for_time(absent_s)}, since)
    if absent_s >= seen.out_of_view_after_s:
        words = _("out of view %(time)s") % {"time": clock(absent_s)}
        return StudentState(State.OUT_OF_VIEW, words, since)
    missed = absent_s > MISSED_SAMPLES * seen.interval_s or not seen.top
    if missed and not seen.read_lately(now):
        return StudentState(State.UNSURE, _("unsure"), since)
    return None


def _read(seen: Seen) -> StudentState:
    return StudentState(State.READING, reads_as(seen.top), seen.read_at)


def emotion(label: str) -> str:
    return str(EMOTIONS[label])


def reads_as(top: str) -> str:
    return _("reads as %(expression)s") % {"expression": emotion(top)}


def certainty(sure: float) -> str:
    if sure >= LIKELY:
        return _("likely")
    return _("maybe") if sure >= MAYBE else _("a guess")


def reading_words(top: str, sure: float) -> str:
    """What the student reads about their own face: "neutral, maybe"."""
    return _("%(expression)s, %(certainty)s") % {
        "expression": emotion(top),
        "certainty": certainty(sure),
    }


def left_words(epoch: float) -> str:
    return _("left %(time)s") % {"time": time_of_day(epoch)}


def flag_title(kind: str) -> str:
    return str(FLAG_TITLES[kind])


def flag_suggestion(kind: str) -> str:
    return str(FLAG_SUGGESTIONS[kind])


def is_tentative(kind: str) -> bool:
    """Flags that only a camera speaks for look tentative; a tap does not."""
    return kind in FACE_KINDS


def flag_reason(kind: str, name: str, seconds: float, sure: float | None = None) -> str:
    """One sentence: who, what in words, for how long, how sure."""
    told = {"name": name, "time": for_time(seconds), "sure": certainty(sure or 0)}
    if kind == "help":
        return _("%(name)s raised a hand %(time)s ago.") % told
    if kind == "away":
        return _("%(name)s has been out of the camera's view for %(time)s.") % told
    if kind == "low":
        return _("Expression has read lower than %(name)s's usual for %(time)s (%(sure)s).") % told
    if kind == "turned":
        return _("%(name)s has mostly faced another way for %(time)s (%(sure)s).") % told
    return _("Several students at once, for %(time)s.") % told


def sentence(line: str) -> str:
    """A line as one of several sentences, with the full stop of the reader's language."""
    full_stop = pgettext("at the end of a sentence", ".")
    return f"{line.removesuffix(full_stop)}{full_stop}"


def flag_reported(kind: str, name: str, seconds: float, sure: float | None = None) -> str:
    """The same, looking back: how long a hand was up says nothing by then."""
    if kind == "help":
        return _("%(name)s raised a hand.") % {"name": name}
    return flag_reason(kind, name, seconds, sure)


def here() -> str:
    """A student's state where faces are not read at all."""
    return _("here")


def more_flags(count: int) -> str:
    return ngettext("%(count)d more", "%(count)d more", count) % {"count": count}


def flags_folded(useful: int, rated: int) -> str:
    told = {"useful": useful, "rated": rated}
    return _("Face flags are hidden: you found %(useful)d of %(rated)d useful.") % told
