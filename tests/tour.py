"""A walk past every page of the product, in the states that people meet, on one served copy.

What looks at pages as a whole walks it: the test with axe and the keyboard, and the screenshots.
Each stop is opened in a browser context of its own, as the person it is for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.test import RequestFactory
from django.views.defaults import server_error
from playwright.sync_api import Browser, Page, expect

from tests import pages
from tests.running import Served

# Another teacher's lesson, one that nobody came to, and one that was, made without a browser.
PAST = """
from django.contrib.auth import get_user_model
from django.utils import timezone
from tests import make
now = timezone.now()
theirs = make.lesson(teacher=make.other_teacher(), closed_at=now, students=1, cameras=1)
make.participant(lesson=theirs)
owner = get_user_model().objects.get(username="%s")
print("past:", theirs.pk, make.lesson(teacher=owner, closed_at=now, students=0).pk)
"""
REFUSING = (
    "navigator.mediaDevices.getUserMedia ="
    " () => Promise.reject(new DOMException('', 'NotAllowedError'))"
)
# The window that stays on top is the browser's own; the small one instead of it can be looked at.
NO_PICTURE_IN_PICTURE = "delete window.documentPictureInPicture"
MOST_GUESSES = 25

# A line that can be cut for good: what would be opened after that leads nowhere.
CUTTABLE = """
const Socket = WebSocket;
Object.assign(window, { cut: false, sockets: [] });
window.WebSocket = class extends Socket {
  constructor(address) {
    super(window.cut ? `${address}cut` : address);
    window.sockets.push(this);
  }
};
"""

Prepare = Callable[[Page], Page | None]


@dataclass(frozen=True, slots=True)
class Stop:
    """One state of one page: as whom to open which address, and what to do there first."""

    name: str
    path: str
    who: str = "teacher"
    ready: str = "main"
    prepare: Prepare | None = None
    script: str = ""
    body: str = ""


class Tour:
    """Plays the teacher and the students between the stops."""

    def __init__(self, browser: Browser, served: Served, *, practice_s: float = 0) -> None:
        self.browser, self.served = browser, served
        self.practice_s = practice_s
        self.states: dict[str, Any] = {"nobody": None}
        self.practice = ""

    def open(self, stop: Stop, **options: Any) -> Page:
        """The page of a stop, ready to be looked at; its context is the caller's to close."""
        page = pages.page_of(self.browser, storage_state=self.states[stop.who], **options)
        if stop.script:
            page.add_init_script(stop.script)
        if stop.body:
            page.route(self.served.url + stop.path, lambda route: route.fulfill(body=stop.body))
        page.goto(self.served.url + stop.path)
        page.locator(stop.ready).first.wait_for()
        return (stop.prepare and stop.prepare(page)) or page

    def stops(self) -> Iterator[Stop]:
        yield Stop("not-set-up", "/", "nobody")
        setup = self.served.setup_link.removeprefix(self.served.url)
        yield Stop("setup-account", setup, "nobody")
        self.make_account()
        yield Stop("setup-refused", setup, "nobody")
        yield from self.first_visit()
        yield from doors(self.served)
        yield from self.real_lesson()
        yield from self.practice_class()
        yield from self.past_lessons()
        yield Stop("too-many", "/accounts/login/", "nobody", prepare=guess_passwords)

    def make_account(self) -> None:
        self.teacher = pages.page_of(self.browser)
        self.teacher.goto(self.served.setup_link)
        self.teacher.locator("input[name=username]").fill(pages.USER)
        self.teacher.locator("input[name=password1]").fill(pages.PASSWORD)
        self.teacher.locator("input[name=password2]").fill(pages.PASSWORD)
        self.teacher.get_by_role("button", name="Continue").click()
        self.teacher.wait_for_url(re.compile("/setup/analysis/"))
        self.states["teacher"] = self.teacher.context.storage_state()

    def first_visit(self) -> Iterator[Stop]:
        yield Stop("setup-analysis", "/setup/analysis/")
        self.teacher.locator("input[name=analysis][value=on]").check()
        self.teacher.get_by_role("button", name="Continue").click()
        yield Stop("setup-try", "/setup/try/")
        yield Stop("home-empty", "/")
        yield Stop("history-empty", "/history/")
        self.teacher.get_by_role("button", name="Start a practice class").click()
        self.teacher.wait_for_url(re.compile("/live/"))
        self.practice, self.began = path_of(self.teacher), time.monotonic()

    def real_lesson(self) -> Iterator[Stop]:
        """A lesson that one student joins with a face before the camera, and one without."""
        link = pages.start_lesson(self.teacher, self.served.url)
        live, join = path_of(self.teacher), self.door(link)
        yield Stop("home", "/")
        yield Stop("live-empty", live, ready="#nobody")
        yield Stop("invite", live.replace("/live/", "/invite/"))
        yield Stop("live-invite", live, prepare=opens("Invite", "#invite[open]"))
        yield Stop("join", join, "nobody")
        yield Stop("notice", join.replace("/join/", "/notice/"), "nobody")
        self.join("student", link, "Asha", "Join with camera")
        self.join("without", link, "Ben", "Join without camera")
        yield from self.student_pages()
        yield Stop("live-two", live, ready="#students > li")
        settings = self.teacher.locator(".live-actions a[href$='/settings/']").get_attribute("href")
        yield Stop("settings", str(settings), prepare=unfold)
        self.teacher.locator("summary.button").last.click()
        self.teacher.locator("#pause").click()
        yield Stop("student-analysis-paused", self.student, "student", "#notice:not([hidden])")
        yield Stop("student-ended", self.student, "student", "#bar", prepare=self.end_lesson)

    def door(self, link: str) -> str:
        """Where the lesson's join link leads, now and after its end."""
        self.closed_door = re.sub(r"^https?://[^/]+", "", link)
        return self.closed_door

    def join(self, who: str, link: str, name: str, button: str) -> None:
        page = pages.page_of(self.browser)
        pages.join(page, link, name, button)
        self.student = path_of(page)
        if who == "student":
            expect(pages.words(self.teacher, name)).to_contain_text("reads as")
        self.states[who] = page.context.storage_state()
        page.context.close()

    def student_pages(self) -> Iterator[Stop]:
        at, notice = self.student, "#notice:not([hidden])"
        yield Stop(
            "student", at, "student", "#reading[data-state=reading]", prepare=tap("Lost", "Got it")
        )
        yield Stop("student-asked", at, "student", "#bar", prepare=show("#nudge"))
        yield Stop("student-paused", at, "student", "#camera-button:not([hidden])", prepare=pause)
        yield Stop("student-refused", at, "student", notice, script=REFUSING)
        yield Stop("student-second-tab", at, "student", "#bar", prepare=open_twice)
        yield Stop("student-erase", at, "student", "#bar", prepare=modal("erase-dialog"))
        yield Stop("student-without", at, "without", "#consent-button", prepare=tap("Raise hand"))
        yield Stop("student-consent", at, "without", "#bar", prepare=modal("consent-dialog"))
        yield Stop("my-data", at + "data/", "student")

    def practice_class(self) -> Iterator[Stop]:
        time.sleep(max(0.0, self.began + self.practice_s - time.monotonic()))
        at, ready = self.practice, "#students > li:nth-child(29)"
        yield Stop("live", at, ready=ready, prepare=charts_drawn)
        yield Stop("live-all-seven", at, ready=ready, prepare=all_seven)
        yield Stop("live-tiles", at, ready=ready, prepare=tiles_without_names)
        yield Stop("live-drawer", at, ready=ready, prepare=open_drawer)
        yield Stop("live-menu", at, ready=ready, prepare=open_menu)
        yield Stop("live-marker", at, ready=ready, prepare=opens("Marker", "#marker[open]"))
        yield Stop("live-rules", at, ready=ready, prepare=modal("rules"))
        yield Stop("live-end", at, ready=ready, prepare=modal("end"))
        yield Stop("error-403", at, "nobody")
        yield Stop("live-reconnecting", at, ready=ready, prepare=lose_the_line, script=CUTTABLE)
        yield Stop(
            "pop-out", at, ready=ready, prepare=open_small_window, script=NO_PICTURE_IN_PICTURE
        )

    def past_lessons(self) -> Iterator[Stop]:
        told = self.served.manage("shell", "-c", PAST % pages.USER)
        found = re.search(r"past: (\d+) (\d+)", told.stdout)
        assert found, told.stderr
        self.teacher.goto(self.served.url + self.practice)
        self.end_lesson()
        yield Stop("report", self.practice.replace("live/", ""), prepare=unfold)
        yield Stop("report-of-another", f"/lessons/{found[1]}/")
        yield Stop("report-nobody", f"/lessons/{found[2]}/")
        yield Stop("history", "/history/", ready="table")
        yield Stop("history-none-found", "/history/?q=nothing+of+the+kind")
        yield Stop("join-closed", self.closed_door, "nobody")
        yield Stop("my-data-afterwards", self.student + "data/", "student")

    def end_lesson(self, student: Page | None = None) -> None:
        """The teacher ends the lesson that is on the teacher's page."""
        self.teacher.locator("button[data-opens=end]:visible").click()
        self.teacher.get_by_role("button", name="End lesson").click()
        self.teacher.wait_for_url(re.compile(r"/lessons/\d+/$"))
        if student is not None:
            expect(student.get_by_text(re.compile("Lesson ended at"))).to_be_visible()


