"""Every page in a real browser: nothing that axe objects to, nothing that the keyboard misses.

One walk past all of them gathers what is wrong; each test below asks for one kind of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve

from tests import looks, pages, tour
from tests.camera import FakeCamera
from tests.conftest import BROWSER_FLAGS, needs, needs_chromium
from tests.running import Served
from tests.test_access_table import POSTED_ONLY, TABLE

pytestmark = pytest.mark.browser

# Addresses that answer with no page of ours: figures, a picture, Django's own administration.
NO_PAGE = {"lesson-joined", "lesson-qr", "status-machines", "metrics", "admin-login"}
# The two shapes that share nothing are looked at with every rule, the third for its colours.
WIDE, WIDE_DARK, _, PHONE_DARK = looks.SHAPES
LISTEN_S = 30
# The word of the class, and with it what is read aloud, may change with each slice.
SLICE_S = 10


class Walk:
    """What was found on the way, by kind; each finding begins with the stop and the shape."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {"axe": [], "keys": [], "motion": [], "width": []}
        self.routes: set[str] = set()
        self.said: dict[str, int] = {}
        self.listened_s = 0.0

    def look(self, stop: tour.Stop, page: Any) -> None:
        for shape, rules in ((PHONE_DARK, ()), (WIDE_DARK, looks.COLOURS), (WIDE, ())):
            shape.put_on(page)
            self.note("axe", stop, shape, looks.axe(page, *rules))
            if shape is PHONE_DARK:
                self.note("width", stop, shape, looks.too_wide(page))
        self.note("motion", stop, WIDE, looks.moving(page))
        self.note("keys", stop, WIDE, looks.tab_through(page))

    def note(self, kind: str, stop: tour.Stop, shape: looks.Shape, findings: list[str]) -> None:
        self.found[kind] += [f"{stop.name}, {shape.name}: {each}" for each in findings]

    def passed(self, *paths: str) -> None:
        for path in paths:
            try:
                self.routes.add(str(resolve(urlsplit(path).path).url_name))
            except Resolver404:
                continue

    def hear(self, listening: Any, since: float) -> None:
        """What a screen reader would have said of a class that runs beside the walk."""
        listening.wait_for_timeout(max(0.0, since + LISTEN_S - time.monotonic()) * 1000)
        self.said = listening.evaluate(looks.HEARD)
        self.listened_s = time.monotonic() - since


def walk_past(walked: tour.Tour, made: Walk) -> None:
    listening, since = None, 0.0
    for stop in walked.stops():
        page = walked.open(stop)
        made.passed(stop.path, page.url)
        made.look(stop, page)
        page.context.close()
        if walked.practice and not listening:
            live = tour.Stop("listening", walked.practice, ready="#students > li:nth-child(29)")
            listening = walked.open(live, reduced_motion="reduce")
            pages.chart_bands(listening).first.wait_for(state="attached", timeout=60_000)
            listening.evaluate(looks.LISTEN)
            since = time.monotonic()
        if stop.name == "live-end":
            made.hear(listening, since)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """One walk for all that is asked below; the browser is closed again before anything is."""
    needs("axe-core", looks.AXE.is_file(), "npm ci")
    path = needs_chromium()
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("every_page")
    camera = FakeCamera(folder / "camera.y4m")
    camera.show_face()
    flags = [*BROWSER_FLAGS, f"--use-file-for-fake-video-capture={camera.path}"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []
    made = Walk()
    served = Served(data=folder / "data").wait()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=flags)
            walk_past(tour.Tour(browser, served), made)
            browser.close()
    finally:
        served.stop()
    yield made


def test_the_walk_passes_every_address_that_has_a_page(walk: Walk) -> None:
    assert set(TABLE) - POSTED_ONLY - NO_PAGE <= walk.routes


def test_axe_finds_nothing_light_or_dark_wide_or_on_a_phone(walk: Walk) -> None:
    assert not walk.found["axe"], "\n\n".join(walk.found["axe"])


def test_every_control_is_reached_with_tab_and_shows_it(walk: Walk) -> None:
    assert not walk.found["keys"], "\n".join(walk.found["keys"])


def test_nothing_moves_where_less_motion_is_wanted(walk: Walk) -> None:
    assert not walk.found["motion"], "\n".join(walk.found["motion"])


def test_no_page_is_wider_than_a_phone(walk: Walk) -> None:
    assert not walk.found["width"], "\n".join(walk.found["width"])


def test_what_is_read_aloud_of_a_class_changes_with_a_slice_at_most(walk: Walk) -> None:
    assert walk.listened_s >= LISTEN_S
    most = walk.listened_s / SLICE_S + 1
    assert not {place: times for place, times in walk.said.items() if times > most}
