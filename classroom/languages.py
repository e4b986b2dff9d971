"""In which language a socket speaks: that of the page it belongs to.

Readings, flags and taps travel as codes; words are put to them by the socket that serves the
reader, so that a teacher reads Hindi and a student of the same lesson English.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.utils import translation


def of_socket(scope: dict[str, Any]) -> str:
    """What the page says in its socket's address; the installation's own for anything unknown."""
    query = parse_qs(scope.get("query_string", b"").decode("latin1"))
    asked = query.get("language", [""])[0]
    try:
        return translation.get_supported_language_variant(asked)
    except LookupError:
        return str(settings.LANGUAGE_CODE)


def said_in(language: str, text: str) -> str:
    with translation.override(language):
        return translation.gettext(text)
