"""Training with PyTorch alone: the same network, steps and averages as the Keras engine.

On a processor it does a step in about two thirds of Keras and TensorFlow's time (docs/training.md
has the figures), and on an accelerator in bfloat16. Layers, their order and their padding are
those of `keras.applications.MobileNetV2`, so weights pass between the two unchanged.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ml import fused
from ml.batches import Batches
from ml.engines import LearningError, Rate
from ml.labels import EMOTIONS
from ml.settings import Settings, Stage

BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Widening, channels, repeats, first stride: table 2 of arXiv 1801.04381."""
EPSILON = 1e-3
KEEP_MEMORY, GROW_BY, SEPARATE = -1, -2, -4
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_MAX of the C library's mallopt."""


class Layer(nn.Module):
    """A convolution, its batch norm and, but for a block's last, ReLU6."""

    def __init__(
        self, channels: int, out: int, *, size: int, momentum: float, stride: int = 1,
        groups: int = 1, bounded: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        even = size == 3 and stride == 1
        self.conv = nn.Conv2d(channels, out, size, stride, int(even), groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=EPSILON, momentum=1 - momentum)
        self.size, self.stride, self.bounded = size, stride, bounded

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.norm.training or torch.is_grad_enabled()):
            return self._settled(x)
        x = self.convolved(x)
        if self.norm.training and fused.fits(x):
            return fused.normed(x, self.norm, bounded=self.bounded)
        x = self.norm(x)
        return functional.relu6(x) if self.bounded else x

    def convolved(self, x: torch.Tensor) -> torch.Tensor:
        """Before the norm."""
        if self.stride == 2 and self.conv.groups > 1 and fused.fits(x):
            return fused.strided(x, self.conv)
        return self.conv(self._padded(x))

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        """Keras pads an even side at its end only before a stride of two; else `conv` does it."""
        if self.stride == 1:
            return x
        before = x.shape[-1] % 2
        return functional.pad(x, (before, 1, before, 1))

    def _settled(self, x: torch.Tensor) -> torch.Tensor:
        """The same with the norm folded into the convolution, where nothing is to be learnt."""
        norm, conv = self.norm, self.conv
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = conv.weight * scale[:, None, None, None]
        shift = norm.bias - norm.running_mean * scale
        x = functional.conv2d(
            self._padded(x), weight, shift, conv.stride, conv.padding, groups=conv.groups
        )
        return functional.hardtanh_(x, 0.0, 6.0) if self.bounded else x


class Block(nn.Module):
    """Widen, filter each channel by itself, narrow again; added to its input where it fits."""

    def __init__(
        self, channels: int, out: int, stride: int, widening: int, momentum: float
    ) -> None:
        super().__init__()
        wide = channels * widening
        layers = [Layer(channels, wide, size=1, momentum=momentum)] if widening > 1 else []
        layers += [
            Layer(wide, wide, size=3, momentum=momentum, stride=stride, groups=wide),
            Layer(wide, out, size=1, momentum=momentum, bounded=False),
        ]
        self.layers = nn.Sequential(*layers)
        self.added = stride == 1 and channels == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.added else self.layers(x)


class Network(nn.Module):
    """Grey faces (n, 1, side, side) in −1…1 to logits (n, 7)."""

    def __init__(self, alpha: float, dropout: float, momentum: float) -> None:
        super().__init__()
        channels = _eighths(32 * alpha)
        layers: list[nn.Module] = [Layer(1, channels, size=3, momentum=momentum, stride=2)]
        for widening, plain, repeats, stride in BLOCKS:
            out = _eighths(plain * alpha)
            for number in range(repeats):
                layers.append(Block(channels, out, 1 if number else stride, widening, momentum))
                channels = out
        last = _eighths(1280 * alpha) if alpha > 1.0 else 1280
        self.backbone = nn.Sequential(*layers, Layer(channels, last, size=1, momentum=momentum))
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(last, len(EMOTIONS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.backbone:
            learns = next(part.parameters()).requires_grad and torch.is_grad_enabled()
            with torch.set_grad_enabled(learns):
                x = part(x)
        return self.logits(self.dropout(x.mean((2, 3))))

    def in_keras_order(self) -> Iterator[tuple[torch.Tensor, tuple[int, ...]]]:
        """Every weight, layer by layer, and how Keras's axes are turned to make PyTorch's."""
        for layer in self.modules():
            if isinstance(layer, Layer):
                yield layer.conv.weight, (2, 3, 0, 1) if layer.conv.groups > 1 else (3, 2, 0, 1)
                norm = layer.norm
                assert norm.running_mean is not None and norm.running_var is not None
                for one in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                    yield one, (0,)
        yield self.logits.weight, (1, 0)
        yield self.logits.bias, (0,)

    def values(self) -> list[np.ndarray]:
        return [
            np.ascontiguousarray(_array(weight).transpose(np.argsort(axes)))
            for weight, axes in self.in_keras_order()
        ]

    @torch.no_grad()
    def assign(self, arrays: list[np.ndarray]) -> None:
        for (weight, axes), array in zip(self.in_keras_order(), arrays, strict=True):
            weight.copy_(torch.from_numpy(np.ascontiguousarray(array.transpose(axes))))


def _eighths(channels: float) -> int:
    """To the nearest multiple of eight, never a tenth less (as the paper's own code does)."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


class TorchEngine:
    def __init__(self, settings: Settings) -> None:
        _keep_memory()
        torch.manual_seed(settings.seed)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def start(self, init: str) -> list[np.ndarray]:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        from ml.keras_engine import KerasEngine

        return KerasEngine(self.settings).start(init)

    def learner(
        self, stage: Stage, weights: list[np.ndarray], memory: list[np.ndarray], rate: Rate
    ) -> TorchLearner:
        return TorchLearner(self.network(weights), self.settings, stage, memory, rate)

    def opened(self, side: int, weights: list[np.ndarray]) -> TorchJudge:
        return TorchJudge(self.network(weights))

    def network(self, weights: list[np.ndarray]) -> Network:
        settings = self.settings
        network = Network(settings.alpha, settings.dropout, settings.batch_norm_momentum)
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
            kept += [_array(state["exp_avg"]), _array(state["exp_avg_sq"]), _array(average)]
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
        settings = self.settings
        network = Network(settings.alpha, settings.dropout, settings.batch_norm_momentum)
        network.load_state_dict(self.network.state_dict())
        network = network.to(self._device, memory_format=torch.channels_last)
        moved = network.logits.parameters() if self.frozen else network.parameters()
        for theirs, average in zip(moved, self.average, strict=True):
            theirs.copy_(average)
        if not self.frozen:
            self._settle(network, settling)
        return TorchJudge(network)

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
    def __init__(self, network: Network) -> None:
        self.network = network.eval()

    @torch.no_grad()
    def logits(self, faces: np.ndarray) -> np.ndarray:
        return _array(logits_of(self.network, faces))

    def weights(self) -> list[np.ndarray]:
        return self.network.values()


def logits_of(network: Network, faces: np.ndarray) -> torch.Tensor:
    """Faces (n, side, side, 1) to logits, in bfloat16 where that is faster.

    That is on an accelerator, and to learn on a processor that multiplies it.
    """
    device = network.logits.weight.device
    # One channel: (n, side, side, 1) and (n, 1, side, side) are the same memory.
    given = torch.from_numpy(faces).permute(0, 3, 1, 2).to(device)
    halved = device.type == "cuda" or (torch.is_grad_enabled() and fused.halves())
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
