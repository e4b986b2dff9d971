"""Each part of the practice class does what it is there to show, judged by the real rules."""

from __future__ import annotations

from django.test import TestCase

from classroom.models import Participant
from emotions import script
from emotions.attention import epoch
from emotions.flags import FACE_KINDS, REASONS
from emotions.judge import Bench, Course, QuietWork, course_of, fold
from emotions.models import Flag, Marker, Report, Slice
from emotions.script import JOKE, LEAVES, QUIET, SETTLING, SLIDE, SLUMP, Phase
from emotions.words import State
from tests.played import Played


class ScriptTest(TestCase):
    played: Played

    @classmethod
    def setUpTestData(cls) -> None:
        cls.played = Played()

    def raised_within(self, phase: Phase, *kinds: str) -> list[Flag]:
        return [
            flag
            for flag in self.played.raised(*kinds)
            if phase.starts_s < self.played.second_of(flag.raised_at) <= phase.ends_s
        ]

    def keys(self, phase: Phase) -> list[str]:
        said = self.played.said
        return [said[at].key for at in said if phase.starts_s < at <= phase.ends_s]

    def lines(self, phase: Phase) -> list[str]:
        said = self.played.said
        return [said[at].line for at in said if phase.starts_s < at <= phase.ends_s]

    def test_settling_in_says_no_word_and_raises_no_flag_from_faces(self) -> None:
        self.assertEqual(set(self.keys(SETTLING)), {""})
        self.assertTrue(all("Getting to know the class" in one for one in self.lines(SETTLING)))
        before = Phase("before the slide", 0, SLIDE.starts_s)
        self.assertEqual(self.raised_within(before, *FACE_KINDS), [])

    def test_a_hand_that_goes_up_and_down_again_is_a_flag_for_as_long(self) -> None:
        (flag, *_rest) = self.played.raised(Flag.Kind.HELP)
        self.assertEqual(flag.participant.name, script.NAMES[8])
        up, down = self.played.second_of(flag.raised_at), self.played.second_of(flag.cleared_at)
        self.assertTrue(35 <= up <= 37 and 95 <= down <= 97, (up, down))

    def test_the_class_is_steady_before_the_slide(self) -> None:
        self.assertEqual(self.played.said[190].key, "steady")

    def test_the_slide_brings_taps_and_turns_the_pulse(self) -> None:
        taps = Report.objects.filter(
            at__gte=self.played.lesson.opened_at, lesson=self.played.lesson
        ).values_list("kind", flat=True)
        self.assertEqual(list(taps).count("lost"), len(script.LOST_STUDENTS))
        self.assertEqual(list(taps).count("too_fast"), 2)
        self.assertIn("check_in", self.keys(SLIDE))
        self.assertIn("7 tapped Lost. Faces read steady.", self.lines(SLIDE))

    def test_the_slide_is_one_event_of_the_class_that_ends_with_the_taps(self) -> None:
        (flag,) = self.played.raised(Flag.Kind.CLASS)
        up, down = self.played.second_of(flag.raised_at), self.played.second_of(flag.cleared_at)
        self.assertTrue(SLIDE.starts_s < up <= SLIDE.ends_s < down <= SLUMP.starts_s + 60)
        self.assertEqual(self.played.said[400].key, "steady")

    def test_two_lost_students_raise_their_hands(self) -> None:
        names = {flag.participant.name for flag in self.raised_within(SLIDE, Flag.Kind.HELP)}
        self.assertEqual(names, {script.NAMES[7], script.NAMES[16]})

    def test_the_joke_is_seen_and_raises_nothing(self) -> None:
        self.assertGreater(self.happy(JOKE), 0.5)
        self.assertLess(self.happy(Phase("before", 130, 180)), 0.3)
        laughing = Phase("the joke and what follows", JOKE.starts_s, SLUMP.starts_s)
        self.assertEqual(self.raised_within(laughing, *FACE_KINDS, Flag.Kind.CLASS), [])

    def happy(self, phase: Phase) -> float:
        start, end = self.played.at(phase.starts_s), self.played.at(phase.ends_s)
        rows = Slice.objects.filter(lesson=self.played.lesson, starts_at__range=(start, end - 10))
        sums = rows.values_list("happy", "n")
        return sum(happy for happy, _n in sums) / sum(n for _happy, n in sums)

    def test_the_slump_raises_a_flag_of_each_kind_with_its_reason(self) -> None:
        flags = self.raised_within(SLUMP, *FACE_KINDS)
        self.assertEqual({flag.kind for flag in flags}, set(FACE_KINDS))
        for flag in flags:
            self.assertEqual(flag.reason, REASONS[flag.kind])
            self.assertGreater(self.played.second_of(flag.since), SLUMP.starts_s - 60)
        slumped = {script.NAMES[number] for number in script.SLUMPED}
        low = {flag.participant.name for flag in flags if flag.kind == Flag.Kind.LOW}
        self.assertTrue(low & slumped, low)

    def test_the_teacher_reads_who_what_and_since_when(self) -> None:
        told = self.played.pages[540].flags(self.played.at(545))
        self.assertEqual(len(told["flags"]), 3)
        words = " ".join(flag["reason"] for flag in told["flags"])
        away = script.NAMES[script.OUT_OF_VIEW]
        self.assertIn(f"{away} has been out of the camera's view for 3 min.", words)
        self.assertIn("(maybe)", words)

    def test_the_slump_makes_the_pulse_mixed_and_names_its_reason(self) -> None:
        self.assertIn("mixed", self.keys(SLUMP))
        self.assertNotIn("check_in", self.keys(Phase("late", 420, SLUMP.ends_s)))
        lower = [line for line in self.lines(SLUMP) if "read lower than their usual" in line]
        self.assertTrue(lower, self.lines(SLUMP))

    def test_quiet_work_raises_nothing_and_ends_what_stood_open(self) -> None:
        until = Phase("quiet work and a minute after", QUIET.starts_s, QUIET.ends_s + 60)
        self.assertEqual(self.raised_within(until, *FACE_KINDS, Flag.Kind.CLASS), [])
        for flag in self.played.raised(*FACE_KINDS):
            self.assertLessEqual(self.played.second_of(flag.cleared_at), QUIET.starts_s + 10)
        while_on = Phase("while it is on", QUIET.starts_s, QUIET.ends_s - 1)
        self.assertTrue(all("Quiet work until" in one for one in self.lines(while_on)))

    def test_without_quiet_work_the_same_minutes_would_have_raised_flags(self) -> None:
        bench, lesson = Bench(self.played.lesson), self.played.lesson
        course = course_of(lesson)
        loud = Course(QuietWork([], []), course.dismissed, course.lost, course.people)
        raised = []
        for at in range(int(self.played.opened_at), int(self.played.at(QUIET.ends_s)), 10):
            rows = Slice.objects.filter(lesson=lesson, starts_at=at)
            changes = bench.judge.fold(at, rows, quiet=loud.quiet.touches(at))
            raised += [one for one in changes if one.raised and at >= self.played.at(600)]
        self.assertTrue(raised)

    def test_two_students_leave_and_are_said_to_have_left_and_nothing_else(self) -> None:
        leaving = {self.played.students[number].pk: at for number, at in script.LEAVING.items()}
        for second, page in self.played.pages.items():
            states = page.room.states(self.played.at(second + 5))
            for student, leaves_s in leaving.items():
                state = states[student]
                gone = second + 5 >= leaves_s
                self.assertEqual(state.state is State.LEFT, gone, (second, state))
                self.assertEqual(state.in_room, not gone)
                self.assertTrue(not gone or state.words.startswith("left "), state.words)
        self.assertFalse(Flag.objects.filter(participant__in=leaving).exists())

    def test_whoever_left_is_written_down_as_left(self) -> None:
        for number, leaves_s in script.LEAVING.items():
            student = Participant.objects.get(pk=self.played.students[number].pk)
            self.assertAlmostEqual(self.played.second_of(student.left_at), leaves_s, delta=2)

    def test_the_leaving_turns_no_word(self) -> None:
        last = Phase("leaving", LEAVES.starts_s + 20, script.ROUND_S)
        self.assertEqual(set(self.keys(last)), {"steady"})

    def test_every_part_is_marked_on_the_charts(self) -> None:
        marks = Marker.objects.filter(lesson=self.played.lesson).order_by("at")
        told = [(mark.kind, mark.text) for mark in marks]
        self.assertEqual(
            told,
            [
                ("note", "Settling in"),
                ("note", "A confusing slide"),
                ("note", "A joke"),
                ("note", "A slump"),
                ("quiet", ""),
                ("quiet_end", ""),
                ("note", "Two students leave"),
            ],
        )

    def test_replaying_the_stored_lesson_gives_the_same_flags_as_live(self) -> None:
        live = {
            (flag.kind, flag.participant_id or 0, at, raised)
            for flag in self.played.raised(*FACE_KINDS, Flag.Kind.CLASS)
            for at, raised in ((flag.raised_at, True), (flag.cleared_at, False))
            if at is not None
        }
        until = max(Slice.objects.values_list("starts_at", flat=True)) // 10 * 10
        lesson = self.played.lesson
        again = fold(lesson, Bench(lesson), int(self.played.opened_at), until)
        replayed = {(one.kind, one.student, one.at, one.raised) for one in again}
        self.assertGreaterEqual(len(replayed), 10)
        self.assertEqual(
            replayed, {(kind, who, int(epoch(at)), raised) for kind, who, at, raised in live}
        )

    def test_a_page_opened_late_comes_to_the_word_that_was_said(self) -> None:
        for second, page in self.played.pages.items():
            if QUIET.starts_s <= second <= QUIET.ends_s + 10:
                continue
            told = page.beats.pulse.both.level.key
            said = self.played.said[second]
            if said.key:
                self.assertEqual(told, said.key, second)

    def test_a_page_opened_at_the_end_stepped_through_taps_that_were_taken_back(self) -> None:
        lost = [tap for tap in self.played.pages[780].taps() if tap.kind == "lost"]
        self.assertEqual(len(lost), len(script.LOST_STUDENTS))
        self.assertTrue(all(tap.undone for tap in lost))
        during = [tap for tap in lost if tap.counts_at(self.played.at(250))]
        self.assertEqual(len(during), len(script.LOST_STUDENTS))
