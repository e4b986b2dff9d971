"""The log holds no address that is a key, no names, and as JSON one object an event."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys

import pytest
from django.conf import settings

from classroom.logs import HideAddresses, JsonLines, Lines
from tests import running
from tests.running import ROOT

PRIVATE = {"name", "username", "token", "key", "code", "jpeg", "frame", "request", "text", "link"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


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


def record(words: str, *values: object, error: Exception | None = None) -> logging.LogRecord:
    raised = None
    if error is not None:
        try:
            raise error
        except type(error):
            raised = sys.exc_info()
    return logging.LogRecord("a.module", logging.ERROR, "x.py", 1, words, values, raised)


def test_json_event_is_one_line_with_time_level_module_and_words():
    line = JsonLines().format(record("%d samples\nof %s", 3, "slices"))
    assert "\n" not in line
    event = json.loads(line)
    assert event["at"].endswith("+00:00")
    assert (event["level"], event["module"]) == ("error", "a.module")
    assert event["message"] == "3 samples\nof slices"
    assert "error" not in event


def test_json_event_names_what_was_raised():
    event = json.loads(JsonLines().format(record("A page failed", error=ValueError("no"))))
    assert event["error"] == "ValueError"
    assert event["traceback"].endswith("ValueError: no")


@pytest.mark.parametrize("kind", [Lines, JsonLines])
def test_row_that_postgres_quotes_is_cut_out(kind):
    error = ValueError("duplicate key\nDETAIL:  Key (lesson_id, name)=(1, Asha) already exists.")
    line = kind().format(record("A page failed", error=error))
    assert "duplicate key" in line
    assert "Asha" not in line


def logged_words(source: str) -> set[str]:
    """The last part of every name and attribute that is handed to a logger."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if ast.unparse(node.func.value) != "logger" or node.func.attr not in LEVELS:
            continue
        # type(error).__name__ is the kind of an error, nobody's name.
        for argument in node.args[1:]:
            for part in ast.walk(argument):
                found |= {part.id} if isinstance(part, ast.Name) else set()
                found |= {part.attr} if isinstance(part, ast.Attribute) else set()
    return found


def test_nothing_private_is_handed_to_a_logger():
    for app in ("classroom", "emotions", "dashboard", "ml"):
        for path in (ROOT / app).rglob("*.py"):
            # A service's own name, in embedded.py, is a word like "worker".
            allowed = {"name"} if path.name == "embedded.py" else set()
            assert not logged_words(path.read_text("utf-8")) & (PRIVATE - allowed), path


def test_private_word_would_be_seen():
    assert logged_words("logger.error('%s joined', student.name)") & PRIVATE
    assert not logged_words("logger.error('It failed: %s', type(error).__name__)") & PRIVATE


def test_json_is_chosen_by_a_setting(tmp_path):
    words = "import logging; logging.getLogger('emotions').warning('late by %d s', 3)"
    done = running.manage(tmp_path, "shell", "--verbosity=0", "-c", words, LOG_FORMAT="json")
    assert json.loads(done.stderr.strip().splitlines()[-1])["message"] == "late by 3 s"
    refused = running.manage(tmp_path, "check", LOG_FORMAT="xml")
    assert refused.returncode and "LOG_FORMAT is 'xml'" in refused.stderr
    assert settings.LOG_FORMAT == "text"
