"""Reads settings from the environment and refuses what it cannot understand.

Every helper names the variable in its error, because "invalid literal for int()" tells the person
at the terminal nothing. `NAME_FILE` may hold the path of a file with the value, for secrets.
"""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.core.exceptions import ImproperlyConfigured

YES = {"1", "true", "yes", "on"}
NO = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    word = text(name).lower()
    if not word:
        return default
    if word in YES | NO:
        return word in YES
    raise ImproperlyConfigured(f"{name} is {word!r}; write on or off.")


def number(name: str, default: float, *, least: float, most: float) -> float:
    word = text(name)
    if not word:
        return default
    try:
        value = float(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {word!r}; write a number.") from None
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} is {word}; it must be from {least:g} to {most:g}.")
    return value


def whole(name: str, default: int, *, least: int, most: int) -> int:
    value = number(name, default, least=least, most=most)
    if value != int(value):
        raise ImproperlyConfigured(f"{name} is {value:g}; write a whole number.")
    return int(value)


def choice(name: str, default: str, *, words: tuple[str, ...]) -> str:
    word = text(name).lower() or default
    if word != default and word not in words:
        raise ImproperlyConfigured(f"{name} is {word!r}; write one of: {', '.join(words)}.")
    return word


def zone(name: str, default: str) -> str:
    word = text(name)
    if not word:
        return default
    try:
        ZoneInfo(word)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImproperlyConfigured(
            f"{name} is {word!r}; write a place's name, such as Asia/Kolkata."
        ) from None
    return word


def listing(name: str) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()]


def secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names."""
    file = text(f"{name}_FILE")
    if not file:
        return text(name)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from None


def local_time_zone(link: Path = Path("/etc/localtime")) -> str:
    """The machine's own time zone, by the link that names it; UTC where there is none."""
    name = str(link.resolve()).partition("/zoneinfo/")[2]
    return name if name in available_timezones() else "UTC"
