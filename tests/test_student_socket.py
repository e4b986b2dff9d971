"""The student's socket, as a browser meets it; every bad input gets a clear answer."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.core import signing
from django.test import TransactionTestCase, override_settings
from django.utils import timezone

from classroom import lessons, participants, tokens
from classroom.models import Participant
from classroom.presence import rooms, teachers_group
from classroom.writing import writer
from emotions import room
from emotions.frames import frames
from emotions.models import Flag, Report
from emotions.publish import Publisher
from emotions.readings import Reading
from tests import make, pictures
from tests.frames_contract import Clock
from tests.student_page import Page

FACE = pictures.face_jpeg()


def in_thread(fn: Any, *args: Any, **fields: Any) -> Any:
    return sync_to_async(fn, thread_sensitive=True)(*args, **fields)


class StudentSocketCase(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        # A clock that stands still: no snapshot goes stale while this machine is busy.
        frames().clock = Clock(time.time())  # type: ignore[attr-defined]  # every backend has one
        self.lesson = make.lesson(title="Physics 10B", interval_ms=250)
        self.asha = make.participant(lesson=self.lesson, name="Asha")

    async def page(self, participant: Participant | None = None, **how: Any) -> Page:
        """A page that is open, with its camera on."""
        page = Page(participant or self.asha, **how)
        await page.open()
        await page.camera_on()
        return page


class ComingInTest(StudentSocketCase):
    async def test_hello_tells_the_page_all_it_needs(self) -> None:
        page = Page(self.asha)
        hello = (await page.open())["hello"]
        self.assertEqual(hello["name"], "Asha")
        self.assertEqual(hello["camera"], "on")
        expected = {"title": "Physics 10B", "interval_ms": 250, "analysis": True, "paused": False}
        self.assertEqual(hello["lesson"], {**expected, "worker": False})
        await page.close()

    async def test_snapshot_is_taken_and_waits_in_the_queue(self) -> None:
        page = await self.page()
        answer = await page.shoot(FACE)
        self.assertEqual((answer["status"], answer["next_ms"]), ("taken", 250))
        (frame,) = await frames().claim(5, wait_s=0)
        self.assertEqual((frame.lesson, frame.student), (self.lesson.pk, self.asha.pk))
        self.assertEqual((frame.seq, frame.jpeg), (1, FACE))
        await page.close()

    async def refused(self, page: Page, code: int) -> None:
        said = await page.open()
        self.assertEqual(said["code"], code, said)
        self.assertTrue(said["closing"])
        self.assertEqual(await page.closed(), code)

    async def test_no_token_a_forged_one_and_an_old_one_are_refused(self) -> None:
        old = signing.dumps(
            {"l": self.lesson.pk, "p": self.asha.pk, "k": self.asha.key.hex}, salt=tokens.SALT
        )
        await self.refused(Page(self.asha, cookie=""), 4401)
        await self.refused(Page(self.asha, cookie=tokens.make(self.asha)[:-2] + "xx"), 4401)
        with mock.patch.object(tokens, "live_s", return_value=-1):
            await self.refused(Page(self.asha, cookie=old), 4401)

    async def test_another_lessons_token_is_refused(self) -> None:
        other = await in_thread(make.lesson)
        page = Page(self.asha, lesson_id=other.pk, cookie=tokens.make(self.asha))
        await self.refused(page, 4401)

    async def test_removed_student_is_refused(self) -> None:
        await in_thread(participants.remove, self.asha)
        await self.refused(Page(self.asha), 4403)

    async def test_token_of_an_erased_student_is_refused(self) -> None:
        cookie = tokens.make(self.asha)
        await in_thread(participants.erase, self.asha)
        await self.refused(Page(self.asha, lesson_id=self.lesson.pk, cookie=cookie), 4401)

    async def test_ended_lesson_is_refused_and_says_when_it_ended(self) -> None:
        await in_thread(lessons.close, self.lesson)
        page = Page(self.asha)
        said = await page.open()
        ended = timezone.localtime(self.lesson.closed_at).strftime("%H:%M")
        self.assertIn(ended, said["closing"])
        self.assertEqual(await page.closed(), 4410)

    async def test_second_tab_takes_over(self) -> None:
        first = await self.page()
        second = await self.page()
        self.assertEqual(await first.closed(), 4409)
        self.assertEqual((await second.shoot(FACE))["status"], "taken")
        self.assertIn(self.asha.pk, rooms.rooms[self.lesson.pk].students)
        await second.close()

    async def test_use_this_one_takes_it_back(self) -> None:
        first = await self.page()
        second = await self.page()
        await first.closed()
        third = await self.page()
        self.assertEqual(await second.closed(), 4409)
        await third.close()


class SnapshotsTest(StudentSocketCase):
    async def refusal(self, page: Page, data: bytes) -> str:
        """Why these bytes are refused; the socket must stay usable and nothing be queued."""
        await asyncio.sleep(0.13)  # half the pace of 250 ms
        answer = await page.shoot(data)
        self.assertEqual(answer["status"], "refused", answer)
        self.assertEqual((await frames().counts()).offered, 0)
        self.assertTrue(answer["words"])
        self.assertGreater(answer["next_ms"], 0)
        return str(answer["why"])

    async def test_hostile_pictures_are_refused_each_with_its_reason(self) -> None:
        page = await self.page()
        bomb = pictures.claiming(FACE, 20_000, 20_000)
        self.assertEqual(await self.refusal(page, b"GIF89a" + bytes(500)), "not_jpeg")
        self.assertEqual(await self.refusal(page, FACE[:-700]), "truncated")
        self.assertEqual(await self.refusal(page, bomb), "too_large")
        scans = pictures.many_scans_jpeg()[: 64 * 1024 - 4]
        self.assertEqual(await self.refusal(page, scans), "too_many_scans")
        await asyncio.sleep(0.13)
        self.assertEqual((await page.shoot(FACE))["status"], "taken")
        await page.close()

    async def test_refusing_takes_under_five_milliseconds(self) -> None:
        from ml.images import BadImage, check_jpeg

        hostile = (
            b"GIF89a" + bytes(60_000),
            FACE[:-700],
            pictures.claiming(FACE, 20_000, 20_000),
            pictures.many_scans_jpeg(),
        )
        for data in hostile:
            times = []
            for _ in range(5):
                started = time.perf_counter()
                with self.assertRaises(BadImage):
                    check_jpeg(data)
                times.append(time.perf_counter() - started)
            self.assertLess(min(times), 0.005)

    async def test_oversize_message_closes_with_its_code(self) -> None:
        page = await self.page()
        await page.send(bytes(64 * 1024 + 1))
        self.assertIn("large", (await page.hear("closing"))["closing"])
        self.assertEqual(await page.closed(), 4413)

    async def test_sooner_than_half_the_pace_is_refused_with_a_time(self) -> None:
        await in_thread(lessons.change, self.lesson, interval_ms=60_000)
        page = await self.page()
        await page.shoot(FACE)
        answer = await page.shoot(FACE)
        self.assertEqual((answer["status"], answer["why"]), ("refused", "early"))
        self.assertTrue(30_000 <= answer["next_ms"] <= 60_000, answer)
        self.assertEqual((await frames().counts()).offered, 1)
        await page.close()

    async def test_newer_snapshot_replaces_the_waiting_one(self) -> None:
        page = await self.page()
        await page.shoot(FACE)
        await asyncio.sleep(0.13)
        self.assertEqual((await page.shoot(FACE))["status"], "replaced")
        await page.close()

    async def test_camera_said_off_is_not_wanted(self) -> None:
        page = await self.page()
        await page.say(camera="off", why="paused")
        answer = await page.shoot(FACE)
        self.assertEqual((answer["status"], answer["why"]), ("refused", "not_wanted"))
        self.assertEqual(rooms.rooms[self.lesson.pk].students[self.asha.pk]["camera"], "off")
        await page.close()

    async def test_why_a_camera_is_off_is_told_to_nobody(self) -> None:
        page = await self.page()
        await page.say(camera="off", why="refused")
        await page.shoot(FACE)
        self.assertNotIn("refused", str(rooms.rooms[self.lesson.pk].students))
        await page.close()

    async def test_camera_switched_like_a_flickering_lamp_is_complained_of(self) -> None:
        page = await self.page()
        for turn in range(20):
            await page.say(camera=("off", "on")[turn % 2])
        self.assertIn("too often", str(await page.hear("error")))
        await page.close()

    async def test_without_consent_nothing_is_taken(self) -> None:
        tove = await in_thread(make.participant, lesson=self.lesson, camera="none")
        page = await self.page(tove)
        self.assertEqual((await page.shoot(FACE))["why"], "not_wanted")
        await page.close()

    async def test_with_analysis_off_nothing_is_taken(self) -> None:
        lesson = await in_thread(make.lesson, analysis=False)
        page = await self.page(await in_thread(make.participant, lesson=lesson))
        self.assertEqual((await page.shoot(FACE))["why"], "not_wanted")
        self.assertEqual((await frames().counts()).offered, 0)
        await page.close()

    async def test_where_the_installation_forbids_it_nothing_is_taken(self) -> None:
        with override_settings(EXPRESSION_ANALYSIS="off"):
            page = await self.page()
            self.assertEqual((await page.shoot(FACE))["why"], "not_wanted")
            await page.close()
        await in_thread(make.analysis, "off")
        page = await self.page()
        self.assertEqual((await page.shoot(FACE))["why"], "not_wanted")
        await page.close()

    async def test_paused_lesson_takes_nothing_until_it_goes_on(self) -> None:
        page = await self.page()
        await room.pause(self.lesson)
        self.assertTrue((await page.hear("lesson"))["lesson"]["paused"])
        self.assertEqual((await page.shoot(FACE))["why"], "not_wanted")
        await room.resume(self.lesson)
        self.assertFalse((await page.hear("lesson"))["lesson"]["paused"])
        self.assertEqual((await page.shoot(FACE))["status"], "taken")
        await page.close()

    async def test_full_queue_says_when_to_come_back(self) -> None:
        page = await self.page()
        frames().capacity = 0  # type: ignore[attr-defined]  # the memory backend's own
        answer = await page.shoot(FACE)
        self.assertEqual((answer["status"], answer["why"]), ("refused", "busy"))
        self.assertGreaterEqual(answer["next_ms"], 1000)
        await page.close()


class MessagesTest(StudentSocketCase):
    async def test_nonsense_is_answered_and_the_socket_stays_usable(self) -> None:
        page = await self.page()
        for nonsense in ("not json", "[1,2]", '{"what":1}', '{"camera":"maybe"}', "x" * 5000):
            await page.socket.send_to(text_data=nonsense)
            self.assertTrue((await page.hear("error"))["error"])
        self.assertEqual((await page.shoot(FACE))["status"], "taken")
        await page.close()

    async def test_text_where_bytes_belong_is_told_so(self) -> None:
        page = await self.page()
        await page.socket.send_to(text_data=FACE.hex())
        self.assertTrue((await page.hear("error"))["error"])
        await page.close()

    async def test_bytes_without_a_number_are_told_so(self) -> None:
        page = await self.page()
        await page.send(b"\xff\xd8")
        self.assertIn("number", (await page.hear("error"))["error"])
        await page.close()

    async def test_deeply_nested_json_is_only_a_mistake(self) -> None:
        page = await self.page()
        await page.socket.send_to(text_data="[" * 2000)
        self.assertTrue((await page.hear("error"))["error"])
        await page.close()

    async def test_who_never_learns_is_closed(self) -> None:
        page = await self.page()
        for _ in range(6):
            await page.socket.send_to(text_data="not json")
        self.assertEqual(await page.closed(), 4400)

    async def test_flooding_is_closed(self) -> None:
        page = await self.page()
        for number in range(600):
            await page.say(ping=number)
        self.assertEqual(await page.closed(), 4429)

    async def test_ping_is_answered(self) -> None:
        page = await self.page()
        await page.say(ping=7)
        self.assertEqual((await page.hear("pong"))["pong"], 7)
        await page.close()

    async def test_thinking_and_fine_are_no_mistakes(self) -> None:
        page = await self.page()
        await page.say(thinking=True)
        await page.say(fine=True)
        await page.say(ping=1)
        self.assertEqual(await page.hear(), {"pong": 1})
        await page.close()

    async def test_leaving_is_told_as_left(self) -> None:
        page = await self.page()
        await page.say(leave=True)
        await page.closed()
        await page.close()
        await writer.drain()
        await in_thread(self.asha.refresh_from_db)
        self.assertIsNotNone(self.asha.left_at)

    async def test_a_closed_page_has_not_left(self) -> None:
        page = await self.page()
        await page.close()
        await writer.drain()
        await in_thread(self.asha.refresh_from_db)
        self.assertIsNone(self.asha.left_at)
        room = rooms.rooms.get(self.lesson.pk)
        self.assertTrue(room is None or self.asha.pk not in room.students)


class TapsTest(StudentSocketCase):
    async def test_tap_is_acknowledged_once_it_is_stored(self) -> None:
        page, tap = await self.page(), str(uuid.uuid4())
        await page.say(tap="lost", id=tap)
        self.assertEqual((await page.hear("saved"))["saved"], tap)
        self.assertEqual((await Report.objects.aget()).kind, "lost")
        await page.close()

    async def test_repeated_tap_is_stored_once_and_acknowledged_twice(self) -> None:
        page, tap = await self.page(), str(uuid.uuid4())
        for _ in range(2):
            await page.say(tap="lost", id=tap)
            await page.hear("saved")
        self.assertEqual(await Report.objects.acount(), 1)
        await page.close()

    async def test_raised_hand_is_a_flag_at_once_and_undo_lowers_it(self) -> None:
        page, tap = await self.page(), str(uuid.uuid4())
        await page.say(tap="hand", id=tap)
        await page.hear("saved")
        flag = await Flag.objects.aget()
        self.assertEqual((flag.kind, flag.cleared_at), ("help", None))
        await page.say(undo=tap)
        self.assertEqual((await page.hear("undone"))["undone"], tap)
        await flag.arefresh_from_db()
        self.assertIsNotNone(flag.cleared_at)
        await page.close()

    async def test_hand_of_a_page_that_goes_at_once_is_told_all_the_same(self) -> None:
        layer = get_channel_layer()
        teacher = await layer.new_channel()
        page = await self.page()
        await layer.group_add(teachers_group(self.lesson.pk), teacher)
        await page.say(tap="hand", id=str(uuid.uuid4()))
        await page.close()
        async with asyncio.timeout(60):
            while (message := await layer.receive(teacher))["type"] != "lesson.flags":
                pass
        self.assertEqual(message["flags"][0]["student"], self.asha.pk)

    async def test_undo_of_a_tap_that_never_came_is_fine(self) -> None:
        page, tap = await self.page(), str(uuid.uuid4())
        await page.say(undo=tap)
        self.assertEqual((await page.hear("undone"))["undone"], tap)
        await page.close()

    async def test_unknown_tap_is_told_so(self) -> None:
        page = await self.page()
        for wrong in ({"tap": "angry", "id": str(uuid.uuid4())}, {"tap": "lost", "id": "7"}):
            await page.say(**wrong)
            self.assertTrue((await page.hear("error"))["error"])
        for wrong in ({"tap": ["lost"], "id": 3}, {"undo": None}):
            await page.say(**wrong)
            self.assertTrue((await page.hear("error"))["error"])
        await page.close()

    async def test_too_many_taps_are_turned_down(self) -> None:
        page = await self.page()
        for _ in range(30):
            await page.say(tap="lost", id=str(uuid.uuid4()))
        self.assertIn("Too many", (await page.hear("error"))["error"])
        await page.close()

    async def test_tap_after_the_end_is_not_acknowledged(self) -> None:
        page = await self.page()
        await in_thread(lessons.close, self.lesson)
        await page.say(tap="lost", id=str(uuid.uuid4()))
        self.assertTrue((await page.hear("error"))["error"])
        self.assertEqual(await Report.objects.acount(), 0)
        await page.close()

    async def test_own_taps_come_back_after_a_reload_until_they_fade(self) -> None:
        old = timezone.now() - timedelta(minutes=6)
        await Report.objects.acreate(lesson=self.lesson, participant=self.asha, kind="lost", at=old)
        kept = await Report.objects.acreate(
            lesson=self.lesson, participant=self.asha, kind="got_it", at=timezone.now()
        )
        page = Page(self.asha)
        (tap,) = (await page.open())["hello"]["taps"]
        self.assertEqual((tap["id"], tap["kind"]), (str(kept.tap), "got_it"))
        await page.close()


class ReadingsTest(StudentSocketCase):
    def reading(self, student: int, **fields: Any) -> Reading:
        p = (0.02, 0.01, 0.02, 0.2, 0.68, 0.05, 0.02)
        now = time.time()
        filled = {"seq": 1, "offered_at": now, "read_at": now, "state": "reading", "p": p}
        return Reading(lesson=self.lesson.pk, student=student, **(filled | {"sure": 0.68} | fields))

    async def publish(self, *readings: Reading) -> None:
        publisher = Publisher()
        for reading in readings:
            publisher.put(reading)
        await publisher.send_due()

    async def test_own_reading_comes_in_words(self) -> None:
        page = await self.page()
        await page.say(ping=1)
        await page.hear("pong")
        await self.publish(self.reading(self.asha.pk))
        reading = (await page.hear("reading"))["reading"]
        self.assertEqual((reading["top"], reading["words"]), ("neutral", "neutral, maybe"))
        await page.close()

    async def test_nobody_hears_anothers_reading(self) -> None:
        page = await self.page()
        await page.say(ping=1)
        await page.hear("pong")
        await self.publish(self.reading(self.asha.pk + 1))
        await page.say(ping=2)
        self.assertEqual(await page.hear(), {"pong": 2})
        await page.close()

    async def test_an_older_reading_is_not_shown_after_a_newer(self) -> None:
        page = await self.page()
        await page.say(ping=1)
        await page.hear("pong")
        await self.publish(self.reading(self.asha.pk))
        await page.hear("reading")
        await self.publish(self.reading(self.asha.pk, offered_at=time.time() - 5))
        await page.say(ping=2)
        self.assertEqual(await page.hear(), {"pong": 2})
        await page.close()


class TeacherActsTest(StudentSocketCase):
    async def test_removing_closes_the_page_and_bars_the_student(self) -> None:
        page = await self.page()
        await room.remove(self.asha)
        self.assertEqual(await page.closed(), 4403)
        answer = await frames().offer(self.lesson.pk, self.asha.pk, 1, FACE)
        self.assertEqual(answer.status, "refused")

    async def test_renaming_tells_the_page(self) -> None:
        page = await self.page()
        await room.rename(self.asha, "Asha K")
        self.assertEqual((await page.hear("name"))["name"], "Asha K")
        await page.close()

    async def test_ending_says_when_and_closes(self) -> None:
        page = await self.page()
        await room.close(self.lesson)
        self.assertIn("ended at", (await page.hear("closing"))["closing"])
        self.assertEqual(await page.closed(), 4410)

    async def test_withdrawn_consent_stops_snapshots_at_once(self) -> None:
        page = await self.page()
        await room.withdraw(self.asha)
        self.assertEqual((await page.hear("camera"))["camera"], "none")
        self.assertEqual((await page.shoot(FACE))["why"], "not_wanted")
        await page.close()

    async def test_joining_again_with_camera_after_withdrawing_is_read_again(self) -> None:
        await room.withdraw(self.asha)
        await in_thread(participants.join, self.lesson, "Asha", True, key=self.asha.key)
        page = await self.page()
        self.assertEqual((await page.shoot(FACE))["status"], "taken")
        await page.close()