def doors(served: Served) -> Iterator[Stop]:
    """What anybody meets, and what an account has beside its lessons."""
    yield Stop("landing", "/", "nobody")
    yield Stop("about", "/about/", "nobody")
    yield Stop("login", "/accounts/login/", "nobody")
    yield Stop("login-wrong", "/accounts/login/", "nobody", prepare=log_in_wrongly)
    yield Stop("join-code", "/join/", "nobody")
    yield Stop("join-wrong-code", "/join/AAAABBBBCCCC/", "nobody")
    link = re.search(r"/accounts/reset/\S+", served.manage("set_password_link", pages.USER).stdout)
    yield Stop("password-set", link[0] if link else "", "nobody")
    yield Stop("password-link-used", "/accounts/reset/MQ/no-such-token/", "nobody")
    yield Stop("password-set-done", "/accounts/reset/done/", "nobody")
    yield Stop("password-change", "/accounts/password_change/")
    yield Stop("password-changed", "/accounts/password_change/done/")
    yield Stop("status", "/status/", prepare=unfold)
    yield Stop("error-403-form", "/accounts/login/", "nobody", prepare=send_stale_form)
    yield Stop("error-404", "/nothing/here/", "nobody")
    broken = server_error(RequestFactory().get("/")).content.decode()
    yield Stop("error-500", "/broken/", "nobody", body=broken)


