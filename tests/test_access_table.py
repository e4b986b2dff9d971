"""Every route and socket of a lesson, asked for by everybody it is not for.

The table has a row for each address of the site; an address without one fails, so that a new
page cannot be forgotten here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, TestCase, TransactionTestCase
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from classroom import tokens
from classroom.asgi import application
from classroom.models import Lesson
from classroom.routing import sockets
from emotions.models import Flag
from tests import make
from tests.patient import WebsocketCommunicator

REFUSED = {403, 404}
LESSON = "a lesson's, for its teacher"
REPORT = "a lesson's, for its teacher and for staff"
STUDENT = "a student's own"
STAFF = "for staff"
MEMBERS = "for whoever has an account"
EVERYBODY = "for everybody"
MACHINES = "for programs on this machine, or with the token"

TABLE = {
    "lesson": REPORT,
    "lesson-csv": REPORT,
    "lesson-json": REPORT,
    "live": LESSON,
    "lesson-invite": LESSON,
    "lesson-joined": LESSON,
    "lesson-qr": LESSON,
    "lesson-look": REPORT,
    "lesson-end": LESSON,
    "lesson-pause": LESSON,
    "lesson-resume": LESSON,
    "lesson-lock": LESSON,
    "lesson-unlock": LESSON,
    "lesson-quiet": LESSON,
    "lesson-marker": LESSON,
    "lesson-student": LESSON,
    "student-remove": LESSON,
    "student-readmit": LESSON,
    "student-rename": LESSON,
    "flag-dismiss": LESSON,
    "flag-snooze": LESSON,
    "flag-verdict": LESSON,
    "course-new": MEMBERS,
    "lesson-start": "a course's, for its teacher",
    "course-settings": "a course's, for its teacher",
    "practice-start": MEMBERS,
    "practice-delete": MEMBERS,
    "student": STUDENT,
    "my-data": STUDENT,
    "erase": STUDENT,
    "forget": STUDENT,
    "withdraw": STUDENT,
    "give-consent": STUDENT,
    "history": MEMBERS,
    "setup-analysis": STAFF,
    "setup-try": STAFF,
    "password_change": MEMBERS,
    "password_change_done": MEMBERS,
    "home": EVERYBODY,
    "about": EVERYBODY,
    "status": MEMBERS,
    "status-machines": EVERYBODY,
    "metrics": MACHINES,
    "join-code": EVERYBODY,
    "join": EVERYBODY,
    "notice": EVERYBODY,
    "setup": EVERYBODY,
    "login": EVERYBODY,
    "admin-login": EVERYBODY,
    "language": EVERYBODY,
    "logout": EVERYBODY,
    "password_reset_confirm": EVERYBODY,
    "password_reset_complete": EVERYBODY,
}
POSTED_ONLY = {
    name
    for name in TABLE
    if name.startswith(("flag-", "student-"))
    or name.removeprefix("lesson-")
    in {"end", "pause", "resume", "lock", "unlock", "quiet", "marker", "look", "start"}
    or name
    in {"course-new", "practice-start", "erase", "forget", "withdraw", "give-consent", "logout"}
}
SOCKETS = {"student-socket": STUDENT, "teacher-socket": LESSON}


def names(patterns: list[Any]) -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLPattern):
            yield str(one.name)
        elif isinstance(one, URLResolver) and one.app_name != "admin":
            yield from names(one.url_patterns)


class World:
    """One teacher's open and closed lesson, and everybody they are not for."""

    def __init__(self) -> None:
        self.owner = make.teacher()
        self.lesson = make.lesson(teacher=self.owner)
        self.closed = make.lesson(teacher=self.owner, closed_at=timezone.now())
        self.student = make.participant(lesson=self.lesson)
        self.flag = Flag.objects.create(
            lesson=self.lesson,
            participant=self.student,
            kind=Flag.Kind.HELP,
            since=timezone.now(),
            raised_at=timezone.now(),
        )
        self.elsewhere = make.participant()
        self.other = make.other_teacher()
        self.admin = make.admin()

    def path(self, name: str, lesson: Lesson) -> str:
        wanted = {
            "lesson_id": lesson.pk,
            "course_id": lesson.course_id,
            "student_id": self.student.pk,
            "flag_id": self.flag.pk,
            "code": self.lesson.code,
            "token": "x" * 20,
            "uidb64": "MQ",
        }
        _, arguments = next(iter(get_resolver().reverse_dict.getlist(name)))[0][0]
        return reverse(name, kwargs={key: wanted[key] for key in arguments})

    def strangers(self) -> dict[str, Client]:
        """Everybody who has no business with the lesson."""
        return {
            "stranger": Client(),
            "student of another lesson": seated(self.elsewhere),
            "another teacher": logged_in(self.other),
        }


def logged_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def seated(participant: Any) -> Client:
    client = Client()
    client.cookies[tokens.cookie_name(participant.lesson_id)] = tokens.make(participant)
    return client


def ask(client: Client, name: str, path: str) -> int:
    if name in POSTED_ONLY:
        return client.post(path, json.dumps({}), content_type="application/json").status_code
    return client.get(path).status_code


