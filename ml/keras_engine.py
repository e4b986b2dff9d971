"""Training with Keras 3 on TensorFlow, or on JAX or torch where `KERAS_BACKEND` says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml import network
from ml.backend import keras
from ml.batches import Batches
from ml.engines import LearningError, Rate
from ml.settings import Settings, Stage


class FallingRate(keras.optimizers.schedules.LearningRateSchedule):
    """`Rate` in the backend's own arithmetic."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    def __call__(self, step: Any) -> Any:
        rate, ops = self.rate, keras.ops
        step = ops.cast(step, "float32")
        climb = max(1.0, rate.warm_up * rate.steps)
        done = ops.clip((step - climb) / max(1.0, rate.steps - climb), 0.0, 1.0)
        return rate.peak * ops.minimum((step + 1.0) / climb, 0.505 + 0.495 * ops.cos(np.pi * done))

    def get_config(self) -> dict[str, Rate]:
        return {"rate": self.rate}


class AveragingAdam(keras.optimizers.AdamW):
    """AdamW that keeps a running average of the weights beside them."""

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        """Keras would put the average in place of the weights after each `fit`; we go on."""

    def average(self) -> list[np.ndarray]:
        """Before the first step Keras keeps zeros: then the weights themselves."""
        begun = int(network.values([self.iterations])[0]) > 0
        kept = self._model_variables_moving_average if begun else self._trainable_variables
        return network.values(kept)


class Dataset(keras.utils.PyDataset):
    """An epoch's batches, made ready by a thread of Keras's own."""

    def __init__(self, batches: Batches) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.batches[index]


class Told(keras.callbacks.Callback):
    """Passes each step's loss on."""

    def __init__(self, step: Callable[[float], None]) -> None:
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step(float((logs or {}).get("loss", 0)))


class KerasEngine:
    def __init__(self, settings: Settings) -> None:
        network.use_threads(settings.threads)
        keras.utils.set_random_seed(settings.seed)
        self.settings = settings
        self.shape = network.Shape(settings.alpha, settings.dropout, settings.batch_norm_momentum)

    def start(self, init: str) -> list[np.ndarray]:
        model = network.build(self.settings.stages[0].side, self.shape)
        network.start_from(model, init, self.settings.alpha)
        return network.values(model.weights)

    def learner(
        self, stage: Stage, weights: list[np.ndarray], memory: list[np.ndarray], rate: Rate
    ) -> KerasLearner:
        keras.backend.clear_session()
        model, judge = (network.build(stage.side, self.shape) for _ in range(2))
        network.assign(model.weights, weights)
        for one in (model, judge):
            network.freeze_backbone(one, stage.frozen)
        return KerasLearner(model, judge, self._optimizer(model, memory, rate), stage.frozen)

    def opened(self, side: int, weights: list[np.ndarray]) -> KerasJudge:
        model = network.build(side, self.shape)
        network.assign(model.weights, weights)
        return KerasJudge(model)

    def _optimizer(self, model: keras.Model, memory: list[np.ndarray], rate: Rate) -> AveragingAdam:
        settings = self.settings
        optimizer = AveragingAdam(
            FallingRate(rate) if rate.falls else rate.peak,
            weight_decay=settings.weight_decay,
            use_ema=True,
            ema_momentum=settings.average,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        # XLA is seven times slower on a processor; on an accelerator JAX needs it.
        compiled = keras.backend.backend() == "jax"
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, jit_compile=compiled)
        optimizer.build(model.trainable_variables)
        if len(memory) == len(optimizer.variables):
            network.assign(optimizer.variables, memory)
        return optimizer


class KerasLearner:
    def __init__(
        self, model: keras.Model, judge: keras.Model, optimizer: AveragingAdam, frozen: bool
    ) -> None:
        self.model, self._judge, self.optimizer, self.frozen = model, judge, optimizer, frozen

    def epoch(self, batches: Batches, step: Callable[[float], None]) -> float:
        history = self.model.fit(
            Dataset(batches), epochs=1, verbose=0, shuffle=False, callbacks=[Told(step)]
        )
        loss = float(history.history["loss"][-1])
        if not np.isfinite(loss):
            raise LearningError(f"the loss is {loss}: lower learning_rate and start again")
        return loss

    def judge(self, settling: list[np.ndarray]) -> KerasJudge:
        network.assign(self._judge.weights, network.values(self.model.weights))
        network.assign(self._judge.trainable_variables, self.optimizer.average())
        if not self.frozen:
            network.settle(self._judge, settling)
        return KerasJudge(self._judge)

    def weights(self) -> list[np.ndarray]:
        return network.values(self.model.weights)

    def memory(self) -> list[np.ndarray]:
        return network.values(self.optimizer.variables)


class KerasJudge:
    def __init__(self, model: keras.Model) -> None:
        self.model = model

    def logits(self, faces: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(self.model(faces, training=False))

    def weights(self) -> list[np.ndarray]:
        return network.values(self.model.weights)
