"""The classifier: right answers from the exported network, clear refusals for a wrong one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from ml.classifier import DEFAULT, SIDECAR, BadModel, Classifier, Reading, softmax
from ml.faces import Detector, aligned_crop
from ml.labels import EMOTIONS, HAPPY
from tests import pictures


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier()


@pytest.fixture(scope="module")
def smile() -> np.ndarray:
    frame = pictures.portrait()
    return aligned_crop(frame, Detector().detect(frame)[0], side=96)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The project's model and sidecar where a test may spoil them."""
    shutil.copy(DEFAULT.with_name(SIDECAR), tmp_path)
    return Path(shutil.copy(DEFAULT, tmp_path))


def change(model: Path, **fields: object) -> None:
    sidecar = model.with_name(SIDECAR)
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), **fields}))


def test_smiling_face_reads_as_happy(classifier, smile):
    probabilities = classifier.probabilities(smile)
    assert probabilities.shape == (7,)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities.argmax() == HAPPY


def test_attributes_are_the_sidecars(classifier):
    sidecar = json.loads(DEFAULT.with_name(SIDECAR).read_text())
    assert classifier.version == sidecar["version"]
    assert classifier.side == sidecar["side"]
    for name, reading in (("shown", classifier.shown), ("labelled", classifier.labelled)):
        assert reading.temperature == sidecar[name]["temperature"]
        assert list(reading.shift) == sidecar[name]["shift"]
    assert classifier.unsure_below == sidecar["unsure_below"]
    assert classifier.crop_margin == sidecar["crop"]["margin"]


def test_what_is_shown_is_the_taggers_reading_of_the_logits(classifier, smile):
    shown = classifier.shown
    expected = softmax(classifier.logits(smile) / shown.temperature + np.array(shown.shift))
    assert classifier.probabilities(smile) == pytest.approx(expected, abs=1e-6)
    assert classifier.probabilities(smile).dtype == np.float32


def test_a_reading_of_no_shift_and_no_heat_is_softmax():
    logits = np.array([[1, 2, 3, 0, 0, 0, 0], [0] * 7], np.float32)
    assert np.array_equal(Reading().probabilities(logits), softmax(logits))
    assert Reading(2.0).probabilities(logits)[0].max() < softmax(logits)[0].max()
    assert Reading(1.0, (0, 9, 0, 0, 0, 0, 0)).probabilities(logits).argmax(axis=1).tolist() == [
        1,
        1,
    ]


def test_logits_are_those_of_the_file_run_by_hand(classifier, smile):
    network = Interpreter(model_path=str(DEFAULT), num_threads=1)
    network.allocate_tensors()
    (given,), (made,) = network.get_input_details(), network.get_output_details()
    side = classifier.side
    small = cv2.resize(smile, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    step, zero = given["quantization"]
    pixels = np.clip(np.round((small / 127.5 - 1) / step) + zero, -128, 127).astype(given["dtype"])
    network.set_tensor(given["index"], np.repeat(pixels[None, ..., None], given["shape"][3], 3))
    network.invoke()
    raw = network.get_tensor(made["index"])[0].astype(float)
    step, zero = made["quantization"]
    expected = (raw - zero) * step if step else raw
    assert np.allclose(classifier.logits(smile), expected, atol=step or 1e-3)


@pytest.mark.parametrize("side", [20, 48, 96, 200])
def test_faces_of_any_size_are_read(classifier, smile, side):
    assert classifier.probabilities(cv2.resize(smile, (side, side))).argmax() == HAPPY


def test_answers_do_not_change_with_the_next_face(classifier, smile):
    first = classifier.logits(smile)
    kept = first.copy()
    classifier.logits(255 - smile)
    assert np.array_equal(first, kept)


def test_same_face_gives_the_same_answer(classifier, smile):
    assert np.array_equal(classifier.logits(smile), classifier.logits(smile))


def test_other_labels_are_refused(copied):
    change(copied, labels=[*EMOTIONS[1:], EMOTIONS[0]])
    with pytest.raises(BadModel, match="labels"):
        Classifier(copied)


def test_changed_model_file_is_refused(copied):
    copied.write_bytes(copied.read_bytes() + b"\0")
    with pytest.raises(BadModel, match="sha256"):
        Classifier(copied)


@pytest.mark.parametrize("missing", [DEFAULT.name, SIDECAR])
def test_missing_file_says_how_to_make_it(copied, missing):
    copied.with_name(missing).unlink()
    with pytest.raises(BadModel, match=r"python -m ml\.export"):
        Classifier(copied)


def test_file_the_sidecar_does_not_name_is_refused(copied):
    stray = copied.with_name("other.tflite")
    shutil.copy(copied, stray)
    with pytest.raises(BadModel, match="names no file"):
        Classifier(stray)


def test_sidecar_that_is_no_json_is_refused(copied):
    copied.with_name(SIDECAR).write_text("version: 1")
    with pytest.raises(BadModel, match="not JSON"):
        Classifier(copied)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"unsure_below": 0}, "positive"),
        ({"unsure_below": "warm"}, "positive"),
        ({"side": 33}, "33"),
        ({"scale": "x/255"}, "x/255"),
        ({"crop": {}}, "crop"),
        ({"labelled": {"temperature": 1.0}}, "seven shifts for 'labelled'"),
        ({"labelled": {"temperature": 1.0, "shift": [0, 1]}}, "seven shifts"),
        ({"shown": {"temperature": 0, "shift": [0] * 7}}, "seven shifts for 'shown'"),
        ({"shown": {"temperature": 1.0, "shift": ["none"] * 7}}, "seven shifts"),
        ({"files": {"int8": {"path": DEFAULT.name, "sha256": "0"}}}, "sha256"),
    ],
)
def test_sidecar_that_does_not_fit_is_refused(copied, fields, words):
    change(copied, **fields)
    with pytest.raises(BadModel, match=words):
        Classifier(copied)


def test_sidecar_with_a_field_missing_names_it(copied):
    sidecar = copied.with_name(SIDECAR)
    content = json.loads(sidecar.read_text())
    del content["shown"]
    sidecar.write_text(json.dumps(content))
    with pytest.raises(BadModel, match="does not say: shown"):
        Classifier(copied)


def test_file_that_is_no_network_is_refused(copied):
    import hashlib

    copied.write_bytes(b"not a network")
    digest = hashlib.sha256(b"not a network").hexdigest()
    change(copied, files={"int8": {"path": copied.name, "sha256": digest}})
    with pytest.raises(BadModel, match="not a LiteRT model"):
        Classifier(copied)
