"""System checks: refuse shapes that cannot work, and say the line to change.

What only a serving machine must have (its models, a worker somewhere) is checked by `serve` and by
`check --deploy`, so that a fresh clone can still make migrations.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from classroom import env

# ON CONFLICT … DO UPDATE with several clauses, and RETURNING, which Django uses.
OLDEST_SQLITE = (3, 35, 0)
FACE_MODEL = "static/vendor/models/face_detection_short_range.tflite"
EMOTION_MODELS = "ml/models"


def is_local(host: str) -> bool:
    """Names that only this machine answers to."""
    name = host.strip("[]").lstrip(".").lower()
    return name in ("localhost", "::1") or name.endswith(".localhost") or name.startswith("127.")


def is_public() -> bool:
    """Whether others can reach the site by a name that was stated for it."""
    return not all(is_local(host) for host in settings.ALLOWED_HOSTS)


@register(Tags.security)
def public_site_states_itself(**kwargs: Any) -> list[CheckMessage]:
    if not is_public():
        return []
    if settings.DEBUG:
        return [
            Error(
                "DEBUG is on while ALLOWED_HOSTS names a public host: error pages would show "
                "settings and data to anybody.",
                hint="Set DEBUG=off, or leave it out.",
                id="classroom.E001",
            )
        ]
    return [*_own_secret(), *_analysis_stated()]


def _own_secret() -> list[CheckMessage]:
    if env.secret("SECRET_KEY"):
        return []
    return [
        Error(
            "A public site states its SECRET_KEY; ALLOWED_HOSTS names one that is not local.",
            hint="Set SECRET_KEY (or SECRET_KEY_FILE) to what this prints: "
            'python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="classroom.E002",
        )
    ]


def _analysis_stated() -> list[CheckMessage]:
    if settings.EXPRESSION_ANALYSIS:
        return []
    return [
        Error(
            "A public site states whether faces are analysed.",
            hint="Set EXPRESSION_ANALYSIS=off, or EXPRESSION_ANALYSIS=on where the law allows it "
            "(in the EU it is prohibited in education: AI Act, Article 5(1)(f)).",
            id="classroom.E003",
        )
    ]


@register(Tags.database)
def sqlite_is_new_enough(**kwargs: Any) -> list[CheckMessage]:
    uses = [str(each["ENGINE"]) for each in settings.DATABASES.values()]
    if not any("sqlite" in engine for engine in uses):
        return []
    if sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return []
    return [
        Error(
            f"This Python has SQLite {sqlite3.sqlite_version}; "
            f"{'.'.join(map(str, OLDEST_SQLITE))} is the oldest that works.",
            hint="Use a newer Python, or the system's newer libsqlite3.",
            id="classroom.E004",
        )
    ]


@register("serving", deploy=True)
def a_worker_is_somewhere(**kwargs: Any) -> list[CheckMessage]:
    layer = settings.CHANNEL_LAYERS["default"]["BACKEND"]
    if settings.EMBEDDED_WORKER or "InMemory" not in layer:
        return []
    return [
        Error(
            "EMBEDDED_WORKER is off, and snapshots wait in this process's memory, where no other "
            "worker can reach them.",
            hint="Set EMBEDDED_WORKER=on, or leave it out.",
            id="classroom.E005",
        )
    ]


@register("serving", deploy=True)
def engines_fit_together(**kwargs: Any) -> list[CheckMessage]:
    if settings.FRAMES_REDIS_URL and not settings.REDIS_URL:
        return [
            Error(
                "FRAMES_REDIS_URL is set without REDIS_URL: several processes would share the "
                "snapshots, and no news.",
                hint="Set REDIS_URL=redis://HOST:6379/0 too, or leave FRAMES_REDIS_URL out.",
                id="classroom.E008",
            )
        ]
    if settings.REDIS_URL and "sqlite" in str(settings.DATABASES["default"]["ENGINE"]):
        return [
            Error(
                "REDIS_URL is set, for several processes, and the database is a SQLite file, "
                "which is for one.",
                hint="Set DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/NAME, or leave "
                "REDIS_URL out.",
                id="classroom.E009",
            )
        ]
    return []


@register("serving", deploy=True)
def models_are_there(**kwargs: Any) -> list[CheckMessage]:
    if settings.EXPRESSION_ANALYSIS == "off":
        return []
    problems: list[CheckMessage] = []
    if not (settings.BASE_DIR / FACE_MODEL).is_file():
        problems.append(
            Error(
                f"The face detector's model is missing: {FACE_MODEL}.",
                hint="Run: make assets",
                id="classroom.E006",
            )
        )
    if not list((settings.BASE_DIR / EMOTION_MODELS).glob("*.tflite")):
        problems.append(
            Error(
                f"No emotion model is in {EMOTION_MODELS}.",
                hint="It comes with the repository: run git status, or git checkout ml/models.",
                id="classroom.E007",
            )
        )
    return problems
