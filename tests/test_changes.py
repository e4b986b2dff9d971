"""The page makes of a change exactly what the server has: both halves, the script's by Node."""

from __future__ import annotations

import json
import random
from typing import Any

from dashboard.changes import SAME, change
from tests import node

APPLY = "return given.map(([old, change]) => module.applied(old, change));"


def value(dice: random.Random, depth: int = 3) -> Any:
    """Any small JSON value; few different ones, so that old and new often share parts."""
    kind = dice.choice(("plain", "list", "dict")) if depth else "plain"
    if kind == "list":
        return [value(dice, depth - 1) for _ in range(dice.randrange(4))]
    if kind == "dict":
        return {key: value(dice, depth - 1) for key in "xyz" if dice.random() < 0.6}
    return dice.choice((None, 0, 1, 2, 0.5, "", "="))


def in_the_page(pairs: list[tuple[Any, Any]]) -> list[Any]:
    return node.asked("changes.js", APPLY, pairs)


def test_the_page_makes_the_servers_value_of_its_own_and_the_change():
    dice = random.Random(5)
    drawn = [(value(dice), value(dice)) for _ in range(4000)]
    told = [(old, new, change(old, new)) for old, new in drawn]
    assert all((found is SAME) == (as_json(old) == as_json(new)) for old, new, found in told)
    changed = [one for one in told if one[2] is not SAME]
    got = in_the_page([(old, found) for old, _, found in changed])
    assert [as_json(one) for one in got] == [as_json(new) for _, new, _ in changed]


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_a_line_that_grows_is_told_by_its_new_end():
    old, new = {"y": [1, 2, 2], "name": "happy"}, {"y": [1, 2, 3, 3], "name": "happy"}
    assert change(old, new) == {"y": {"keep": 2, "add": [3, 3]}}


def test_nothing_new_is_nothing():
    assert change({"y": [1, {"a": 2}]}, {"y": [1, {"a": 2}]}) is SAME


def test_one_trace_of_many_is_told_by_its_place():
    old = [{"y": [1], "z": 0}, {"y": [1], "z": 0}]
    news = {"at": {"1": {"y": {"keep": 1, "add": [2]}}}}
    assert change(old, [old[0], {"y": [1, 2], "z": 0}]) == news


def test_a_key_that_went_is_not_kept():
    assert change({"a": 1, "b": 2}, {"a": 1}) == {"=": {"a": 1}}
