"""Students come in under a name of their own, come back, and leave no rows when erased."""

from __future__ import annotations

import threading
import uuid
from unittest.mock import patch

from django.db import connections
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from django.utils import timezone

from classroom import audit, consent, lessons, participants
from classroom.models import AuditEntry, Consent, Participant
from classroom.sockets import ENDED, NO_TOKEN, NOT_YOURS
from classroom.tokens import Claim
from emotions.models import Flag, Report, Slice
from tests import make


def claim_of(student: Participant) -> Claim:
    return Claim(student.lesson_id, student.pk, student.key)


class NameTest(SimpleTestCase):
    def test_plain_name_stays_as_it_is(self):
        for name in ("Asha", "José Núñez", "आशा", "Nguyễn Thị Ánh", "O'Brien-Smith", "小明", "R2"):
            self.assertEqual(participants.clean_name(name), name)

    def test_space_is_collapsed_and_letters_are_composed(self):
        self.assertEqual(participants.clean_name("  Jose\u0301 \u00a0  N "), "José N")

    def test_joiners_that_scripts_need_are_kept(self):
        self.assertEqual(participants.clean_name("क\u094d\u200dष"), "क\u094d\u200dष")

    def refused(self, name: str, words: str) -> None:
        with self.assertRaisesMessage(participants.BadName, words):
            participants.clean_name(name)

    def test_control_characters_are_refused(self):
        for mark in ("\x00", "\x1b", "\t", "\n", "\x7f", "\x85", "\u2028"):
            self.refused(f"As{mark}ha", "cannot be shown")

    def test_text_that_turns_around_is_refused(self):
        for mark in ("\u202e", "\u2066", "\u200f", "\u061c"):
            self.refused(f"As{mark}ha", "turn text around")

    def test_invisible_names_are_refused(self):
        self.refused("\u200b\u200b", "cannot be shown")
        self.refused("\u3164", "cannot be shown")
        self.refused("\u200d", "at least one letter")
        self.refused("", "at least one letter")
        self.refused(" . ", "at least one letter")

    def test_name_of_ten_thousand_characters_is_refused(self):
        self.refused("a" * 10_000, "at most 60 characters")
        self.refused("a" * 61, "at most 60 characters")
        self.assertEqual(len(participants.clean_name("a" * 60)), 60)

    def test_tower_of_marks_is_refused(self):
        self.refused("A" + "\u0316" * 30, "too many marks")


class JoinTest(TestCase):
    def setUp(self):
        self.lesson = make.lesson()

    def test_student_joins_with_consent(self):
        student = participants.join(self.lesson, "Asha", True)
        self.assertEqual((student.name, student.camera), ("Asha", "on"))
        self.assertTrue(consent.is_given(student))

    def test_student_joins_without_camera_and_that_is_recorded(self):
        student = participants.join(self.lesson, "Asha", False)
        self.assertEqual(student.camera, "none")
        self.assertFalse(student.consents.get().given)

    def test_camera_is_not_taken_where_faces_are_not_analysed(self):
        student = participants.join(make.lesson(analysis=False), "Asha", True)
        self.assertEqual(student.camera, "none")
        self.assertFalse(consent.is_given(student))

    def test_two_of_one_name_are_told_apart(self):
        names = [participants.join(self.lesson, "Asha", False).name for _ in range(3)]
        self.assertEqual(names, ["Asha", "Asha (2)", "Asha (3)"])

    def test_number_fits_behind_the_longest_name(self):
        long = "a" * 60
        participants.join(self.lesson, long, False)
        second = participants.join(self.lesson, long, False)
        self.assertEqual(second.name, "a" * 56 + " (2)")

    def test_same_name_in_another_lesson_needs_no_number(self):
        participants.join(self.lesson, "Asha", False)
        self.assertEqual(participants.join(make.lesson(), "Asha", False).name, "Asha")

    def test_same_browser_is_the_same_participant(self):
        first = participants.join(self.lesson, "Asha", True)
        participants.leave(first)
        again = participants.join(self.lesson, "Asha", False, key=first.key)
        self.assertEqual(again.pk, first.pk)
        self.assertEqual((again.camera, again.left_at), ("none", None))
        self.assertEqual(again.consents.count(), 2)

    def test_returning_second_asha_keeps_her_number(self):
        participants.join(self.lesson, "Asha", False)
        second = participants.join(self.lesson, "Asha", False)
        again = participants.join(self.lesson, "Asha", False, key=second.key)
        self.assertEqual(again.name, "Asha (2)")

    def test_returning_student_may_correct_the_name(self):
        first = participants.join(self.lesson, "Aha", False)
        again = participants.join(self.lesson, "Asha", False, key=first.key)
        self.assertEqual((again.pk, again.name), (first.pk, "Asha"))

    def test_key_of_another_lesson_makes_a_newcomer(self):
        elsewhere = make.participant()
        student = participants.join(self.lesson, "Asha", False, key=elsewhere.key)
        self.assertNotEqual(student.pk, elsewhere.pk)

    def test_full_lesson_says_so(self):
        with (
            patch.object(participants, "MOST_PARTICIPANTS", 0),
            self.assertRaisesMessage(participants.Full, "full"),
        ):
            participants.join(self.lesson, "Asha", False)


