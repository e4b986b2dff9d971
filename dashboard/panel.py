"""Who to look at: at most three explained flags, help first, and the rest as a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.stored import OpenFlag
from emotions import words

SHOWN = 3
RATED_ENOUGH = 20
ORDER = {"help": 0, "class": 1, "away": 2}
LAST = 3


def panel(
    flags: Iterable[OpenFlag],
    names: Mapping[int, str],
    now: float,
    *,
    useful: int,
    rated: int,
    pulse_line: str = "",
) -> dict[str, Any]:
    open_flags = [flag for flag in flags if flag.snoozed_until <= now]
    folded: list[OpenFlag] = []
    if folds_face_flags(useful, rated):
        folded = [flag for flag in open_flags if words.is_tentative(flag.kind)]
    shown = sorted(
        (flag for flag in open_flags if flag not in folded),
        key=lambda flag: (ORDER.get(flag.kind, LAST), flag.since, flag.id),
    )
    more = max(0, len(shown) - SHOWN)
    return {
        "flags": [card(flag, names, now, pulse_line) for flag in shown[:SHOWN]],
        "more": more,
        "more_words": words.more_flags(more) if more else "",
        "folded": folded_away(folded, names, now, useful, rated) if folded else None,
    }


def folds_face_flags(useful: int, rated: int) -> bool:
    """Fewer than half of enough rated flags were useful: do not press them on the teacher."""
    return rated >= RATED_ENOUGH and useful * 2 < rated


def folded_away(
    flags: Iterable[OpenFlag], names: Mapping[int, str], now: float, useful: int, rated: int
) -> dict[str, Any]:
    return {
        "words": words.flags_folded(useful, rated),
        "flags": [card(flag, names, now) for flag in flags],
    }


def card(
    flag: OpenFlag, names: Mapping[int, str], now: float, pulse_line: str = ""
) -> dict[str, Any]:
    """The class's flag gives the pulse's own reason: both are one event."""
    name = "" if flag.student is None else names[flag.student]
    lasted_s = calmly(now - flag.since)
    tentative = words.is_tentative(flag.kind)
    reason = words.flag_reason(flag.kind, name, lasted_s, flag.sure)
    if flag.student is None and pulse_line:
        reason = words.sentence(pulse_line)
    return {
        "id": flag.id,
        "kind": flag.kind,
        "title": words.flag_title(flag.kind),
        "student": flag.student,
        "name": name,
        "reason": reason,
        "since": round(flag.since),
        "words_since": words.for_time(lasted_s),
        "sure_words": words.certainty(flag.sure or 0) if tentative else "",
        "suggestion": words.flag_suggestion(flag.kind),
        "tentative": tentative,
        "verdict": flag.verdict,
    }


def calmly(lasted_s: float) -> float:
    """In steps of ten seconds: a card that counts every second pulls the eye."""
    return lasted_s // 10 * 10
