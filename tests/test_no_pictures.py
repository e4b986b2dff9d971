"""No image outlives its reading: not on disk, in the database, in a log or in the cache.

A real server reads real snapshots over real sockets; then every file of its data folder, of its
temporary folder and of its log is searched. The same search over a server in which a line that
keeps frames was planted must find them, or it would prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from emotions import load
from tests.running import Served
from tests.traces import pictures_in, traces_of, unpacked


def after_a_lesson(serving: Callable[..., Served], **extra: str) -> list[str]:
    served = serving(
        DJANGO_SETTINGS_MODULE="tests.planted", EXPRESSION_ANALYSIS="on", PYTHONPATH=".", **extra
    )
    done = served.manage(
        *("loadtest", "--url", served.url, "--json", "--keep"),
        *("--students", "3", "--rate", "1", "--seconds", "6"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["analysed"] >= 9, done.stdout
    served.stop()
    return pictures_in(served.data, load.snapshots(24))


def test_nothing_of_a_snapshot_is_left_after_a_lesson(serving: Callable[..., Served]) -> None:
    assert after_a_lesson(serving) == []


def test_planted_lines_that_keep_frames_are_found(serving: Callable[..., Served]) -> None:
    found = "\n".join(after_a_lesson(serving, PLANT="1"))
    for place in ("kept.bin", "serve.log", "db.sqlite3", ".djcache"):
        assert place in found, found


def test_every_coding_of_a_snapshot_counts_as_a_trace() -> None:
    picture = load.snapshots(1)[0]
    marks = traces_of(picture)
    codings = (picture, picture.hex().encode(), repr(picture).encode())
    for coded in codings:
        assert any(mark in coded for mark in marks)


def test_compressed_bytes_are_searched_too() -> None:
    import zlib

    packed = b"head" + zlib.compress(b"\xff\xd8\xff and more")
    assert any(b"\xff\xd8\xff" in data for data in unpacked(packed))
