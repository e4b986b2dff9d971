"""The live page by keyboard alone: single keys, dialogs, the drawer, menus; and the skip link."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import pages
from tests.running import Served

pytestmark = pytest.mark.browser

# What opens what; each is pressed with the keyboard.
OPENERS = {
    "#invite": ".live-actions [data-opens=invite]",
    "#marker": "#marker-button",
    "#end": "[data-opens=end].button",
    "#rules": "#pulse [data-opens=rules]",
    "#drawer": "#students > li:nth-child(3) .student-name",
}
WHERE = """(place) => {
  const has = document.activeElement;
  return has === document.body || Boolean(has.closest(place));
}"""


@pytest.fixture
def live(served: Served, chromium: Callable[..., Any]) -> Page:
    """A practice class on the page of its teacher."""
    pages.account(served)
    page = pages.page_of(chromium())
    pages.log_in(page, served.url)
    page.goto(f"{served.url}/")
    page.get_by_role("button", name="Start a practice class").click()
    page.locator("#students > li").nth(28).wait_for(timeout=40_000)
    return page


def test_dialogs_the_drawer_and_menus_keep_the_focus_and_give_it_back(live: Page) -> None:
    for dialog, opener in OPENERS.items():
        live.locator(opener).press("Enter")
        live.locator(f"{dialog}[open]").wait_for()
        for _ in range(8):
            live.keyboard.press("Tab")
            assert live.evaluate(WHERE, dialog), f"the focus left {dialog}"
        live.keyboard.press("Escape")
        expect(live.locator(dialog)).to_be_hidden()
        expect(live.locator(opener)).to_be_focused()

    menu, summary = live.locator(".live-actions .menu"), live.locator(".live-actions summary")
    summary.press("Enter")
    live.keyboard.press("Tab")
    expect(live.locator("#pause, #lock").first).to_be_focused()
    live.keyboard.press("Escape")
    expect(summary).to_be_focused()
    assert menu.get_attribute("open") is None
    summary.press("Enter")
    live.keyboard.press("Shift+Tab")
    assert menu.get_attribute("open") is None, "a menu that the focus has left stays open"
    summary.press("Enter")
    live.locator("#shortcuts").press("Enter")
    expect(summary).to_be_focused()


def test_a_click_beside_the_drawer_goes_to_what_lies_there(live: Page) -> None:
    names = live.locator("#students .student-name")
    names.nth(2).click()
    expect(live.locator("#drawer-name")).to_have_text(names.nth(2).inner_text())
    box = names.nth(4).bounding_box()
    assert box
    live.mouse.click(box["x"] + 5, box["y"] + box["height"] / 2)
    expect(live.locator("#drawer-name")).to_have_text(names.nth(4).inner_text())


def test_single_keys_work_and_never_while_typing(live: Page) -> None:
    hidden, quiet = live.locator("#hide-names"), live.locator("#quiet")
    marker, search = live.locator("#marker"), live.locator("#search")
    live.keyboard.press("h")
    expect(hidden).to_have_attribute("aria-pressed", "true")
    expect(live.locator(".student-name").first).to_have_text("Student 1")
    live.keyboard.press("h")
    expect(hidden).to_have_attribute("aria-pressed", "false")
    live.keyboard.press("q")
    expect(quiet).to_have_attribute("aria-pressed", "true")
    live.keyboard.press("q")
    expect(quiet).to_have_attribute("aria-pressed", "false")

    live.keyboard.press("m")
    expect(live.locator("#marker-text")).to_be_focused()
    live.keyboard.type("hmq")
    expect(live.locator("#marker-text")).to_have_value("hmq")
    live.keyboard.press("Escape")
    expect(marker).to_be_hidden()
    search.focus()
    live.keyboard.type("hmq")
    expect(search).to_have_value("hmq")
    search.fill("")
    live.locator(".live-actions [data-opens=invite]").press("Enter")
    live.keyboard.press("h")
    live.keyboard.press("Escape")

    live.locator(".student-name").first.press("Enter")
    live.keyboard.press("h")
    expect(live.locator("#drawer-name")).to_have_text(re.compile(r"Student \d+"))
    live.keyboard.press("h")
    live.keyboard.press("Escape")
    live.keyboard.press("Control+h")
    live.locator(".live-actions summary").click()
    live.locator("#shortcuts").click()
    live.keyboard.type("hmq")
    expect(marker).to_be_hidden()
    expect(hidden).to_have_attribute("aria-pressed", "false")
    expect(quiet).to_have_attribute("aria-pressed", "false")


ENDS_SOON = """
from datetime import timedelta
from django.utils import timezone
from classroom.models import Lesson
Lesson.objects.update(quiet_until=timezone.now() + timedelta(seconds=15))
"""


def test_quiet_work_that_ended_by_itself_is_set_again_with_one_press(
    served: Served, live: Page
) -> None:
    quiet = live.locator("#quiet")
    live.keyboard.press("q")
    expect(quiet).to_have_attribute("aria-pressed", "true")
    done = served.manage("shell", "-c", ENDS_SOON)
    assert done.returncode == 0, done.stderr
    live.reload()
    expect(quiet).to_have_attribute("aria-pressed", "true")
    expect(quiet).to_have_attribute("aria-pressed", "false")
    live.keyboard.press("q")
    expect(quiet).to_have_attribute("aria-pressed", "true")


def test_first_tab_leads_past_the_header(served: Served, chromium: Callable[..., Any]) -> None:
    page = pages.page_of(chromium())
    page.goto(f"{served.url}/about/")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate(WHERE, "main")
