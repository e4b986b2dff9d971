"""Export: seven painted patterns through training, LiteRT, sidecar and the worker's classifier.

The label order is proved end to end: nothing here knows an index, only names.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from ml.classifier import BadModel, Classifier
from ml.labels import EMOTIONS
from tests.painted import SIDE, painted_faces, pattern, tiny_settings

pytestmark = [
    pytest.mark.tensorflow,
    # Keras's own conversion of TensorFlow arrays, thousands of times.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network trained on the patterns and exported: the whole path, once."""
    from ml import export, train

    folder = tmp_path_factory.mktemp("painted")
    data, config = painted_faces(folder, each=60), tiny_settings(folder, epochs=8)
    options = ["--data", str(data), "--config", str(config), "--init", "none", "--quiet"]
    assert train.main([*options, "--out", str(folder / "run")]) == 0
    written = ["--run", str(folder / "run"), "--data", str(data), "--out", str(folder / "models")]
    assert export.main([*written, "--version", "test.1"]) == 0
    return folder / "models"


@pytest.mark.parametrize("name", ["emotions.int8.tflite", "emotions.float.tflite"])
def test_each_pattern_is_read_by_its_name(exported: Path, name: str) -> None:
    classifier = Classifier(exported / name)
    rng = np.random.default_rng(9)
    for index, emotion in enumerate(EMOTIONS):
        probabilities = classifier.probabilities(pattern(index, rng))
        assert EMOTIONS[int(np.argmax(probabilities))] == emotion
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)


def test_the_sidecar_describes_the_files_beside_it(exported: Path) -> None:
    sidecar = json.loads((exported / "emotions.json").read_text())
    assert sidecar["labels"] == list(EMOTIONS)
    assert (sidecar["side"], sidecar["version"], sidecar["grey"]) == (SIDE, "test.1", True)
    for entry in sidecar["files"].values():
        content = (exported / entry["path"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)


def test_the_sidecar_carries_figures_and_calibration(exported: Path) -> None:
    sidecar = json.loads((exported / "emotions.json").read_text())
    assert sidecar["figures"]["accuracy"] > 0.9
    assert sidecar["figures"]["n"] == 84
    assert 0.45 <= sidecar["unsure_below"] <= 0.65
    for reading in (sidecar["shown"], sidecar["labelled"]):
        assert len(reading["shift"]) == 7 and reading["temperature"] > 0
    assert sidecar["training"]["settings"]["alpha"] == 0.35


def test_exported_files_answer_as_keras_does(exported: Path, tmp_path: Path) -> None:
    """The float file to rounding, the int8 file to its steps; the same weights, the same faces."""
    from ml import network
    from ml.augment import resized
    from ml.checkpoints import finished, load

    checkpoint = load(finished(exported.parent / "run"))
    settings = checkpoint.progress["settings"]
    shape = network.Shape(settings["alpha"], settings["dropout"], settings["batch_norm_momentum"])
    model = network.build(SIDE, shape)
    network.assign(model.weights, checkpoint.weights)
    rng = np.random.default_rng(4)
    faces = np.stack([pattern(k % 7, rng) for k in range(21)])
    keras_says = model.predict(resized(faces, SIDE), verbose=0)
    limits = (("emotions.float.tflite", 1e-3, 1.0), ("emotions.int8.tflite", 0.15, 0.85))
    for name, far, alike in limits:
        classifier = Classifier(exported / name)
        file_says = np.stack([classifier.logits(face) for face in faces])
        assert np.abs(file_says - keras_says).max() <= far * np.abs(keras_says).max(), name
        assert (file_says.argmax(axis=1) == keras_says.argmax(axis=1)).mean() >= alike, name


def test_a_run_can_be_asked_at_another_size(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml.export import main, model_of, open_run

    run, data = exported.parent / "run", exported.parent / "painted.npz"
    same, larger = (open_run(run, data, side) for side in (None, 48))
    assert model_of(same).input_shape == (None, SIDE, SIDE, 1)
    assert model_of(larger).input_shape == (None, 48, 48, 1)
    weights = [model_of(one).get_weights()[0] for one in (same, larger)]
    assert (weights[0] == weights[1]).all()
    assert main(["--run", str(run), "--data", str(data), "--side", "31"]) == 2
    assert "--side 31: the network needs 32 pixels or more" in capsys.readouterr().err


def test_rounding_moves_no_expression_as_a_whole(exported: Path) -> None:
    rng = np.random.default_rng(4)
    faces = np.stack([pattern(k % 7, rng) for k in range(70)])
    exact, rounded = (
        np.stack([Classifier(exported / name).logits(face) for face in faces])
        for name in ("emotions.float.tflite", "emotions.int8.tflite")
    )
    moved = np.abs((rounded - exact).mean(axis=0))
    assert moved.max() < 0.02 * np.abs(exact).max()


def test_a_cut_off_run_is_not_exported(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml.export import main

    content = (exported.parent / "run" / "best.npz").read_bytes()
    (tmp_path / "best.npz").write_bytes(content[: len(content) // 2])
    data = exported.parent / "painted.npz"
    assert main(["--run", str(tmp_path), "--data", str(data), "--out", str(tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert "damaged or not a checkpoint" in shown and shown.count("\n") == 1


def test_int8_means_int8(exported: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(exported / "emotions.int8.tflite"))
    given = interpreter.get_input_details()[0]
    assert (given["dtype"], given["shape"].tolist()) == (np.int8, [1, SIDE, SIDE, 1])
    assert interpreter.get_output_details()[0]["dtype"] == np.float32
    kinds = [tensor["dtype"] for tensor in interpreter.get_tensor_details()]
    assert kinds.count(np.int8) > 0.5 * len(kinds)


def test_another_order_of_labels_is_refused(exported: Path, tmp_path: Path) -> None:
    sidecar = json.loads((exported / "emotions.json").read_text())
    sidecar["labels"] = sidecar["labels"][::-1]
    (tmp_path / "emotions.json").write_text(json.dumps(sidecar))
    name = "emotions.int8.tflite"
    (tmp_path / name).write_bytes((exported / name).read_bytes())
    with pytest.raises(BadModel, match="labels"):
        Classifier(tmp_path / name)


def test_export_without_a_run_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml.export import main

    data = painted_faces(tmp_path, each=5)
    assert main(["--run", str(tmp_path), "--data", str(data)]) == 2
    assert capsys.readouterr().err == f"ml.export: {tmp_path}/best.npz: no checkpoint there\n"


def test_export_refuses_data_the_run_never_saw(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ml.export import main

    data = painted_faces(tmp_path, each=7)
    options = ["--run", str(exported.parent / "run"), "--data", str(data)]
    assert main([*options, "--out", str(tmp_path)]) == 2
    assert "not the data that" in capsys.readouterr().err
