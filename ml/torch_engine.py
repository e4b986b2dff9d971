"""Training with PyTorch alone: the same network, steps and averages as the Keras engine.

On a processor it does a step in about two thirds of Keras and TensorFlow's time (docs/training.md
has the figures), and on an accelerator in bfloat16. Weights pass between the two unchanged.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ml import fused
from ml.batches import Batches
from ml.engines import InitError, LearningError, Rate
from ml.settings import RESIDUAL, Settings, Stage
from ml.torch_network import Network, array_of, network_of

KEEP_MEMORY, GROW_BY, SEPARATE = -1, -2, -4
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_MAX of the C library's mallopt."""


class TorchEngine:
    def __init__(self, settings: Settings) -> None:
        _keep_memory()
        torch.manual_seed(settings.seed)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def start(self, init: str) -> list[np.ndarray]:
        if self.settings.network == RESIDUAL:
            if init != "none":
                raise InitError(f"--init {init}: a residual network starts from none")
            return network_of(self.settings).values()
        os.environ.setdefault("KERAS_BACKEND", "torch")
        from ml.keras_engine import KerasEngine

        return KerasEngine(self.settings).start(init)

    def learner(
        self, stage: Stage, weights: list[np.ndarray], memory: list[np.ndarray], rate: Rate
    ) -> TorchLearner:
        return TorchLearner(self.network(weights), self.settings, stage, memory, rate)

    def opened(self, side: int, weights: list[np.ndarray]) -> TorchJudge:
        return TorchJudge(self.network(weights), self.settings)

    def network(self, weights: list[np.ndarray]) -> Network:
        network = network_of(self.settings)
        network.assign(weights)
        return network.to(self.device, memory_format=torch.channels_last)


