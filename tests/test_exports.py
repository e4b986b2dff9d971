"""A closed lesson as a file: for its teacher, without names unless asked, and on the record."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

from django.test import Client, TestCase
from django.urls import reverse
from django.utils import timezone

from classroom.models import AuditEntry, Lesson
from emotions import taps
from emotions.models import Flag, Marker
from tests import make
from tests.stored import away, low, rows


class ExportsTest(TestCase):
    def setUp(self) -> None:
        self.now = timezone.now()
        self.lesson = make.lesson(opened_at=self.now - timedelta(minutes=20), title="Mirrors")
        self.asha = make.participant(lesson=self.lesson, name="Asha")
        self.ben = make.participant(lesson=self.lesson, name="=cmd|' /C calc'!A0")
        rows(self.asha, 0, 2)
        low(self.ben, 0, 1)
        away(self.ben, 1, 1)
        taps.save(self.lesson.pk, self.asha.pk, "lost", uuid.uuid4(), self.now)
        Marker.objects.create(lesson=self.lesson, at=self.now, text="Group work")
        self.flag(shown_at=None)
        self.flag(kind="away", shown_at=self.now + timedelta(hours=1))
        self.client.force_login(self.lesson.course.teacher)

    def flag(self, **fields: Any) -> None:
        filled = {"kind": "low", "since": self.now, "raised_at": self.now, **fields}
        Flag.objects.create(lesson=self.lesson, participant=self.ben, **filled)

    def get(self, ending: str = "csv", client: Client | None = None, **words: str) -> Any:
        path = reverse(f"lesson-{ending}", args=[self.lesson.pk])
        return (client or self.client).get(path, words)

    def close(self, **fields: Any) -> None:
        Lesson.objects.filter(pk=self.lesson.pk).update(closed_at=self.now, **fields)

    def table(self, **words: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.get(**words).content.decode())))

    def test_rows_have_counts_and_means_and_no_names(self) -> None:
        self.close()
        found = self.table()
        self.assertEqual([row["student"] for row in found], ["Student 1", "Student 2"] * 2)
        self.assertEqual((found[0]["readable"], found[0]["neutral"]), ("5", "1.0"))
        self.assertEqual((found[1]["valence"], found[1]["sad"]), ("-0.7", "0.8"))
        self.assertEqual((found[3]["no_face"], found[3]["valence"]), ("5", ""))

    def test_names_come_when_asked_for_and_none_is_a_formula(self) -> None:
        self.close()
        names = {row["student"] for row in self.table(names="on")}
        self.assertEqual(names, {"Asha", "'=cmd|' /C calc'!A0"})

    def test_json_has_the_lesson_its_markers_taps_and_shown_flags(self) -> None:
        self.close()
        found = self.get("json").json()
        self.assertEqual((found["lesson"]["title"], len(found["ten_seconds"])), ("Mirrors", 4))
        self.assertEqual([mark["text"] for mark in found["markers"]], ["Group work"])
        self.assertEqual(
            [(tap["student"], tap["kind"]) for tap in found["taps"]], [("Student 1", "lost")]
        )
        self.assertEqual([one["kind"] for one in found["flags"]], ["low"])
        self.assertNotIn("Asha", self.get("json").content.decode())

    def test_a_file_of_simulated_students_says_so(self) -> None:
        self.close(mode=Lesson.Mode.PRACTICE)
        self.assertIn("-simulated.csv", self.get()["Content-Disposition"])

    def test_an_open_lesson_has_no_export_yet(self) -> None:
        self.assertEqual(self.get().status_code, 404)

    def test_each_export_is_in_the_trail(self) -> None:
        self.close()
        self.get("json", names="on")
        entry = AuditEntry.objects.get()
        self.assertEqual(
            (entry.what, entry.which), ("lesson exported", f"lesson {self.lesson.pk}, with names")
        )

    def test_staff_need_a_reason_and_others_are_told_that_there_is_nothing(self) -> None:
        self.close()
        for somebody, status in ((make.admin(), 403), (make.other_teacher(), 404)):
            client = Client()
            client.force_login(somebody)
            for ending in ("csv", "json"):
                self.assertEqual(self.get(ending, client, names="on").status_code, status)
        self.assertEqual(self.get(client=Client()).status_code, 403)
        self.assertFalse(AuditEntry.objects.exists())
