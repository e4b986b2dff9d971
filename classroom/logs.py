"""What goes into the log: no join codes, set-up links or password links, and little noise.

Django writes a request's address into its log lines, and three of our addresses are keys: who
reads the log could use them.
"""

from __future__ import annotations

import logging
import re

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
