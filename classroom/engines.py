"""DATABASE_URL and REDIS_URL choose the engines; nothing else in the code knows which they are.

With neither set it is SQLite and this process's own memory. The functions turn an address into
what Django and Channels want of it, and refuse an address that they cannot serve.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

GROUP_EXPIRY_S = 4 * 3600
WAIT_FOR_CONNECTION_S = 10
"""Also how long one attempt to connect goes on. The pool doubles its pauses up to five minutes, and
after a Postgres that was away for long it would go on not asking; a new attempt asks at once."""


def sqlite(file: Path, test_file: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            # A deferred transaction that upgrades fails at once, whatever the timeout
            # (django_sqlite_benchmark#6), so every transaction takes the lock at its start.
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        "TEST": {"NAME": test_file},
    }


def postgres(url: str) -> dict[str, Any]:
    """A pool for each process: under ASGI a connection kept by a thread would be kept for nobody.

    A connection is tried before it is lent, so that the first query after a restart of Postgres
    does not fail for every connection of the pool.
    """
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {url.partition('//')[0]!r}; "
            "write postgres://USER:PASSWORD@HOST:5432/NAME, or leave it out for SQLite."
        )
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(url, conn_health_checks=True))
    except ValueError:
        # Without the address: it holds a password.
        raise ImproperlyConfigured(
            "DATABASE_URL is not understood; write postgres://USER:PASSWORD@HOST:5432/NAME "
            "(special characters in the password as %XX)."
        ) from None
    options = database.setdefault("OPTIONS", {})
    options["pool"] = {
        "min_size": 1,
        "max_size": threads(),
        "timeout": WAIT_FOR_CONNECTION_S,
        "reconnect_timeout": WAIT_FOR_CONNECTION_S,
    }
    return database


def threads() -> int:
    """How many threads may want the database at once: the loop's own pool, and a few requests."""
    return min(32, (os.cpu_count() or 1) + 4) + 4


def redis_url(name: str, url: str) -> str:
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(
            f"{name} begins with {url.partition('//')[0]!r}; write redis://HOST:6379/0."
        )
    return url


def channel_layer(url: str) -> dict[str, Any]:
    if not url:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    return {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # A timeout as long as the layer's own blocking wait ends idle consumers
            # (channels_redis#422); three hundred sockets may join in the same moment.
            "hosts": [{"address": url, "socket_timeout": None, "max_connections": 2000}],
            "prefix": "layer",
            # The capacity is a whole process's, not a socket's (channels_redis#97).
            "capacity": 1000,
            "expiry": 10,
            "group_expiry": GROUP_EXPIRY_S,
        },
    }


def cache(url: str) -> dict[str, Any]:
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    options = {"socket_timeout": 3, "socket_connect_timeout": 3}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "cache",
        "OPTIONS": options,
    }
