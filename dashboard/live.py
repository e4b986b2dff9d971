"""Folds what is told about a lesson into the picture of this second. No I/O happens here.

Every message is whole and carries its moment, so the picture is the same whether a message comes
once, twice, late or never: newest wins for states, and what only ever grows is merged. The picture
is made on the teacher socket's own clock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from classroom.models import Participant
from dashboard.coverage import counted, coverage
from dashboard.panel import panel
from dashboard.stored import LessonState, OpenFlag, Person, Stored, Tap
from dashboard.workers import Worker
from emotions import words
from emotions.pulse import TAPS_COUNT_S
from emotions.words import Seen, State, StudentState, state_of

PROCESS_SILENT_S = 15
ROLL_CALL_S = 6
"""A heartbeat comes every 5 s: until one was heard, whoever was just written down is here."""
ON = Participant.Camera.ON.value

LASTING = {State.LEFT, State.DISCONNECTED, State.NO_CAMERA, State.OUT_OF_VIEW, State.AWAY}
"""States whose beginning means something; a reading begins anew with every sample."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What one web process last said of the students connected to it."""

    at: float
    students: Mapping[int, tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the page shows this second."""

    rows: dict[int, dict[str, Any]]
    counts: dict[str, int]
    coverage: dict[str, Any]
    taps: list[dict[str, Any]]
    worker: dict[str, Any]
    removed: list[dict[str, Any]]


class Room:
    def __init__(self, away_after_s: float) -> None:
        self.away_after_s = away_after_s
        self.lesson: LessonState | None = None
        self.lesson_at = 0.0
        self.people: dict[int, Person] = {}
        self.told: dict[int, tuple[float, str, bool]] = {}
        self.processes: dict[str, Presence] = {}
        self.connected_at: dict[int, float] = {}
        self.left_at: dict[int, float] = {}
        self.readings: dict[int, dict[str, Any]] = {}
        self.faces: dict[int, dict[str, Any]] = {}
        self.face_at: dict[int, float] = {}
        self.tapped: dict[str, Tap] = {}
        self.flags: list[OpenFlag] = []
        self.flags_at = self.stored_at = 0.0
        self.useful = self.rated = 0
        self.worker = Worker()

    # What is told.

    def stored(self, stored: Stored) -> None:
        self._lesson(stored.lesson, stored.at)
        for person in stored.people:
            self.people[person.id] = person
        for tap in stored.taps:
            self._tap(tap)
        self.stored_at = self.stored_at or stored.at
        self._flags(stored.flags, stored.at)
        self.useful, self.rated = stored.useful, stored.rated

    def presence(self, message: Mapping[str, Any]) -> None:
        at, process = float(message["at"]), str(message["process"])
        students = {
            int(student): (str(state["camera"]), float(state["since"]))
            for student, state in message["students"].items()
        }
        for student in students:
            self.connected_at[student] = max(at, self.connected_at.get(student, 0))
        for student, left_at in message.get("left", {}).items():
            self.left_at[int(student)] = max(float(left_at), self.left_at.get(int(student), 0))
        known = self.processes.get(process)
        if known is None or known.at < at:
            self.processes[process] = Presence(at, students)

    def reading(self, message: Mapping[str, Any]) -> None:
        for key, text in message["students"].items():
            student, reading = int(key), json.loads(text)
            if newer(reading, self.readings.get(student)):
                self.readings[student] = reading
            if reading["state"] == "reading" and newer(reading, self.faces.get(student)):
                self.faces[student] = reading
            face_at = float(reading.get("face_since") or 0)
            self.face_at[student] = max(face_at, self.face_at.get(student, 0))

    def taps(self, message: Mapping[str, Any]) -> None:
        for tap in message["taps"]:
            undone = bool(tap["undone"])
            self._tap(
                Tap(str(tap["id"]), int(tap["student"]), tap["kind"], float(tap["at"]), undone)
            )

    def flagged(self, message: Mapping[str, Any]) -> None:
        flags = [
            OpenFlag(
                id=int(flag["id"]),
                kind=flag["kind"],
                student=flag["student"],
                since=float(flag["since"]),
                raised_at=float(flag["raised_at"]),
                sure=flag["sure"],
                snoozed_until=float(flag["snoozed_until"]),
                verdict=flag.get("verdict", ""),
            )
            for flag in message["flags"]
        ]
        self._flags(flags, float(message.get("at", self.flags_at)))

    def changed(self, message: Mapping[str, Any]) -> None:
        if self.lesson is None:
            return
        told = message["lesson"]
        lesson = replace(
            self.lesson,
            paused=bool(told["paused"]),
            locked=bool(told["locked"]),
            quiet_until=float(told["quiet_until"] or 0),
            interval_ms=int(told["interval_ms"]),
            analysis=bool(told["analysis"]),
            closed_at=float(told.get("closed_at") or self.lesson.closed_at or 0),
        )
        self._lesson(lesson, float(message.get("at", self.lesson_at)))

    def student(self, message: Mapping[str, Any]) -> None:
        """Renamed, removed or let in again."""
        student, at = int(message["student"]), float(message.get("at", 0))
        known = self.told.get(student)
        if known is None or known[0] <= at:
            self.told[student] = (at, str(message["name"]), bool(message["removed"]))

    def _lesson(self, lesson: LessonState, at: float) -> None:
        if self.lesson is None or at >= self.lesson_at:
            self.lesson, self.lesson_at = lesson, at

    def _tap(self, tap: Tap) -> None:
        known = self.tapped.get(tap.id)
        if known is None or tap.undone:
            self.tapped[tap.id] = tap

    def _flags(self, flags: list[OpenFlag], at: float) -> None:
        if at >= self.flags_at:
            self.flags, self.flags_at = flags, at

    # What it comes to.

    @property
    def strangers(self) -> set[int]:
        """Students who are connected, but whose names have not been read yet."""
        connected = {student for told in self.processes.values() for student in told.students}
        return connected - self.people.keys()

    def person(self, student: int) -> Person:
        person = self.people[student]
        if student not in self.told:
            return person
        _, name, removed = self.told[student]
        return replace(person, name=name or person.name, removed=removed)

    def seat(self, student: int, now: float) -> tuple[str, float] | None:
        """Camera and since when, as the process says that the student is connected to."""
        seats = [
            told.students[student]
            for told in self.processes.values()
            if student in told.students and now - told.at <= PROCESS_SILENT_S
        ]
        if not self.processes and now - self.stored_at < ROLL_CALL_S:
            seats = self.expected(student, now)
        return max(seats, key=lambda seat: seat[1], default=None)

    def expected(self, student: int, now: float) -> list[tuple[str, float]]:
        """Where this student is most likely to be, before anyone has answered the roll call."""
        person = self.people[student]
        return [] if person.gone_at(now) else [(person.camera, person.joined_at)]

    def seen(self, person: Person, now: float) -> Seen:
        seat = self.seat(person.id, now)
        gone_at = max(person.seen_at, person.joined_at, self.connected_at.get(person.id, 0))
        left_at = max(person.left_at, self.left_at.get(person.id, 0))
        newest = self.readings.get(person.id, {})
        face = self.faces.get(person.id, {})
        lesson = self.lesson
        assert lesson is not None
        return Seen(
            connected=seat is not None,
            gone_at=gone_at,
            left_at=left_at if seat is None and left_at >= gone_at - 1 else 0,
            camera=seat is not None and seat[0] == ON,
            camera_since=seat[1] if seat else 0,
            reading=newest.get("state", ""),
            read_at=newest.get("at", 0),
            face_at=self.face_at.get(person.id, 0),
            top=face.get("top") or "",
            sure=face.get("sure") or 0,
            readable_at=face.get("at", 0),
            worker=self.worker.is_there,
            quiet=lesson.quiet_until > now,
            interval_s=lesson.interval_ms / 1000,
            away_after_s=self.away_after_s,
        )

    def states(self, now: float) -> dict[int, StudentState]:
        found = {}
        for student in sorted(self.people):
            person = self.person(student)
            if not person.removed:
                found[student] = state_of(self.seen(person, now), now)
        return found

    def picture(self, now: float) -> Picture:
        states = self.states(now)
        fresh = self.fresh_taps(now)
        rows = {student: self._row(student, state, fresh) for student, state in states.items()}
        here = {student: state for student, state in states.items() if state.in_room}
        counts = counted(here.values())
        return Picture(
            rows=rows,
            counts=counts,
            coverage=coverage(here.values(), counts),
            taps=self._tap_sums(fresh),
            worker=self.worker.as_dict(),
            removed=self.removed(),
        )

    def removed(self) -> list[dict[str, Any]]:
        """Who can be let in again. An erased student has no name, and is not there any more."""
        people = [self.person(student) for student in sorted(self.people)]
        return [{"id": one.id, "name": one.name} for one in people if one.removed]

    def forget(self, student: int, *, face_only: bool = False) -> None:
        """Of an erased student nothing stays; of one who took consent back, nothing read."""
        known: list[dict[int, Any]] = [self.readings, self.faces, self.face_at]
        if not face_only:
            known += [self.people, self.told, self.connected_at, self.left_at]
        for part in known:
            part.pop(student, None)
        if face_only:
            return
        self.tapped = {key: tap for key, tap in self.tapped.items() if tap.student != student}

    def fresh_taps(self, now: float) -> list[Tap]:
        """Taps that have not faded, oldest first."""
        taps = [t for t in self.tapped.values() if not t.undone and now - t.at < TAPS_COUNT_S]
        return sorted(taps, key=lambda tap: (tap.at, tap.id))

    def _row(self, student: int, state: StudentState, fresh: list[Tap]) -> dict[str, Any]:
        person = self.person(student)
        face = self.faces.get(student, {}) if state.readable else {}
        row = {
            "id": student,
            "name": person.name,
            "joined": round(person.joined_at),
            "state": str(state.state),
            "words": state.words,
            "token": face.get("top") or state.look.token,
            "icon": state.look.icon,
            "since": round(state.since) if state.state in LASTING else 0,
            "top": face.get("top"),
            "sure": face.get("sure"),
            "certainty": words.certainty(face["sure"]) if face.get("sure") else "",
            "tap": newest_tap(tap for tap in fresh if tap.student == student),
            "flags": sorted({flag.kind for flag in self.flags if flag.student == student}),
        }
        if self.lesson and not self.lesson.analysis and state.in_room:
            row |= without_faces(state)
        return row

    def _tap_sums(self, fresh: list[Tap]) -> list[dict[str, Any]]:
        sums = Counter(tap.kind for tap in fresh)
        return [
            {"kind": kind, "words": str(words.TAPS[kind]), "count": sums[kind]}
            for kind in words.TAPS
            if sums[kind]
        ]

    def flags_shown(self, now: float, pulse_line: str = "") -> dict[str, Any]:
        """`pulse_line` is the reason of the class's flag, because both are one event."""
        names = {student: self.person(student).name for student in self.people}
        here = [flag for flag in self.flags if self._stands(flag)]
        return panel(here, names, now, useful=self.useful, rated=self.rated, pulse_line=pulse_line)

    def _stands(self, flag: OpenFlag) -> bool:
        if flag.student is None:
            return True
        return flag.student in self.people and not self.person(flag.student).removed


def newer(reading: Mapping[str, Any], known: Mapping[str, Any] | None) -> bool:
    return known is None or (reading["at"], reading["seq"]) > (known["at"], known["seq"])


def newest_tap(taps: Iterable[Tap]) -> dict[str, Any] | None:
    """A raised hand stays in sight; otherwise the newest tap."""
    tap = max(taps, key=lambda tap: (tap.kind == "hand", tap.at), default=None)
    if tap is None:
        return None
    return {"kind": tap.kind, "words": str(words.TAPS[tap.kind]), "at": round(tap.at)}


def without_faces(state: StudentState) -> dict[str, Any]:
    """Where faces are not read, nobody is "without" a camera."""
    if state.state is State.DISCONNECTED:
        return {}
    return {"state": "here", "words": words.here(), "icon": "user", "token": "unknown", "since": 0}
