"""What a teacher decides reaches the database, the queue and the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from channels.layers import get_channel_layer
from django.test import TransactionTestCase
from django.utils import timezone

from classroom import lessons, participants
from classroom.models import AuditEntry, Participant
from classroom.participants import BadName
from emotions import attention, publish, room
from emotions.closer import Closer
from emotions.frames import frames
from emotions.models import Flag, Marker, Slice
from tests import make, pictures
from tests.readings import reading
from tests.stored import rows
from tests.student_page import Page


class RoomTest(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        self.asha = make.participant(name="Asha")
        self.lesson = self.asha.lesson

    async def offer(self) -> str:
        answer = await frames().offer(self.lesson.pk, self.asha.pk, 1, b"x")
        return answer.status

    async def kinds(self) -> list[str]:
        return [kind async for kind in Marker.objects.order_by("pk").values_list("kind", flat=True)]

    async def hear(self, act: Any) -> dict[str, Any]:
        """The first message that a teacher's page gets of this."""
        (message,) = await self.hear_all(1, act)
        return message

    async def hear_all(self, count: int, act: Any) -> list[dict[str, Any]]:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(f"teachers.{self.lesson.pk}", channel)
        await act
        return [await layer.receive(channel) for _ in range(count)]

    def flag(self) -> Flag:
        now = timezone.now()
        attention.raise_flag(self.lesson.pk, self.asha.pk, "low", reason="x", since=now, at=now)
        return Flag.objects.get()

    async def test_pause_and_resume_bar_and_unbar_and_leave_marks(self) -> None:
        message = await self.hear(room.pause(self.lesson))
        self.assertTrue(message["lesson"]["paused"])
        self.assertEqual(await self.offer(), "refused")
        await room.resume(self.lesson)
        self.assertEqual(await self.offer(), "accepted")
        self.assertEqual(await self.kinds(), ["pause", "resume"])

    async def test_nothing_changes_in_a_closed_lesson(self) -> None:
        await room.in_database(lessons.close, self.lesson)
        for act in (room.pause, room.resume, room.lock, room.unlock):
            with self.assertRaises(room.LessonEnded):
                await act(self.lesson)
        with self.assertRaises(room.LessonEnded):
            await room.quiet(self.lesson, True)
        self.assertEqual(await self.kinds(), [])

    async def test_quiet_work_is_marked_and_told(self) -> None:
        message = await self.hear(room.quiet(self.lesson, True))
        self.assertGreater(message["lesson"]["quiet_until"], 0)
        message = await self.hear(room.quiet(self.lesson, False))
        self.assertEqual(message["lesson"]["quiet_until"], 0)
        self.assertEqual(await self.kinds(), ["quiet", "quiet_end"])

    async def test_a_marker_is_one_line_and_fits_its_column(self) -> None:
        marker = await room.add_marker(self.lesson, "  Ohm's \n law ")
        self.assertEqual(marker.text, "Ohm's law")
        with self.assertRaisesRegex(room.LongMarker, "at most 80"):
            await room.add_marker(self.lesson, "x" * 81)

    async def test_removing_clears_flags_and_is_audited(self) -> None:
        await room.in_database(self.flag)
        await room.remove(self.asha)
        self.assertEqual(await self.offer(), "refused")
        self.assertEqual(await room.in_database(attention.open_flags, self.lesson.pk), [])
        self.assertEqual((await AuditEntry.objects.aget()).what, "student removed")
        await room.readmit(self.asha)
        self.assertEqual(await self.offer(), "accepted")

    async def test_a_bad_name_is_refused_with_words(self) -> None:
        for name in ("", "x" * 10_000, "A\x00b", "\u202eahsA"):
            with self.assertRaises(BadName):
                await room.rename(self.asha, name)

    async def test_withdrawing_deletes_what_was_measured_and_its_flags(self) -> None:
        await room.in_database(rows, self.asha, 0, 5)
        await room.in_database(self.flag)
        await room.withdraw(self.asha)
        self.assertFalse(await Slice.objects.aexists())
        self.assertEqual(await room.in_database(attention.open_flags, self.lesson.pk), [])
        self.assertEqual(await self.offer(), "refused")
        await room.give_consent(self.asha)
        self.assertEqual(await self.offer(), "accepted")

    async def test_withdrawing_deletes_every_flag_of_the_face_and_leaves_the_hand_up(self) -> None:
        ben = await room.in_database(lambda: make.participant(lesson=self.lesson))
        await room.in_database(self.flag)
        await room.in_database(self.flags_of_an_hour, ben)
        messages = await self.hear_all(2, room.withdraw(self.asha))
        left = Flag.objects.order_by("pk").values_list("participant_id", "kind", "cleared_at")
        self.assertEqual(
            [row async for row in left],
            [(self.asha.pk, "help", None), (ben.pk, "low", None), (None, "class", None)],
        )
        told = [(flag["student"], flag["kind"]) for flag in messages[1]["flags"]]
        self.assertEqual(told, [(self.asha.pk, "help"), (ben.pk, "low"), (None, "class")])

    def flags_of_an_hour(self, ben: Participant) -> None:
        """Of Asha one that is long closed and one that waits for an answer, and a raised hand."""
        now = timezone.now()
        how = {"reason": "x", "since": now, "at": now}
        closed, waits, hand = "turned", "away", "help"
        attention.raise_flag(self.lesson.pk, self.asha.pk, closed, **how)
        attention.clear_flag(self.lesson.pk, self.asha.pk, closed, at=now)
        later = now + timedelta(seconds=30)
        attention.raise_flag(self.lesson.pk, self.asha.pk, waits, **how, shown_at=later)
        attention.raise_flag(self.lesson.pk, self.asha.pk, hand, **how)
        attention.raise_flag(self.lesson.pk, ben.pk, "low", **how)
        attention.raise_flag(self.lesson.pk, None, "class", **how)

    async def test_withdrawing_and_erasing_take_back_what_is_not_told_yet(self) -> None:
        for act in (room.withdraw, room.erase):
            told: list[Any] = []

            async def tell(lesson: int, message: Any, told: list[Any] = told) -> None:
                told.append(message)

            publisher = publish.Publisher(tell)
            publisher.put(reading(lesson=self.lesson.pk, student=self.asha.pk))
            messages = await self.hear(act(self.asha))
            await publisher.send_due()
            self.assertEqual((told, publisher.faces), ([], {}))
            self.assertEqual(messages["type"], "lesson.student")
            self.assertTrue(messages.get("forgotten") or messages.get("erased"))

    async def test_analysis_switched_off_for_everybody_ends_it_in_open_lessons(self) -> None:
        page = Page(self.asha)
        await page.open()
        await page.camera_on()
        await room.in_database(make.analysis, "off")
        self.assertFalse((await room.in_database(room._state, self.lesson.pk))["analysis"])
        await Closer(lambda lesson: None).look(timezone.now())
        self.assertEqual((await page.hear("camera"))["camera"], "none")
        self.assertEqual((await page.shoot(pictures.face_jpeg()))["why"], "not_wanted")
        await self.lesson.arefresh_from_db()
        self.assertFalse(self.lesson.analysis)
        self.assertEqual(await self.offer(), "refused")
        await page.close()

    async def test_student_erased_by_an_administrator_goes_from_the_room(self) -> None:
        page = Page(self.asha)
        await page.open()
        student = self.asha.pk
        await room.in_database(participants.erase, self.asha)
        message = await self.hear(Closer(lambda lesson: None).look(timezone.now()))
        self.assertEqual((message["student"], message["erased"]), (student, True))
        self.assertEqual(await page.closed(), 4403)
        await page.close()

    async def test_deleted_lesson_closes_its_students_pages(self) -> None:
        page = Page(self.asha)
        await page.open()
        await room.in_database(self.lesson.course.delete)
        message = await self.hear(Closer(lambda lesson: None).look(timezone.now()))
        self.assertTrue(message["lesson"]["closed"])
        self.assertEqual(await page.closed(), 4410)
        await page.close()
        with self.assertRaises(room.LessonEnded):
            await room.pause(self.lesson)

    async def test_dismissing_another_lessons_flag_is_refused(self) -> None:
        flag = await room.in_database(self.flag)
        other = await room.in_database(make.lesson)
        for act in (room.dismiss, room.snooze):
            with self.assertRaises(attention.NoSuchFlag):
                await act(other, flag.pk)
        with self.assertRaises(attention.NoSuchFlag):
            await room.verdict(other, flag.pk, useful=True)

    async def test_dismissed_flag_is_gone_from_the_next_message(self) -> None:
        flag = await room.in_database(self.flag)
        message = await self.hear(room.dismiss(self.lesson, flag.pk))
        self.assertEqual(message, {"type": "lesson.flags", "flags": []})
        with self.assertRaises(attention.NoSuchFlag):
            await room.dismiss(self.lesson, flag.pk)
        await room.verdict(self.lesson, flag.pk, useful=True)
        await flag.arefresh_from_db()
        self.assertEqual(flag.verdict, "useful")
