"""`make demo` as people run it: one command, a ready account, a class that moves; and again."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from websockets.sync.client import connect

from tests import running
from tests.running import ROOT, START_S, STOP_S, free_port

NOT_OURS = {"DATABASE_URL": "", "REDIS_URL": "", "EXPRESSION_ANALYSIS": "", "ALLOWED_HOSTS": ""}
MOVES_WITHIN_S = 90
RIBBON = '<span class="ribbon">Simulated</span>'


class Demo:
    """`manage.py demo` while it runs, as the Makefile starts it."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        data.mkdir(exist_ok=True)
        self.log = data.parent / "demo.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo", "--port", str(self.port)],
                cwd=ROOT,
                env=running.environment(data, **NOT_OURS),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self) -> Demo:
        deadline = time.monotonic() + 2 * START_S
        while "Stop with Ctrl-C" not in self.output:
            assert self.process.poll() is None, f"the demo ended:\n{self.output}"
            assert time.monotonic() < deadline, f"the demo does not start:\n{self.output}"
            time.sleep(0.05)
        return self

    def printed(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found, self.output
        return found[1]

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_S)
        assert self.process.returncode == 0, self.output
        assert "Traceback" not in self.output


class Visitor:
    """Somebody who types in what the terminal says."""

    def __init__(self, demo: Demo) -> None:
        self.demo, self.jar = demo, CookieJar()
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> str:
        with self.opener.open(self.demo.url + path, timeout=60) as answer:
            return answer.read().decode()

    def log_in(self) -> str:
        """The page that the printed link leads to, behind the log-in."""
        link = self.demo.printed(r"(http://\S+/accounts/login/\S+)")
        with self.opener.open(link, timeout=60) as answer:
            form = answer.read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert token, form
        fields = {
            "csrfmiddlewaretoken": token[1],
            "username": self.demo.printed(r"user name (\S+),"),
            "password": self.demo.printed(r"password (\S+)"),
        }
        request = Request(link, urlencode(fields).encode(), {"Origin": self.demo.url})
        with self.opener.open(request, timeout=60) as answer:
            return answer.read().decode()

    def cookies(self) -> str:
        return "; ".join(f"{one.name}={one.value}" for one in self.jar)


def test_one_command_shows_a_class_that_moves_and_is_safe_to_repeat(tmp_path):
    demo = Demo(tmp_path / "data").wait()
    try:
        watch(demo, Visitor(demo))
    finally:
        demo.stop()
    again = Demo(tmp_path / "data").wait()
    try:
        visitor = Visitor(again)
        visitor.log_in()
        assert visitor.get("/").count("open-lesson") == 1, "one class runs, the new one"
        shown = visitor.get("/history/").count(RIBBON)
        assert shown == 5, "the past once, and the class that was watched"
    finally:
        again.stop()


def watch(demo: Demo, visitor: Visitor) -> None:
    assert RIBBON in visitor.log_in()
    lesson = demo.printed(r"next=/lessons/(\d+)/live/")
    socket = f"ws://localhost:{demo.port}/ws/teacher/{lesson}/"
    headers = {"Cookie": visitor.cookies()}
    with connect(socket, origin=demo.url, additional_headers=headers) as page:
        hello = json.loads(page.recv(timeout=60))["hello"]
        assert hello["lesson"]["simulated"]
        assert len(hello["picture"]["rows"]) == 30
        assert moves(page), "students' rows and charts move"
    history = visitor.get("/history/")
    assert history.count(RIBBON) == 4
    report = visitor.get(re.findall(r'href="(/lessons/\d+/)"', history)[0])
    assert "Moments" in report and "useful" in report


def moves(page) -> bool:
    """Whether rows change by a tick, and the charts by a slice."""
    seen: set[str] = set()
    deadline = time.monotonic() + MOVES_WITHIN_S
    while time.monotonic() < deadline and seen != {"rows", "charts"}:
        message = json.loads(page.recv(timeout=MOVES_WITHIN_S))
        if any(row["state"] == "reading" for row in message.get("tick", {}).get("students", ())):
            seen.add("rows")
        if message.get("slice", {}).get("charts"):
            seen.add("charts")
    return seen == {"rows", "charts"}


def test_a_folder_with_somebodys_data_is_left_alone(tmp_path):
    assert running.manage(tmp_path, "migrate", "-v0", **NOT_OURS).returncode == 0
    before = (tmp_path / "db.sqlite3").read_bytes()
    refused = running.manage(tmp_path, "demo", "--port", str(free_port()), **NOT_OURS)
    assert refused.returncode == 1
    assert "holds somebody's data" in refused.stderr and "Traceback" not in refused.stderr
    assert (tmp_path / "db.sqlite3").read_bytes() == before


def test_other_engines_are_refused(tmp_path):
    address = {**NOT_OURS, "REDIS_URL": "redis://127.0.0.1:6379/0", "EMBEDDED_WORKER": "on"}
    refused = running.manage(tmp_path, "demo", "--port", str(free_port()), **address)
    assert refused.returncode == 1
    assert "a database file of its own" in refused.stderr
    assert not (tmp_path / "db.sqlite3").exists()


def planned(*words: str) -> str:
    """What make would run, without running it."""
    done = subprocess.run(
        [str(shutil.which("make")), "--dry-run", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_demo_keeps_to_a_folder_and_a_port_of_its_own():
    told = planned("demo", "PORT=8123")
    (line,) = [one for one in told.splitlines() if "manage.py demo" in one]
    assert "DATA_DIR=var/demo" in told
    assert '--port "8123"' in line
    for name in ("DATABASE_URL", "REDIS_URL"):
        assert f"-u {name} " in told, "the shell's own settings do not reach it"


def test_make_help_names_it():
    assert "make demo" in planned("help")
