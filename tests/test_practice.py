"""The practice class: a script with a seed, in practice lessons only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import TestCase as PlainTestCase

import numpy as np
from asgiref.sync import sync_to_async
from django.test import TestCase

from classroom import consent, lessons
from classroom.models import Course, Lesson
from classroom.presence import Rooms
from emotions import actors, script
from emotions.models import Flag, Marker, Report
from emotions.practice import NotSimulated, PracticeClass, Told, enrol, look_up, steer
from emotions.readings import Reading
from ml import samples
from ml.labels import ANGRY, DISGUST, FEAR, HAPPY, SAD
from tests import make
from tests.frames_contract import Clock


def looks(number: int, start: int, end: int) -> list[actors.Look]:
    actor = actors.Actor(number, 1)
    return [actor.look(float(at)) for at in range(start, end, 2)]


def mean(start: int, end: int, labels: tuple[int, ...], whom: range | tuple[int, ...]) -> float:
    """The mean probability of these expressions over some students in this span."""
    seen = [look.probabilities for number in whom for look in looks(number, start, end)]
    shares = [sum(p[label] for label in labels) for p in seen if p is not None]
    return sum(shares) / len(shares)


class ScriptTest(PlainTestCase):
    def test_the_same_seed_gives_the_same_lesson(self) -> None:
        self.assertEqual(looks(3, 0, 300), looks(3, 0, 300))
        self.assertNotEqual(looks(3, 0, 300), looks(8, 0, 300))

    def test_probabilities_are_seven_and_sum_to_one(self) -> None:
        for look in looks(0, 0, 840):
            if look.probabilities is not None:
                self.assertEqual(len(look.probabilities), 7)
                self.assertAlmostEqual(sum(look.probabilities), 1.0)

    def test_a_joke_is_seen(self) -> None:
        everyone = range(30)
        self.assertGreater(mean(308, 318, (HAPPY,), everyone), 0.45)
        self.assertLess(mean(130, 180, (HAPPY,), everyone), 0.25)

    def test_the_slump_lowers_those_whom_it_is_about(self) -> None:
        low = (ANGRY, DISGUST, FEAR, SAD)
        before = mean(120, 180, low, script.SLUMPED)
        self.assertGreater(mean(360, 550, low, script.SLUMPED), before + 0.25)

    def test_confusion_shows_more_in_taps_than_in_faces(self) -> None:
        low = (ANGRY, DISGUST, FEAR, SAD)
        before = mean(120, 180, low, script.LOST_STUDENTS)
        self.assertLess(mean(200, 285, low, script.LOST_STUDENTS), before + 0.25)

    def test_every_answer_is_one_of_the_network_but_for_a_little_noise(self) -> None:
        stored = samples.load()
        actor = actors.Actor(3, 1)
        read = actor.trace.p[actor.trace.read][:50]
        nearest = [np.abs(stored.probabilities - p).sum(axis=1).min() for p in read]
        self.assertLess(max(nearest), 0.6)
        self.assertLess(float(np.median(nearest)), 0.2)

    def test_no_two_students_are_alike(self) -> None:
        traces = [actors.Actor(number, 1).trace.p for number in range(5)]
        for number, trace in enumerate(traces):
            for other in traces[number + 1 :]:
                self.assertFalse(np.allclose(trace, other))

    def test_some_looks_fail_as_cameras_do(self) -> None:
        outcomes = [look.outcome for number in range(30) for look in looks(number, 0, 200)]
        for outcome in ("face", "unsure", "no_face", "blurred", "dark"):
            self.assertIn(outcome, outcomes)
        self.assertGreater(outcomes.count("face") / len(outcomes), 0.75)

    def test_somebody_goes_out_of_view_long_enough_to_be_away(self) -> None:
        self.assertEqual({look.outcome for look in looks(18, 350, 550)}, {"no_face"})

    def test_taps_come_with_the_confusing_slide(self) -> None:
        kinds = [cue.kind for cue in script.cues_between(190, 290)]
        self.assertEqual(kinds.count("lost"), 7)
        self.assertEqual(kinds.count("too_fast"), 2)
        self.assertEqual(kinds.count("hand"), 2)

    def test_each_cue_comes_once_however_the_time_is_cut(self) -> None:
        whole = script.cues_between(0, 2 * script.ROUND_S)
        parts = [cue for at in range(0, 1680, 7) for cue in script.cues_between(at, at + 7)]
        self.assertEqual(parts, whole)
        self.assertEqual(len(whole), 2 * len(script.CUES))

    def test_two_students_leave(self) -> None:
        gone = [n for n in range(30) if not actors.Actor(n, 1).is_present(790.0)]
        self.assertEqual(len(gone), 2)


class PracticeCase(TestCase):
    def setUp(self) -> None:
        self.lesson = make.lesson(mode=Lesson.Mode.PRACTICE, interval_ms=2000)
        self.students = enrol(self.lesson)
        self.clock = Clock(self.lesson.opened_at.timestamp())
        self.readings: list[Reading] = []
        self.rooms = Rooms(self.say_nothing, lambda *args: None, clock=self.clock)
        self.playing = PracticeClass(
            self.lesson,
            self.students,
            take=self.readings.append,
            rooms=self.rooms,
            put=self.put,
            clock=self.clock,
        )

    async def say_nothing(self, group: str, message: dict[str, Any]) -> None: ...

    async def put(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await sync_to_async(fn)(*args)

    async def play(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.25)):
            self.clock.pass_(0.25)
            await self.playing.step()

    def cameras(self) -> dict[int, str]:
        seated = self.rooms.rooms[self.lesson.pk].students
        return {student: state["camera"] for student, state in seated.items()}


class PracticeTest(PracticeCase):
    def test_thirty_students_are_enrolled_once(self) -> None:
        self.assertEqual([s.pk for s in enrol(self.lesson)], [s.pk for s in self.students])
        self.assertEqual(self.lesson.participants.count(), 30)
        cameras = [consent.is_given(student) for student in self.students]
        self.assertEqual(cameras.count(True), 26)

    def test_a_real_lesson_is_refused(self) -> None:
        for mode in (Lesson.Mode.LIVE, Lesson.Mode.LOAD):
            lesson = make.lesson(mode=mode)
            with self.assertRaisesRegex(NotSimulated, "not a practice lesson"):
                enrol(lesson)
            with self.assertRaises(NotSimulated):
                PracticeClass(lesson, [], take=print, rooms=self.rooms, put=self.put)
            self.assertEqual(lesson.participants.count(), 0)

    def test_without_analysis_nobody_has_a_camera(self) -> None:
        lesson = make.lesson(mode=Lesson.Mode.PRACTICE, analysis=False)
        self.assertEqual({student.camera for student in enrol(lesson)}, {"none"})

    async def test_everyone_with_a_camera_is_read_at_the_pace(self) -> None:
        await self.play(20)
        counts = [sum(r.student == s.pk for r in self.readings) for s in self.students]
        self.assertEqual(sorted(set(counts)), [0, 10])
        self.assertEqual(counts.count(0), 4)

    async def test_they_sit_in_the_room_like_real_ones(self) -> None:
        await self.play(1)
        cameras = list(self.cameras().values())
        self.assertEqual((cameras.count("on"), cameras.count("none")), (26, 4))

    async def test_a_pause_turns_their_cameras_off(self) -> None:
        await self.play(2)
        self.playing.hear(Told(is_open=True, paused=True, here=self.everyone()))
        read = len(self.readings)
        await self.play(10)
        self.assertEqual(len(self.readings), read)
        self.assertNotIn("on", self.cameras().values())

    def everyone(self) -> frozenset[int]:
        return frozenset(student.pk for student in self.students)

    async def test_a_removed_one_is_gone(self) -> None:
        await self.play(2)
        gone = self.students[0].pk
        self.playing.hear(Told(is_open=True, paused=False, here=self.everyone() - {gone}))
        read = sum(reading.student == gone for reading in self.readings)
        await self.play(10)
        self.assertEqual(sum(reading.student == gone for reading in self.readings), read)
        self.assertNotIn(gone, self.cameras())

    async def test_a_hand_goes_up_in_the_first_minute(self) -> None:
        await self.play(60)
        flag = await Flag.objects.select_related("participant").aget()
        self.assertEqual((flag.kind, flag.participant.name), ("help", script.NAMES[8]))

    async def test_taps_follow_the_script(self) -> None:
        await self.play(300)
        kinds = [kind async for kind in Report.objects.values_list("kind", flat=True)]
        taps = [cue for cue in script.cues_between(0, 300) if cue.student != script.TEACHER]
        self.assertEqual(len(kinds), sum(not cue.undone for cue in taps))
        undone = await Report.objects.exclude(undone_at=None).acount()
        self.assertEqual(undone, sum(cue.undone for cue in taps))

    async def test_a_hand_that_goes_down_is_no_flag_any_more(self) -> None:
        await self.play(100)
        flag = await Flag.objects.aget()
        self.assertIsNotNone(flag.cleared_at)

    async def test_the_scripts_teacher_sets_quiet_work_and_ends_it(self) -> None:
        self.clock.pass_(script.QUIET.starts_s - 1)
        self.playing.done_until = self.clock()
        await self.play(3)
        await self.lesson.arefresh_from_db()
        self.assertIsNotNone(self.lesson.quiet_until)
        self.clock.pass_(script.QUIET.ends_s - script.QUIET.starts_s)
        await self.play(1)
        await self.lesson.arefresh_from_db()
        self.assertIsNone(self.lesson.quiet_until)

    async def test_its_notes_speak_the_language_of_who_began_to_practise(self) -> None:
        await Course.objects.filter(pk=self.lesson.course_id).aupdate(name="अभ्यास")
        await self.play(3)
        self.assertEqual((await Marker.objects.aget()).text, "शुरुआत")

    async def test_quiet_work_that_the_teacher_set_is_left_alone(self) -> None:
        begins = self.lesson.opened_at + timedelta(seconds=script.QUIET.starts_s - 60)
        await sync_to_async(lessons.quiet)(self.lesson, True, now=begins)
        self.clock.pass_(script.QUIET.starts_s - 1)
        self.playing.done_until = self.clock()
        await self.play(3)
        self.assertFalse(await Marker.objects.filter(kind="quiet").aexists())

    async def test_a_class_whose_lesson_was_deleted_ends(self) -> None:
        await Lesson.objects.all().adelete()
        self.assertFalse((await sync_to_async(look_up)(self.lesson.pk)).is_open)
        self.assertIsNone(await sync_to_async(steer)(self.lesson.pk, "slide", self.clock()))

    async def test_two_leave_and_stay_away(self) -> None:
        await self.play(1)
        self.clock.pass_(790)
        await self.play(5)
        self.assertEqual(len(self.cameras()), 28)
