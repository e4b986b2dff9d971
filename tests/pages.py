"""What people do in a browser, in the words of the pages: log in, start, join, tap, look."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.running import Served

USER, PASSWORD = "ada", "slow-green-tram-41"
WAIT_MS = 60_000

expect.set_options(timeout=WAIT_MS)


def account(served: Served) -> None:
    """A teacher who is the administrator too, as `createsuperuser --noinput` makes one."""
    done = served.manage(
        "createsuperuser",
        "--noinput",
        DJANGO_SUPERUSER_USERNAME=USER,
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        DJANGO_SUPERUSER_EMAIL="ada@example.org",
    )
    assert done.returncode == 0, done.stderr


def page_of(browser: Any, **options: Any) -> Page:
    """A page with cookies of its own: another person."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(WAIT_MS)
    return page


def log_in(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.locator("input[name=username]").fill(USER)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(re.compile(r"/$|/setup/"))


def start_lesson(page: Page, url: str, course: str = "Physics 10B") -> str:
    """Make a course, start its lesson, go to the live page; the join link."""
    page.goto(f"{url}/")
    page.locator("#new-course input[name=name]").fill(course)
    page.get_by_role("button", name="Make course").click()
    page.get_by_role("button", name="Start lesson").click()
    link = page.locator("#join-link").inner_text()
    page.get_by_role("link", name="Go to the lesson").click()
    expect(page.locator("#pulse-line")).not_to_have_text("Connecting…")
    return link


def join(page: Page, link: str, name: str = "Asha", button: str = "Join with camera") -> None:
    page.goto(link)
    page.locator("input[name=name]").fill(name)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_url(re.compile(r"/s/\d+/"))


def row(page: Page, name: str = "Asha") -> Locator:
    """The student's row on the teacher's page."""
    return page.locator("#students > li").filter(has=page.get_by_role("button", name=name))


def words(page: Page, name: str = "Asha") -> Locator:
    return row(page, name).locator(".student-words")


def chart_bands(page: Page) -> Locator:
    return page.locator("#mood-chart .scatterlayer .trace path.js-fill")
