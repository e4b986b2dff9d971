"""The log holds no address that is a key."""

from __future__ import annotations

import io
import logging

import pytest

from classroom.logs import HideAddresses


def written(words: str, *values: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(HideAddresses())
    logger = logging.Logger("a module")
    logger.addHandler(handler)
    logger.warning(words, *values)
    return stream.getvalue().strip()


@pytest.mark.parametrize(
    "path",
    ["/join/k7Qm-2fXa/", "/setup/M48r_-r4SPHv/", "/notice/k7Qm/", "/accounts/reset/MQ/set-1a2b/"],
)
def test_keys_in_addresses_are_cut_out(path):
    line = written("Internal Server Error: %s", path)
    assert line.startswith("Internal Server Error: /")
    assert line.endswith("/…")
    assert path.rstrip("/").rsplit("/", 1)[-1] not in line


def test_other_lines_stay_as_they_are():
    assert written("Not Found: %s", "/lessons/12/") == "Not Found: /lessons/12/"
    assert written("%d of %d", 3, 4) == "3 of 4"
    assert written("100 % of it") == "100 % of it"
