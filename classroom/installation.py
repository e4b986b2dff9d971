"""What this installation decided: whether faces are analysed, and who decided it.

The environment wins over the choice made at set-up, so that an administrator can fix the answer
for everybody. Nothing chosen means off.
"""

from __future__ import annotations

from django.conf import settings

from classroom.models import Installation

ON = Installation.Analysis.ON.value
OFF = Installation.Analysis.OFF.value


def row() -> Installation:
    return Installation.objects.get_or_create(pk=1)[0]


def analysis_fixed() -> bool:
    """The environment has decided."""
    return bool(settings.EXPRESSION_ANALYSIS)


def analysis_on() -> bool:
    return (settings.EXPRESSION_ANALYSIS or row().analysis) == ON


def analysis_chosen() -> bool:
    return bool(settings.EXPRESSION_ANALYSIS or row().analysis)


def choose(word: str) -> None:
    """Store the answer of the set-up page; refused when the environment has decided."""
    if word not in (ON, OFF):
        raise ValueError("Choose on or off.")
    if analysis_fixed():
        raise ValueError("Face analysis is set by EXPRESSION_ANALYSIS on the server.")
    Installation.objects.update_or_create(pk=1, defaults={"analysis": word})
