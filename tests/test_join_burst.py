"""A whole school joins one web process in the same second, and everybody is in."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.running import Served

SCHOOL = 300


def test_three_hundred_sockets_in_one_second_all_connect(serving: Callable[..., Served]) -> None:
    served = serving(EXPRESSION_ANALYSIS="on")
    words = ("--students", str(SCHOOL), "--rate", "0.5", "--seconds", "2", "--window", "2")
    done = served.manage("loadtest", "--url", served.url, "--json", *words)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    print(f"{figures['joined']} sockets in {figures['join_s']} s")
    assert (figures["joined"], figures["sockets_failed"]) == (SCHOOL, 0), figures
    window = figures["window"]
    assert sum(window["students_with"].values()) == SCHOOL
    assert window["least"] <= window["median"] <= window["most"]
    assert figures["refused_each_10_s"] == [figures["refused"]]
