"""What is new, and no more: the difference of two values as a small piece of JSON.

A chart grows by one point in ten seconds, so the page is sent that point and keeps the rest. The
other half, which puts a change into what the page has, is static/js/changes.js.

In place of a dict stands a dict with only the keys that changed. In place of a list stands
`{"keep": n, "add": […]}`, or `{"at": {"3": …}}` where single places changed. `{"=": value}` stands
for a value that takes the old one's place whole. Everything else is the new value itself.
"""

from __future__ import annotations

from typing import Any


class _Same:
    """Nothing changed; unlike None, it is no value that JSON has."""


SAME = _Same()


def whole(value: Any) -> dict[str, Any]:
    return {"=": value}


def change(old: Any, new: Any) -> Any:
    """What makes `new` of `old`, or SAME."""
    if type(old) is type(new) is dict:
        return _of_dicts(old, new)
    if type(old) is type(new) is list:
        return _of_lists(old, new)
    return SAME if old == new and type(old) is type(new) else _instead(new)


def _instead(new: Any) -> Any:
    """A dict would be taken for a change of the old one."""
    return whole(new) if isinstance(new, dict) else new


def _of_dicts(old: dict[str, Any], new: dict[str, Any]) -> Any:
    if old.keys() != new.keys():
        return whole(new)
    found = {key: change(old[key], value) for key, value in new.items()}
    found = {key: value for key, value in found.items() if value is not SAME}
    return found or SAME


def _of_lists(old: list[Any], new: list[Any]) -> Any:
    if old == new:
        return SAME
    if len(old) == len(new) and all(isinstance(one, dict) for one in (*old, *new)):
        places = enumerate(zip(old, new, strict=True))
        found = {str(at): change(*pair) for at, pair in places}
        return {"at": {at: value for at, value in found.items() if value is not SAME}}
    kept = _alike(old, new)
    return {"keep": kept, "add": new[kept:]} if kept else new


def _alike(old: list[Any], new: list[Any]) -> int:
    """How many places from the first on are the same."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
