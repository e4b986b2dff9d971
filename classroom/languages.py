"""In which language a socket speaks, and a practice class is written.

A socket speaks that of the page it belongs to. Readings, flags and taps travel as codes; words are
put to them by the socket that serves the reader, so that a teacher reads Hindi and a student of the
same lesson English.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_noop

PRACTICE_COURSE = gettext_noop("Practice")


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


def practice_courses() -> dict[str, str]:
    """What the course is called that practising makes, and the language which calls it so."""
    return {said_in(code, PRACTICE_COURSE): code for code, _name in settings.LANGUAGES}


def of_practice(course: str) -> str:
    """The language of what is written into a practice course: that of whoever began it.

    It is known by the course's name alone; under any other it is the installation's own.
    """
    return practice_courses().get(course, str(settings.LANGUAGE_CODE))
