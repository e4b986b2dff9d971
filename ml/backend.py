"""Keras on the backend we mean: TensorFlow unless `KERAS_BACKEND` says otherwise.

Keras reads the variable once, when it is first imported, so every module of the training half
takes Keras from here. Nothing that runs in the worker may import this.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402 (the variables above must be set first)

__all__ = ["keras"]
