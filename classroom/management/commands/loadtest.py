"""Measures a running server with simulated cameras: `manage.py loadtest --url U`."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import secrets
import socket
import ssl
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Collection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from classroom import lessons, participants, tokens
from classroom.models import Course, Lesson
from emotions import feed, load
from emotions.frames import frames
from emotions.shares import by_bins, shares

NO_DATABASE = (
    "This database has no tables of ours. Give this command the server's DATA_DIR and SECRET_KEY."
)
NO_QUEUE = "--queue fills the queue that workers share: give this command the server's REDIS_URL."
COUNTER = re.compile(r"^classroom_snapshots_([a-z_]+)_total (\S+)$", re.MULTILINE)
PICTURES = 24
MOST = {"students": 1000, "rate": 10.0, "seconds": 600.0, "window": 600.0}


class Command(BaseCommand):
    help = "Send real JPEGs from simulated cameras to a running server and measure it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server's address")
        parser.add_argument("--students", type=int, default=50)
        parser.add_argument("--rate", type=float, default=1.0, help="snapshots a second, each")
        parser.add_argument("--seconds", type=float, default=60.0)
        parser.add_argument(
            "--window", type=float, default=10.0, help="the last seconds, whose shares are counted"
        )
        parser.add_argument(
            "--paced", action="store_true", help="send as seldom as the server asks, as pages do"
        )
        parser.add_argument(
            "--queue",
            action="store_true",
            help="no sockets: keep the queue in Redis filled, and count what its workers read",
        )
        parser.add_argument("--keep", action="store_true", help="keep the lesson afterwards")
        parser.add_argument(
            "--elsewhere", action="store_true", help="the address is not this machine, and is mine"
        )
        parser.add_argument("--json", action="store_true", help="figures as JSON on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_bad_bounds(options)
        if not options["elsewhere"]:
            refuse_other_machines(options["url"])
        if options["queue"] and not settings.FRAMES_REDIS_URL:
            raise CommandError(NO_QUEUE)
        room = LoadRoom(options["url"].rstrip("/"), options["students"], options["rate"])
        try:
            room.open()
        except DatabaseError:
            raise CommandError(NO_DATABASE) from None
        if options["queue"]:
            try:
                figures = asyncio.run(room.feed(options["seconds"], options["window"]))
            finally:
                room.close(keep=options["keep"])
            return self.show(figures, as_json=options["json"])
        try:
            room.probe()
            self.say(f"{options['students']} students, {options['rate']:g}/s each")
            tally = asyncio.run(
                load.run(
                    room.place(),
                    room.cookies,
                    rate=options["rate"],
                    seconds=options["seconds"],
                    paced=options["paced"],
                    window=options["window"],
                    look=room.look,
                )
            )
            figures = summary(tally, options) | {"memory_mb": memory_per_process(options["url"])}
        finally:
            room.close(keep=options["keep"])
        self.show(figures, as_json=options["json"])

    def say(self, words: str) -> None:
        print(words, file=sys.stderr)

    def show(self, figures: dict, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(figures, indent=2))
            return
        for name, value in figures.items():
            self.stdout.write(f"{name:>16}  {value}")


def refuse_bad_bounds(options: dict) -> None:
    for name, most in MOST.items():
        if not 0 < options[name] <= most:
            raise CommandError(f"--{name} must be above 0 and at most {most:g}.")


def refuse_other_machines(url: str) -> None:
    """Load goes to this machine unless a person says that the other one is theirs."""
    host = urlsplit(url).hostname
    if host is None or urlsplit(url).scheme not in {"http", "https"}:
        raise CommandError(f"{url} is not an http address, such as http://127.0.0.1:8000.")
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        raise CommandError(f"The name {host} is not known here.") from None
    if not all(ipaddress.ip_address(str(one).split("%")[0]).is_loopback for one in found):
        raise CommandError(
            f"{host} is another machine. Add --elsewhere only if it is yours to load."
        )


class LoadRoom:
    """A lesson marked as a load test, with its students and its teacher's log-in."""

    def __init__(self, url: str, students: int, rate: float) -> None:
        self.url, self.students, self.rate = url, students, rate
        self.cookies: dict[int, str] = {}
        self.lesson: Lesson | None = None
        self.session: SessionStore | None = None

    def open(self) -> None:
        user, _ = get_user_model().objects.get_or_create(username="loadtest")
        user.set_unusable_password()
        user.save()
        course, _ = Course.objects.get_or_create(teacher=user, name="Load test")
        for old in course.lessons.filter(closed_at=None):
            lessons.close(old)
        every_ms = max(lessons.LEAST_INTERVAL_MS, round(1000 / self.rate))
        self.lesson = lessons.open(course, mode=Lesson.Mode.LOAD, interval_ms=every_ms)
        # These cameras show one public portrait, so they run whatever was chosen for students.
        lessons.change(self.lesson, analysis=True)
        name = tokens.cookie_name(self.lesson.pk)
        for number in range(self.students):
            student = participants.join(self.lesson, f"Camera {number + 1}", True)
            self.cookies[student.pk] = f"{name}={tokens.make(student)}"
        self.session = SessionStore()
        self.session[SESSION_KEY] = str(user.pk)
        self.session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        self.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        self.session.create()

    @property
    def teacher_cookie(self) -> str:
        assert self.session is not None
        return f"{settings.SESSION_COOKIE_NAME}={self.session.session_key}"

    def place(self) -> load.Place:
        assert self.lesson is not None
        return load.Place(self.url, self.lesson.pk, self.teacher_cookie)

    async def feed(self, seconds: float, window: float) -> dict[str, float]:
        assert self.lesson is not None
        pictures = load.snapshots(PICTURES)
        students = list(self.cookies)
        return await feed.feed(
            frames(), self.lesson.pk, students, pictures, seconds=seconds, window=window
        )

    def request(self, path: str, data: bytes | None = None) -> int:
        token = secrets.token_hex(16)
        request = urllib.request.Request(
            self.url + path,
            data=data,
            headers={
                "Cookie": f"{self.teacher_cookie}; {settings.CSRF_COOKIE_NAME}={token}",
                "X-CSRFToken": token,
                "Referer": self.url + "/",
                "Content-Type": "application/json",
            },
        )
        context = ssl._create_unverified_context() if self.url.startswith("https") else None
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.status

    def probe(self) -> None:
        """The server must be up and must use the same database as this command."""
        assert self.lesson is not None
        try:
            self.request(f"/lessons/{self.lesson.pk}/live/")
        except urllib.error.HTTPError as error:
            raise CommandError(
                f"The server at {self.url} answered {error.code} for a lesson made just now: it "
                "uses another database. Give this command the server's DATA_DIR and SECRET_KEY."
            ) from None
        except OSError as error:
            raise CommandError(
                f"No server answers at {self.url} ({error}). Start it first."
            ) from None

    def look(self) -> dict[str, float]:
        """The queue's own counters; nothing where its metrics are not ours to read."""
        try:
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
                found = COUNTER.findall(answer.read().decode())
        except OSError:
            return {}
        return {name: float(value) for name, value in found}

    def close(self, *, keep: bool) -> None:
        if self.lesson is None:
            return
        try:
            self.request(f"/lessons/{self.lesson.pk}/end/", data=b"{}")
        except OSError:
            lessons.close(self.lesson)
        if not keep:
            self.lesson.delete()
        if self.session is not None:
            self.session.delete()