def path_of(page: Page) -> str:
    return re.sub(r"^https?://[^/]+", "", page.url)


def opens(button: str, what: str) -> Prepare:
    def prepare(page: Page) -> None:
        page.get_by_role("button", name=button).first.click()
        page.locator(what).wait_for()

    return prepare


def modal(dialog: str) -> Prepare:
    """A dialog whose button is in a menu, or not there just now."""
    return lambda page: page.evaluate(f"document.getElementById('{dialog}').showModal()")


def show(what: str) -> Prepare:
    return lambda page: page.evaluate(f"document.querySelector('{what}').hidden = false")


def tap(*names: str) -> Prepare:
    def prepare(page: Page) -> None:
        for name in names:
            page.get_by_role("button", name=name).click()
            expect(page.locator(".tap[data-active]", has_text=name)).to_contain_text("fades in")

    return prepare


def pause(page: Page) -> None:
    page.get_by_role("button", name="Pause camera").click()
    expect(page.locator("#mark-words")).to_have_text("Camera off")


def open_twice(page: Page) -> None:
    page.context.new_page().goto(page.url)
    page.locator("#notice:not([hidden])").wait_for()


def charts_drawn(page: Page) -> None:
    pages.chart_bands(page).first.wait_for(state="attached", timeout=40_000)


def all_seven(page: Page) -> None:
    charts_drawn(page)
    page.get_by_role("button", name="All seven").click()
    page.get_by_role("button", name="Show as table").click()


def tiles_without_names(page: Page) -> None:
    page.get_by_role("button", name="tiles").click()
    page.evaluate("document.querySelector('[data-clicks=hide-names]').click()")


def open_drawer(page: Page) -> None:
    page.locator(".student-name").first.click()
    page.locator("#drawer[open]").wait_for()


def open_menu(page: Page) -> None:
    page.locator(".live-actions summary").click()


def open_small_window(page: Page) -> Page:
    with page.context.expect_page() as opened:
        page.locator("#pop-out").click()
    opened.value.locator(".pulse-word").wait_for()
    return opened.value


def lose_the_line(page: Page) -> None:
    page.evaluate("() => { cut = true; sockets.forEach((each) => each.close()); }")
    page.locator("#line:not([hidden])").wait_for()


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach(each => (each.open = true))")


def log_in_wrongly(page: Page) -> None:
    page.locator("input[name=username]").fill(pages.USER)
    page.locator("input[name=password]").fill("not this one")
    page.locator("main form button").first.click()
    page.locator(".error").wait_for()


def guess_passwords(page: Page) -> None:
    """From wherever this test has guessed already to the page that says wait."""
    for _ in range(MOST_GUESSES):
        if not page.locator("input[name=password]").count():
            return
        page.locator("input[name=username]").fill(pages.USER)
        page.locator("input[name=password]").fill("not this one")
        page.locator("main form button").first.click()
        page.wait_for_load_state()
    raise AssertionError("guessing goes on for ever")


def send_stale_form(page: Page) -> None:
    page.context.clear_cookies()
    page.locator("input[name=username]").fill(pages.USER)
    page.locator("input[name=password]").fill("whatever")
    page.locator("main form button").first.click()
    page.get_by_text("Please try again").first.wait_for()
