"""What goes into the log: no join codes, set-up links or password links, and little noise.

Django writes a request's address into its log lines, and three of our addresses are keys: who
reads the log could use them. LOG_FORMAT=json writes one
JSON object an event, for what collects logs.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
from typing import Any

KEYS = re.compile(r"(/(?:join|notice|setup|accounts/reset)/)[^\s\"'?]+")


class HideAddresses(logging.Filter):
    """Replaces what follows /join/ and its like by an ellipsis."""

    def filter(self, record: logging.LogRecord) -> bool:
        words = record.getMessage()
        hidden = KEYS.sub(r"\1…", words)
        if hidden != words:
            record.msg, record.args = hidden, None
        return True


class OneLine(logging.Filter):
    """Drops the traceback of an error whose line says it all."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


class Lines(logging.Formatter):
    """The usual lines; Postgres quotes the row that it refuses, with its names: that part goes."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  (the name is logging's)
        said = super().formatException(ei)
        return "\n".join(line for line in said.splitlines() if not line.startswith("DETAIL:"))


class JsonLines(Lines):
    """One event, one line: when, how bad, from where, in words, and what was raised."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        event = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "module": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info and record.exc_info[0]:
            event["error"] = record.exc_info[0].__name__
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)
