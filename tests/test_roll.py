"""A worker that dies leaves its last heartbeat behind, and in it what it had not stored."""

from __future__ import annotations

from typing import Any

from emotions.roll import Roll

NOW = 1_800_000_000.0


def beat(process: int, at: float, held: int) -> dict[str, Any]:
    return {"host": "a", "process": process, "at": at, "held": held}


def test_worker_that_died_lost_what_its_last_beat_held() -> None:
    roll = Roll()
    assert roll.look([beat(1, NOW, 40), beat(2, NOW, 30)], NOW) == 0
    # Its beat has expired, six seconds after it was given.
    assert roll.look([beat(2, NOW + 6, 35)], NOW + 6.5) == 40
    assert roll.look([beat(2, NOW + 8, 35)], NOW + 8.5) == 0


def test_worker_that_stopped_took_its_beat_back_and_lost_nothing() -> None:
    roll = Roll()
    roll.look([beat(1, NOW, 40)], NOW + 1)
    assert roll.look([], NOW + 3) == 0


def test_beats_that_redis_forgot_say_nothing() -> None:
    roll = Roll()
    roll.look([beat(1, NOW, 40)], NOW)
    roll.forget()
    assert roll.look([], NOW + 10) == 0