class RaceTest(TransactionTestCase):
    def test_twelve_of_one_name_at_once_are_twelve_students(self):
        lesson = make.lesson()
        failures: list[Exception] = []

        def come() -> None:
            try:
                participants.join(lesson, "Asha", False)
            except Exception as error:
                failures.append(error)
            finally:
                connections.close_all()

        self.at_once([come] * 12)
        self.assertEqual(failures, [])
        names = set(lesson.participants.values_list("name", flat=True))
        self.assertEqual(names, {"Asha"} | {f"Asha ({n})" for n in range(2, 13)})

    def test_double_click_is_one_student(self):
        lesson, key = make.lesson(), uuid.uuid4()
        found: list[int] = []

        def come() -> None:
            found.append(participants.join(lesson, "Asha", False, key=key).pk)
            connections.close_all()

        self.at_once([come] * 4)
        self.assertEqual(len(found), 4)
        self.assertEqual(len(set(found)), 1)

    def at_once(self, work) -> None:
        threads = [threading.Thread(target=fn) for fn in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class AdmitTest(TestCase):
    def setUp(self):
        self.student = make.participant()
        self.lesson = self.student.lesson

    def refused(self, claim: Claim, code: int, words: str) -> None:
        with self.assertRaises(participants.NotAdmitted) as caught:
            participants.admit(self.lesson, claim)
        self.assertEqual(caught.exception.code, code)
        self.assertIn(words, caught.exception.words)

    def test_student_is_admitted(self):
        self.assertEqual(participants.admit(self.lesson, claim_of(self.student)), self.student)

    def test_removed_student_stays_out_until_readmitted(self):
        participants.remove(self.student, by=self.lesson.course.teacher)
        self.refused(claim_of(self.student), NOT_YOURS, "removed you")
        with self.assertRaises(participants.NotAdmitted):
            participants.join(self.lesson, "Someone new", True, key=self.student.key)
        participants.readmit(self.student)
        self.assertEqual(participants.admit(self.lesson, claim_of(self.student)), self.student)

    def test_wrong_key_is_nobody(self):
        self.refused(Claim(self.lesson.pk, self.student.pk, uuid.uuid4()), NO_TOKEN, "Join again")

    def test_key_of_one_with_number_of_another_is_nobody(self):
        other = make.participant(lesson=self.lesson)
        self.refused(Claim(self.lesson.pk, other.pk, self.student.key), NO_TOKEN, "Join again")

    def test_ended_lesson_admits_nobody(self):
        lessons.close(self.lesson)
        self.refused(claim_of(self.student), ENDED, "has ended")


class RenameAndEraseTest(TestCase):
    def test_renamed_to_a_taken_name_gets_a_number(self):
        lesson = make.lesson()
        make.participant(lesson=lesson, name="Asha")
        other = make.participant(lesson=lesson, name="Ben")
        participants.rename(other, " Asha ")
        self.assertEqual(Participant.objects.get(pk=other.pk).name, "Asha (2)")

    def test_bad_new_name_is_refused(self):
        with self.assertRaises(participants.BadName):
            participants.rename(make.participant(), "\u202eahsA")

    def test_erased_student_leaves_nothing_but_a_line_without_name(self):
        student = make.participant(name="Asha")
        lesson, now = student.lesson, timezone.now()
        neighbour = make.participant(lesson=lesson)
        for one in (student, neighbour):
            Slice.objects.create(lesson=lesson, starts_at=0, participant=one)
        Report.objects.create(lesson=lesson, participant=student, kind="lost", at=now)
        Flag.objects.create(
            lesson=lesson, participant=student, kind="away", since=now, raised_at=now
        )
        subject = audit.subject_of(student)
        participants.erase(student)
        self.assertEqual(list(Participant.objects.all()), [neighbour])
        self.assertEqual(Slice.objects.count(), 1)
        self.assertEqual(Consent.objects.count(), 1)
        self.assertFalse(Report.objects.exists() or Flag.objects.exists())
        entry = AuditEntry.objects.get()
        self.assertEqual((entry.what, entry.subject), ("student erased", subject))
        self.assertNotIn("Asha", entry.which)
