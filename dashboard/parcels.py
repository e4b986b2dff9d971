"""A long message in several short ones, so that none holds a page's one thread up for long.

A page of a small class opens with one message. For two hundred students rows, charts and small
lines follow in messages of their own, in the forms in which their news comes anyway.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.changes import whole

MOST_BYTES = 24_000
"""Under the 30 KB that a message may have, because charts do not come in smaller pieces."""

Message = dict[str, Any]


def size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def parted(hello: Message) -> list[Message]:
    """`hello` itself if it is short; otherwise its head, and what was taken out of it."""
    if size(hello) <= MOST_BYTES:
        return [hello]
    told = dict(hello["hello"])
    rows, lines = told["picture"]["rows"], told.pop("sparklines")
    charts = told.pop("charts")
    told["picture"] = {**told["picture"], "rows": {}}
    told["ids"] = sorted(rows)
    return [
        {"hello": told},
        *({"tick": {"students": list(some)}} for some in portions(rows.values())),
        *({"slice": {"charts": part}} for part in figures_of(charts)),
        *({"slice": {"sparklines": dict(some)}} for some in portions(lines.items())),
    ]


def figures_of(charts: Message) -> Iterator[Message]:
    """Each figure alone, as a change that takes the old one's place whole."""
    yield from ({"mood": {name: whole(figure)}} for name, figure in charts["mood"].items())
    yield {"engagement": whole(charts["engagement"])}


def ticks(at: float, changed: Message) -> list[Message]:
    """A second's news; when a whole class comes in at once its rows are shared out."""
    first, *more = list(portions(changed.get("students", ()))) or [[]]
    head = {"at": at, **changed}
    if "students" in changed:
        head["students"] = first
    return [{"tick": head}, *({"tick": {"at": at, "students": some}} for some in more)]


def slices(message: Message) -> list[Message]:
    """After a gap every chart is new from its beginning: then each comes alone."""
    told = dict(message["slice"])
    if "charts" not in told or size(message) <= MOST_BYTES:
        return [message]
    charts = told.pop("charts")
    figures = [{"mood": {name: news}} for name, news in charts.get("mood", {}).items()]
    if "engagement" in charts:
        figures.append({"engagement": charts["engagement"]})
    return [{"slice": told}, *({"slice": {"charts": one}} for one in figures)]


def portions(items: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    filled = 0
    for item in items:
        length = size(item) + 1
        if some and filled + length > MOST_BYTES:
            yield some
            some, filled = [], 0
        some.append(item)
        filled += length
    if some:
        yield some
