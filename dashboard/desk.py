"""One open teacher's page: what is known of its lesson, and what the page was already told.

Pure like the picture it keeps. The socket feeds it and asks once a second what is new; only what
changed goes out.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from classroom.models import Lesson
from dashboard.beats import Beats, Past
from dashboard.changes import SAME, change
from dashboard.figures import chart, figures
from dashboard.live import ROLL_CALL_S, Picture, Room
from dashboard.parcels import parted, slices, ticks
from dashboard.sparklines import Sparklines
from dashboard.stored import LessonState, Person, Stored, Tap
from dashboard.timeline import Timeline, bands
from dashboard.workers import Worker
from emotions import lines, words
from emotions.pulse import Conditions, Level, Said

REREAD_S = 120
"""How far back each news of a slice is read again: late rows and lost messages come with it."""

Message = dict[str, Any]


class Desk:
    def __init__(self, stored: Stored, now: float) -> None:
        self.room = Room(stored.rules.away_after_s)
        self.timeline = Timeline()
        self.beats = Beats(stored.rules)
        self.marks = stored.marks
        self.sent: Picture | None = None
        self.sent_flags: Message = {}
        self.sent_grounds: tuple[Conditions, bool, bool, int] | None = None
        self.sent_seqs: dict[int, int] = {}
        self.sent_charts: Message = {}
        self.sent_lines = Sparklines(0, {})
        self.refresh(stored)
        self.beats.advance(self.timeline, self.past(now), now)

    @property
    def lesson(self) -> LessonState:
        assert self.room.lesson is not None
        return self.room.lesson

    def refresh(self, stored: Stored) -> None:
        """What the database holds, read whole or from a moment ago."""
        self.room.stored(stored)
        self.timeline.put(stored.slices)
        self.marks = stored.marks

    def forget(self, student: int) -> None:
        self.timeline.forget(student)

    def people(self) -> list[Person]:
        return [self.room.person(student) for student in self.room.people]

    def taps(self) -> list[Tap]:
        return list(self.room.tapped.values())

    def past(self, now: float) -> Past:
        return Past(self.lesson, self.people(), self.taps(), bands(self.marks, now))

    # What the page is told.

    def hello(self, now: float) -> Message:
        picture = self.room.picture(now)
        self.sent, self.sent_flags = picture, self.flags(now)
        self.sent_charts, self.sent_lines = self.charts(now), self.lines()
        return {
            "hello": {
                "at": now,
                "lesson": self.lesson_told(),
                "words": page_words(),
                "picture": asdict(picture),
                "flags": self.sent_flags,
                "pulse": self.pulse(now),
                "charts": self.sent_charts,
                "until": self.sent_lines.until,
                "sparklines": self.sent_lines.of,
            }
        }

    def opening(self, now: float) -> list[Message]:
        """What a page that opens is told: the same, for a large class in several messages."""
        return parted(self.hello(now))

    def lesson_told(self) -> Message:
        lesson = self.lesson
        return {
            **asdict(lesson),
            "closed": bool(lesson.closed_at),
            "simulated": lesson.is_simulated,
        }

    def tick(self, now: float) -> list[Message]:
        """Everything that changed since the last second; nothing if nothing did."""
        messages: list[Message] = []
        picture = self.room.picture(now)
        changed = self._changed(picture, now)
        if changed:
            messages += ticks(now, changed)
        self.sent = picture
        flags = self.flags(now)
        if flags != self.sent_flags:
            self.sent_flags = flags
            messages.append(flags)
        stepped = self.beats.advance(self.timeline, self.past(now), now)
        if stepped or self.grounds(now) != self.sent_grounds:
            messages.append({"slice": {"pulse": self.pulse(now)}})
        return messages

    def flags(self, now: float) -> Message:
        said = self.pulse_said(now)
        return self.room.flags_shown(now, said.line if said.key == Level.CHECK_IN.key else "")

    def slice_told(self, now: float) -> Message:
        """The charts and small lines as far as they changed since they were last told."""
        told: Message = {"pulse": self.pulse(now)}
        charts, lines = self.charts(now), self.lines()
        news = change(self.sent_charts, charts)
        if news is not SAME:
            told["charts"] = news
        told["tails"] = lines.since(self.sent_lines)
        self.sent_charts, self.sent_lines = charts, lines
        return {"slice": told}

    def slice_news(self, now: float) -> list[Message]:
        return slices(self.slice_told(now))

    def _changed(self, picture: Picture, now: float) -> Message:
        old = self.sent
        changed: Message = {}
        known = old.rows if old else {}
        rows = [news for row in picture.rows.values() if (news := changed_row(known, row))]
        gone = sorted(known.keys() - picture.rows.keys())
        if rows or gone:
            changed |= {"students": rows, "gone": gone}
        for part in ("counts", "coverage", "taps", "worker", "removed"):
            if old is None or getattr(old, part) != getattr(picture, part):
                changed[part] = getattr(picture, part)
        return changed | self._seqs()

    def _seqs(self) -> Message:
        """In a load test, which snapshot of each student has arrived here."""
        if self.lesson.mode != Lesson.Mode.LOAD:
            return {}
        seqs = {student: reading["seq"] for student, reading in self.room.readings.items()}
        if seqs == self.sent_seqs:
            return {}
        new = {s: seq for s, seq in seqs.items() if self.sent_seqs.get(s) != seq}
        self.sent_seqs = seqs
        return {"seqs": new}

    def conditions(self, now: float) -> Conditions:
        lesson, worker = self.lesson, self.room.worker
        return Conditions(
            analysis=lesson.analysis,
            paused=lesson.paused,
            worker=worker.is_there,
            analysed_at=0 if worker.is_there else worker.seen_at,
            quiet_until=lesson.quiet_until if lesson.quiet_until > now else 0,
            first_read_at=self.timeline.first_read_at,
        )

    def grounds(self, now: float) -> tuple[Conditions, bool, bool, int]:
        """What changes the pulse's line without waiting for the next ten seconds."""
        counts = (self.sent or self.room.picture(now)).counts
        return self.conditions(now), counts["room"] > 0, counts["cameras"] > 0, self.flagged()

    def flagged(self) -> int:
        """How many flags the page shows or counts."""
        return len(self.sent_flags.get("flags", ())) + int(self.sent_flags.get("more", 0))

    def pulse(self, now: float) -> Message:
        self.sent_grounds = self.grounds(now)
        said = self.pulse_said(now)
        if said.key == Level.STEADY.key:
            said = replace(said, line=lines.steady_line(self.flagged()))
        arrow = "" if said.grey else self.beats.arrow
        return {**asdict(said), "arrow": arrow, "arrow_word": lines.arrow_word(arrow)}

    def pulse_said(self, now: float) -> Said:
        counts = dict((self.sent or self.room.picture(now)).counts)
        if now - self.room.stored_at < ROLL_CALL_S:
            # A page just opened: the last slice knows better than the first seconds.
            counts["readable"] = max(counts["readable"], self.beats.pulse.signals.readable)
        return self.beats.said(now, self.conditions(now), counts)

    def charts(self, now: float) -> Message:
        lesson = self.lesson
        points = self.timeline.points(self.people(), now)
        ends_at = max(self.timeline.last_analysed_at, lesson.opened_at + 60)
        if not lesson.analysis:
            ends_at = max(now, ends_at)
        return figures(
            chart(
                points,
                marks=self.marks,
                bands=bands(self.marks, now),
                taps=self.taps(),
                mode=lesson.mode,
                span=(lesson.opened_at, ends_at),
            )
        )

    def sparklines(self) -> dict[int, list[float | None]]:
        return dict(self.lines().of)

    def lines(self) -> Sparklines:
        until = self.timeline.last_analysed_at
        # Of a removed student the page keeps nothing; let in again, the line is told whole.
        here = [one for one in self.room.people if not self.room.person(one).removed]
        return Sparklines(until, {one: self.timeline.spark(one, until) for one in here})

    def worker(self, told: Message, now: float) -> None:
        """The worker as emotions.meters describes it; simulated students need none."""
        state = str(told["state"])
        seen_at = float(told["since"]) if state == "none" else now
        self.room.worker = Worker(
            state=state,
            seen_at=seen_at,
            analysing=float(told["analysing"]),
            offered=float(told["offered"]),
            simulated=self.lesson.mode == Lesson.Mode.PRACTICE,
        )


def changed_row(known: dict[int, Message], row: Message) -> Message:
    """Of a row the page has, only what changed and whose it is; empty if nothing did."""
    old = known.get(row["id"])
    if old is None:
        return row
    changed = {key: value for key, value in row.items() if old.get(key) != value}
    return {"id": row["id"], **changed} if changed else {}


def page_words() -> Message:
    """What the page's script puts into sentences or labels, in the reader's language."""
    return {
        "expressions": {key: str(word) for key, word in words.EMOTIONS.items()},
        "taps": {key: str(word) for key, word in words.TAPS.items()},
        "flags": {key: str(word) for key, word in words.FLAG_TITLES.items()},
        "pulse": {key: lines.pulse_word(key) for key in ("steady", "mixed", "check_in")},
        "arrows": {key: lines.arrow_word(key) for key in ("rising", "holding", "falling")},
    }
