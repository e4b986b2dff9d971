"""Export a trained run for the worker: `python -m ml.export --run runs/first --data FILE`.

Writes the int8 and the float network and the sidecar that says how to read them. Readings and
threshold are fitted on the run's held-out faces through the very file that the worker runs;
the figures are those of `ml.evaluate` on the run's check split.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ml import network
from ml.backend import keras
from ml.calibration import LEAST_UNSURE, choose_unsure_below, fit_labelled, fit_shown
from ml.checkpoints import Checkpoint, CheckpointError, finished, load
from ml.classifier import MODELS, SIDECAR, Classifier, Reading
from ml.data import DataError, Faces, read
from ml.evaluate import figures, read_logits
from ml.faces import MARGIN
from ml.labels import EMOTIONS
from ml.settings import LEAST_SIDE, MOBILENET, Settings, SettingsError, as_table, settings_from
from ml.train import Split, split_faces

FILES = {"int8": "emotions.int8.tflite", "float": "emotions.float.tflite"}
SAMPLES = 700
"""How many training faces show the converter what values occur inside the network."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run, with the faces it was made from, and the input size it is to be asked at."""

    checkpoint: Checkpoint
    settings: Settings
    faces: Faces
    split: Split
    side: int


def open_run(run: Path, data: Path, side: int | None = None) -> Trained:
    """`side` in pixels; the run's own where none is given."""
    checkpoint = load(finished(run))
    settings = settings_from(checkpoint.progress["settings"], source=str(finished(run)))
    if settings.network != MOBILENET:
        raise SettingsError(f"{run}: a {settings.network} network only teaches; it is not exported")
    faces = read(data)
    split = split_faces(faces, settings)
    if split.digest != checkpoint.progress["data"]:
        raise DataError(f"{data}: not the data that {run} was trained on")
    side = int(checkpoint.progress["side"]) if side is None else side
    if side < LEAST_SIDE:
        raise SettingsError(f"--side {side}: the network needs {LEAST_SIDE} pixels or more")
    return Trained(checkpoint, settings, faces, split, side)


def model_of(trained: Trained) -> keras.Model:
    settings = trained.settings
    shape = network.Shape(settings.alpha, settings.dropout, settings.batch_norm_momentum)
    model = network.build(trained.side, shape)
    network.assign(model.weights, trained.checkpoint.weights)
    return model


def samples_of(trained: Trained) -> Faces:
    """Training faces that show what values really occur inside the network."""
    learn = trained.split.learn
    rows = np.random.default_rng(trained.settings.seed).permutation(len(learn))[:SAMPLES]
    return learn.take(rows)


def write_networks(model: keras.Model, samples: Faces, folder: Path) -> None:
    from ml.convert import to_float, to_int8  # TensorFlow; Keras alone trains elsewhere

    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILES["float"]).write_bytes(to_float(model))
    (folder / FILES["int8"]).write_bytes(to_int8(model, samples.image))


def level_int8(model: keras.Model, samples: Faces, folder: Path) -> None:
    """Give the int8 file, on average, the float file's scores for each expression.

    Rounding to 8 bits moves whole channels, and with them every answer the same way (bias
    correction, arXiv 1906.04721). Both files and a sidecar must be there.
    """
    from ml.convert import to_int8

    said = {
        kind: read_logits(Classifier(folder / name), samples).mean(axis=0)
        for kind, name in FILES.items()
    }
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias + said["float"] - said["int8"]])
    (folder / FILES["int8"]).write_bytes(to_int8(model, samples.image))


def sidecar(trained: Trained, folder: Path, version: str) -> dict[str, Any]:
    """What the worker must know; readings and threshold still neutral."""
    progress = trained.checkpoint.progress
    return {
        "name": trained.settings.name,
        "version": version,
        "labels": list(EMOTIONS),
        "side": trained.side,
        "grey": True,
        "scale": "x/127.5-1",
        "crop": {"margin": MARGIN, "aligned": True},
        "shown": as_table(Reading()),
        "labelled": as_table(Reading()),
        "unsure_below": LEAST_UNSURE,
        "files": {kind: _described(folder / name) for kind, name in FILES.items()},
        "figures": {},
        "training": {
            "settings": progress["settings"],
            "seed": trained.settings.seed,
            "epochs": progress["done"],
            "averaged": progress.get("averaged", 1),
            "data_sha256": progress["data"],
        },
    }


def calibrated(trained: Trained, folder: Path, description: dict[str, Any]) -> dict[str, Any]:
    """The sidecar with both readings and the threshold from the held-out faces."""
    held = trained.split.held
    classifier = Classifier(folder / FILES["int8"])
    logits, seen = read_logits(classifier, held), held.as_seen()
    shown = fit_shown(logits, held.emotion, held.votes)
    sure = shown.probabilities(read_logits(classifier, seen))
    return {
        **description,
        "shown": as_table(shown),
        "labelled": as_table(fit_labelled(logits, held.emotion)),
        "unsure_below": choose_unsure_below(sure, seen.emotion),
    }


def measured(trained: Trained, folder: Path, description: dict[str, Any]) -> dict[str, Any]:
    """The sidecar with the figures of both files on the check split, where there is one."""
    check = trained.split.check
    if check is None:
        return description
    train = trained.faces.part(trained.settings.train_split)
    found = {}
    for kind, name in FILES.items():
        found[kind] = figures(Classifier(folder / name), check, train)
    return {
        **description,
        "figures": {"split": trained.settings.check_split, **found["int8"]},
        "figures_float": {"accuracy": found["float"]["accuracy"]},
    }


def export(
    run: Path, data: Path, folder: Path, version: str, side: int | None = None
) -> dict[str, Any]:
    trained = open_run(run, data, side)
    model, samples = model_of(trained), samples_of(trained)
    write_networks(model, samples, folder)
    # The classifier reads the sidecar from disk, so each step writes before the next measures.
    write_sidecar(folder, sidecar(trained, folder, version))
    level_int8(model, samples, folder)
    description = sidecar(trained, folder, version)
    write_sidecar(folder, description)
    description = calibrated(trained, folder, description)
    write_sidecar(folder, description)
    description = measured(trained, folder, description)
    write_sidecar(folder, description)
    return description


def write_sidecar(folder: Path, description: dict[str, Any]) -> None:
    text = json.dumps(_rounded(description), indent=1)
    (folder / SIDECAR).write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def _described(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"path": path.name, "sha256": digest, "bytes": len(content)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.export", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder given to ml.train --out")
    parser.add_argument("--data", type=Path, required=True, help="the data it was trained on")
    parser.add_argument("--out", type=Path, default=MODELS, help="where the files go")
    parser.add_argument("--side", type=int, help="input side in pixels, in place of the run's own")
    parser.add_argument("--version", default=f"{date.today():%Y-%m-%d}.1", help="shown to users")
    options = parser.parse_args(argv)
    try:
        found = export(options.run, options.data, options.out, options.version, options.side)
    except (DataError, CheckpointError, SettingsError, OSError) as error:
        print(f"ml.export: {error}", file=sys.stderr)
        return 2
    shown = {name: found[name] for name in ("version", "side", "shown", "labelled", "unsure_below")}
    for name in ("accuracy", "ferplus_majority_accuracy"):
        shown[name] = found["figures"].get(name)
    print(json.dumps(shown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
