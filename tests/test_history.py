from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import TestCase

from classroom.models import Lesson, Participant
from dashboard import history
from dashboard.history import Search, past_lessons, report, search
from dashboard.minimum import MIN_GROUP
from emotions.models import Flag, LessonMinute, Marker, Report, Slice
from tests import make

OPENED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
START = int(OPENED.timestamp())


def closed(**fields: Any) -> Lesson:
    opened_at = fields.pop("opened_at", OPENED)
    filled = {"opened_at": opened_at, "closed_at": opened_at + timedelta(minutes=45), **fields}
    return make.lesson(**filled)


def slice_of(student: Participant, starts_at: int, **fields: Any) -> Slice:
    filled = {"n": 5, "neutral": 5, "engagement_sum": 4, **fields}
    return Slice.objects.create(
        lesson=student.lesson, participant=student, starts_at=starts_at, **filled
    )


class SearchTest(TestCase):
    def setUp(self):
        self.teacher, self.other = make.teacher(), make.other_teacher()
        self.course = make.course(name="Optics", teacher=self.teacher)
        self.lesson = closed(course=self.course, title="Mirrors")

    def found(self, user: Any, **fields: Any) -> list[Lesson]:
        return list(past_lessons(user, Search(**fields)))

    def test_a_teacher_finds_own_lessons(self):
        closed(teacher=self.other)
        self.assertEqual(self.found(self.teacher), [self.lesson])

    def test_the_whole_school_is_there_for_staff(self):
        self.assertEqual(self.found(make.admin()), [self.lesson])

    def test_newest_comes_first_and_open_lessons_do_not_come(self):
        newer = closed(course=self.course, opened_at=OPENED + timedelta(days=1))
        make.lesson(course=self.course)
        self.assertEqual(self.found(self.teacher), [newer, self.lesson])

    def test_words_are_looked_for_in_lesson_and_course(self):
        for words in ("mirror", "OPTICS", "opt mirr"):
            self.assertEqual(self.found(self.teacher, words=words), [self.lesson])
        self.assertEqual(self.found(self.teacher, words="optics lenses"), [])

    def test_only_staff_can_search_for_a_teacher(self):
        self.assertEqual(self.found(make.admin(), words="ada"), [self.lesson])
        self.assertEqual(self.found(self.teacher, words="ada"), [])

    def test_another_teachers_course_finds_nothing(self):
        self.assertEqual(self.found(self.other, course=self.course.pk), [])

    def test_odd_addresses_are_read_as_no_filter(self):
        for fields in ({"course": "x"}, {"course": "-1"}, {"course": "9" * 40}, {"course": "²"}):
            self.assertEqual(search(fields), Search())
        self.assertEqual(len(search({"q": "a" * 5000}).words), 100)
        self.assertEqual(search({"q": "a\0b"}).words, "ab")


