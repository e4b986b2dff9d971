"""Make an exported network trainable again: `python -m ml.unfold --data FILE --out start.npz`.

Export folds each batch norm into the convolution before it. Here every convolution gets a norm
back that changes nothing: its statistics are measured on training faces, its scale and shift undo
them, so the network answers as before and training can go on from what ships
(`ml.train --init start.npz`). Outputs are brought to unit variance first, which leaves the
weights of all channels in one range, as the optimizer likes them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from ml.augment import resized
from ml.checkpoints import Checkpoint, save
from ml.classifier import MODELS, SIDECAR, BadModel
from ml.data import DataError, read
from ml.settings import cut_of
from ml.torch_network import EPSILON, Layer, Network, mobilenet

FACES = 1024
SILENT = 0.02
"""A channel that varies less than this is as good as silent and keeps its weights as they are."""
KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

Kernel = tuple[np.ndarray, np.ndarray]
"""Weights as LiteRT lays them out, and the bias."""
Hook = Callable[[Layer, tuple[torch.Tensor]], None]


def kernels(path: Path) -> tuple[list[Kernel], int]:
    """Every layer's weights in the order in which they are run, and the input's side."""
    try:
        interpreter = Interpreter(model_path=str(path))
    except ValueError as error:
        raise BadModel(f"{path}: no LiteRT model there") from error
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    if given["dtype"] != np.float32:
        raise BadModel(f"{path}: whole numbers; give the float file")
    found = [
        (interpreter.get_tensor(op["inputs"][1]), interpreter.get_tensor(op["inputs"][2]))
        for op in interpreter._get_ops_details()
        if op["op_name"] in KERNELS
    ]
    return found, int(given["shape"][1])


@torch.no_grad()
def unfold(network: Network, found: list[Kernel], faces: torch.Tensor) -> None:
    """Fill the network so that it answers as the folded kernels do."""
    layers = [layer for layer in network.modules() if isinstance(layer, Layer)]
    if len(found) != len(layers) + 1:
        raise BadModel(f"{len(found)} layers with weights; this MobileNetV2 has {len(layers) + 1}")
    network.eval()
    for layer, (weight, bias) in zip(layers, found, strict=False):
        axes = (3, 0, 1, 2) if layer.conv.groups > 1 else (0, 3, 1, 2)
        layer.conv.weight.copy_(torch.from_numpy(weight.transpose(axes).copy()))
        layer.register_forward_pre_hook(_restoring(torch.from_numpy(bias)))
    weight, bias = found[-1]
    network.logits.weight.copy_(torch.from_numpy(weight))
    network.logits.bias.copy_(torch.from_numpy(bias))
    # Layer by layer in one pass: those before are whole by the time the next is reached.
    network(faces)


def _restoring(bias: torch.Tensor) -> Hook:
    def restore(layer: Layer, given: tuple[torch.Tensor]) -> None:
        made = layer.convolved(given[0])
        mean, spread = made.mean((0, 2, 3)), made.std((0, 2, 3))
        by = torch.where(spread < SILENT, 1.0, spread)
        layer.conv.weight /= by[:, None, None, None]
        norm = layer.norm
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.copy_(mean / by)
        norm.running_var.copy_((spread / by) ** 2)
        norm.weight.copy_(by * (norm.running_var + EPSILON).sqrt())
        norm.bias.copy_(mean + bias)

    return restore


def unfolded(model: Path, data: Path, out: Path) -> dict[str, float]:
    """Write the checkpoint; the answer is the input's side."""
    found, side = kernels(model)
    cut = held_out(model)
    faces = read(data)
    train = faces.part("train")
    rows = np.random.default_rng(1).permutation(len(train))[:FACES]
    network = mobilenet(1.0, 0.0, 0.97)
    unfold(network, found, _tensor(train.image[rows], side))
    progress = {"side": side, "data": faces.digest(), "cut": cut}
    save(out, Checkpoint(network.values(), [], progress))
    return {"side": side}


def held_out(model: Path) -> dict[str, Any]:
    """Which faces the network never learnt, told by the sidecar; going on must keep that cut."""
    path = model.with_name(SIDECAR)
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["training"]["settings"]
        cut = cut_of({"settings": settings})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModel(
            f"{path}: cannot be read; it tells which faces were held out, put it beside the model"
        ) from error
    return cut or {}


def _tensor(image: np.ndarray, side: int) -> torch.Tensor:
    return torch.from_numpy(resized(image, side)).permute(0, 3, 1, 2)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.unfold", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODELS / "emotions.float.tflite")
    parser.add_argument("--data", type=Path, required=True, help="the faces it was trained on")
    parser.add_argument("--out", type=Path, required=True, help="the start's file (.npz)")
    options = parser.parse_args(argv)
    try:
        print(json.dumps(unfolded(options.model, options.data, options.out)))
    except (BadModel, DataError, OSError) as error:
        print(f"ml.unfold: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
