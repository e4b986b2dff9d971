"""Finding the face, its tilt and turn, the quality gate, and the upright grey crop."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ml import faces, quality
from ml.faces import LEFT_EYE, RIGHT_EYE, Detector, Face, NoFaceModel, aligned_crop
from tests import pictures


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def found(detector: Detector, **look: float) -> Face:
    (face,) = detector.detect(pictures.portrait(**look))
    return face


def turned(frame: np.ndarray, face: Face, degrees: float) -> np.ndarray:
    """The frame drawn on an upright cylinder as wide as the head, and the cylinder turned."""
    ears = np.array(face.points)[4:, 0]
    middle, radius = ears.mean(), np.ptp(ears) * 0.55
    across = (np.arange(frame.shape[1]) - middle) / radius
    angle = np.arcsin(np.clip(across, -1, 1)) - np.radians(degrees)
    seen = (np.abs(across) < 1) & (np.abs(angle) < np.pi / 2)
    source = np.where(seen, middle + radius * np.sin(angle), -9).astype(np.float32)
    rows = np.arange(frame.shape[0], dtype=np.float32)
    return cv2.remap(frame, *np.meshgrid(source, rows), cv2.INTER_LINEAR, borderValue=(128,) * 3)


def made(left: float, width: float, score: float = 0.9) -> Face:
    return Face((left, 0.0, width, width), score, ((0.0, 0.0),) * 6)


def test_face_is_found_where_it_is(detector):
    face = found(detector, centre=(0.4, 0.45))
    left, top, width, height = face.box
    assert left + width / 2 == pytest.approx(0.4 * 320, abs=8)
    assert top + height / 2 == pytest.approx(0.45 * 240, abs=8)
    assert width == pytest.approx(80, rel=0.1)
    assert face.score > 0.8


def test_key_points_are_in_order(detector):
    right_eye, left_eye, nose, mouth, right_ear, left_ear = found(detector).points
    assert right_ear[0] < right_eye[0] < nose[0] < left_eye[0] < left_ear[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < mouth[1]


@pytest.mark.parametrize(("width", "height"), [(320, 240), (240, 320), (256, 256), (640, 360)])
def test_face_is_found_in_every_shape_of_frame(detector, width, height):
    face = found(detector, width=width, height=height)
    assert face.box[0] + face.box[2] / 2 == pytest.approx(width / 2, abs=8)


@pytest.mark.parametrize("face_px", [40, 48, 60, 80, 110])
def test_size_is_measured_near_and_far(detector, face_px):
    assert found(detector, face_px=face_px).box[2] == pytest.approx(face_px, rel=0.12)


@pytest.mark.parametrize("tilt", [-45, -20, 20, 45])
def test_roll_follows_the_tilt_of_the_head(detector, tilt):
    upright = found(detector).roll
    assert found(detector, tilt=-tilt).roll - upright == pytest.approx(tilt, abs=8)


@pytest.mark.parametrize("face_px", [50, 100])
def test_yaw_follows_the_turn_of_the_head(detector, face_px):
    frame = pictures.portrait(face_px=face_px)
    (straight,) = detector.detect(frame)
    yaws = [
        detector.detect(turned(frame, straight, degrees))[0].yaw for degrees in (-40, -20, 20, 40)
    ]
    assert abs(straight.yaw) < 0.2
    assert yaws == sorted(yaws)
    assert yaws[0] < -0.5 and yaws[-1] > 0.5


def test_profile_beyond_the_ears_has_a_yaw_within_one():
    points = ((50.0, 50.0), (50.0, 50.0), (90.0, 60.0), (60.0, 80.0), (70.0, 55.0), (70.0, 55.0))
    assert Face((0, 0, 100, 100), 0.9, points).yaw == 0
    points = ((50.0, 50.0), (60.0, 50.0), (90.0, 60.0), (60.0, 80.0), (10.0, 55.0), (70.0, 55.0))
    assert Face((0, 0, 100, 100), 0.9, points).yaw == 1


def test_plain_wall_has_no_face(detector):
    assert detector.detect(pictures.wall()) == []


def test_two_faces_come_largest_first(detector):
    frame = cv2.imdecode(np.frombuffer(pictures.two_faces_jpeg(), np.uint8), cv2.IMREAD_COLOR)
    first, second = detector.detect(frame)
    assert first.area > second.area
    assert first.box[0] < 160 < second.box[0]


def test_one_face_is_never_counted_twice(detector):
    for face_px in range(44, 120, 4):
        assert len(detector.detect(pictures.portrait(face_px=face_px))) == 1


def test_frame_shape_may_change_between_frames(detector):
    before = found(detector)
    found(detector, width=240, height=320)
    assert found(detector) == before


def test_faces_outlive_the_next_frame(detector):
    (face,) = detector.detect(pictures.portrait())
    box = face.box
    detector.detect(pictures.wall())
    assert face.box == box


def test_missing_model_says_what_to_run(monkeypatch):
    monkeypatch.setattr(faces, "MODEL_PLACES", (faces.ROOT / "static/nowhere.tflite",))
    with pytest.raises(NoFaceModel, match="make assets"):
        Detector()


def test_model_is_taken_from_node_modules_before_assets_are_copied(monkeypatch, tmp_path: Path):
    there = tmp_path / "model.tflite"
    there.write_bytes(b"model")
    monkeypatch.setattr(faces, "MODEL_PLACES", (tmp_path / "absent", there))
    assert faces.face_model_path() == there


@pytest.mark.parametrize("look", [{}, {"tilt": 30}, {"tilt": -30}, {"face_px": 60}])
def test_crop_puts_the_eyes_where_fer2013_has_them(detector, look):
    """Median of FER2013: eyes at 0.40 of the height; 0.35 apart at its margin of 0.22."""
    crop = aligned_crop(pictures.portrait(**look), found(detector, **look), side=192)
    assert crop.shape == (192, 192) and crop.dtype == np.uint8
    again = cv2.copyMakeBorder(crop, 80, 80, 80, 80, cv2.BORDER_CONSTANT, value=128)
    (face,) = detector.detect(cv2.cvtColor(again, cv2.COLOR_GRAY2BGR))
    eyes = (np.array(face.points)[[RIGHT_EYE, LEFT_EYE]] - 80) / 192
    assert eyes[:, 1].mean() == pytest.approx(0.40, abs=0.06)
    assert eyes[:, 0].mean() == pytest.approx(0.50, abs=0.06)
    assert np.ptp(eyes[:, 0]) == pytest.approx(0.35 * 1.22 / (1 + faces.MARGIN), abs=0.06)
    assert abs(face.roll) < 8


def test_margin_zero_is_the_box_itself(detector):
    """For an upright face; the square stands a tenth of its side above the box."""
    frame = pictures.wall()
    frame[60:156, 100:196] = np.arange(96, dtype=np.uint8)[:, None, None] * 2
    points = ((130.0, 90.0), (166.0, 90.0), *((148.0, 110.0),) * 4)
    crop = aligned_crop(frame, Face((100, 69.6, 96, 96), 0.9, points), side=96, margin=0.0)
    assert np.abs(crop.astype(int) - frame[60:156, 100:196, 0])[2:-2, 2:-2].max() <= 2


@pytest.mark.parametrize(("tilt", "left"), [(0, 0), (6, 3), (-6, -3), (8, 4), (30, 4), (-45, -4)])
def test_half_a_small_tilt_is_left_and_little_of_a_large_one(tilt, left):
    frame = pictures.wall()
    across, down = 30 * np.cos(np.radians(tilt)), 30 * np.sin(np.radians(tilt))
    eyes = ((160 - across, 120 - down), (160 + across, 120 + down))
    for x, y in eyes:
        cv2.circle(frame, (round(x * 16), round(y * 16)), 64, (0, 0, 0), -1, cv2.LINE_AA, 4)
    face = Face((100, 70, 120, 120), 0.9, (*eyes, *((160.0, 130.0),) * 4))
    crop = aligned_crop(frame, face, side=240, margin=0.5)
    dark = [np.argwhere(half < 60).mean(axis=0) for half in (crop[:, :120], crop[:, 120:])]
    (top, start), (bottom, end) = dark
    assert np.degrees(np.arctan2(bottom - top, end + 120 - start)) == pytest.approx(left, abs=0.7)


def test_a_face_too_far_to_be_sure_of_at_once_is_looked_at_closer(detector):
    for face_px in (34, 40):
        frame = pictures.portrait(640, 480, face_px=face_px)
        (face,) = detector.detect(frame)
        assert face.box[0] + face.box[2] / 2 == pytest.approx(320, abs=8)


def test_face_at_the_frames_edge_is_still_cut_square(detector):
    frame = pictures.portrait(centre=(0.08, 0.5))
    (face,) = detector.detect(frame)
    assert aligned_crop(frame, face, side=48).shape == (48, 48)


def test_good_face_passes_the_gate(detector):
    frame = pictures.portrait()
    (face,) = detector.detect(frame)
    assert quality.crowd([face]) is None
    assert quality.light(aligned_crop(frame, face, side=96)) is None


def test_second_face_counts_from_half_the_largest_area():
    assert quality.crowd([made(0, 100), made(150, 71)]) == "several"
    assert quality.crowd([made(0, 100), made(150, 70)]) is None


def test_no_face_and_small_face_have_their_words():
    assert quality.crowd([]) == "no_face"
    assert quality.crowd([made(0, 47.9)]) == "small"
    assert quality.crowd([made(0, 48)]) is None


@pytest.mark.parametrize(
    ("look", "word"),
    [
        ({"light": 0.1}, "dark"),
        ({"light": 0.3}, None),
        ({"blur": 4}, "blurred"),
        ({"blur": 1}, None),
        ({"blur": 4, "face_px": 110}, "blurred"),
        ({"blur": 1, "face_px": 60}, None),
    ],
)
def test_light_and_blur_are_judged_as_measured(detector, look, word):
    sharp = {**look, "blur": 0, "light": 1.0}
    crop = aligned_crop(pictures.portrait(**look), found(detector, **sharp), side=96)
    assert quality.light(crop) == word


def test_face_that_reflects_little_light_is_not_dark(detector):
    """A face of mean brightness 45 of 255 keeps its contrast and is read."""
    crop = aligned_crop(pictures.portrait(light=0.33), found(detector), side=96)
    assert 40 < crop.mean() < 55
    assert quality.light(crop) is None


def test_sharpness_does_not_depend_on_the_light(detector):
    face = found(detector)
    bright, dim = (
        quality.sharpness(aligned_crop(pictures.portrait(light=light), face, side=96))
        for light in (1.0, 0.5)
    )
    assert dim == pytest.approx(bright, rel=0.15)
