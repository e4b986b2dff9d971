"""A class on Postgres and Redis, with two web processes and two workers, as a browser sees it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocket, expect
from redis import Redis as Client

from tests import pages
from tests.camera import FakeCamera
from tests.conftest import needs
from tests.school import School
from tests.services import Postgres, Redis, postgres_programs, redis_program

pytestmark = pytest.mark.browser


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    needs("redis-server", redis_program(), "make test, or apt-get install redis-server")
    needs("Postgres", postgres_programs(), "make test, or apt-get install postgresql")
    with Redis() as redis, Postgres() as postgres:
        school = School(tmp_path, redis, postgres)
        yield school
        school.close()


@pytest.fixture
def camera(tmp_path: Path) -> FakeCamera:
    camera = FakeCamera(tmp_path / "camera.y4m")
    camera.show_face()
    return camera


def lesson_in(school: School, browser: Any) -> tuple[Page, Page, str]:
    """The teacher's live page on the first web process, and the join link on the second."""
    first, second = school.webs
    pages.account(first)
    teacher = pages.page_of(browser)
    pages.log_in(teacher, first.url)
    link = pages.start_lesson(teacher, first.url)
    return teacher, pages.page_of(browser), link.replace(f":{first.port}", f":{second.port}")


class Sent:
    """When a page sent its snapshots."""

    def __init__(self, page: Page) -> None:
        self.at: list[float] = []
        page.on("websocket", self.listen)

    def listen(self, socket: WebSocket) -> None:
        socket.on("framesent", self.note)

    def note(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            self.at.append(time.monotonic())

    def longest_gap_s(self) -> float:
        return max(later - at for at, later in zip(self.at, self.at[1:], strict=False))


def test_student_and_teacher_meet_on_different_web_processes(
    school: School, chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    school.open()
    teacher, student, link = lesson_in(school, chromium(camera=camera.path))
    pages.join(student, link)
    expect(pages.words(teacher)).to_contain_text("reads as happy", timeout=15_000)
    expect(student.locator("#reading")).to_contain_text("happy")
    expect(pages.chart_bands(teacher).first).to_be_attached(timeout=25_000)
    student.get_by_role("button", name="Raise hand").click()
    expect(teacher.locator("#flag-cards")).to_contain_text("Asked for help", timeout=3_000)
    student.get_by_role("button", name="Pause camera").click()
    expect(pages.words(teacher)).to_have_text("no camera")
    student.get_by_role("button", name="Turn camera on").click()
    expect(pages.words(teacher)).to_contain_text("reads as")
    second = student.context.new_page()
    second.goto(student.url.replace(f":{school.webs[1].port}", f":{school.webs[0].port}"))
    expect(student.get_by_text("You are already here in another tab.")).to_be_visible()
    teacher.locator("button[data-opens=end]:visible").click()
    teacher.get_by_role("button", name="End lesson").click()
    expect(second.get_by_text(re.compile("Lesson ended at"))).to_be_visible()
    teacher.wait_for_url(re.compile(r"/lessons/\d+/$"))
    assert b"\xff\xd8\xff" not in b"".join(
        path.read_bytes() for path in school.redis.place.rglob("*") if path.is_file()
    )


def kill_with_a_snapshot_in_hand(school: School) -> None:
    """Catch the moment between a claim and its end, which is some milliseconds long."""
    client = Client.from_url(school.redis.url)
    victim = school.workers[0]
    deadline = time.monotonic() + 30
    while not client.zcard("frames:hand"):
        assert time.monotonic() < deadline, "nothing was ever claimed"
    victim.kill()


def test_killed_worker_delays_a_student_by_four_seconds_at_most(
    school: School, chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    school.open()
    teacher, student, link = lesson_in(school, chromium(camera=camera.path))
    sent = Sent(student)
    pages.join(student, link)
    expect(pages.words(teacher)).to_contain_text("reads as happy", timeout=15_000)
    kill_with_a_snapshot_in_hand(school)
    before = len(sent.at)
    student.wait_for_timeout(9_000)
    print(f"longest gap {sent.longest_gap_s():.2f} s, {len(sent.at) - before} snapshots in 9 s")
    assert len(sent.at) - before >= 2
    assert sent.longest_gap_s() <= 4.0
    expect(pages.words(teacher)).to_contain_text("reads as happy")


def test_teacher_reads_that_no_worker_runs_until_one_does(
    school: School, chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    school.open()
    teacher, student, link = lesson_in(school, chromium(camera=camera.path))
    pages.join(student, link)
    expect(pages.words(teacher)).to_contain_text("reads as happy", timeout=15_000)
    words = teacher.locator("#worker").inner_text()
    for worker in school.workers:
        worker.kill()
    killed = time.monotonic()
    expect(teacher.locator("#worker")).not_to_have_text(words, timeout=12_000)
    print(
        f"said after {time.monotonic() - killed:.1f} s: {teacher.locator('#worker').inner_text()}"
    )
    school.worker().wait()
    expect(teacher.locator("#worker")).to_have_text(words, timeout=15_000)
    expect(pages.words(teacher)).to_contain_text("reads as happy", timeout=10_000)


def test_redis_and_postgres_restart_and_the_class_goes_on(
    school: School, chromium: Callable[..., Any], camera: FakeCamera
) -> None:
    school.open()
    teacher, student, link = lesson_in(school, chromium(camera=camera.path))
    pages.join(student, link)
    expect(pages.words(teacher)).to_contain_text("reads as happy", timeout=15_000)
    student.get_by_role("button", name="Raise hand").click()
    expect(teacher.locator("#flag-cards")).to_contain_text("Asked for help", timeout=5_000)
    for service in (school.redis, school.postgres):
        service.stop()
        if service is school.postgres:
            # Without Redis the page is cut off, and says so itself; this it is told.
            expect(teacher.locator("#line")).to_contain_text("Nothing is stored since")
        service.start()
        expect(teacher.locator("#line")).to_be_hidden(timeout=30_000)
        time.sleep(2)
        teacher.reload()
        expect(pages.words(teacher)).to_contain_text("reads as happy", timeout=30_000)
        expect(teacher.locator("#flag-cards article")).to_have_count(1)
        expect(student.locator("#reading")).to_contain_text("happy")
