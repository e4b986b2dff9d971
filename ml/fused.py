"""Batch norm and ReLU6 in one pass over memory, for training on a processor.

PyTorch reads and writes each value thirteen times for these two layers, forwards and back; the C
beside this file does it in eight, with the same arithmetic. It is compiled once where there is a
C compiler; without one, training is slower and otherwise the same.
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
    """Whether the C can take it: single precision, on the processor, channels last."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.is_contiguous(memory_format=torch.channels_last)
        and library() is not None
    )


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
        made.moments(_at(x), _long(rows), _long(channels), _at(total), _at(squares))
        mean = total / rows
        variance = (squares / rows - mean**2).clamp_min(0)
        inverse = (variance + epsilon).rsqrt()
        scale = (weight.double() * inverse).float()
        shift = (bias.double() - mean * weight.double() * inverse).float()
        out = torch.empty_like(x)
        made.forwards(
            _at(x), _at(scale), _at(shift), int(bounded), _long(rows), _long(channels), _at(out)
        )
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
        size = (int(ctx.bounded), _long(rows), _long(channels))
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


def _at(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def _long(number: int) -> ctypes.c_long:
    return ctypes.c_long(number)
