"""The page that says what readings are worth: measured figures in words, never typed by hand."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.test import TestCase

from dashboard import accuracy
from ml.labels import EMOTIONS
from tests import make


def sidecar(folder: str, figures: Any) -> Path:
    path = Path(folder) / "emotions.json"
    path.write_text(json.dumps({"figures": figures}), encoding="utf-8")
    return path


class MeasuredTest(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_the_measured_figure_is_put_in_words(self):
        classes = {label: {"recall": 0.5} for label in EMOTIONS}
        classes["happy"]["recall"], classes["fear"]["recall"] = 0.86, 0.31
        shown = {"accuracy": 0.683, "n": 3372, "per_class": classes}
        figures = {"accuracy": 0.9, "n": 3589, "shown": shown}
        measured = accuracy.measured(sidecar(self.folder, figures))
        self.assertEqual(
            measured.words,
            "About 7 in 10 on 3,372 test pictures, less on real faces in a room.",
        )
        self.assertIn("“happy” it finds about 9", measured.best_and_worst)
        self.assertIn("“fear” about 3", measured.best_and_worst)

    def test_nothing_measured_is_nothing_said(self):
        self.assertIsNone(accuracy.measured(Path(self.folder) / "missing.json"))
        for figures in ({}, None, {"shown": {"accuracy": "high", "n": 1}}):
            self.assertIsNone(accuracy.measured(sidecar(self.folder, figures)))

    def test_the_shipped_sidecar_is_understood(self):
        known = json.loads(accuracy.SIDECAR.read_text(encoding="utf-8"))["figures"]
        measured = accuracy.measured()
        if not known:
            self.assertIsNone(measured)
            return
        self.assertEqual(
            (measured.right, measured.pictures), (known["shown"]["accuracy"], known["shown"]["n"])
        )


class AboutPageTest(TestCase):
    def page(self) -> str:
        return self.client.get("/about/").content.decode()

    def test_everybody_may_read_its_six_questions(self):
        make.analysis("on")
        page = self.page()
        for question in (
            "What is read?",
            "How often is it right?",
            "Who may be misread?",
            "What does a flag mean?",
            "What is kept?",
            "Who sees it?",
        ):
            self.assertIn(question, page)

    def test_without_a_measurement_it_says_so(self):
        with patch.object(accuracy, "measured", return_value=None):
            self.assertIn("Not measured yet", self.page())

    def test_with_face_analysis_off_it_says_so(self):
        make.analysis("off")
        self.assertIn("Face analysis is off here.", self.page())
