"""What a training run asks of the library that does the arithmetic.

Two engines answer: Keras, which also exports, on whatever backend it is given; and PyTorch
alone, which on a processor does the same steps in two thirds of the time and uses an
accelerator if there is one. Weights travel between them in Keras's order and layout, so a
checkpoint of either can be exported, and neither is imported before it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml.batches import Batches
from ml.settings import Settings, Stage


class EngineError(RuntimeError):
    """The engine is not installed; the message says what to install."""


class InitError(ValueError):
    """The initial weights cannot be used; the message says why."""


class LearningError(ValueError):
    """The numbers went wrong; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate: a straight climb, then half a cosine down to a hundredth."""

    peak: float
    steps: int
    warm_up: float
    falls: bool = True

    def at(self, step: int) -> float:
        if not self.falls:
            return self.peak
        climb = max(1.0, self.warm_up * self.steps)
        done = min(max((step - climb) / max(1.0, self.steps - climb), 0.0), 1.0)
        return self.peak * min((step + 1.0) / climb, 0.505 + 0.495 * math.cos(math.pi * done))


class Judge(Protocol):
    """The averaged network, ready to be asked."""

    def logits(self, faces: np.ndarray) -> np.ndarray:
        """Faces (n, side, side, 1) in −1…1 to logits (n, 7)."""

    def weights(self) -> list[np.ndarray]: ...


class Learner(Protocol):
    """The network at one input size, with its optimizer."""

    def epoch(self, batches: Batches, step: Callable[[float], None]) -> float:
        """Learn from every batch; `step` hears each loss; the answer is their mean."""

    def judge(self, settling: list[np.ndarray]) -> Judge:
        """The running average of the weights, its statistics settled on these batches."""

    def weights(self) -> list[np.ndarray]: ...

    def memory(self) -> list[np.ndarray]:
        """What the optimizer must keep to go on after a stop."""


class Engine(Protocol):
    def start(self, init: str) -> list[np.ndarray]:
        """The first weights."""

    def learner(
        self, stage: Stage, weights: list[np.ndarray], memory: list[np.ndarray], rate: Rate
    ) -> Learner: ...

    def opened(self, side: int, weights: list[np.ndarray]) -> Judge:
        """A finished network, at this input size."""


def engine(settings: Settings) -> Engine:
    """The engine that the settings name."""
    if settings.engine == "torch":
        try:
            from ml.torch_engine import TorchEngine
        except ModuleNotFoundError as error:
            raise EngineError(
                'engine = "torch" needs PyTorch: pip install -r requirements-torch.txt'
            ) from error
        return TorchEngine(settings)
    from ml.keras_engine import KerasEngine

    return KerasEngine(settings)
