"""The first visit: from a new database to a moving dashboard, and a choice that holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import pages
from tests.running import Served

pytestmark = pytest.mark.browser

MOST_CLICKS = 5
MOST_SECONDS = 60

NOTE_CAMERA_CALLS = """
window.cameraCalls = 0;
for (const name of ['getUserMedia', 'enumerateDevices', 'getDisplayMedia']) {
  const honest = navigator.mediaDevices[name].bind(navigator.mediaDevices);
  navigator.mediaDevices[name] = (...wish) => { window.cameraCalls += 1; return honest(...wish) };
}
"""


class Clicker:
    """Clicks, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()
        self.clicks += 1

    def choose(self, value: str) -> None:
        self.page.locator(f"input[name=analysis][value={value}]").check()
        self.clicks += 1

    def make_account(self) -> None:
        self.page.locator("input[name=username]").fill(pages.USER)
        self.page.locator("input[name=password1]").fill(pages.PASSWORD)
        self.page.locator("input[name=password2]").fill(pages.PASSWORD)
        self.press("Continue")


def test_new_database_to_moving_dashboard_in_five_clicks(
    served: Served, chromium: Callable[..., Any]
) -> None:
    page = pages.page_of(chromium())
    began = time.monotonic()
    page.goto(served.setup_link)
    clicker = Clicker(page)
    clicker.make_account()
    assert page.locator("input[name=analysis]:checked").count() == 0, "nothing is preselected"
    clicker.choose("on")
    clicker.press("Continue")
    clicker.press("Start a practice class")
    expect(page.locator("#students > li[data-state=reading]").nth(9)).to_be_visible()
    expect(pages.chart_bands(page).first).to_be_attached()
    assert clicker.clicks <= MOST_CLICKS
    assert time.monotonic() - began < MOST_SECONDS
    expect(page.locator("header .ribbon")).to_have_text("Simulated")
    expect(page.locator("#mood-chart")).to_contain_text("Simulated")
    expect(page.locator("#engagement-chart")).to_contain_text("Simulated")


def test_off_asks_for_no_camera_anywhere(
    serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    served = serving()
    browser = chromium()
    teacher, student = pages.page_of(browser), pages.page_of(browser)
    for page in (teacher, student):
        page.add_init_script(NOTE_CAMERA_CALLS)
    teacher.goto(served.setup_link)
    clicker = Clicker(teacher)
    clicker.make_account()
    clicker.choose("off")
    clicker.press("Continue")
    link = pages.start_lesson(teacher, served.url)
    student.goto(link)
    expect(student.locator("main")).not_to_contain_text("camera")
    pages.join(student, link, button="Join")
    student.get_by_role("button", name="Got it").click()
    expect(teacher.locator("#taps")).to_contain_text("Got it 1")
    expect(student.locator("main")).not_to_contain_text("camera")
    for page in (teacher, student):
        assert page.evaluate("window.cameraCalls") == 0


def test_environment_wins_and_says_so(
    serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    served = serving(EXPRESSION_ANALYSIS="off")
    page = pages.page_of(chromium())
    page.goto(served.setup_link)
    Clicker(page).make_account()
    expect(page.locator("main")).to_contain_text("Face analysis is off here")
    assert page.locator("input[name=analysis]").count() == 0
