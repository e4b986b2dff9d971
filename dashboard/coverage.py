"""How much of the class can be read at all: the counts and dots that stand beside every word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emotions import lines
from emotions.words import State, StudentState

DOTS = {True: "f", False: "h", None: "o"}
"""Filled: readable; hatched: a camera that is not; hollow: no camera."""


def has_camera(state: StudentState) -> bool:
    return state.in_room and state.state not in (State.NO_CAMERA, State.DISCONNECTED)


def counted(here: Iterable[StudentState]) -> dict[str, int]:
    here = list(here)
    return {
        "room": len(here),
        "cameras": sum(has_camera(state) for state in here),
        "readable": sum(state.readable for state in here),
        "away": sum(state.state is State.AWAY for state in here),
    }


def coverage(here: Iterable[StudentState], counts: Mapping[str, int]) -> dict[str, Any]:
    """The dots are sorted, so that none stands for a certain student."""
    dots = [DOTS[state.readable if has_camera(state) else None] for state in here]
    return {
        "readable": counts["readable"],
        "of": counts["room"],
        "words": lines.coverage(counts["readable"], counts["room"]),
        "dots": "".join(sorted(dots)),
    }
