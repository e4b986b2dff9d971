"""The product's settings with its cache on disk, where a test can search it.

With PLANT set, the worker's reader also does what it must never do: it keeps each snapshot in a
file, a log line, a database row and the cache. The search must find all four.
"""

from __future__ import annotations

import base64
import logging
import os
from pathlib import Path
from typing import Any

from classroom.settings import *  # noqa: F403
from classroom.settings import DATA_DIR

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    }
}


def keep_everywhere(jpeg: bytes) -> None:
    from django.contrib.sessions.models import Session
    from django.core.cache import cache
    from django.utils import timezone

    Path(DATA_DIR, "kept.bin").write_bytes(jpeg)
    logging.getLogger("emotions.worker").warning("read %r", jpeg)
    cache.set("last", jpeg)
    text = base64.b64encode(jpeg).decode()
    Session.objects.update_or_create(
        session_key="kept", defaults={"session_data": text, "expire_date": timezone.now()}
    )


def plant() -> None:
    from ml.reader import Reader

    honest = Reader.read

    def read(self: Any, jpeg: bytes) -> Any:
        keep_everywhere(jpeg)
        return honest(self, jpeg)

    Reader.read = read  # type: ignore[method-assign]


if os.environ.get("PLANT"):
    plant()
