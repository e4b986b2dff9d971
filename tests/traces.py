"""Looks for pictures where none may be: files, logs, databases and caches, whatever the coding.

A snapshot's traces are short runs of its own compressed bytes, searched raw, in base64 at all
three alignments, in hex and as Python would print them, inside zlib streams too. Any other JPEG,
PNG or WebP counts as well, by its magic.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PIECE = 18
MAGICS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"WEBPVP8": "WebP"}
ALLOWED_SUFFIXES = {".pyc"}


def traces_of(picture: bytes) -> set[bytes]:
    """Byte strings that only this picture, in some coding, would leave behind."""
    found: set[bytes] = set()
    for part in (1, 2, 3):
        start = len(picture) * part // 4
        piece = picture[start : start + PIECE]
        found |= {piece, piece.hex().encode(), repr(piece)[2:-1].encode()}
        found |= {
            base64.b64encode(b"\0" * pad + piece)[4 if pad else 0 : -4].rstrip(b"=")
            for pad in range(3)
        }
    return found


def unpacked(data: bytes) -> Iterator[bytes]:
    """The bytes themselves, then whatever zlib streams stand in them."""
    yield data
    for head in (b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        at = data.find(head)
        while at >= 0:
            yield inflated(data[at:])
            at = data.find(head, at + 1)


def inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, 1_000_000)
    except zlib.error:
        return b""


def pictures_in(folder: Path, sent: Iterable[bytes]) -> list[str]:
    """What was found under `folder`, as `file: what`; empty when no picture is there."""
    marks = set().union(*(traces_of(picture) for picture in sent))
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in ALLOWED_SUFFIXES:
            continue
        for data in unpacked(path.read_bytes()):
            found += [f"{path.name}: {kind}" for magic, kind in MAGICS.items() if magic in data]
            found += [f"{path.name}: a snapshot's bytes" for mark in marks if mark in data][:1]
    return sorted(set(found))
