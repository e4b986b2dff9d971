"""Addresses, forms and messages that no page of ours sends: a clear answer, never a 500."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.core import signing
from django.test import Client, TransactionTestCase
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from classroom import tokens
from classroom.asgi import application
from classroom.models import Lesson
from dashboard.routing import websocket_urlpatterns as teachers
from emotions.models import Marker
from emotions.routing import websocket_urlpatterns as students
from tests import make
from tests.patient import WebsocketCommunicator
from tests.student_page import Page

SOCKETS = CookieMiddleware(URLRouter([*students, *teachers]))
NUMBERS = ["0", str(2**31), str(2**63), "9" * 20, "9" * 400, "9" * 5000]
HOSTILE_TEXTS = ["\0", "a\0b", "\ud800", "x" * 10_000, "\u202e" * 50, "%00", "\r\nX: 1"]


def numbered_addresses(patterns: list[Any], before: str = "/") -> list[str]:
    """Every address with a number in it, as "/lessons/<int:lesson_id>/end/"."""
    found = []
    for one in patterns:
        if isinstance(one, URLResolver):
            if one.app_name != "admin":
                found += numbered_addresses(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern) and "<int:" in str(one.pattern):
            found.append(before + str(one.pattern))
    return found


class PagesTest(TransactionTestCase):
    def setUp(self) -> None:
        make.analysis()
        self.teacher = make.admin()
        self.lesson = make.lesson(teacher=self.teacher)
        self.closed = make.lesson(teacher=self.teacher, closed_at=timezone.now())
        self.client.force_login(self.teacher)
        self.client.raise_request_exception = False

    def post(self, path: str, fields: Any) -> int:
        sent = self.client.post(path, json.dumps(fields), content_type="application/json")
        return sent.status_code

    def test_numbers_of_any_length_are_simply_not_there(self) -> None:
        addresses = numbered_addresses(get_resolver().url_patterns)
        self.assertGreater(len(addresses), 20)
        for address in addresses:
            for number in NUMBERS:
                path = re.sub(r"<int:\w+>", number, address)
                with self.subTest(path[:60]):
                    self.assertIn(self.client.get(path).status_code, {404, 405})
                    self.assertIn(self.client.post(path).status_code, {404, 405})

    def test_numbers_behind_ones_own_lesson_are_not_there_either(self) -> None:
        for what in ("students/{}/remove/", "students/{}/rename/", "flags/{}/dismiss/"):
            for number in NUMBERS:
                path = f"/lessons/{self.lesson.pk}/{what.format(number)}"
                with self.subTest(path[:60]):
                    self.assertEqual(self.client.post(path).status_code, 404)

    def test_hostile_text_in_every_form_is_answered(self) -> None:
        student = make.participant(lesson=self.lesson)
        base = f"/lessons/{self.lesson.pk}/"
        paths = {
            f"{base}marker/": "text",
            f"{base}quiet/": "on",
            f"{base}students/{student.pk}/rename/": "name",
            f"/lessons/{self.closed.pk}/look/": "reason",
            f"/courses/{self.lesson.course_id}/start/": "title",
            "/courses/": "name",
            "/join/": "code",
            f"/join/{self.lesson.code}/": "name",
            "/accounts/login/": "username",
            "/setup/analysis/": "analysis",
        }
        for path, field in paths.items():
            for text in HOSTILE_TEXTS:
                with self.subTest(path, text=text[:10]):
                    sent = {field: text, "camera": "on", "password": text, "mode": text}
                    form = {key: value.replace("\ud800", "?") for key, value in sent.items()}
                    self.assertLess(self.client.post(path, form).status_code, 500)
                    self.assertLess(self.post(path, sent), 500)
                    self.assertLess(self.post(path, {field: {"a": [text]}}), 500)

    def test_hostile_queries_are_answered(self) -> None:
        for path in ("/history/", "/", "/about/", "/join/", f"/lessons/{self.closed.pk}/"):
            for text in ["abc", "-1", "1e9", "NaN", *NUMBERS, *HOSTILE_TEXTS]:
                text = text.replace("\ud800", "?")
                query = {"page": text, "q": text, "course": text, "format": text, "next": text}
                with self.subTest(path, text=text[:10]):
                    self.assertLess(self.client.get(path, query).status_code, 500)

    def test_hostile_keys_in_addresses_are_answered(self) -> None:
        for path in ("/join/{}/", "/notice/{}/", "/setup/{}/", "/accounts/reset/{}/x-y/"):
            for text in ("%00", "%ff%fe", "a%00b", "%ED%A0%80", "x" * 3000, "٣٤٥", "../../etc"):
                with self.subTest(path, text=text[:10]):
                    self.assertLess(self.client.get(path.format(text)).status_code, 500)

    def test_hostile_cookies_are_answered(self) -> None:
        for value in ("", "a:b:c", "\xff", "x" * 4000, '"', "=;", "{}"):
            client = Client(raise_request_exception=False)
            client.cookies[tokens.cookie_name(self.lesson.pk)] = value
            for path in (f"/s/{self.lesson.pk}/", f"/join/{self.lesson.code}/"):
                with self.subTest(path, value=value[:10]):
                    self.assertLess(client.get(path).status_code, 500)

    def test_a_marker_keeps_only_what_can_be_shown(self) -> None:
        path = f"/lessons/{self.lesson.pk}/marker/"
        self.assertEqual(self.post(path, {"text": "a\0b\ud800 \u202ec" + "d" * 10}), 200)
        self.assertEqual(Marker.objects.get().text, "ab c" + "d" * 10)

    def test_a_marker_of_ten_thousand_characters_is_refused(self) -> None:
        path = f"/lessons/{self.lesson.pk}/marker/"
        self.assertEqual(self.post(path, {"text": "d" * 10_000}), 400)
        self.assertFalse(Marker.objects.exists())

    def test_a_title_keeps_only_what_can_be_shown(self) -> None:
        self.client.post(f"/courses/{self.closed.course_id}/start/", {"title": "Op\0tics\u202e 1"})
        self.assertEqual(
            Lesson.objects.get(course=self.closed.course_id, closed_at=None).title, "Optics 1"
        )


class SocketsTest(TransactionTestCase):
    def setUp(self) -> None:
        self.teacher = make.teacher()
        self.lesson = make.lesson(teacher=self.teacher)
        self.student = make.participant(lesson=self.lesson)

    async def code(self, path: str, user: Any = None, cookie: bytes = b"") -> int | None:
        """The code that a socket at `path` is closed with; every task behind it ends well."""
        socket = WebsocketCommunicator(SOCKETS, path, headers=[(b"cookie", cookie)])
        socket.scope["user"] = user or self.teacher
        connected, code = await socket.connect()
        if connected:
            while (event := await socket.receive_output())["type"] != "websocket.close":
                pass
            code = event["code"]
            await socket.disconnect()
        await socket.wait()
        return code

    async def test_lessons_of_any_number_are_simply_not_there(self) -> None:
        for number in (*NUMBERS[:-1], str(2**62)):
            with self.subTest(number[:20]):
                self.assertEqual(await self.code(f"/ws/teacher/{number}/"), 4404)
                self.assertEqual(await self.code(f"/ws/student/{number}/"), 4401)

    async def test_cookies_of_any_shape_are_no_token(self) -> None:
        name = tokens.cookie_name(self.lesson.pk).encode()
        for value in (b"", b"a:b:c", b"\xff\xfe", b"x" * 4000, b'"', b"{}:1:2", b"\x00"):
            with self.subTest(value[:10]):
                path = f"/ws/student/{self.lesson.pk}/"
                self.assertEqual(await self.code(path, cookie=name + b"=" + value), 4401)

    async def test_signed_nonsense_is_no_token(self) -> None:
        for content in ([], 7, None, "x", {}, {"l": {}}, {"l": 1, "p": [], "k": 3}):
            with self.subTest(content):
                page = Page(self.student, cookie=signing.dumps(content, salt=tokens.SALT))
                self.assertEqual((await page.open())["code"], 4401)

    async def test_origins_of_any_shape_are_turned_away(self) -> None:
        origins = ("foo://localhost:80", "http://[", "http://localhost:x", "null", "\xff", "//", "")
        for origin in origins:
            for host in ("localhost", "localhost:80", "", "[", "::1", "a:b:c"):
                with self.subTest(origin, host=host):
                    headers = [(b"origin", origin.encode("latin1")), (b"host", host.encode())]
                    path = f"/ws/student/{self.lesson.pk}/"
                    socket = WebsocketCommunicator(application, path, headers=headers)
                    self.assertEqual(await socket.connect(), (False, 1000))

    async def test_messages_of_any_shape_leave_the_socket_usable(self) -> None:
        odd: list[Any] = [{}, [], None, True, -1, 2**70, 1e300, "\0", "\ud800", {"a": {"b": []}}]
        messages = [{key: one} for key in ("camera", "tap", "undo") for one in odd]
        messages += [{"tap": "lost", "id": one} for one in odd]
        messages += [{"tap": one, "id": str(uuid.uuid4())} for one in odd]
        for at in range(0, len(messages), 4):
            page = Page(self.student)
            await page.open()
            for message in messages[at : at + 4]:
                with self.subTest(message):
                    await page.say(**message)
                    self.assertTrue((await page.hear("error"))["error"])
            await page.say(ping=float("nan"))
            self.assertEqual(await page.hear("pong"), {"pong": 0})
            await page.close()