class TorchLearner:
    """AdamW on everything, or on the head alone, and a running average of what it moves."""

    def __init__(
        self, network: Network, settings: Settings, stage: Stage, memory: list[np.ndarray],
        rate: Rate,
    ) -> None:  # fmt: skip
        self.network, self.settings, self.rate = network, settings, rate
        self.frozen, self.kept = stage.frozen, network.backbone[: stage.kept]
        for parameter in network.backbone.parameters():
            parameter.requires_grad_(not stage.frozen)
        self.parameters = [one for one in network.parameters() if one.requires_grad]
        # Kept blocks stay among the parameters, so the optimizer's memory fits every stage; with
        # no gradient it passes them over.
        self.kept.requires_grad_(False)
        self.average = [one.detach().clone() for one in self.parameters]
        self.optimizer = self._optimizer()
        self.steps = 0
        if len(memory) == 1 + 3 * len(self.parameters):
            self._remember(memory)

    def _optimizer(self) -> torch.optim.AdamW:
        decayed = [one for one in self.parameters if one.ndim > 1]
        spared = [one for one in self.parameters if one.ndim == 1]
        groups = [
            {"params": decayed, "weight_decay": self.settings.weight_decay},
            {"params": spared, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, self.rate.peak, eps=1e-7)
        for one in self.parameters:
            zeros = torch.zeros_like(one, memory_format=torch.preserve_format)
            optimizer.state[one] = {
                "step": torch.tensor(0.0), "exp_avg": zeros, "exp_avg_sq": zeros.clone()
            }  # fmt: skip
        return optimizer

    @torch.no_grad()
    def _remember(self, memory: list[np.ndarray]) -> None:
        self.steps = int(memory[0])
        arrays = iter(memory[1:])
        for one, average in zip(self.parameters, self.average, strict=True):
            state = self.optimizer.state[one]
            state["step"].fill_(self.steps)
            for tensor in (state["exp_avg"], state["exp_avg_sq"], average):
                tensor.copy_(torch.from_numpy(next(arrays)))

    def memory(self) -> list[np.ndarray]:
        kept = [np.array(self.steps)]
        for one, average in zip(self.parameters, self.average, strict=True):
            state = self.optimizer.state[one]
            kept += [array_of(state["exp_avg"]), array_of(state["exp_avg_sq"]), array_of(average)]
        return kept

    def weights(self) -> list[np.ndarray]:
        return self.network.values()

    def epoch(self, batches: Batches, step: Callable[[float], None]) -> float:
        self.network.train()
        self.kept.eval()
        if self.frozen:
            self.network.backbone.eval()
        total = 0.0
        for faces, targets in batches.ahead():
            loss = self._step(faces, targets)
            if not np.isfinite(loss):
                raise LearningError(f"the loss is {loss}: lower learning_rate and start again")
            total += loss * len(faces)
            step(loss)
        return total / len(batches.image)

    def _step(self, faces: np.ndarray, targets: np.ndarray) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate.at(self.steps)
        wanted = torch.from_numpy(targets).to(self._device)
        climbed = self._climb(faces, wanted) if self.settings.sharpness else None
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(logits_of(self.network, faces), wanted)
        loss.backward()
        if climbed is not None:
            with torch.no_grad():
                torch._foreach_sub_(*climbed)
        self.optimizer.step()
        self.steps += 1
        with torch.no_grad():
            torch._foreach_lerp_(
                self.average, [one.detach() for one in self.parameters], 1 - self.settings.average
            )
        return loss.item()

    def _climb(
        self, faces: np.ndarray, wanted: torch.Tensor
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Sharpness-aware minimisation (arXiv 2010.01412): learn from where the loss is worse.

        Moves the weights `sharpness` uphill, by half of the batch, and tells which and how far.
        Half is enough of a direction and costs half as much (as in arXiv 2110.03141).
        """
        self.optimizer.zero_grad(set_to_none=True)
        half = max(2, len(faces) // 2)
        functional.cross_entropy(logits_of(self.network, faces[:half]), wanted[:half]).backward()
        moved = [one for one in self.parameters if one.grad is not None]
        uphill = [one.grad for one in moved if one.grad is not None]
        with torch.no_grad():
            length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(uphill)))
            far = list(
                torch._foreach_mul(uphill, self.settings.sharpness / (length.item() + 1e-12))
            )
            torch._foreach_add_(moved, far)
        return moved, far

    @property
    def _device(self) -> torch.device:
        return self.parameters[0].device

    @torch.no_grad()
    def judge(self, settling: list[np.ndarray]) -> TorchJudge:
        network = network_of(self.settings)
        network.load_state_dict(self.network.state_dict())
        network = network.to(self._device, memory_format=torch.channels_last)
        moved = network.logits.parameters() if self.frozen else network.parameters()
        for theirs, average in zip(moved, self.average, strict=True):
            theirs.copy_(average)
        if not self.frozen:
            self._settle(network, settling)
        return TorchJudge(network, self.settings)

    def _settle(self, network: Network, settling: list[np.ndarray]) -> None:
        """Batch-norm statistics as plain means over these batches."""
        learnt = network.backbone[len(self.kept) :]
        for norm in (layer for layer in learnt.modules() if isinstance(layer, nn.BatchNorm2d)):
            norm.reset_running_stats()
            norm.momentum = None  # PyTorch then keeps the plain mean of all batches
        network.eval()
        learnt.train()
        for faces in settling:
            logits_of(network, faces)


class TorchJudge:
    """Answers in single precision; a teacher, whose answers are only learnt from, in bfloat16."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self.network = network.eval()
        self.halved = settings.network == RESIDUAL and fused.halves()

    @torch.no_grad()
    def logits(self, faces: np.ndarray) -> np.ndarray:
        return array_of(logits_of(self.network, faces, halved=self.halved))

    def weights(self) -> list[np.ndarray]:
        return self.network.values()


def logits_of(network: Network, faces: np.ndarray, *, halved: bool = False) -> torch.Tensor:
    """Faces (n, side, side, 1) to logits, in bfloat16 if `halved` or where that is faster.

    That is on an accelerator, and to learn on a processor that multiplies it.
    """
    device = network.logits.weight.device
    # One channel: (n, side, side, 1) and (n, 1, side, side) are the same memory.
    given = torch.from_numpy(faces).permute(0, 3, 1, 2).to(device)
    halved |= device.type == "cuda" or (torch.is_grad_enabled() and fused.halves())
    with torch.autocast(device.type, torch.bfloat16, halved):
        return network(given).float()


def _keep_memory() -> None:
    """Ask glibc to keep what was freed: giving it back each step costs a third of the time."""
    if sys.platform != "linux":
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(KEEP_MEMORY, 2**31 - 1)
        set_option(GROW_BY, 2**29)
        set_option(SEPARATE, 0)
