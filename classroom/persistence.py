"""Refuses to start on a Redis that would write students' pictures to its disk.

A Redis with its default settings saves what it holds every few minutes, waiting snapshots too. So
the start asks it, and where it does not tell, somebody has to have looked.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

ANSWER_WITHIN_S = 5


class Unfit(Exception):
    """The text is for the person at the terminal, with the lines to change."""


def check() -> None:
    """Raises Unfit unless the Redis that the snapshots wait in keeps nothing on disk."""
    if not settings.FRAMES_REDIS_URL or settings.REDIS_PERSISTENCE_CHECKED:
        return
    client = Redis.from_url(
        settings.FRAMES_REDIS_URL,
        decode_responses=True,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
    )
    with client:
        refuse_to_write(told(client, "save"), told(client, "appendonly"))


def told(client: Any, name: str) -> str:
    try:
        client.ping()
    except (RedisError, OSError) as error:
        raise Unfit(
            f"The Redis of {variable()} does not answer ({type(error).__name__}). "
            "Start it, or correct the address."
        ) from None
    try:
        answer = client.config_get(name)
    except RedisError:
        answer = {}
    if name not in answer:
        raise Unfit(
            f"The Redis of {variable()} does not tell whether it writes to disk (CONFIG GET "
            f"{name} is refused), and students' pictures wait in it.\n"
            'Make sure that it has:\n    save ""\n    appendonly no\n'
            "and then set REDIS_PERSISTENCE_CHECKED=on, or set FRAMES_REDIS_URL to a Redis that "
            "keeps nothing."
        )
    return str(answer[name])


def refuse_to_write(save: str, appendonly: str) -> None:
    if not save and appendonly == "no":
        return
    raise Unfit(
        f"The Redis of {variable()} writes what it holds to disk (save is {save!r}, appendonly is "
        f"{appendonly!r}), and students' pictures wait in it.\n"
        'Change two lines of its redis.conf:\n    save ""\n    appendonly no\n'
        "and start it again, or set FRAMES_REDIS_URL to another Redis for the pictures alone."
    )


def variable() -> str:
    same = settings.FRAMES_REDIS_URL == settings.REDIS_URL
    return "REDIS_URL" if same else "FRAMES_REDIS_URL"