def summary(tally: load.Tally, options: dict) -> dict[str, Any]:
    return {
        "students": options["students"],
        "rate": options["rate"],
        "seconds": options["seconds"],
        "offered": tally.offered,
        "accepted": tally.taken,
        "replaced": tally.replaced,
        "refused": tally.refused,
        "refused_why": tally.reasons,
        "analysed": tally.analysed,
        "joined": tally.joined,
        "join_s": round(tally.join_s, 2),
        "sockets_failed": tally.failed_sockets,
        "sockets_failed_why": dict(tally.failures),
        "to_student_ms": load.percentiles(tally.to_student),
        "to_teacher_ms": load.percentiles(tally.to_teacher),
        "refused_each_10_s": by_bins(tally.refused_at, tally.began, tally.ended),
        "told_ms": told(tally.told_ms.values()),
        "window": last(tally, options),
    }


def last(tally: load.Tally, options: dict) -> dict[str, Any]:
    """The window's own figures: what was offered and refused in it, and how it was shared."""
    window = tally.window(options["window"])
    offered = window.count(tally.sent_at)
    found = shares(tally.arrivals, options["students"], window)
    return {
        "offered": offered,
        "offered_per_s": round(offered / window.seconds, 1),
        "overload": ratio(offered, found["readings"]),
        "refused": window.count(tally.refused_at),
        "queue_per_s": rates(*tally.looks),
        **found,
    }


def ratio(one: float, other: float) -> float | None:
    return round(one / other, 2) if other else None


def rates(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What the queue counted per second between two looks at it."""
    seconds = after["at"] - before["at"]
    counted = before.keys() & after.keys() - {"at"}
    return {name: round((after[name] - before[name]) / seconds, 1) for name in sorted(counted)}


def told(paces_ms: Collection[int]) -> dict[str, float] | None:
    """When the students were last asked to come back."""
    if not paces_ms:
        return None
    return {"least": min(paces_ms), "median": median(paces_ms), "most": max(paces_ms)}


def memory_per_process(url: str) -> dict[str, float]:
    """Resident MB of the process listening at `url` and of each emotion worker, from /proc."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found: dict[str, float] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            kind = "worker" if "emotionworker" in command else ""
            if listens(process, port):
                kind = "web"
            if kind:
                found[f"{kind} {process.name}"] = resident_mb(process)
        except (OSError, ValueError):
            continue
    return found


def resident_mb(process: Path) -> float:
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise ValueError("no resident memory")


def listens(process: Path, port: int) -> bool:
    held = {str(handle.readlink()) for handle in (process / "fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            cells = line.split()
            here = int(cells[1].rsplit(":", 1)[1], 16)
            if here == port and cells[3] == "0A" and f"socket:[{cells[9]}]" in held:
                return True
    return False
