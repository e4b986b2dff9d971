"""The student is asked before the teacher is told: on the page, over the socket, in the report."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta

from channels.layers import get_channel_layer
from django.test import TransactionTestCase
from django.utils import timezone

from classroom.sockets import in_database
from dashboard import history, stored
from emotions import attention, closing, own, retention
from emotions.frames import frames
from emotions.models import Answer, Flag, Report
from emotions.publish import students_group
from tests import make
from tests.student_page import Page
from tests.test_layer_messages import check_plain


class NudgeCase(TransactionTestCase):
    def setUp(self) -> None:
        frames.cache_clear()
        self.lesson = make.lesson(title="Physics 10B")
        self.asha = make.participant(lesson=self.lesson, name="Asha")
        self.ben = make.participant(lesson=self.lesson, name="Ben")

    async def ask(self, **until: float) -> None:
        told = {str(getattr(self, name).pk): at for name, at in until.items()}
        message = {"type": "students.asked", "asked": told}
        check_plain(message)
        await get_channel_layer().group_send(students_group(self.lesson.pk), message)

    def flag(self, shown_in_s: float = 30, kind: str = "low") -> Flag:
        now = timezone.now()
        later = now + timedelta(seconds=shown_in_s)
        attention.raise_flag(
            self.lesson.pk, self.asha.pk, kind, reason="x", since=now, at=now, shown_at=later
        )
        return Flag.objects.get(kind=kind)


class PageTest(NudgeCase):
    async def test_only_the_student_who_is_asked_hears_of_it(self) -> None:
        asha, ben = Page(self.asha), Page(self.ben)
        await asha.open(), await ben.open()
        await self.ask(asha=time.time() + 30)
        self.assertEqual(await asha.hear(), {"nudge": True})
        await ben.say(ping=7)
        self.assertEqual(await ben.hear(), {"pong": 7})
        await asha.close(), await ben.close()

    async def test_asked_again_for_the_same_it_is_shown_once_and_taken_back(self) -> None:
        page = Page(self.asha)
        await page.open()
        until = time.time() + 30
        for _ in range(3):
            await self.ask(asha=until)
        await self.ask()
        self.assertEqual(
            [await page.hear(), await page.hear()], [{"nudge": True}, {"nudge": False}]
        )
        await page.close()

    async def test_the_card_goes_when_the_time_for_an_answer_is_over(self) -> None:
        page = Page(self.asha)
        await page.open()
        await self.ask(asha=time.time() + 0.1)
        self.assertEqual(
            [await page.hear(), await page.hear()], [{"nudge": True}, {"nudge": False}]
        )
        await page.close()

    async def test_an_answer_is_stored_and_stops_the_flag(self) -> None:
        for kind in ("fine", "thinking"):
            flag = await in_database(self.flag)
            page = Page(self.asha)
            await page.open()
            await page.say(**{kind: True})
            self.assertEqual(await page.hear(), {"nudge": False})
            await flag.arefresh_from_db()
            self.assertIsNotNone(flag.cleared_at)
            self.assertEqual((await Answer.objects.alatest("at")).kind, kind)
            await page.close()
            await Flag.objects.all().adelete()

    async def test_an_answer_that_is_none_is_told_so(self) -> None:
        page = Page(self.asha)
        await page.open()
        for answer in ("yes", 1, None, {"a": 1}):
            await page.say(fine=answer)
            self.assertEqual(await page.hear(), {"error": "This answer is not known."})
        self.assertFalse(await Answer.objects.aexists())
        await page.close()

    async def test_a_flood_of_taps_and_answers_is_refused_with_words(self) -> None:
        page = Page(self.asha)
        await page.open()
        began = time.monotonic()
        for number in range(40):
            if number % 2:
                await page.say(tap="lost", id=str(uuid.uuid4()))
            else:
                await page.say(thinking=True)
        heard = await page.hear("error")
        self.assertEqual(heard["error"], "Too many taps. Wait a moment.")
        await asyncio.sleep(0)
        allowed = 10 + (time.monotonic() - began) / 2
        stored = await Report.objects.acount() + await Answer.objects.acount()
        self.assertLessEqual(stored, allowed)
        await page.close()

    async def test_a_removed_student_has_no_answer_to_give(self) -> None:
        await in_database(self.flag)
        self.asha.removed_at = timezone.now()
        await self.asha.asave(update_fields=["removed_at"])
        shown = await in_database(
            attention.answer, self.lesson.pk, self.asha.pk, "fine", timezone.now()
        )
        self.assertFalse(shown)
        self.assertFalse(await Answer.objects.aexists())


class TeacherTest(NudgeCase):
    def test_no_page_of_the_teacher_has_a_flag_that_waits(self) -> None:
        self.flag()
        self.assertEqual(stored.read(self.lesson.pk).flags, [])
        self.assertEqual(attention.open_flags(self.lesson.pk), [])

    def test_a_flag_that_was_answered_is_in_no_report_and_no_count(self) -> None:
        self.flag()
        self.flag(shown_in_s=-10, kind="away")
        now = timezone.now()
        attention.answer(self.lesson.pk, self.asha.pk, "fine", now)
        self.lesson.closed_at = now
        self.lesson.save(update_fields=["closed_at"])
        closing.close(self.lesson)
        self.lesson.refresh_from_db()
        self.assertEqual(self.lesson.flags_raised, 1)
        (line,) = history.report(self.lesson, individuals=True).flags
        self.assertEqual(line.title, "Away")

    def test_the_student_may_see_all_of_it_and_it_is_forgotten_in_time(self) -> None:
        self.flag()
        attention.answer(self.lesson.pk, self.asha.pk, "thinking", timezone.now())
        (answer,) = own.as_download(self.asha)["answers"]
        self.assertEqual(answer["kind"], "thinking")
        self.lesson.closed_at = timezone.now() - timedelta(days=40)
        self.lesson.save(update_fields=["closed_at"])
        retention.purge(days=30)
        self.assertFalse(Answer.objects.exists())
