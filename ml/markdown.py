"""Markdown as the card and the tables of measurements write it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def said(words: str) -> str:
    """A paragraph or a point, in lines of at most 118 characters."""
    return textwrap.fill(words, 118, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
