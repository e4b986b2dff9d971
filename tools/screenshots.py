"""Takes the pictures in docs/screenshots: every page, wide and phone, light and dark.

Starts a server of its own on temporary data, opens a practice class (so every picture of a class
says *Simulated*), lets it run, and looks at each page in a real browser. `make screenshots`, or
`python tools/screenshots.py --minutes 8 --to FOLDER`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests import pages  # noqa: E402
from tests.camera import FakeCamera  # noqa: E402
from tests.conftest import BROWSER_FLAGS, needs_chromium  # noqa: E402
from tests.running import Served  # noqa: E402

WIDE = {"width": 1366, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    viewport: dict[str, int]
    scheme: str


SHAPES = [
    Shape(f"{size}-{scheme}", viewport, scheme)
    for size, viewport in (("wide", WIDE), ("phone", PHONE))
    for scheme in ("light", "dark")
]


class Album:
    """Opens pages in every shape and keeps their pictures."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.state: Any = None
        folder.mkdir(parents=True, exist_ok=True)

    def shapes(self) -> Iterator[tuple[str, Page]]:
        for shape in SHAPES:
            context = self.browser.new_context(
                viewport=shape.viewport,
                color_scheme=shape.scheme,
                storage_state=self.state,
                reduced_motion="reduce",
            )
            yield shape.name, context.new_page()
            context.close()

    def take(self, name: str, url: str, ready: str = "main", *, wait_s: float = 0.5) -> None:
        for shape, page in self.shapes():
            page.goto(url)
            page.locator(ready).first.wait_for()
            time.sleep(wait_s)
            page.screenshot(path=self.folder / f"{name}-{shape}.png", full_page=True)
        print(name, file=sys.stderr)


def first_visit(album: Album, served: Served) -> None:
    album.take("setup-account", served.setup_link)
    pages.account(served)


def logged_in(album: Album, served: Served) -> Page:
    page = pages.page_of(album.browser)
    pages.log_in(page, served.url)
    album.state = page.context.storage_state()
    return page


def empty_pages(album: Album, served: Served) -> None:
    for name, path in {"home-empty": "/", "history-empty": "/history/"}.items():
        album.take(name, served.url + path)
    album.take("setup-analysis", f"{served.url}/setup/analysis/")
    album.take("setup-try", f"{served.url}/setup/try/")


def real_lesson(album: Album, served: Served, teacher: Page) -> None:
    """A lesson that one student with a face joins, on a phone."""
    link = pages.start_lesson(teacher, served.url)
    live = teacher.url
    album.take("live-empty", live, "#nobody", wait_s=2)
    album.take("invite", live.replace("/live/", "/invite/"))
    signed_in, album.state = album.state, None
    album.take("join", link)
    student = pages.page_of(album.browser)
    pages.join(student, link)
    pages.words(teacher).filter(has_text="reads as").wait_for()
    album.state = student.context.storage_state()
    student.context.close()
    album.take("student", link_of_student(album.state, served), "#bar", wait_s=7)
    album.take("my-data", link_of_student(album.state, served) + "data/")
    album.state = signed_in
    album.take("live-one", live, "#students > li", wait_s=2)


def link_of_student(state: Any, served: Served) -> str:
    names = [cookie["name"] for cookie in state["cookies"]]
    lesson = next(name.removeprefix("student_") for name in names if name.startswith("student_"))
    return f"{served.url}/s/{lesson}/"


def practice(album: Album, served: Served, teacher: Page, minutes: float) -> None:
    teacher.goto(f"{served.url}/")
    teacher.get_by_role("button", name=re.compile("practice class")).first.click()
    teacher.wait_for_url(re.compile("/live/"))
    live = teacher.url
    print(f"a practice class runs for {minutes:g} min", file=sys.stderr)
    time.sleep(minutes * 60)
    album.take("live", live, "#students > li", wait_s=3)
    album.take("home", f"{served.url}/")
    teacher.locator("button[data-opens=end]:visible").click()
    teacher.get_by_role("button", name="End lesson").click()
    teacher.wait_for_url(re.compile(r"/lessons/\d+/$"))
    album.take("report", teacher.url, wait_s=2)
    album.take("history", f"{served.url}/history/")
    for name in ("about", "status"):
        album.take(name, f"{served.url}/{name}/")
    album.state = None
    album.take("landing", f"{served.url}/")
    album.take("login", f"{served.url}/accounts/login/")
    album.take("join-wrong-code", f"{served.url}/join/AAAABBBBCCCC/")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--minutes", type=float, default=8)
    words.add_argument("--to", type=Path, default=ROOT / "docs" / "screenshots")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = FakeCamera(Path(folder) / "camera.y4m")
        camera.show_face()
        flags = [*BROWSER_FLAGS, "--no-sandbox", f"--use-file-for-fake-video-capture={camera.path}"]
        browser = playwright.chromium.launch(executable_path=needs_chromium(), args=flags)
        album = Album(browser, chosen.to)
        served = Served(data=Path(folder) / "data", extra={"EXPRESSION_ANALYSIS": "on"}).wait()
        try:
            first_visit(album, served)
            teacher = logged_in(album, served)
            empty_pages(album, served)
            real_lesson(album, served, teacher)
            practice(album, served, teacher, chosen.minutes)
        finally:
            browser.close()
            served.stop()


if __name__ == "__main__":
    main()
