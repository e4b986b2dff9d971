"""A live class in a real browser: a real face before a fake camera, read by the shipped model.

Student and teacher are two browser contexts of one served copy. What is looked for are the words
on the pages, since they are what the two people have.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from emotions.models import SLICE_SECONDS
from tests import pages
from tests.camera import FakeCamera
from tests.running import Served

pytestmark = pytest.mark.browser


@pytest.fixture
def camera(tmp_path: Path) -> FakeCamera:
    camera = FakeCamera(tmp_path / "camera.y4m")
    camera.show_face()
    return camera


def lesson_with(
    serving: Callable[..., Served], browser: Any, **settings: str
) -> tuple[Page, Page, str]:
    """The teacher's live page, an empty page for the student, and the join link."""
    served = serving(EXPRESSION_ANALYSIS="on", **settings)
    pages.account(served)
    teacher = pages.page_of(browser)
    pages.log_in(teacher, served.url)
    link = pages.start_lesson(teacher, served.url)
    return teacher, pages.page_of(browser), link


def test_a_face_is_read_paused_out_of_view_and_away(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    browser = chromium(camera=camera.path)
    teacher, student, link = lesson_with(serving, browser, AWAY_AFTER_S="15")
    pages.join(student, link)
    # From here it is ours: the browser has opened the camera, and the model is loaded.
    expect(student.locator("#mark-words")).to_have_text("Camera on")
    seen_on = time.monotonic()
    expect(pages.words(teacher)).to_contain_text("reads as happy")
    assert time.monotonic() - seen_on < 10
    expect(student.locator("#reading")).to_contain_text("happy")
    expect(pages.chart_bands(teacher).first).to_be_attached()

    student.get_by_role("button", name="Raise hand").click()
    expect(pages.row(teacher).locator(".student-tap")).to_be_visible()
    expect(teacher.locator("#flag-cards")).to_contain_text("Asked for help")

    student.get_by_role("button", name="Pause camera").click()
    expect(pages.words(teacher)).to_have_text("no camera")
    expect(pages.row(teacher)).to_have_attribute("data-state", "no_camera")
    expect(student.locator("#mark-words")).to_have_text("Camera off")

    student.get_by_role("button", name="Turn camera on").click()
    expect(pages.words(teacher)).to_contain_text("reads as")
    camera.show_wall()
    seen: list[str] = []

    def shows(pattern: str) -> bool:
        seen.append(pages.words(teacher).inner_text())
        return re.search(pattern, seen[-1]) is not None

    wait_until(lambda: shows("out of view"), 60)
    wait_until(lambda: shows("away"), 60)
    # The student is asked first; the flag waits for the answer.
    expect(student.locator("#nudge")).to_be_visible()
    expect(teacher.locator("#flag-cards")).not_to_contain_text("Away")
    expect(teacher.locator("#flag-cards")).to_contain_text("Away")
    expect(student.locator("#nudge")).to_be_hidden()
    since_wall = seen[next(at for at, word in enumerate(seen) if "reads" not in word) :]
    assert not [word for word in since_wall if "reads as" in word], since_wall


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.2)


