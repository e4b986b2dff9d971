"""The seven-expression network: a grey face in, calibrated probabilities out.

LiteRT runs the exported file; the sidecar beside it says how: labels, input size, how scores are
read, the threshold under which a reading is unsure, and how faces were framed. The two are checked
against each other, so a swapped or half-copied model is refused at start and not discovered in
a lesson.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ml.labels import EMOTIONS

MODELS = Path(__file__).resolve().parent / "models"
SIDECAR = "emotions.json"
DEFAULT = MODELS / "emotions.int8.tflite"
READINGS = ("shown", "labelled")
"""What the worker shows, and what is compared with other networks on FER2013's labels."""


class BadModel(ValueError):
    """The model file and its sidecar are missing, damaged or do not belong together."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How scores become probabilities: as people see faces, or as a data set labels them.

    The shift is how much oftener those say each expression than the network does, in logarithms
    (`ml.calibration`).
    """

    temperature: float = 1.0
    shift: Sequence[float] = (0.0,) * len(EMOTIONS)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits (…, 7) to probabilities of the same shape, each row summing to 1."""
        shift = np.asarray(self.shift, np.float32)
        return softmax(logits / np.float32(self.temperature) + shift)


class Classifier:
    """One network on one interpreter; use it from one thread at a time."""

    def __init__(self, path: Path | None = None, *, threads: int = 1) -> None:
        path = Path(path or DEFAULT)
        sidecar = _sidecar(path)
        model = _model(path, sidecar)
        self.version: str = sidecar["version"]
        self.side: int = sidecar["side"]
        self.shown = Reading(**sidecar["shown"])
        self.labelled = Reading(**sidecar["labelled"])
        self.unsure_below: float = sidecar["unsure_below"]
        self.crop_margin: float = sidecar["crop"]["margin"]
        try:
            self.interpreter = Interpreter(model_content=model, num_threads=threads)
        except ValueError as error:
            raise BadModel(f"{path.name} is not a LiteRT model.") from error
        self.interpreter.allocate_tensors()
        self._learn_tensors(path)

    def logits(self, face: np.ndarray) -> np.ndarray:
        """Seven raw scores, in the order of EMOTIONS, for one grey uint8 face of any size."""
        if face.shape != (self.side, self.side):
            face = cv2.resize(face, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        pixels = cv2.LUT(face, self.table)
        if self.channels == 3:
            pixels = cv2.merge((pixels, pixels, pixels))
        self.interpreter.set_tensor(self.input, pixels.reshape(self.shape))
        self.interpreter.invoke()
        # get_tensor copies: a view would change under the caller with the next face.
        raw = self.interpreter.get_tensor(self.output)[0].astype(np.float32)
        return (raw - self.zero) * self.step

    def probabilities(self, face: np.ndarray) -> np.ndarray:
        """What is shown, the taggers' reading of the scores: (7,) float32, summing to 1."""
        return self.shown.probabilities(self.logits(face))

    def _learn_tensors(self, path: Path) -> None:
        """Shapes and quantisation, read from the file itself."""
        (given,), (made,) = (
            self.interpreter.get_input_details(),
            self.interpreter.get_output_details(),
        )
        self.input, self.shape, self.channels = given["index"], given["shape"], given["shape"][-1]
        if list(self.shape[:3]) != [1, self.side, self.side] or self.channels not in (1, 3):
            raise BadModel(f"{path.name} takes {list(self.shape)}, its sidecar says {self.side}.")
        if list(made["shape"]) != [1, len(EMOTIONS)]:
            raise BadModel(f"{path.name} gives {list(made['shape'])}, not seven scores.")
        self.table = _input_table(given["dtype"], *given["quantization"])
        self.output = made["index"]
        step, zero = made["quantization"] if made["dtype"] == np.int8 else (1.0, 0)
        self.step, self.zero = np.float32(step), np.float32(zero)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _input_table(kind: type, step: float, zero: int) -> np.ndarray:
    """What each grey value becomes at the network's input: −1…1, quantised where it is int8."""
    values = np.arange(256, dtype=np.float32) / 127.5 - 1
    if kind == np.int8:
        return np.clip(np.round(values / step) + zero, -128, 127).astype(np.int8)
    if kind == np.float32:
        return values
    raise BadModel(f"The model's input is {np.dtype(kind).name}; int8 or float32 is read.")


def _sidecar(path: Path) -> dict[str, Any]:
    if not path.name:
        raise BadModel(f"{path}: name the model's file, not a folder.")
    beside = path.with_name(SIDECAR)
    try:
        sidecar = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadModel(
            f"{beside.name} is missing beside {path.name}; export both with 'python -m ml.export'."
        ) from error
    except ValueError as error:
        raise BadModel(f"{beside.name} is not JSON: {error}.") from error
    if not isinstance(sidecar, dict):
        raise BadModel(f"{beside.name} holds no description of a model.")
    _check_sidecar(beside.name, sidecar)
    return sidecar


def _check_sidecar(name: str, sidecar: dict[str, Any]) -> None:
    wanted = ("version", "labels", "side", "scale", "crop", *READINGS, "unsure_below", "files")
    missing = [key for key in wanted if key not in sidecar]
    if missing:
        raise BadModel(f"{name} does not say: {', '.join(missing)}.")
    if tuple(sidecar["labels"]) != EMOTIONS:
        raise BadModel(f"{name} lists the labels {sidecar['labels']}, not {list(EMOTIONS)}.")
    if sidecar["scale"] != "x/127.5-1":
        raise BadModel(f"{name} scales its input by {sidecar['scale']!r}; 'x/127.5-1' is read.")
    numbers = (sidecar["side"], sidecar["unsure_below"])
    if not all(isinstance(value, (int, float)) and value > 0 for value in numbers):
        raise BadModel(f"{name} gives side or unsure_below as no positive number.")
    for reading in READINGS:
        if not _is_reading(sidecar[reading]):
            raise BadModel(f"{name} gives no temperature and seven shifts for {reading!r}.")
    if not isinstance(sidecar["crop"], dict) or "margin" not in sidecar["crop"]:
        raise BadModel(f"{name} does not say how faces are cropped (crop.margin).")


def _is_reading(told: Any) -> bool:
    if not isinstance(told, dict) or set(told) != {"temperature", "shift"}:
        return False
    shift = told["shift"]
    if not isinstance(shift, list) or len(shift) != len(EMOTIONS):
        return False
    numbers = [told["temperature"], *shift]
    return all(isinstance(one, (int, float)) for one in numbers) and told["temperature"] > 0


def _model(path: Path, sidecar: dict[str, Any]) -> bytes:
    """The file's bytes, if they are those the sidecar was written for."""
    try:
        model = path.read_bytes()
    except FileNotFoundError as error:
        raise BadModel(f"{path.name} is missing; export it with 'python -m ml.export'.") from error
    named = [file for file in sidecar["files"].values() if Path(file["path"]).name == path.name]
    if not named:
        raise BadModel(f"{SIDECAR} names no file {path.name}.")
    if hashlib.sha256(model).hexdigest() != named[0]["sha256"]:
        raise BadModel(
            f"{path.name} is not the file {SIDECAR} was written for (sha256 differs); "
            "copy or export both again."
        )
    return model