class RoutesTest(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make.analysis()
        cls.world = World()

    def test_every_route_has_a_row_and_every_row_a_route(self) -> None:
        assert set(names(get_resolver().url_patterns)) == set(TABLE)

    def test_lesson_pages_are_refused_to_all_but_their_teacher(self) -> None:
        people = self.world.strangers() | {"student of this lesson": seated(self.world.student)}
        for name, whose in TABLE.items():
            if whose not in {LESSON, REPORT, "a course's, for its teacher"}:
                continue
            for who, client in people.items():
                for lesson in (self.world.lesson, self.world.closed):
                    with self.subTest(name, who=who, closed=not lesson.is_open):
                        assert ask(client, name, self.world.path(name, lesson)) in REFUSED

    def test_staff_see_reports_and_steer_no_lesson_of_others(self) -> None:
        staff = logged_in(self.world.admin)
        for name, whose in TABLE.items():
            if whose == LESSON:
                with self.subTest(name):
                    path = self.world.path(name, self.world.lesson)
                    assert ask(staff, name, path) in REFUSED
        assert ask(staff, "lesson", self.world.path("lesson", self.world.closed)) == 200

    def test_student_pages_are_refused_to_all_but_the_student(self) -> None:
        people = self.world.strangers() | {
            "the lesson's teacher": logged_in(self.world.owner),
            "staff": logged_in(self.world.admin),
        }
        for name, whose in TABLE.items():
            if whose != STUDENT:
                continue
            for who, client in people.items():
                with self.subTest(name, who=who):
                    assert ask(client, name, self.world.path(name, self.world.lesson)) in REFUSED

    def test_pages_of_members_send_others_to_the_log_in(self) -> None:
        for name, whose in TABLE.items():
            if whose not in {MEMBERS, STAFF}:
                continue
            for client in (Client(), seated(self.world.student)):
                with self.subTest(name):
                    answer = ask(client, name, self.world.path(name, self.world.lesson))
                    assert answer in REFUSED | {302}

    def test_pages_of_machines_are_refused_to_people(self) -> None:
        people = self.world.strangers() | {"staff": logged_in(self.world.admin)}
        for name in (name for name, whose in TABLE.items() if whose == MACHINES):
            for who, client in people.items():
                with self.subTest(name, who=who):
                    assert ask(client, name, reverse(name)) == 404

    def test_administration_is_for_staff(self) -> None:
        for path in ("/admin/", f"/admin/classroom/lesson/{self.world.lesson.pk}/change/"):
            for who, client in self.world.strangers().items():
                with self.subTest(path, who=who):
                    assert client.get(path).status_code == 302
            assert logged_in(self.world.admin).get(path).status_code == 200

    def test_those_whose_it_is_get_in(self) -> None:
        owner, student = logged_in(self.world.owner), seated(self.world.student)
        for name in ("live", "lesson-invite", "lesson-joined", "lesson-qr", "lesson-student"):
            assert ask(owner, name, self.world.path(name, self.world.lesson)) == 200
        assert ask(owner, "lesson", self.world.path("lesson", self.world.closed)) == 200
        for name in ("student", "my-data"):
            assert ask(student, name, self.world.path(name, self.world.lesson)) == 200


class SocketsTest(TransactionTestCase):
    """Through the whole application: Origin, cookies and all."""

    def test_every_socket_has_a_row(self) -> None:
        assert {one.name for one in sockets.routes if one.name} == set(SOCKETS)

    async def test_sockets_of_a_lesson_are_refused_to_others(self) -> None:
        world = await make_world()
        people = await in_thread(world.strangers)
        people |= {"student of this lesson": seated(world.student)}
        people |= {"staff": await in_thread(lambda: logged_in(world.admin))}
        for who, client in people.items():
            with self.subTest(who):
                assert await close_code(f"/ws/teacher/{world.lesson.pk}/", client) in {
                    4401,
                    4403,
                    4404,
                }
        people |= {"the teacher": await in_thread(lambda: logged_in(world.owner))}
        del people["student of this lesson"]
        for who, client in people.items():
            with self.subTest(who):
                assert await close_code(f"/ws/student/{world.lesson.pk}/", client) in {4401, 4403}


async def in_thread(call: Any) -> Any:
    from channels.db import database_sync_to_async

    return await database_sync_to_async(call)()


async def make_world() -> World:
    await in_thread(make.analysis)
    return await in_thread(World)


async def close_code(path: str, client: Client) -> int | None:
    """The code with which the socket closes by itself; None where it stays open."""
    cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in client.cookies.items())
    socket = WebsocketCommunicator(
        application,
        path,
        headers=[
            (b"host", b"localhost"),
            (b"origin", b"http://localhost"),
            (b"cookie", cookie.encode()),
        ],
    )
    connected, code = await socket.connect()
    if not connected:
        return code
    for _ in range(5):
        event = await socket.receive_output()
        if event["type"] == "websocket.close":
            return event.get("code")
    await socket.disconnect()
    pytest.fail(f"{path} stayed open for somebody it is not for ({settings.DEBUG=})")
