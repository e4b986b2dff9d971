"""Behind a video call: the student's tab is hidden for three minutes and goes on sending."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from classroom import tokens
from tests.camera import FakeCamera
from tests.hidden import Tabs
from tests.running import Served

pytestmark = pytest.mark.browser

HIDDEN_S = 180
INTERVAL_S = 2.0

MAKE_A_LESSON = """
from django.contrib.auth import get_user_model
from classroom import lessons, participants, tokens
from classroom.models import Course
teacher = get_user_model().objects.create_user("ada")
lesson = lessons.open(Course.objects.create(teacher=teacher, name="Physics"))
student = participants.join(lesson, "Asha", True)
print(lesson.pk, tokens.make(student))
"""
COUNT_SAMPLES = """
from django.db.models import F, Sum
samples = Sum(F("n") + F("absent") + F("several") + F("unsure"))
print(Slice.objects.aggregate(all=samples)["all"] or 0)
"""


@pytest.fixture
def tabs(tmp_path: Path) -> Iterator[Tabs]:
    camera = FakeCamera(tmp_path / "camera.y4m")
    camera.show_face()
    tabs = Tabs(tmp_path / "profile", camera.path)
    yield tabs
    tabs.close()


def answer(served: Served, code: str) -> str:
    done = served.manage("shell", "-v", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.2)


def test_hidden_tab_goes_on_at_half_the_pace_or_better(
    serving: Callable[..., Served], tabs: Tabs
) -> None:
    served = serving(EXPRESSION_ANALYSIS="on")
    lesson, token = answer(served, MAKE_A_LESSON).split()
    tab = tabs.open("about:blank")
    tabs.call(
        *(tab, "Network.setCookie"),
        name=tokens.cookie_name(int(lesson)),
        value=token,
        url=served.url,
        httpOnly=True,
    )
    tabs.call(tab, "Page.navigate", url=f"{served.url}/s/{lesson}/")
    wait_until(lambda: int(answer(served, COUNT_SAMPLES)) > 0)
    tabs.bring_forward(tabs.open("about:blank"))
    wait_until(lambda: tabs.evaluate(tab, "document.visibilityState") == "hidden")
    before, began = int(answer(served, COUNT_SAMPLES)), time.monotonic()
    time.sleep(HIDDEN_S)
    hidden_s = time.monotonic() - began
    assert tabs.evaluate(tab, "document.visibilityState") == "hidden"
    samples = int(answer(served, COUNT_SAMPLES)) - before
    # Slices are stored up to 11 s after their first sample: the same lag at both ends.
    assert samples >= hidden_s / INTERVAL_S / 2, f"{samples} readings in {hidden_s:.0f} s"
