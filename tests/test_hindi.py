"""Pages and sockets in Hindi: no English word is left, and each reader has their own language."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.core.cache import cache
from django.test import Client, RequestFactory, TestCase, TransactionTestCase
from django.urls import reverse
from django.utils import timezone, translation
from django.views.defaults import server_error

from classroom import lessons, setup, tokens
from classroom.languages import of_socket
from classroom.models import Course, Lesson, Participant
from classroom.routing import sockets
from classroom.views import home
from emotions import notices, room, words
from emotions.models import Flag, Marker, Report
from emotions.publish import Publisher
from emotions.sockets import say_goodbye
from tests import make, stored
from tests.english import left_in, left_in_data, left_on_page
from tests.readings import reading
from tests.student_page import Page

UNREVIEWED = "इस अनुवाद को अभी किसी हिंदी-भाषी ने नहीं जाँचा है।"
HINDI = {"accept-language": "hi-IN,hi;q=0.9,en;q=0.5"}


@pytest.fixture(autouse=True)
def nobody_s_language() -> Iterator[None]:
    """Django leaves the language of the last request behind, and other tests would read it."""
    yield
    translation.deactivate()


def hindi() -> Client:
    return Client(headers=HINDI)


class World:
    """One teacher's lessons whose names are not English, with something of everything in them."""

    def __init__(self) -> None:
        make.analysis()
        self.teacher = make.user("सीमा", first_name="सीमा")
        self.admin = make.user("प्रशासक", is_staff=True, is_superuser=True)
        self.course = Course.objects.create(teacher=self.teacher, name="भौतिकी")
        self.closed = self.lesson(minutes=40, closed_at=timezone.now())
        self.open = self.lesson(minutes=15)
        self.student = self.filled(self.open)
        self.filled(self.closed)

    def lesson(self, *, minutes: int, **fields: Any) -> Lesson:
        opened_at = timezone.now() - timedelta(minutes=minutes)
        return make.lesson(course=self.course, opened_at=opened_at, **fields)

    def filled(self, lesson: Lesson) -> Participant:
        people = [make.participant(lesson=lesson, name=f"आशा {n}") for n in range(6)]
        Participant.objects.filter(lesson=lesson).update(joined_at=lesson.opened_at)
        for number, student in enumerate(people):
            stored.rows(student, 0, 40)
            (stored.low if number < 4 else stored.away)(student, 40, 20)
            for kind in Report.Kind.values:
                Report.objects.create(lesson=lesson, participant=student, kind=kind, at=now())
        for kind in Flag.Kind.values:
            who = None if kind == Flag.Kind.CLASS else people[0]
            Flag.objects.create(
                lesson=lesson, participant=who, kind=kind, sure=0.7, since=now(), raised_at=now()
            )
        for kind in Marker.Kind.values:
            Marker.objects.create(lesson=lesson, kind=kind, at=now())
        if lesson.closed_at:
            lesson.students = lesson.cameras = 6
            lesson.samples, lesson.coverage, lesson.flags_raised = 1800, 0.4, 5
            lesson.save()
        return people[0]

    def client_of(self, user: Any) -> Client:
        client = hindi()
        client.force_login(user)
        return client

    def seated(self) -> Client:
        client = hindi()
        client.cookies[tokens.cookie_name(self.open.pk)] = tokens.make(self.student)
        return client


def now() -> Any:
    return timezone.now() - timedelta(minutes=1)


