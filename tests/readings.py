"""Readings for tests, as a worker would make them."""

from __future__ import annotations

from typing import Any

from emotions.readings import Reading

NEUTRAL = (0.02, 0.01, 0.02, 0.1, 0.78, 0.05, 0.02)
SAD = (0.05, 0.05, 0.1, 0.05, 0.15, 0.55, 0.05)
NOW = 1_800_000_000.0


def reading(lesson: int = 1, student: int = 1, at: float = NOW, **fields: Any) -> Reading:
    filled = {"state": "reading", "p": NEUTRAL, "sure": 0.78, "yaw": 0.0, "seq": 1, **fields}
    return Reading(lesson=lesson, student=student, offered_at=at, read_at=at + 0.05, **filled)


def no_face(lesson: int = 1, student: int = 1, at: float = NOW) -> Reading:
    return Reading(lesson, student, 1, at, at, state="no_face")


def unsure(lesson: int = 1, student: int = 1, at: float = NOW, why: str = "dark") -> Reading:
    return Reading(lesson, student, 1, at, at, state="unsure", why=why)
