"""A rule with a line in it: what it answers just below, at, and just above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """`ask` of the values below, at and above the line, and the three answers."""

    rule: str
    ask: Callable[[Any], Any]
    values: tuple[Any, Any, Any]
    answers: tuple[Any, Any, Any]

    @property
    def found(self) -> tuple[Any, ...]:
        return tuple(self.ask(value) for value in self.values)
