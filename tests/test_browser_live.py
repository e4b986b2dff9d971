"""The teacher's live page in a real browser, over a practice class: keys, drawer, small window."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import pages
from tests.running import Served

pytestmark = pytest.mark.browser

LONG_MS = 60_000


@pytest.fixture
def teacher(serving: Callable[..., Served], chromium: Callable[..., Any]) -> Page:
    """The live page of a practice class, with its thirty students there."""
    served = serving(EXPRESSION_ANALYSIS="on")
    pages.account(served)
    page = pages.page_of(chromium(), viewport={"width": 1366, "height": 900})
    pages.log_in(page, served.url)
    page.goto(f"{served.url}/")
    page.locator("form[action$='/practice/'] button").first.click()
    page.wait_for_url(re.compile("/live/"))
    expect(page.locator("#students > li").nth(20)).to_be_attached(timeout=LONG_MS)
    return page


def test_drawer_opens_by_keyboard_reads_the_lesson_and_gives_the_focus_back(teacher: Page) -> None:
    name = teacher.get_by_role("button", name="Asha", exact=True)
    teacher.route("**/students/*/", lambda route: route.abort())
    name.focus()
    teacher.keyboard.press("Enter")
    drawer = teacher.locator("#drawer")
    expect(drawer.get_by_role("heading", name="Asha")).to_be_visible()
    expect(drawer.get_by_role("alert").first).to_contain_text("Couldn't load")
    teacher.unroute("**/students/*/")
    drawer.get_by_role("button", name="Try again").click()
    # Until the first slice is stored nothing is read; then the line comes by itself.
    expect(drawer.locator("#drawer-line polyline").first).to_be_attached(timeout=LONG_MS)
    expect(drawer.locator("#drawer-coverage")).to_contain_text("% of the time")
    expect(drawer.locator("[data-when=failed]")).to_be_hidden()
    teacher.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(name).to_be_focused()
    draws_small_lines_where_they_can_be_seen(teacher)


def draws_small_lines_where_they_can_be_seen(teacher: Page) -> None:
    """Two hundred lines cost the page more than all else every ten seconds; a dozen are seen."""
    expect(teacher.locator("#students > li:nth-child(-n+3) .spark polyline").first).to_be_attached()
    last = teacher.locator("#students > li:nth-last-child(-n+5) .spark polyline")
    expect(last).to_have_count(0)
    teacher.locator("#students > li").last.scroll_into_view_if_needed()
    expect(last.first).to_be_attached()


def test_single_keys_hide_names_mark_and_set_quiet_work(teacher: Page) -> None:
    expect(teacher.get_by_role("button", name="Simple")).to_have_attribute("aria-pressed", "true")
    hides_names(teacher)
    marks(teacher)
    sets_quiet_work(teacher)
    switches_the_keys_off(teacher)
    shows_all_seven(teacher)


def hides_names(teacher: Page) -> None:
    asha = teacher.locator("#students").get_by_text("Asha", exact=True)
    teacher.locator("body").press("h")
    expect(asha).to_have_count(0)
    expect(teacher.locator("#students").get_by_text("Student 1", exact=True)).to_be_visible()
    teacher.locator("body").press("h")
    expect(asha).to_be_visible()


def marks(teacher: Page) -> None:
    # The script's own comes two seconds into the lesson; of two so close the newest is written.
    expect(teacher.locator("#mood-chart")).to_contain_text("Settling in")
    teacher.locator("body").press("m")
    field = teacher.get_by_label("What happens now? (optional)")
    field.press_sequentially("hq slide")
    expect(teacher.locator("#quiet")).to_have_attribute("aria-pressed", "false")
    with teacher.expect_response(re.compile("/marker/")) as told:
        field.press("Enter")
    assert told.value.ok
    expect(teacher.locator("#mood-chart")).to_contain_text("hq slide", timeout=LONG_MS)


def sets_quiet_work(teacher: Page) -> None:
    teacher.locator("body").press("q")
    expect(teacher.locator("#quiet")).to_have_attribute("aria-pressed", "true")
    expect(teacher.locator("#pulse-line")).to_contain_text("Quiet work until")
    teacher.locator("body").press("q")
    expect(teacher.locator("#quiet")).to_have_attribute("aria-pressed", "false")


def switches_the_keys_off(teacher: Page) -> None:
    teacher.locator(".live-actions summary").click()
    teacher.locator("#shortcuts").click()
    teacher.locator("body").press("h")
    expect(teacher.locator("#students").get_by_text("Asha", exact=True)).to_be_visible()


def shows_all_seven(teacher: Page) -> None:
    expect(teacher.locator("#mood-legend li")).to_have_count(5, timeout=LONG_MS)
    teacher.get_by_role("button", name="All seven").click()
    expect(teacher.locator("#mood-legend li")).to_have_count(8)


def test_small_window_has_the_pulse_and_no_names_and_a_pause_greys_it(teacher: Page) -> None:
    # As in a browser without always-on-top windows, which gets an ordinary small one.
    teacher.evaluate("delete window.documentPictureInPicture")
    with teacher.expect_popup() as opened:
        teacher.get_by_role("button", name="Pop out").click()
    small = opened.value
    expect(small.locator("[data-part=coverage]")).to_contain_text("readable")
    names = teacher.locator(".student-name").all_inner_texts()
    said = small.locator("body").inner_text()
    assert len(names) > 20 and not [name for name in names if name in said]
    teacher.locator(".live-actions summary").click()
    teacher.get_by_role("button", name="Pause analysis").click()
    for page in (teacher, small):
        expect(page.locator("[data-part=line]").first).to_have_text("Paused")
    expect(pages.words(teacher)).to_have_text("no camera")
