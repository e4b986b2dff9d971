"""The services that tests start are real, come back after a restart, and leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from tests.conftest import needs_postgres, needs_redis
from tests.running import ROOT
from tests.services import DoesNotStart, Postgres, Redis, main


def test_redis_answers_and_keeps_nothing_on_disk(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}


def test_postgres_answers(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_stopped_redis_is_gone_with_its_folder():
    needs_redis()
    with Redis() as one:
        assert one.place.is_dir()
        one.restart()
        with redis.Redis.from_url(one.url) as client:
            assert client.ping()
    assert not one.place.exists()
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(one.url) as client:
        client.ping()


def test_restarted_postgres_has_its_rows():
    needs_postgres()
    with Postgres() as one:
        with psycopg.connect(one.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
        one.restart()
        with psycopg.connect(one.url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (42,)
    assert not one.place.exists()


def test_service_that_cannot_start_tells_why():
    needs_redis()
    with pytest.raises(DoesNotStart, match="no-such-option"), Redis("--no-such-option", "1"):
        pass


ASK_BOTH = """
import os, psycopg, redis
assert redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
assert psycopg.connect(os.environ["DATABASE_URL"]).execute("SELECT 1").fetchone() == (1,)
raise SystemExit(7)
"""


def test_command_runs_beside_both_and_its_status_is_handed_on():
    needs_redis()
    needs_postgres()
    assert main([sys.executable, "-c", ASK_BOTH]) == 7


def test_told_to_end_it_takes_everything_along():
    needs_redis()
    needs_postgres()
    tell = (
        "import os, time; print(os.getpid(), os.environ['REDIS_URL'], flush=True); time.sleep(600)"
    )
    run = [sys.executable, "-m", "tests.services", sys.executable, "-c", tell]
    with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        child, url = str(running.stdout and running.stdout.readline()).split()
        running.send_signal(signal.SIGTERM)
        assert running.wait(120) == 143
    assert not Path(f"/proc/{child}").exists()
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(url) as client:
        client.ping()


def test_absent_service_is_named_and_fails_in_ci_only(monkeypatch, capsys):
    monkeypatch.setattr("tests.services.redis_program", lambda: None)
    monkeypatch.delenv("CI", raising=False)
    assert main(["true"]) == 0
    assert "no redis-server" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    assert main(["true"]) == 1