class ReportTest(TestCase):
    def setUp(self):
        self.lesson = closed(students=2, cameras=2, samples=30, coverage=0.9)
        self.asha = self.student("Asha", OPENED)
        self.ben = self.student("ben", OPENED + timedelta(minutes=1))

    def student(self, name: str, joined_at: datetime) -> Participant:
        made = make.participant(lesson=self.lesson, name=name)
        Participant.objects.filter(pk=made.pk).update(
            joined_at=joined_at, seen_at=self.lesson.closed_at
        )
        return made

    def made(self, **changes: Any) -> history.Report:
        return report(self.lesson, **{"individuals": True, **changes})

    def test_the_report_has_the_lesson(self):
        slice_of(self.asha, START + 60)
        slice_of(self.asha, START + 70, neutral=0, happy=5, valence_sum=5)
        made = self.made()
        self.assertEqual((made.length, made.coverage, made.caution), ("45 min", "90 %", ""))
        self.assertEqual(made.charts["engagement"]["data"][0]["y"], [0.8, 0.8])
        meta = made.charts["mood"]["simple"]["layout"]["meta"]
        self.assertEqual(meta["from"], "2026-11-02 09:00:00")
        self.assertEqual(meta["to"], "2026-11-02 09:45:00")

    def test_students_come_by_name_with_what_was_read(self):
        slice_of(self.asha, START, absent=5)
        first, second = self.made().students
        self.assertEqual((first.name, second.name), ("Asha", "ben"))
        self.assertEqual((first.readable, first.mostly), ("50 %", "reads as neutral"))
        self.assertEqual((second.readable, second.mostly), ("no camera", ""))

    def test_a_line_is_broken_where_nothing_was_read(self):
        for number in (0, 1, 3, 4, 5):
            slice_of(self.asha, START + 10 * number)
        slice_of(self.asha, START + 20, n=0, neutral=0, absent=5)
        pieces = self.made().students[0].pieces
        self.assertEqual([len(piece.split()) for piece in pieces], [2, 3])

    def test_taps_are_summed_without_what_was_undone(self):
        for undone in (None, None, OPENED):
            Report.objects.create(
                lesson=self.lesson, participant=self.asha, kind="lost", at=OPENED, undone_at=undone
            )
        made = self.made()
        self.assertEqual(made.taps, [("Lost", 2)])
        self.assertEqual(made.students[0].taps, "2 Lost")

    def flag(self, **fields: Any) -> Flag:
        filled = {
            "lesson": self.lesson,
            "participant": self.asha,
            "kind": "low",
            "reason": "below_usual",
            "sure": 0.62,
            "since": OPENED,
            "raised_at": OPENED,
            "cleared_at": OPENED + timedelta(minutes=3),
        }
        return Flag.objects.create(**{**filled, **fields})

    def test_flags_come_with_reasons_and_verdicts(self):
        self.flag(verdict=Flag.Verdict.USEFUL)
        self.flag(verdict=Flag.Verdict.NOT_USEFUL)
        self.flag(participant=None, kind="class")
        made = self.made()
        self.assertEqual(made.flags_words, "3 flags, 1 useful, 1 not, 1 unrated")
        self.assertEqual(
            made.flags[0].reason, "Expression has read lower than Asha's usual for 3 min (maybe)."
        )
        self.assertEqual(made.flags[0].verdict, "useful")

    def test_a_raised_hand_is_told_without_how_long_ago(self):
        self.flag(kind="help", sure=None)
        self.assertEqual(self.made().flags[0].reason, "Asha raised a hand.")

    def crowd(self, cameras: int = MIN_GROUP, students: int = MIN_GROUP) -> list[Participant]:
        """The lesson with so many students, and so many of them with a camera."""
        others = [self.student(f"Student {n}", OPENED) for n in range(3, students + 1)]
        people = [self.asha, self.ben, *others][:students]
        for student in people[:cameras]:
            slice_of(student, START)
        self.lesson.students, self.lesson.cameras = students, cameras
        self.lesson.save()
        return people

    def test_without_individuals_no_name_is_in_it(self):
        self.crowd()
        self.flag()
        made = self.made(individuals=False)
        self.assertTrue(made.charts["engagement"]["data"])
        self.assertEqual((made.students, made.flags[0].who), ([], "A student"))
        self.assertNotIn("Asha", str(made))

    def test_of_a_small_class_nothing_but_its_length_is_in_it(self):
        self.crowd(students=MIN_GROUP - 1)
        self.flag()
        Report.objects.create(lesson=self.lesson, participant=self.asha, kind="lost", at=OPENED)
        made = self.made(individuals=False)
        words = "Hidden: fewer than 10 students."
        self.assertEqual(made, history.Report(self.lesson, "45 min", words))
        shown = self.made()
        self.assertEqual((shown.hidden, len(shown.flags), shown.taps), ("", 1, [("Lost", 1)]))

    def test_a_few_cameras_in_a_large_class_are_a_small_class(self):
        people = self.crowd(cameras=1, students=MIN_GROUP + 2)
        words = "Hidden: fewer than 10 students with a camera."
        self.assertEqual(self.made(individuals=False).hidden, words)
        for student in people[1:MIN_GROUP]:
            slice_of(student, START)
        self.assertEqual(self.made(individuals=False).hidden, "")

    def test_taps_of_a_large_class_are_told_where_nobody_has_a_camera(self):
        self.crowd(cameras=0)
        Report.objects.create(lesson=self.lesson, participant=self.asha, kind="lost", at=OPENED)
        self.assertEqual(self.made(individuals=False).taps, [("Lost", 1)])

    def test_a_class_that_erasing_made_small_is_hidden(self):
        self.crowd()
        Slice.objects.filter(participant=self.asha).delete()
        self.assertIn("with a camera", self.made(individuals=False).hidden)
        self.asha.delete()
        words = "Hidden: fewer than 10 students."
        self.assertEqual(self.made(individuals=False).hidden, words)

    def test_after_retention_it_counts_who_was_there(self):
        for cameras, hidden in ((MIN_GROUP, False), (MIN_GROUP - 1, True)):
            self.lesson = closed()
            self.asha, self.ben = self.student("Asha", OPENED), self.student("ben", OPENED)
            self.crowd(cameras)
            Slice.objects.all().delete()
            LessonMinute.objects.create(
                lesson=self.lesson, starts_at=START, n=10, present=10, readable=9, neutral=10
            )
            self.assertEqual(bool(self.made(individuals=False).hidden), hidden, cameras)

    def test_the_list_tells_of_a_small_class_no_more_than_its_length(self):
        self.crowd(cameras=1)
        self.lesson.flags_raised = 3
        line = history.lesson_line(self.lesson, individuals=False)
        self.assertEqual((line.length, line.coverage, line.useful), ("45 min", "–", "–"))
        line = history.lesson_line(self.lesson, individuals=True)
        self.assertEqual((line.coverage, line.useful), ("90 %", "0 of 3"))

    def test_low_coverage_asks_for_care(self):
        self.lesson.coverage = 0.31
        self.assertEqual(
            self.made().caution,
            "Faces were readable 31 % of the time. Read the charts with care.",
        )
        self.lesson.coverage = 0.5
        self.assertEqual(self.made().caution, "")

    def test_after_retention_the_class_figures_remain(self):
        LessonMinute.objects.create(
            lesson=self.lesson,
            starts_at=START,
            n=10,
            present=4,
            readable=2,
            neutral=5,
            happy=5,
            engagement_sum=8,
        )
        made = self.made()
        self.assertEqual(made.deleted, "Individual data was deleted. Class figures remain.")
        stack = {
            trace["meta"]["token"]: trace["y"][0] for trace in made.charts["mood"]["simple"]["data"]
        }
        self.assertEqual((stack["happy"], stack["neutral"], stack["unknown"]), (25, 25, 50))

    def test_an_empty_lesson_has_an_empty_report(self):
        made = report(closed(students=0), individuals=True)
        self.assertEqual((made.students, made.flags_words), ([], "No flag was raised."))
        self.assertEqual(made.charts["mood"]["simple"]["data"], [])

    def test_a_simulated_lesson_says_so_inside_its_figures(self):
        self.lesson = closed(mode=Lesson.Mode.PRACTICE)
        for figure in (self.made().charts["engagement"], self.made().charts["mood"]["seven"]):
            notes = [note["text"] for note in figure["layout"]["annotations"]]
            self.assertIn("Simulated", notes)

    def test_markers_and_quiet_work_are_drawn(self):
        for kind, minute in (("note", 1), ("quiet", 2), ("quiet_end", 5)):
            at = OPENED + timedelta(minutes=minute)
            Marker.objects.create(lesson=self.lesson, kind=kind, at=at, text="Lenses")
        slice_of(self.asha, START)
        shapes = self.made().charts["mood"]["simple"]["layout"]["shapes"]
        self.assertEqual([shape["name"] for shape in shapes], ["quiet", "marker"])

    def test_quiet_work_that_nobody_ended_is_drawn_for_a_quarter_of_an_hour(self):
        Marker.objects.create(lesson=self.lesson, kind="quiet", at=OPENED)
        slice_of(self.asha, START)
        [band] = self.made().charts["mood"]["simple"]["layout"]["shapes"]
        lasted = datetime.fromisoformat(band["x1"]) - datetime.fromisoformat(band["x0"])
        self.assertEqual(lasted, timedelta(minutes=15))
