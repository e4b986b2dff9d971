"""Finds what is still English on a page that should be in another language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

# What has no other name in Hindi, or must be typed as it stands.
NAMES = {
    *("AI", "Allow", "CSV", "EU", "English", "HTTPS", "JPEG", "JSON", "MB", "PDF", "QR"),
    *("Esc", "csrf", "false", "https", "make", "null", "run", "sqlite", "postgresql", "true", "ms"),
}
WORDS = re.compile(r"[A-Za-z]{2,}")
PLOTLY_S = "infer zero"  # An option of its charts.
# Places such as {time}, addresses, tags, and join codes such as 7KQ2-M9XA-PT4C.
MARKS = re.compile(r"%?\{[^}]*\}|https?://\S+|</?\w+>|\b[0-9A-Z]{4}(?:-[0-9A-Z]{4})*\b")
READ_OUT = {"alt", "aria-label", "content", "placeholder", "title", "value"}
SILENT = {"script", "style", "code"}
"""Elements whose text is no language; scripts hold data, which `sayings` reads."""


class Reader(HTMLParser):
    """Collects what somebody can read or hear of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.said: list[str] = []
        self.data: list[Any] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "code", "title", "a", "span", "button"}:
            self.inside.append("code" if self.is_code(attrs) else tag)
        hidden = tag == "meta" or dict(attrs).get("type") in {"hidden", "radio"}
        for name, value in attrs:
            told = name.startswith("data-") or (name in READ_OUT and not hidden)
            # One word alone in a data attribute is a name for the script.
            if value and told and (name in READ_OUT - {"value"} or " " in value):
                self.said.append(value)

    @staticmethod
    def is_code(attrs: list[tuple[str, str | None]]) -> bool:
        """The join link and the code's groups."""
        return "mono" in (dict(attrs).get("class") or "").split()

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "code", "title", "a", "span", "button"} and self.inside:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] == "script" and data.strip().startswith("{"):
            self.data.append(json.loads(data))
        elif not SILENT & set(self.inside):
            self.said.append(data)


def sayings(told: Any) -> Iterator[str]:
    """Every sentence in data for a script; a single word is a name or a token there."""
    if isinstance(told, dict):
        for value in told.values():
            yield from sayings(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from sayings(value)
    elif isinstance(told, str) and " " in told.strip() and told != PLOTLY_S:
        yield told


def left_in(text: str) -> list[str]:
    """English words of a text, less names and marks."""
    plain = MARKS.sub(" ", text)
    return [word for word in WORDS.findall(plain) if word not in NAMES]


def left_on_page(html: str) -> list[str]:
    reader = Reader()
    reader.feed(html)
    said = [*reader.said, *sayings(reader.data)]
    return [" ".join(text.split()) for text in said if left_in(text)]


def left_in_data(told: Any) -> list[str]:
    return [text for text in sayings(told) if left_in(text)]