def test_reload_and_late_look_show_the_lesson_so_far(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    teacher, student, link = lesson_with(serving, chromium(camera=camera.path))
    pages.join(student, link)
    expect(pages.chart_bands(teacher).first).to_be_attached()
    teacher.reload()
    expect(pages.words(teacher)).to_contain_text("reads as")
    student.context.close()
    time.sleep(SLICE_SECONDS + 3)  # From here on nothing new comes: what is drawn was stored.
    teacher.reload()
    expect(pages.chart_bands(teacher).first).to_be_attached()


def test_end_that_comes_by_itself_is_said_ahead(
    serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    teacher, _, _ = lesson_with(serving, chromium(), LESSON_HOURS="0.15")
    expect(teacher.locator("#ending")).to_have_text(re.compile(r"ends by itself at \d\d:\d\d"))


def test_without_a_camera_a_student_is_a_full_member(
    serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    teacher, student, link = lesson_with(serving, chromium())
    pages.join(student, link, name="Ben", button="Join without camera")
    expect(pages.words(teacher, "Ben")).to_have_text("no camera")
    student.get_by_role("button", name="Lost").click()
    expect(teacher.locator("#taps")).to_contain_text("Lost 1")
    expect(student.locator("#taps")).to_contain_text("fades in")


def test_end_says_goodbye_and_leaves_a_report(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    teacher, student, link = lesson_with(serving, chromium(camera=camera.path))
    pages.join(student, link)
    expect(pages.words(teacher)).to_contain_text("reads as")
    opened: list[str] = []
    teacher.on(
        "request",
        lambda request: opened.append(request.url) if request.is_navigation_request() else None,
    )
    teacher.locator("button[data-opens=end]:visible").click()
    teacher.get_by_role("button", name="End lesson").click()
    expect(student.get_by_text(re.compile("Lesson ended at"))).to_be_visible()
    expect(student.locator("#mark-words")).to_have_text("Camera off")
    expect(teacher.locator("main h1")).to_contain_text("Physics 10B")
    expect(teacher.locator("#end-now")).to_have_count(0)
    # The answer to End, the socket's word and its closing all lead there: it is opened once.
    assert len(opened) == 1, opened
    teacher.goto(link)
    expect(teacher.locator("main")).to_contain_text(re.compile("ended|No open lesson"))


def test_second_tab_takes_over_and_can_be_taken_back(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    teacher, first, link = lesson_with(serving, chromium(camera=camera.path))
    pages.join(first, link)
    expect(pages.words(teacher)).to_contain_text("reads as")
    second = first.context.new_page()
    second.goto(first.url)
    expect(first.get_by_text("You are already here in another tab.")).to_be_visible()
    first.get_by_role("button", name="Use this one").click()
    expect(second.get_by_text("You are already here in another tab.")).to_be_visible()
    assert pages.row(teacher).count() == 1


# What each kind of camera trouble looks like from a page: getUserMedia's own errors.
TROUBLES = {
    "refused": ("NotAllowedError", "Camera is off. That's fine, you are in."),
    "no camera": ("NotFoundError", "No camera found. You are in without one."),
    "in use": ("NotReadableError", "Another app is using the camera"),
}
REFUSING = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '%s'))"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_camera_trouble_has_its_words_and_is_no_camera_to_the_teacher(
    trouble: str, serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    error, said = TROUBLES[trouble]
    teacher, student, link = lesson_with(serving, chromium(), AWAY_AFTER_S="5")
    student.add_init_script(REFUSING % error)
    pages.join(student, link)
    expect(student.locator("#notice")).to_contain_text(said)
    expect(pages.words(teacher)).to_have_text("no camera")
    time.sleep(8)  # Past AWAY_AFTER_S: it must not have become "away" meanwhile.
    expect(pages.words(teacher)).to_have_text("no camera")
    expect(teacher.locator("#flag-cards")).to_be_empty()


KEEP_TRACKS = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.tracks = [];
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""


def test_track_that_ends_is_said_and_is_no_camera_to_the_teacher(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    teacher, student, link = lesson_with(serving, chromium(camera=camera.path))
    student.add_init_script(KEEP_TRACKS)
    pages.join(student, link)
    expect(pages.words(teacher)).to_contain_text("reads as")
    # Stopping fires no event of its own; the browser fires it when the device goes away.
    student.evaluate(
        "window.tracks.forEach(track => { track.stop(); track.dispatchEvent(new Event('ended')) })"
    )
    expect(student.locator("#notice")).to_contain_text("The camera stopped.")
    expect(pages.words(teacher)).to_have_text("no camera")


COUNT_REFUSALS = """
window.asked = 0;
navigator.mediaDevices.getUserMedia = () => {
  window.asked += 1;
  return Promise.reject(new DOMException("", "NotAllowedError"));
};
"""


def test_whoever_turned_the_camera_down_is_asked_again_by_nothing_but_a_pause_s_end(
    serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    teacher, student, link = lesson_with(serving, chromium())
    student.add_init_script(COUNT_REFUSALS)
    pages.join(student, link)
    expect(student.locator("#notice")).to_contain_text("Camera is off.")
    for pressed in ("true", "false"):
        teacher.locator("body").press("q")
        expect(teacher.locator("#quiet")).to_have_attribute("aria-pressed", pressed)
    press_pause(teacher)
    # What was told before the pause has been heard by then.
    expect(student.locator("#notice")).to_contain_text("Analysis is paused.")
    assert student.evaluate("window.asked") == 1
    press_pause(teacher)
    expect(student.locator("#notice")).to_contain_text("Camera is off.")
    assert student.evaluate("window.asked") == 2


def press_pause(teacher: Page) -> None:
    if not teacher.locator("#pause").is_visible():
        teacher.locator(".live-actions summary").click()
    teacher.locator("#pause").click()


# As from a camera that the system has muted, no frames come while `stalled`.
STALL = """
const Real = MediaStreamTrackProcessor;
window.MediaStreamTrackProcessor = class {
  constructor(wish) {
    const transform = (frame, to) => (window.stalled ? frame.close() : to.enqueue(frame));
    this.readable = new Real(wish).readable.pipeThrough(new TransformStream({ transform }));
  }
};
"""


def test_a_pause_stops_a_camera_too_that_the_system_has_muted(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    teacher, student, link = lesson_with(serving, chromium(camera=camera.path))
    student.add_init_script(KEEP_TRACKS + STALL)
    pages.join(student, link)
    expect(student.locator("#mark-words")).to_have_text("Camera on")
    student.evaluate("window.stalled = true; window.tracks[0].dispatchEvent(new Event('mute'))")
    expect(student.locator("#mark-words")).to_have_text("Camera off")
    press_pause(teacher)
    expect(student.locator("#notice")).to_contain_text("Analysis is paused.")
    assert student.evaluate("window.tracks.map((track) => track.readyState)") == ["ended"]
    student.evaluate("window.stalled = false")
    press_pause(teacher)
    expect(student.locator("#mark-words")).to_have_text("Camera on")


HOLD_THE_QUESTION = """
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
const answered = new Promise((resolve) => (window.answer = resolve));
window.asked = 0;
navigator.mediaDevices.getUserMedia = async (wanted) => {
  document.documentElement.dataset.asked = window.asked += 1;
  await answered;
  return real(wanted);
};
"""


def test_a_pause_that_passes_while_the_browser_still_asks_leaves_one_camera(
    serving: Callable[..., Served], chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    teacher, student, link = lesson_with(serving, chromium(camera=camera.path))
    student.add_init_script(HOLD_THE_QUESTION)
    pages.join(student, link)
    expect(student.locator("html")).to_have_attribute("data-asked", "1")
    press_pause(teacher)
    expect(student.locator("#notice")).to_contain_text("Analysis is paused.")
    press_pause(teacher)
    expect(student.locator("#notice")).not_to_contain_text("Analysis is paused.")
    student.evaluate("window.answer()")
    expect(student.locator("#mark-words")).to_have_text("Camera on")
    expect(pages.words(teacher)).to_contain_text("reads as")
    assert student.evaluate("window.asked") == 1