class PagesTest(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()

    def setUp(self) -> None:
        cache.clear()

    def look(self, client: Client, path: str, *, post: dict[str, str] | None = None) -> str:
        with self.subTest(path, posted=post is not None):
            answer = client.get(path) if post is None else client.post(path, post)
            page = answer.content.decode()
            self.assertNotIn(answer.status_code, {301, 302, 405, 500})
            self.assertIn('<html lang="hi"', page)
            self.assertIn(UNREVIEWED, page)
            self.assertEqual(left_on_page(page), [])
        return page

    def test_everybody_s_pages_are_hindi(self):
        anybody = hindi()
        for path in ("/", "/accounts/login/", "/join/", "/about/", "/nowhere/", "/history/x/"):
            self.look(anybody, path)
        self.look(anybody, reverse("live", args=[self.world.open.pk]))
        self.look(anybody, "/setup/invented/")
        self.look(anybody, "/reset/MQ/set-password/")
        self.look(anybody, "/reset/done/")

    def test_joining_is_hindi(self):
        code = self.world.open.code
        self.look(hindi(), reverse("join", args=[code]))
        self.look(hindi(), reverse("notice", args=[code]))
        self.look(hindi(), reverse("join", args=["AAAABBBBCCCC"]))
        self.look(hindi(), reverse("join", args=[self.world.closed.code]))
        self.look(hindi(), reverse("join-code"), post={"code": ""})
        for name in ("", "!", "x" * 61, "a\u202eb", "a\u0007b"):
            self.look(hindi(), reverse("join", args=[code]), post={"name": name, "camera": "on"})
        self.look(hindi(), reverse("join", args=[code]), post={"name": "आशा"})
        lessons.lock(self.world.open)
        self.look(hindi(), reverse("join", args=[code]))

    def test_without_face_analysis_it_is_hindi_too(self):
        Lesson.objects.filter(pk=self.world.open.pk).update(analysis=False)
        make.analysis("off")
        for name in ("join", "notice"):
            self.look(hindi(), reverse(name, args=[self.world.open.code]))
        self.look(self.world.seated(), reverse("student", args=[self.world.open.pk]))
        self.look(hindi(), "/about/")

    def test_a_student_s_pages_are_hindi(self):
        student = self.world.seated()
        page = self.look(student, reverse("student", args=[self.world.open.pk]))
        self.assertIn("समझ नहीं आया", page)
        self.look(student, reverse("my-data", args=[self.world.open.pk]))
        with translation.override("hi"):
            self.assertEqual(left_in_data(notices.student_words()), [])

    def test_a_teacher_s_pages_are_hindi(self):
        teacher = self.world.client_of(self.world.teacher)
        for path in ("/", "/history/", "/history/?q=zz", "/status/", "/accounts/password_change/"):
            self.look(teacher, path)
        self.look(teacher, "/accounts/password_change/done/")
        for name in ("live", "lesson-invite"):
            self.look(teacher, reverse(name, args=[self.world.open.pk]))
        self.look(teacher, reverse("lesson", args=[self.world.closed.pk]))
        self.look(teacher, "/setup/analysis/")
        self.look(teacher, "/setup/try/")

    def test_a_teacher_s_mistakes_are_told_in_hindi(self):
        teacher = self.world.client_of(self.world.teacher)
        settings = reverse("course-settings", args=[self.world.course.pk])
        self.look(teacher, settings)
        self.look(teacher, settings, post={"sensitivity": "x", "away_after_s": "1"})
        self.look(teacher, settings, post={"low_for_s": "99999", "turned_for_s": "z"})
        for name in ("", "भौतिकी", "क" * 101, "क\0"):
            self.look(teacher, "/courses/", post={"name": name})
        change = {"old_password": "x", "new_password1": "1234", "new_password2": "12345"}
        self.look(teacher, "/accounts/password_change/", post=change)
        change |= {"new_password1": "12345678", "new_password2": "12345678"}
        self.look(teacher, "/accounts/password_change/", post=change)
        self.look(hindi(), "/accounts/login/", post={"username": "x", "password": "y"})

    def test_the_practice_course_is_made_once_whatever_the_language(self):
        first = home.practice_course(self.world.teacher)
        with translation.override("hi"):
            self.assertEqual(home.practice_course(self.world.teacher), first)
            self.assertEqual(home.practice_course(self.world.admin).name, "अभ्यास")
        self.assertEqual(home.practice_course(self.world.admin).name, "अभ्यास")

    def test_an_admin_s_pages_are_hindi(self):
        admin = self.world.client_of(self.world.admin)
        for path in ("/history/", "/status/", "/setup/analysis/"):
            self.look(admin, path)
        self.look(admin, "/setup/analysis/", post={"analysis": ""})
        self.look(admin, reverse("lesson", args=[self.world.closed.pk]))
        answer = admin.post(reverse("lesson-look", args=[self.world.closed.pk]), {"reason": "x"})
        self.assertIn("कारण लिखें", admin.get(answer.url).content.decode())

    def test_a_lost_form_is_explained_in_hindi(self):
        strict = Client(headers=HINDI, enforce_csrf_checks=True)
        self.look(strict, "/join/", post={"code": "x"})

    def test_the_choice_is_kept_in_a_cookie_and_leads_back(self):
        visitor = hindi()
        page = visitor.get("/about/").content.decode()
        self.assertIn('name="next" value="/about/"', page)
        answer = visitor.post("/language/", {"language": "en", "next": "/about/"})
        self.assertRedirects(answer, "/about/")
        cookie = answer.cookies["django_language"]
        self.assertEqual((cookie.value, cookie["max-age"]), ("en", 365 * 24 * 3600))
        english = visitor.get("/about/").content.decode()
        self.assertIn('<html lang="en"', english)
        self.assertNotIn(UNREVIEWED, english)

    def test_the_choice_leads_nowhere_else(self):
        path = {"language": "en", "next": "https://example.org/"}
        self.assertEqual(hindi().post("/language/", path).url, "/")

    def test_a_form_s_own_address_is_not_led_back_to(self):
        teacher = self.world.client_of(self.world.teacher)
        page = teacher.post("/courses/", {"name": ""}).content.decode()
        self.assertIn('name="next" value="/"', page)


class FirstVisitTest(TestCase):
    def test_set_up_is_hindi(self):
        visitor = hindi()
        for path in ("/", setup.link("http://testserver")):
            page = visitor.get(path).content.decode()
            self.assertEqual(left_on_page(page), [])
        mistakes = {"username": "a b", "password1": "password", "password2": "passwore"}
        page = visitor.post(path, mistakes).content.decode()
        self.assertEqual(left_on_page(page.replace("passwor", "").replace('"a b"', "")), [])


def test_english_that_is_left_is_seen():
    assert left_on_page("<p>यहाँ Log in करें</p>") == ["यहाँ Log in करें"]
    assert left_on_page('<button aria-label="Close">बंद</button>') == ["Close"]
    assert left_on_page('<script type="application/json">{"a": "Ask them"}</script>') == [
        "Ask them"
    ]
    assert left_on_page('<p data-words="{time} पर" class="meta">JSON</p>') == []


def test_server_errors_are_hindi():
    with translation.override("hi"):
        page = server_error(RequestFactory().get("/")).content.decode()
    assert UNREVIEWED in page and left_on_page(page) == []


@pytest.mark.parametrize(
    ("query", "language"),
    [
        (b"language=hi", "hi"),
        (b"language=hi-IN", "hi"),
        (b"language=en", "en"),
        (b"", "en"),
        (b"language=", "en"),
        (b"language=tlh", "en"),
        (b"language=" + b"x" * 5000, "en"),
        (b"language=%00%ff", "en"),
    ],
)
def test_a_socket_speaks_a_language_that_we_have(query: bytes, language: str):
    assert of_socket({"query_string": query}) == language


@pytest.mark.parametrize("count", [1, 2, 21])
def test_every_sentence_about_a_student_is_hindi(count: int):
    with translation.override("hi"):
        said = [words.flag_reason(kind, "आशा", 60 * count, 0.7) for kind in Flag.Kind.values]
        said += [words.flag_reported("help", "आशा", 60), words.more_flags(count)]
        said += [words.reads_as("happy"), words.reading_words("sad", 0.5), words.here()]
    assert [text for text in said if left_in(text)] == []
    assert words.reads_as("happy") == "reads as happy"


async def told(socket: WebsocketCommunicator, part: str) -> Any:
    for _ in range(50):
        message = json.loads(await socket.receive_from(timeout=30))
        if part in message:
            return message[part]
    raise AssertionError(f"nothing said of {part}")


class SocketsTest(TransactionTestCase):
    def setUp(self) -> None:
        self.world = World()

    def watching(self, language: str) -> WebsocketCommunicator:
        client = Client()
        client.force_login(self.world.teacher)
        cookie = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
        path = f"/ws/teacher/{self.world.open.pk}/?language={language}"
        return WebsocketCommunicator(sockets, path, headers=[(b"cookie", cookie.encode())])

    def test_buttons_of_the_live_page_are_answered_in_hindi(self):
        teacher = self.world.client_of(self.world.teacher)
        path = reverse("lesson-marker", args=[self.world.open.pk])
        answer = teacher.post(path, {"text": "क" * 500})
        self.assertEqual((answer.status_code, left_in(answer.json()["error"])), (400, []))
        answer = teacher.post(reverse("flag-dismiss", args=[self.world.open.pk, 10**6]))
        self.assertEqual((answer.status_code, left_in(answer.json()["error"])), (404, []))
        answer = teacher.post(reverse("lesson-end", args=[10**6]))
        self.assertEqual((answer.status_code, left_in(answer.json()["error"])), (404, []))

    async def test_two_teachers_pages_have_each_their_language(self):
        hindi = await sync_to_async(self.watching)("hi")
        english = await sync_to_async(self.watching)("en")
        await hindi.connect(timeout=30)
        await english.connect(timeout=30)
        hello = await told(hindi, "hello")
        self.assertEqual(left_in_data({**hello, "lesson": {}}), [])
        said = [tap["words"] for tap in hello["picture"]["taps"]]
        self.assertIn("समझ नहीं आया", said)
        self.assertEqual((await told(english, "hello"))["words"]["pulse"]["steady"], "Steady")
        await room.dismiss(self.world.open, await sync_to_async(self.a_flag)())
        flags = await told(hindi, "flags")
        self.assertEqual(left_in_data(flags), [])
        self.assertTrue(flags)
        await hindi.disconnect()
        await english.disconnect()

    def a_flag(self) -> int:
        return Flag.objects.filter(lesson=self.world.open, kind=Flag.Kind.HELP).get().pk

    async def test_a_refused_tap_is_told_in_the_student_s_language(self):
        other = await sync_to_async(make.participant)(lesson=self.world.open, name="Ben")
        hindi, english = Page(self.world.student, language="hi"), Page(other)
        await hindi.open()
        await english.open()
        await sync_to_async(Lesson.objects.filter(pk=self.world.open.pk).update)(
            closed_at=timezone.now()
        )
        tap = "4fd4dd6e-2f60-4b6c-8b86-2b8b4a6f0a1b"
        # The first to store anything starts the thread that writes for everybody.
        await english.say(tap="lost", id=tap)
        self.assertIn("not in this lesson", (await english.hear("error"))["error"])
        await hindi.say(tap="lost", id=tap)
        self.assertEqual((await hindi.hear("error"))["error"], "आप अब इस कक्षा में नहीं हैं।")
        await hindi.say(nothing=1)
        self.assertEqual(left_in((await hindi.hear("error"))["error"]), [])
        await say_goodbye()
        self.assertEqual((await hindi.hear("closing"))["closing"][:5], "सर्वर")
        self.assertEqual((await english.hear("closing"))["closing"][:10], "The server")

    async def test_each_student_s_reading_is_told_in_their_own_language(self):
        """One ear hears for all of a lesson's pages, and was opened by the first of them."""
        ben = await sync_to_async(make.participant)(lesson=self.world.open, name="Ben")
        first, second = Page(ben), Page(self.world.student, language="hi")
        for page in (first, second):
            await page.open()
            await page.camera_on()
            await page.say(ping=1)
            await page.hear("pong")
        publisher = Publisher()
        for student in (ben, self.world.student):
            publisher.put(reading(self.world.open.pk, student.pk, at=time.time(), sure=0.7))
        await publisher.send_due()
        self.assertEqual((await first.hear("reading"))["reading"]["words"], "neutral, maybe")
        self.assertEqual((await second.hear("reading"))["reading"]["words"], "तटस्थ, शायद")
        await first.close()
        await second.close()

    async def test_the_end_is_told_in_the_student_s_language(self):
        page = Page(self.world.student, language="hi")
        await page.open()
        await room.close(self.world.open)
        self.assertEqual(left_in((await page.hear("closing"))["closing"]), [])
