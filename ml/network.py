"""The network: MobileNetV2 (arXiv 1801.04381) with a seven-way head, on grey faces.

As in the original project it starts from ImageNet weights. Faces are grey, so the three colour
kernels of the first layer are added up once and the network takes a single channel: the same
arithmetic as repeating the grey picture three times, for a third of the work.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.backend import keras
from ml.engines import InitError
from ml.labels import EMOTIONS


@dataclass(frozen=True, slots=True)
class Shape:
    """What fixes the network's weights; the input side does not."""

    alpha: float = 1.0
    dropout: float = 0.2
    batch_norm_momentum: float = 0.97


def use_threads(count: int) -> None:
    """Bound TensorFlow's threads; other backends bring their own settings."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Once TensorFlow runs in this process its threads are what they are, and it says so.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(count)
            tf.config.threading.set_inter_op_parallelism_threads(count)


def backbone(side: int, channels: int, alpha: float) -> keras.Model:
    return keras.applications.MobileNetV2(
        input_shape=(side, side, channels), include_top=False, weights=None, alpha=alpha
    )


def build(side: int, shape: Shape) -> keras.Model:
    """Grey faces (n, side, side, 1) in −1…1 to logits (n, 7); weights are random."""
    base = backbone(side, 1, shape.alpha)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Keras's 0.999 needs thousands of steps to follow; measured 10 points too low mid-run.
            layer.momentum = shape.batch_norm_momentum
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(base.output)
    dropped = keras.layers.Dropout(shape.dropout, name="drop")(pooled)
    logits = keras.layers.Dense(len(EMOTIONS), name="logits", kernel_initializer="zeros")(dropped)
    return keras.Model(base.input, logits, name="emotions")


def freeze_backbone(model: keras.Model, frozen: bool) -> None:
    for layer in model.layers:
        layer.trainable = not frozen or layer.name == "logits"


def start_from(model: keras.Model, init: str, alpha: float) -> None:
    """Fill the backbone from `init`: a weights file, `imagenet` (downloads) or `none`."""
    if init == "none":
        return
    colour = _colour_backbone(init, alpha)
    for layer in colour.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        if layer.name == "Conv1":
            weights = [weights[0].sum(axis=2, keepdims=True)]
        model.get_layer(layer.name).set_weights(weights)


def _colour_backbone(init: str, alpha: float) -> keras.Model:
    if init == "imagenet":
        return _downloaded(alpha)
    if not Path(init).is_file():
        raise InitError(f"--init {init}: no such file (a weights file, 'imagenet' or 'none')")
    colour = backbone(96, 3, alpha)
    try:
        colour.load_weights(init)
    except (OSError, ValueError, KeyError) as error:
        raise InitError(f"--init {init}: not MobileNetV2 weights for alpha {alpha}") from error
    return colour


def _downloaded(alpha: float) -> keras.Model:
    try:
        return keras.applications.MobileNetV2(
            input_shape=(96, 96, 3), include_top=False, weights="imagenet", alpha=alpha
        )
    except Exception as error:  # Keras reports a failed download as a bare Exception
        raise InitError(
            "--init imagenet: the weights could not be downloaded; give a weights file instead"
        ) from error


def values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assign(variables: list[keras.Variable], arrays: list[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def settle(model: keras.Model, batches: list[np.ndarray]) -> None:
    """Re-estimate the batch-norm statistics as plain means over these batches.

    Averaged weights never saw the statistics the running ones left behind.
    """
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    kept = [(norm.momentum, norm.trainable) for norm in norms]
    for done, batch in enumerate(batches):
        for norm in norms:
            norm.trainable, norm.momentum = True, done / (done + 1)
        model(batch, training=True)
    for norm, (momentum, trainable) in zip(norms, kept, strict=True):
        norm.momentum, norm.trainable = momentum, trainable
