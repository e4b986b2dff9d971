"""Two kinds of layer that wait for memory, done in C for training on a processor.

Batch norm and ReLU6: PyTorch reads and writes each value thirteen times, forwards and back; the C
beside this file eight times. The depthwise convolution of stride two: PyTorch first copies the
picture to pad its end, and in bfloat16 takes thirty times as long to go back. The arithmetic is
the same. It is compiled once where there is a C compiler; without one, training is slower.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

SOURCE = Path(__file__).with_name("fused.c")
WIDEST = 2048
"""As many channels as the C keeps sums for (its own WIDEST)."""
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, or None where they cannot be made."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    made = hashlib.sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"classroom-pulse-{os.getuid()}" / f"fused-{made}.so"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        return None  # somebody else's folder under our name: nothing in it is to be run
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}")
        order = [compiler, *FLAGS, str(SOURCE), "-o", str(unfinished)]
        if subprocess.run(order, capture_output=True, check=False).returncode:
            return None
        unfinished.replace(path)
    return ctypes.CDLL(str(path))


def fits(x: torch.Tensor) -> bool:
    """Whether the C can take it: a common format, on the processor, channels last, not too many."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.shape[1] <= WIDEST
        and library() is not None
    )


def halves() -> bool:
    """Whether bfloat16 pays here: the processor multiplies it, and the C above was compiled."""
    return library() is not None and bool(torch.cpu._is_avx512_bf16_supported())


def normed(x: torch.Tensor, norm: nn.BatchNorm2d, *, bounded: bool) -> torch.Tensor:
    """`norm` in training, then ReLU6 if bounded; running statistics move as PyTorch's do."""
    out, mean, variance = _Normed.apply(x, norm.weight, norm.bias, norm.eps, bounded)
    with torch.no_grad():
        count = x.numel() // x.shape[1]
        assert norm.running_mean is not None and norm.running_var is not None
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked += 1
        share = 1 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
        norm.running_mean.lerp_(mean, share)
        norm.running_var.lerp_(variance * (count / max(1, count - 1)), share)
    return out


def strided(x: torch.Tensor, conv: nn.Conv2d) -> torch.Tensor:
    """The depthwise 3 × 3 `conv` of stride two, padded as Keras does."""
    return _Strided.apply(x, conv.weight)


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        epsilon: float,
        bounded: bool,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        made = library()
        assert made is not None
        rows, channels = x.numel() // x.shape[1], x.shape[1]
        total, squares = torch.empty(2, channels, dtype=torch.float64)
        made.moments(_at(x), _half(x), _long(rows), _long(channels), _at(total), _at(squares))
        mean = total / rows
        variance = (squares / rows - mean**2).clamp_min(0)
        inverse = (variance + epsilon).rsqrt()
        scale = (weight.double() * inverse).float()
        shift = (bias.double() - mean * weight.double() * inverse).float()
        out = torch.empty_like(x)
        size = (int(bounded), _half(x), _long(rows), _long(channels))
        made.forwards(_at(x), _at(scale), _at(shift), *size, _at(out))
        ctx.save_for_backward(x, weight, mean, inverse, scale, shift)
        ctx.bounded = bounded
        mean, variance = mean.float(), variance.float()
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor, *_: object) -> tuple[torch.Tensor | None, ...]:
        made = library()
        assert made is not None
        x, weight, mean, inverse, scale, shift = ctx.saved_tensors
        slope = slope.contiguous(memory_format=torch.channels_last)
        rows, channels = x.numel() // x.shape[1], x.shape[1]
        size = (int(ctx.bounded), _half(x), _long(rows), _long(channels))
        total, products = torch.empty(2, channels, dtype=torch.float64)
        made.gradient_sums(
            _at(slope), _at(x), _at(scale), _at(shift), *size, _at(total), _at(products)
        )
        by_weight = (products - mean * total) * inverse
        by_in = -(scale.double() * by_weight * inverse / rows)
        constant = -(scale.double() * total / rows) - by_in * mean
        by_in, constant = by_in.float(), constant.float()
        out = torch.empty_like(x)
        made.backwards(
            _at(slope), _at(x), _at(scale), _at(shift), _at(by_in), _at(constant), *size, _at(out)
        )
        return out, by_weight.float(), total.float(), None, None


class _Strided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        made = library()
        assert made is not None
        pictures, channels, side, _ = x.shape
        small = (side + 1) // 2
        ctx.size = (_half(x), _long(pictures), _long(side), _long(channels), _long(side % 2))
        by_place = weight.permute(2, 3, 1, 0).contiguous()
        out = torch.empty(
            (pictures, channels, small, small), dtype=x.dtype, memory_format=torch.channels_last
        )
        made.strided(_at(x), _at(by_place), *ctx.size, _at(out))
        ctx.save_for_backward(x, by_place)
        return out

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        made = library()
        assert made is not None
        x, by_place = ctx.saved_tensors
        slope = slope.contiguous(memory_format=torch.channels_last)
        out, total = torch.empty_like(x), torch.empty(by_place.shape, dtype=torch.float64)
        made.strided_back(_at(slope), _at(x), _at(by_place), *ctx.size, _at(out), _at(total))
        return out, total.float().permute(3, 2, 0, 1).contiguous()


def _half(tensor: torch.Tensor) -> int:
    return int(tensor.dtype == torch.bfloat16)


def _at(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def _long(number: int) -> ctypes.c_long:
    return ctypes.c_long(number)
