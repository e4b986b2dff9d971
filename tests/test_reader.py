"""The whole path: one JPEG in, one reading or one named unknown out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import cv2
import numpy as np
import pytest

from ml.classifier import Classifier, Reading
from ml.faces import Detector
from ml.images import BadImage
from ml.labels import EMOTIONS
from ml.reader import Reader
from tests import pictures


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load()


class Undecided(Classifier):
    """Sees nothing in any face."""

    def logits(self, face: np.ndarray) -> np.ndarray:
        return np.zeros(7, np.float32)


def test_smiling_student_reads_as_happy(reader):
    sample = reader.read(pictures.face_jpeg())
    assert sample.outcome == "face"
    assert sample.top == "happy"
    assert sum(sample.probabilities) == pytest.approx(1, abs=1e-5)
    assert sample.sure == max(sample.probabilities)
    assert sample.sure == sample.probabilities[EMOTIONS.index("happy")]
    assert abs(sample.yaw) < 0.3
    assert (sample.width, sample.height) == (320, 240)


def test_box_is_in_fractions_of_the_frame(reader):
    left, top, width, height = reader.read(pictures.face_jpeg(640, 480, face_px=160)).box
    assert left + width / 2 == pytest.approx(0.5, abs=0.03)
    assert top + height / 2 == pytest.approx(0.5, abs=0.04)
    assert (width, height) == pytest.approx((0.25, 0.333), abs=0.03)


@pytest.mark.parametrize(
    ("jpeg", "outcome"),
    [
        (pictures.wall_jpeg(), "no_face"),
        (pictures.jpeg(np.zeros((240, 320, 3), np.uint8)), "no_face"),
        (pictures.two_faces_jpeg(), "several"),
        (pictures.face_jpeg(face_px=40), "small"),
        (pictures.face_jpeg(light=0.1), "dark"),
        (pictures.face_jpeg(blur=4), "blurred"),
    ],
)
def test_every_unknown_has_its_name_and_no_expression(reader, jpeg, outcome):
    sample = reader.read(jpeg)
    assert sample.outcome == outcome
    assert sample.probabilities is sample.top is sample.sure is None
    assert (sample.box is None) == (outcome == "no_face")


def test_passer_by_in_the_background_is_no_second_student(reader):
    assert reader.read(pictures.two_faces_jpeg(second_px=35)).outcome in ("face", "unsure")


@pytest.mark.parametrize("look", [{"tilt": 30}, {"tilt": -30}, {"face_px": 55}, {"light": 0.4}])
def test_tilt_distance_and_light_do_not_change_the_answer(reader, look):
    sample = reader.read(pictures.face_jpeg(**look))
    assert (sample.outcome, sample.top) == ("face", "happy")


def test_undecided_reading_is_unsure_and_still_shown():
    classifier = Undecided()
    classifier.shown, classifier.unsure_below = Reading(), 0.5
    sample = Reader(Detector(), classifier).read(pictures.face_jpeg())
    assert sample.outcome == "unsure"
    assert sample.probabilities == pytest.approx((1 / 7,) * 7)
    assert sample.top in EMOTIONS and sample.sure == pytest.approx(1 / 7)


def test_threshold_itself_counts_as_sure():
    classifier = Undecided()
    classifier.shown, classifier.unsure_below = Reading(), float(np.float32(1 / 7))
    assert Reader(Detector(), classifier).read(pictures.face_jpeg()).outcome == "face"


def test_halved_and_full_pictures_agree(reader):
    full = reader.read(pictures.face_jpeg())
    halved = reader.read(pictures.face_jpeg(640, 480, face_px=160))
    assert (halved.width, halved.height) == (320, 240)
    assert halved.top == full.top
    assert halved.sure == pytest.approx(full.sure, abs=0.15)


def test_grey_jpeg_is_read_too(reader):
    grey = cv2.cvtColor(pictures.portrait(), cv2.COLOR_BGR2GRAY)
    assert reader.read(pictures.jpeg(grey)).top == "happy"


def test_bad_bytes_are_the_senders_fault(reader):
    with pytest.raises(BadImage) as caught:
        reader.read(b"not a picture")
    assert caught.value.code == "not_jpeg"


def test_reader_goes_on_after_a_bad_picture(reader):
    good = pictures.face_jpeg()
    before = reader.read(good)
    with pytest.raises(BadImage):
        reader.read(pictures.many_scans_jpeg())
    assert reader.read(good) == before


def test_sample_cannot_be_changed(reader):
    with pytest.raises(FrozenInstanceError):
        reader.read(pictures.wall_jpeg()).outcome = "face"


def test_reading_imports_neither_tensorflow_nor_django():
    check = (
        "import sys, ml.reader, ml.engagement; ml.reader.Reader.load(); "
        "print([m for m in ('tensorflow', 'keras', 'django', 'plotly') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
