"""From Keras to LiteRT: one float file and one in whole 8-bit arithmetic.

The int8 file has a scale per output channel for its weights and takes int8 pixels; it answers
in float logits, so nothing about its output has to be known to read it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ml.augment import resized
from ml.backend import keras


def to_float(model: keras.Model) -> bytes:
    return _converter(model).convert()


def to_int8(model: keras.Model, faces: np.ndarray) -> bytes:
    """`faces` show the converter what values really occur inside the network."""
    side = model.input_shape[1]

    def samples() -> Iterator[list[np.ndarray]]:
        for face in faces:
            yield [resized(face[None], side)]

    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    return converter.convert()


def _converter(model: keras.Model) -> tf.lite.TFLiteConverter:
    one_face = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    call = tf.function(lambda face: model(face, training=False))
    # Weights become constants: left as variables, calibration cannot read them.
    frozen = convert_variables_to_constants_v2(call.get_concrete_function(one_face))
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen], model)
