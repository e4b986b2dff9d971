"""The networks that PyTorch trains, their weights in the order and layout of Keras.

MobileNetV2 is the one that ships: layers, their order and their padding are those of
`keras.applications.MobileNetV2`. The other only teaches it (`ml.distill`): a small residual network
(arXiv 1512.03385) of plain 3 × 3 convolutions, learnt from nothing on faces as they are, 48 px. It
errs elsewhere than networks that all came from ImageNet's weights, and a processor learns more of
such a network in a second (docs/training.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ml import fused
from ml.labels import EMOTIONS
from ml.settings import RESIDUAL, Settings

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
PAIRS = ((48, 1), (96, 2), (192, 2), (384, 1))
"""Channels, repeats: every first one of them halves the picture."""


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


class Pair(nn.Module):
    """Two convolutions; added to their input where it fits."""

    def __init__(self, channels: int, out: int, stride: int, momentum: float) -> None:
        super().__init__()
        self.added = stride == 1 and channels == out
        self.layers = nn.Sequential(
            Layer(channels, out, size=3, momentum=momentum, stride=stride),
            Layer(out, out, size=3, momentum=momentum, bounded=not self.added),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu6(x + self.layers(x)) if self.added else self.layers(x)


class Network(nn.Module):
    """Grey faces (n, 1, side, side) in −1…1 to logits (n, 7)."""

    def __init__(self, layers: list[nn.Module], channels: int, dropout: float) -> None:
        super().__init__()
        self.backbone = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(channels, len(EMOTIONS))

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
            np.ascontiguousarray(array_of(weight).transpose(np.argsort(axes)))
            for weight, axes in self.in_keras_order()
        ]

    @torch.no_grad()
    def assign(self, arrays: list[np.ndarray]) -> None:
        for (weight, axes), array in zip(self.in_keras_order(), arrays, strict=True):
            weight.copy_(torch.from_numpy(np.ascontiguousarray(array.transpose(axes))))


def network_of(settings: Settings) -> Network:
    """The network that the settings name, its weights by chance."""
    build = residual if settings.network == RESIDUAL else mobilenet
    return build(settings.alpha, settings.dropout, settings.batch_norm_momentum)


def mobilenet(alpha: float, dropout: float, momentum: float) -> Network:
    channels = _eighths(32 * alpha)
    layers: list[nn.Module] = [Layer(1, channels, size=3, momentum=momentum, stride=2)]
    for widening, plain, repeats, stride in BLOCKS:
        out = _eighths(plain * alpha)
        for number in range(repeats):
            layers.append(Block(channels, out, 1 if number else stride, widening, momentum))
            channels = out
    last = _eighths(1280 * alpha) if alpha > 1.0 else 1280
    layers.append(Layer(channels, last, size=1, momentum=momentum))
    return Network(layers, last, dropout)


def residual(alpha: float, dropout: float, momentum: float) -> Network:
    channels = _eighths(24 * alpha)
    layers: list[nn.Module] = [Layer(1, channels, size=3, momentum=momentum)]
    for plain, repeats in PAIRS:
        out = _eighths(plain * alpha)
        for number in range(repeats):
            layers.append(Pair(channels, out, 1 if number else 2, momentum))
            channels = out
    network = Network(layers, channels, dropout)
    for layer in network.modules():
        if isinstance(layer, Layer):
            nn.init.kaiming_normal_(layer.conv.weight, mode="fan_out", nonlinearity="relu")
    return network


def _eighths(channels: float) -> int:
    """To the nearest multiple of eight, never a tenth less (as the paper's own code does)."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


def array_of(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
