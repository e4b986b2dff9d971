"""What tests may need around them: a served copy of the product, a browser, the shared data.

A need that this machine cannot meet skips the test with its reason. Where CI=true it fails
instead: a check that cannot run there must not look like one that passed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from django.conf import settings
from redis import Redis

from tests import services
from tests.running import Served

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
BROWSER_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def needs(what: str, present: object, how: str) -> None:
    """Skip, or with CI=true fail, unless it is there; `how` says the way to get it."""
    if present:
        return
    reason = f"needs {what}: {how}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"{reason} (a skip here would hide it: CI=true)", pytrace=False)
    pytest.skip(reason)


def needs_chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    needs("chromium", found, "make test, or apt-get install chromium")
    return str(found)


def needs_redis() -> None:
    needs("redis-server", services.redis_program(), "make test, or apt-get install redis-server")


def needs_postgres() -> None:
    found = services.postgres_programs()
    needs("PostgreSQL", found, "make test, or apt-get install postgresql")
    if os.geteuid() == 0:
        there = services.user_exists(services.POSTGRES_USER)
        needs("the user postgres, as root", there, "apt-get install postgresql")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of this run's own, without persistence; shared, so a test empties what it fills."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    needs_redis()
    with services.Redis() as redis:
        yield redis.url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres of this run's own with an empty database, shared like the Redis."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    needs_postgres()
    with services.Postgres() as postgres:
        yield postgres.url


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    """On the second shape every test begins with what a process's own memory begins with."""
    if settings.REDIS_URL:
        with Redis.from_url(settings.REDIS_URL) as client:
            client.flushdb()
        # The layer's locks stay with the event loop of the test before.
        channel_layers.backends.clear()


@pytest.fixture
def data() -> Path:
    """The shared data folder beside the checkout; a clone elsewhere has none, and need not."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data, which is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers: `serving(EXPRESSION_ANALYSIS="on")`; all end well after the test."""
    running: list[Served] = []

    def start(*options: str, **extra: str) -> Served:
        one = Served(data=tmp_path / f"data{len(running)}", extra=extra, options=options)
        running.append(one)
        return one.wait()

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def served(serving: Callable[..., Served]) -> Served:
    """One server with nothing set."""
    return serving()


@pytest.fixture
def chromium() -> Iterator[Callable[..., Any]]:
    """Opens browsers: `chromium(camera=FILE.mjpeg)`, flags after it; they close after the test."""
    path = needs_chromium()
    from playwright.sync_api import sync_playwright

    # Started for each test: while it runs, its event loop is this thread's, and a test of
    # async code in the same process would find one running.
    with sync_playwright() as playwright:
        opened: list[Any] = []

        def launch(*flags: str, camera: Path | None = None) -> Any:
            words = [*BROWSER_FLAGS, *flags]
            if camera is not None:
                words.append(f"--use-file-for-fake-video-capture={camera}")
            if os.geteuid() == 0:
                words.append("--no-sandbox")
            browser = playwright.chromium.launch(executable_path=path, args=words)
            opened.append(browser)
            return browser

        yield launch
        for browser in opened:
            browser.close()


@pytest.fixture
def camera_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes what a fake camera shows: JPEG pictures one after another, then from the start."""

    def write(*pictures: bytes, name: str = "camera.mjpeg") -> Path:
        place = tmp_path / name
        place.write_bytes(b"".join(pictures))
        return place

    return write
