"""A Redis that would write pictures to its disk, or does not tell, stops the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from redis import Redis as Client

from classroom import persistence
from tests import running
from tests.conftest import needs
from tests.services import Redis, redis_program


@pytest.fixture
def redis(settings: LazySettings) -> Iterator[Redis]:
    needs("redis-server", redis_program(), "make test, or apt-get install redis-server")
    with Redis() as service:
        settings.REDIS_URL = settings.FRAMES_REDIS_URL = service.url
        yield service


def change(redis: Redis, name: str, value: str) -> None:
    with Client.from_url(redis.url) as client:
        client.config_set(name, value)


def test_redis_that_keeps_nothing_is_fine(redis: Redis) -> None:
    persistence.check()


@pytest.mark.parametrize(
    ("name", "value"), [("save", "3600 1 300 100 60 10000"), ("appendonly", "yes")]
)
def test_redis_that_writes_is_refused_with_the_lines_to_change(
    redis: Redis, name: str, value: str
) -> None:
    change(redis, name, value)
    with pytest.raises(persistence.Unfit) as caught:
        persistence.check()
    assert 'save ""\n' in str(caught.value)
    assert "appendonly no\n" in str(caught.value)
    assert "REDIS_URL writes" in str(caught.value)


def test_another_redis_for_the_pictures_is_the_one_that_is_asked(
    redis: Redis, settings: LazySettings
) -> None:
    change(redis, "save", "60 1")
    with Redis() as other:
        settings.FRAMES_REDIS_URL = other.url
        persistence.check()


def test_redis_that_does_not_tell_is_refused_until_somebody_has_looked(
    redis: Redis, settings: LazySettings
) -> None:
    with Client.from_url(redis.url) as client:
        client.execute_command("ACL", "SETUSER", "default", "-config")
    with pytest.raises(persistence.Unfit, match="REDIS_PERSISTENCE_CHECKED=on"):
        persistence.check()
    settings.REDIS_PERSISTENCE_CHECKED = True
    persistence.check()


def test_redis_that_is_not_there_is_said_not_to_answer(settings: LazySettings) -> None:
    settings.REDIS_URL = settings.FRAMES_REDIS_URL = f"redis://127.0.0.1:{running.free_port()}"
    with pytest.raises(persistence.Unfit, match="The Redis of REDIS_URL does not answer"):
        persistence.check()


@pytest.mark.parametrize("command", ["serve", "emotionworker"])
def test_default_redis_stops_the_start(redis: Redis, command: str, tmp_path: Path) -> None:
    change(redis, "save", "3600 1 300 100 60 10000")
    url = "postgres://nobody@127.0.0.1:1/none"
    done = running.manage(tmp_path, command, REDIS_URL=redis.url, DATABASE_URL=url)
    assert done.returncode != 0
    assert 'save ""' in done.stderr
    assert "Traceback" not in done.stderr


def test_worker_of_its_own_needs_a_shared_queue(tmp_path: Path) -> None:
    done = running.manage(tmp_path, "emotionworker", REDIS_URL="", DATABASE_URL="")
    assert done.returncode != 0
    assert "Set REDIS_URL and DATABASE_URL" in done.stderr
