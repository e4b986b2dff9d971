"""The past of a practice course: ended lessons, made at once, as full as if they had been held."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from unittest import mock

import numpy as np
from django.test import Client, TestCase, TransactionTestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from classroom import consent, lessons
from classroom.models import Course, Lesson
from dashboard import history
from emotions import bulk, embedded, judge, past, practised, retention, script
from emotions.actors import SAMPLE_S, Actor
from emotions.attention import moment
from emotions.flags import FACE_KINDS
from emotions.models import Flag, LessonMinute, Marker, Report, Slice
from emotions.practice import STUDENTS, enrol
from emotions.readings import reading_from
from emotions.slices import Slices, start_of
from tests import make


def one_by_one(actor: Actor, lesson: int, student: int, times: np.ndarray) -> dict:
    """What `Slices` adds up when the same looks come as readings."""
    slices = Slices(lambda *args: None)
    began = times[0] - actor.number / STUDENTS * SAMPLE_S
    for seq, at in enumerate(times.tolist()):
        look = actor.look((at - began) * actor.step_s / SAMPLE_S)
        whose = {"lesson": lesson, "student": student, "seq": seq}
        slices.add(reading_from(look, **whose, offered_at=at, read_at=at))
    return slices.sums


class BulkTest(TestCase):
    def test_sums_made_at_once_are_those_made_reading_by_reading(self) -> None:
        # Somebody usual, a camera at the side, a dark room, one who turns away, one who leaves.
        for number in (0, 2, script.DARK_ROOM, script.LOOKING_ASIDE, 13):
            for speed in (1.0, 0.4):
                actor = Actor(number, 7, speed)
                times = bulk.times_of(actor, STUDENTS, 1_000_000.0, 1_002_000.0)
                slowly = one_by_one(actor, 1, 2, times)
                rows = dict(bulk.slices(actor, 1, 2, times))
                self.assertEqual(rows.keys(), slowly.keys())
                for key, sums in rows.items():
                    np.testing.assert_allclose(sums, slowly[key], atol=1e-9, err_msg=str(key))

    def test_whoever_leaves_has_no_snapshots_after(self) -> None:
        actor = Actor(13, 7)
        times = bulk.times_of(actor, STUDENTS, 0.0, script.ROUND_S)
        self.assertLess(times[-1], script.LEAVING[13])
        self.assertGreater(times[-1], script.LEAVING[13] - 4)

    def test_no_time_at_all_makes_no_rows(self) -> None:
        self.assertEqual(bulk.slices(Actor(1, 7), 1, 2, np.array([])), [])


class PastCase(TestCase):
    """One lesson is enough for most facts; a whole past takes some seconds."""

    @classmethod
    def setUpTestData(cls) -> None:
        make.analysis()
        cls.teacher = make.teacher()
        cls.course = make.course(teacher=cls.teacher, name="Practice")
        cls.lesson = past.write(cls.course, 2)


class LessonTest(PastCase):
    def test_it_has_ended_before_the_course_was_made_and_is_marked_as_simulated(self) -> None:
        self.assertLess(self.lesson.closed_at, self.course.created_at)
        self.assertTrue(self.lesson.is_simulated)
        self.assertEqual(self.lesson.model_version, "simulated")
        self.assertEqual(str(self.lesson.title), "Percentages")

    def test_it_is_as_long_as_a_lesson(self) -> None:
        self.assertEqual((self.lesson.closed_at - self.lesson.opened_at).total_seconds(), 28 * 60)

    def test_quiet_work_told_slowly_does_not_end_by_itself(self) -> None:
        slowest = min(plan.speed for plan in past.LESSONS)
        lasts_s = (script.QUIET.ends_s - script.QUIET.starts_s) / slowest
        self.assertLess(lasts_s, 60 * lessons.QUIET_MINUTES)

    def test_slices_minutes_and_summary_are_there(self) -> None:
        self.assertEqual((self.lesson.students, self.lesson.cameras), (30, 26))
        self.assertTrue(0.6 < self.lesson.coverage < 0.95, self.lesson.coverage)
        self.assertGreater(Slice.objects.filter(lesson=self.lesson).count(), 26 * 120)
        self.assertGreaterEqual(LessonMinute.objects.filter(lesson=self.lesson).count(), 28)
        first = Slice.objects.order_by("starts_at").first()
        self.assertEqual(first.starts_at, start_of(self.lesson.opened_at.timestamp()))

    def test_students_came_with_it_and_two_left_before_its_end(self) -> None:
        self.assertEqual(
            set(self.lesson.participants.values_list("joined_at", flat=True)),
            {self.lesson.opened_at},
        )
        gone = self.lesson.participants.exclude(left_at=None)
        self.assertEqual({one.name for one in gone}, {script.NAMES[n] for n in script.LEAVING})
        for one in gone:
            self.assertTrue(self.lesson.opened_at < one.left_at < self.lesson.closed_at)
            self.assertTrue(consent.is_given(one))

    def test_its_flags_have_reasons_and_verdicts_and_none_stands_open(self) -> None:
        flags = Flag.objects.filter(lesson=self.lesson)
        self.assertTrue({"help", "class", *FACE_KINDS} <= {flag.kind for flag in flags})
        self.assertFalse(flags.filter(cleared_at=None).exists())
        self.assertFalse(flags.filter(reason="").exists())
        self.assertTrue({"useful", "not", ""} <= {flag.verdict for flag in flags})
        self.assertEqual(self.lesson.flags_raised, flags.shown(self.lesson.closed_at).count())

    def test_more_of_its_face_flags_were_useful_than_not(self) -> None:
        verdicts = list(Flag.objects.filter(kind__in=FACE_KINDS).values_list("verdict", flat=True))
        self.assertGreater(verdicts.count("useful"), verdicts.count("not"))

    def test_replaying_it_gives_its_flags_again(self) -> None:
        stored = {
            (flag.kind, flag.participant_id or 0, int(flag.raised_at.timestamp()))
            for flag in Flag.objects.filter(lesson=self.lesson).exclude(kind="help")
        }
        begin, end = self.lesson.opened_at.timestamp(), self.lesson.closed_at.timestamp()
        again = judge.fold(self.lesson, judge.Bench(self.lesson), start_of(begin), start_of(end))
        self.assertEqual({(o.kind, o.student, o.at) for o in again if o.raised}, stored)

    def test_taps_and_markers_follow_the_script(self) -> None:
        cues = script.cues_between(0, script.ROUND_S)
        taps = [cue for cue in cues if cue.student != script.TEACHER and not cue.undone]
        self.assertEqual(Report.objects.filter(lesson=self.lesson).count(), len(taps))
        self.assertEqual(Marker.objects.filter(lesson=self.lesson).count(), 7)
        for tap in Report.objects.filter(lesson=self.lesson):
            self.assertTrue(self.lesson.opened_at <= tap.at <= self.lesson.closed_at)

    def test_its_report_is_full_and_says_that_it_is_simulated(self) -> None:
        report = history.report(self.lesson, individuals=True)
        self.assertTrue(report.dips and report.highs and report.agreement)
        self.assertEqual(len(report.students), 30)
        self.client.force_login(self.teacher)
        page = self.client.get(reverse("lesson", args=[self.lesson.pk]))
        self.assertContains(page, '<span class="ribbon">Simulated</span>')
        self.assertIn("Simulated", str(report.charts))

    def test_history_marks_it(self) -> None:
        self.client.force_login(self.teacher)
        page = self.client.get(reverse("history"))
        self.assertContains(page, "Percentages")
        self.assertContains(page, '<span class="ribbon">Simulated</span>')

    def test_it_is_forgotten_after_the_promised_days_like_any_other(self) -> None:
        self.assertEqual(retention.purge(now=timezone.now()).lessons, 0)
        later = self.lesson.closed_at + timedelta(days=30, minutes=1)
        self.assertEqual(retention.purge(now=later).students, 30)
        self.assertFalse(Slice.objects.filter(lesson=self.lesson).exists())
        self.assertTrue(LessonMinute.objects.filter(lesson=self.lesson).exists())
        self.assertEqual(self.lesson.participants.filter(name__startswith="Student ").count(), 30)


class WholeTest(TestCase):
    def setUp(self) -> None:
        make.analysis()

    @override_settings(KEEP_SLICES_DAYS=1)
    def test_where_data_is_kept_for_a_day_the_past_lies_within_it(self) -> None:
        course = make.course()
        made = past.write(course, 0)
        self.assertGreater(made.closed_at, timezone.now() - timedelta(days=1))
        self.assertEqual(retention.purge().lessons, 0)

    def test_it_is_told_in_the_language_of_who_began_to_practise(self) -> None:
        lesson = past.write(make.course(name="अभ्यास"), 2)
        self.assertEqual(str(lesson.title), "प्रतिशत")
        notes = Marker.objects.filter(lesson=lesson, kind=Marker.Kind.NOTE)
        self.assertIn("एक चुटकुला", notes.values_list("text", flat=True))

    def test_without_face_analysis_there_are_taps_and_no_slices(self) -> None:
        make.analysis("off")
        made = past.write(make.course(), 2)
        self.assertEqual((made.cameras, made.samples), (0, 0))
        self.assertFalse(Slice.objects.exists())
        self.assertTrue(Report.objects.filter(lesson=made).exists())
        self.assertFalse(Flag.objects.filter(kind__in=FACE_KINDS).exists())

    def test_only_a_new_course_that_practises_lacks_a_past(self) -> None:
        practising, real, mixed, idle = (make.course() for _ in range(4))
        make.lesson(course=practising, mode="practice")
        make.lesson(course=real)
        make.lesson(course=mixed, closed_at=timezone.now())
        make.lesson(course=mixed, mode="practice")
        wanted = [(practising, number) for number in range(len(past.LESSONS))]
        self.assertEqual(past.missing(timezone.now()), wanted)
        self.assertEqual(past.missing(timezone.now() + timedelta(hours=2)), [])

    def test_a_past_that_was_cut_off_goes_on_where_it_was(self) -> None:
        course = make.course()
        make.lesson(course=course, mode="practice")
        before = course.created_at - timedelta(days=3)
        make.lesson(course=course, mode="practice", opened_at=before, closed_at=before)
        self.assertEqual([n for _course, n in past.missing(timezone.now())], [1, 2, 3])

    def test_a_lesson_written_until_now_goes_on_as_if_it_had_run(self) -> None:
        opened_at = moment(start_of(timezone.now().timestamp()) - 300)
        lesson = make.lesson(mode="practice", opened_at=opened_at)
        past.write_until(lesson, opened_at + timedelta(seconds=300))
        judging = judge.Judging(clock=lambda: opened_at.timestamp() + 305)
        judging.judge(lesson.pk, int(opened_at.timestamp()) + 300)
        kinds = set(Flag.objects.values_list("kind", flat=True))
        self.assertEqual(kinds & {"class", "help"}, {"class", "help"})
        self.assertEqual(len(enrol(lesson)), STUDENTS)
        self.assertEqual(lesson.participants.count(), STUDENTS)


class DeleteTest(TestCase):
    def setUp(self) -> None:
        self.teacher = make.teacher()
        self.course = make.course(teacher=self.teacher, name="Practice")
        self.ended = make.lesson(course=self.course, mode="practice", closed_at=timezone.now())
        make.participant(lesson=self.ended)
        self.client.force_login(self.teacher)

    def test_home_leads_there_from_a_course_that_only_practised(self) -> None:
        page = self.client.get(reverse("home"))
        self.assertContains(page, reverse("practice-delete"))
        self.assertContains(page, '<span class="ribbon">Simulated</span>')
        Lesson.objects.update(mode="live")
        self.assertNotContains(self.client.get(reverse("home")), reverse("practice-delete"))

    def test_the_page_says_what_would_go_and_deletes_nothing(self) -> None:
        page = self.client.get(reverse("practice-delete"))
        self.assertContains(page, "1 practice lesson of yours is deleted for good")
        self.assertContains(page, "what only ever practised: Practice.")
        self.assertTrue(Lesson.objects.exists())

    def test_its_button_deletes_lessons_and_course(self) -> None:
        answer = self.client.post(reverse("practice-delete"), follow=True)
        self.assertContains(answer, "1 practice lesson is deleted.")
        self.assertFalse(Lesson.objects.exists() or Course.objects.exists())
        self.assertContains(
            self.client.get(reverse("practice-delete")), "There is no practice data of yours."
        )

    def test_real_lessons_their_course_and_everybody_elses_practice_stay(self) -> None:
        real = make.lesson(course=self.course, closed_at=timezone.now())
        others = make.lesson(mode="practice", closed_at=timezone.now())
        practised.delete(self.teacher)
        left = set(Lesson.objects.values_list("pk", flat=True))
        self.assertEqual(left, {real.pk, others.pk})
        self.assertTrue(Course.objects.filter(pk=self.course.pk).exists())

    def test_a_load_test_is_no_practice(self) -> None:
        make.lesson(course=self.course, mode="load", closed_at=timezone.now())
        practised.delete(self.teacher)
        self.assertEqual(Lesson.objects.get().mode, "load")


class ServedTest(TransactionTestCase):
    """With the services beside it, and so with real commits."""

    def setUp(self) -> None:
        make.analysis()
        self.teacher = make.teacher()
        self.course = make.course(teacher=self.teacher, name="Practice")
        self.live = make.lesson(course=self.course, mode="practice")

    def test_deleting_ends_an_open_practice_class_first(self) -> None:
        enrol(self.live)
        client = Client()
        client.force_login(self.teacher)
        client.post(reverse("practice-delete"))
        self.assertFalse(Lesson.objects.exists() or Course.objects.exists())

    async def test_the_services_give_a_new_practice_course_its_past(self) -> None:
        with (
            mock.patch.object(embedded, "LOOK_FOR_COURSES_S", 0.1),
            mock.patch.object(past, "LESSONS", past.LESSONS[2:3]),
        ):
            services = embedded.Services(worker=False)
            await services.start()
            limit = time.monotonic() + 60
            while not await Lesson.objects.exclude(closed_at=None).aexists():
                self.assertLess(time.monotonic(), limit, "no past came")
                await asyncio.sleep(0.1)
            await services.stop()
        made = await Lesson.objects.exclude(closed_at=None).aget()
        self.assertEqual((made.course_id, made.mode), (self.course.pk, "practice"))
        self.assertTrue(await Slice.objects.filter(lesson=made).aexists())
        await self.live.arefresh_from_db()
        self.assertTrue(self.live.is_open)
