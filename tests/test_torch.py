"""The PyTorch engine: PyTorch's own sums, faster; and going on from an exported network.

Skipped where PyTorch is not installed: it only trains, and is in requirements-torch.txt.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.augment import Augment, eased, resized
from ml.checkpoints import Checkpoint, load, save
from ml.classifier import MODELS, BadModel, Classifier
from ml.engines import InitError, Rate
from ml.settings import Settings, SettingsError, Stage, as_table, settings_from
from ml.train import weights_of
from tests.painted import painted_faces

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed (requirements-torch.txt); it only trains"
)

RATE = Rate(1e-3, 9, 0.1)


def noise(count: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def batch(count: int = 8, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    return resized(noise(count), side), np.eye(7, dtype=np.float32)[np.arange(count) % 7]


def learner(stage: Stage, weights=None, memory=()):
    from ml.torch_engine import TorchEngine
    from ml.torch_network import mobilenet

    settings = Settings(engine="torch", alpha=0.35)
    weights = weights or mobilenet(0.35, 0.0, 0.97).values()
    return TorchEngine(settings).learner(stage, weights, list(memory), RATE)


FORMATS = pytest.mark.parametrize("number", (torch.float32, torch.bfloat16), ids=str)


def pixels(*shape: int, number: torch.dtype) -> torch.Tensor:
    from ml import fused

    if fused.library() is None:
        pytest.skip("there is no C compiler")
    return torch.randn(*shape).mul_(3).to(number).contiguous(memory_format=torch.channels_last)


def same(found: torch.Tensor, wanted: torch.Tensor, number: torch.dtype) -> bool:
    """To the last bit but rounding: a bfloat16 has eight bits."""
    near = 1e-5 if number == torch.float32 else 2**-7
    return torch.allclose(found.float(), wanted, rtol=near, atol=near)


@FORMATS
@pytest.mark.parametrize("bounded", (True, False), ids=("relu6", "plain"))
def test_norms_in_one_pass_are_pytorchs_own(bounded: bool, number: torch.dtype) -> None:
    from ml import fused

    x = pixels(4, 24, 9, 9, number=number)
    slope = torch.randn(x.shape).to(number)
    norms = [torch.nn.BatchNorm2d(24, momentum=0.1) for _ in range(2)]
    for norm in norms:
        torch.nn.init.constant_(norm.weight, 2.0)
        torch.nn.init.constant_(norm.bias, 1.0)
    ours, theirs = x.clone().requires_grad_(), x.float().requires_grad_()
    made = fused.normed(ours, norms[0], bounded=bounded)
    wanted = norms[1](theirs)
    wanted = torch.nn.functional.relu6(wanted) if bounded else wanted
    made.backward(slope)
    wanted.backward(slope.float())
    assert made.dtype == ours.grad.dtype == number
    assert same(made, wanted, number)
    assert same(ours.grad, theirs.grad, number)
    for mine, other in zip(norms[0].parameters(), norms[1].parameters(), strict=True):
        assert torch.allclose(mine.grad, other.grad, rtol=1e-4, atol=1e-4)
    for mine, other in zip(norms[0].buffers(), norms[1].buffers(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6)


@FORMATS
@pytest.mark.parametrize("side", (12, 3))
def test_strides_without_a_padded_copy_are_pytorchs_own(side: int, number: torch.dtype) -> None:
    """An even side is padded at its end, an odd one all around."""
    from ml import fused
    from ml.torch_network import Layer

    layer = Layer(24, 24, size=3, momentum=0.9, stride=2, groups=24)
    ours = pixels(4, 24, side, side, number=number).requires_grad_()
    made = fused.strided(ours, layer.conv)
    slope = torch.randn(made.shape).to(number)
    made.backward(slope)
    by_weight, layer.conv.weight.grad = layer.conv.weight.grad, None
    theirs = ours.detach().float().requires_grad_()
    wanted = layer.conv(layer._padded(theirs))
    wanted.backward(slope.float())
    assert same(made, wanted, number)
    assert same(ours.grad, theirs.grad, number)
    assert torch.allclose(by_weight, layer.conv.weight.grad, rtol=1e-4, atol=1e-3)


def test_kept_blocks_stay_as_they_are_and_the_rest_learns() -> None:
    kept = learner(Stage(48, 1, kept=4))
    before = [one.detach().clone() for one in kept.network.backbone.state_dict().values()]
    first = len(kept.network.backbone[:4].state_dict())
    kept.network.train()
    kept.kept.eval()
    for _ in range(2):
        kept._step(*batch())
    after = list(kept.network.backbone.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(before[:first], after[:first], strict=True))
    assert not torch.equal(before[first], after[first])


def test_sharpness_learns_from_so_far_uphill_and_comes_back() -> None:
    flat = learner(Stage(48, 1))
    flat.settings = replace(flat.settings, sharpness=0.1)
    faces, targets = batch()
    wanted = torch.from_numpy(targets)
    flat.network.train()

    def loss() -> float:
        from ml.torch_engine import logits_of

        half = len(faces) // 2
        said = logits_of(flat.network, faces[:half])
        return torch.nn.functional.cross_entropy(said, wanted[:half]).item()

    before, low = [one.detach().clone() for one in flat.parameters], loss()
    moved, far = flat._climb(faces, wanted)
    length = sum(float((one**2).sum()) for one in far) ** 0.5
    assert length == pytest.approx(0.1, rel=1e-3) and loss() > low
    with torch.no_grad():
        torch._foreach_sub_(moved, far)
    flat.rate = Rate(0.0, 9, 0.0)
    flat._step(faces, targets)
    for now, then in zip(flat.parameters, before, strict=True):
        assert torch.allclose(now, then, atol=1e-6)


def test_a_residual_teacher_learns_and_answers_as_it_was_kept() -> None:
    from ml.torch_engine import TorchEngine

    settings = Settings(engine="torch", network="residual", alpha=0.35, dropout=0.0)
    engine = TorchEngine(settings)
    with pytest.raises(InitError, match="a residual network starts from none"):
        engine.start("imagenet")
    learning = engine.learner(Stage(48, 1), engine.start("none"), [], RATE)
    learning.network.train()
    faces, targets = batch(16)
    losses = [learning._step(faces, targets) for _ in range(9)]
    assert losses[-1] < losses[0] - 0.2
    judge = learning.judge([faces])
    again = engine.opened(48, judge.weights())
    assert np.allclose(judge.logits(faces), again.logits(faces), atol=0.05)


def test_a_run_goes_on_from_its_own_kind_of_network(tmp_path: Path) -> None:
    table = as_table(Settings(engine="torch", network="residual"))
    save(tmp_path / "final.npz", Checkpoint([], [], {"settings": table}))
    with pytest.raises(InitError, match="made for network residual, not mobilenetv2"):
        weights_of(tmp_path / "final.npz", Settings())


@pytest.mark.tensorflow
def test_a_teacher_is_not_exported(tmp_path: Path) -> None:
    from ml.export import open_run

    table = as_table(Settings(engine="torch", network="residual"))
    save(tmp_path / "final.npz", Checkpoint([], [], {"settings": table}))
    with pytest.raises(SettingsError, match="only teaches"):
        open_run(tmp_path, tmp_path / "no.npz")


def test_sharpness_is_for_pytorch_only() -> None:
    with pytest.raises(SettingsError, match="sharpness must be 0 or more"):
        settings_from({"sharpness": 0.1}, source="file.toml")


def test_the_next_stage_goes_on_with_the_optimizers_memory() -> None:
    whole = learner(Stage(48, 1))
    whole.network.train()
    whole._step(*batch())
    kept = learner(Stage(48, 1, kept=4), whole.weights(), whole.memory())
    assert kept.steps == 1
    assert all(torch.equal(a, b) for a, b in zip(whole.average, kept.average, strict=True))


def test_kept_blocks_need_pytorch_and_must_exist() -> None:
    stages = [{"side": 48, "epochs": 1, "kept": 4}]
    with pytest.raises(SettingsError, match="torch"):
        settings_from({"stages": stages}, source="test")
    with pytest.raises(SettingsError, match="0 to 18"):
        stages[0]["kept"] = 19
        settings_from({"stages": stages, "engine": "torch"}, source="test")


def test_ease_is_a_share_and_leaves_light_and_wear() -> None:
    with pytest.raises(SettingsError, match="ease"):
        settings_from({"stages": [{"side": 48, "epochs": 1, "ease": 1.5}]}, source="test")
    whole = Augment(noise=0.25)
    half = eased(whole, 0.5)
    assert (half.shift, half.erase) == (whole.shift / 2, whole.erase / 2)
    assert (half.noise, half.contrast, half.flip) == (whole.noise, whole.contrast, whole.flip)


def test_an_unfolded_network_answers_as_the_exported_file(tmp_path: Path) -> None:
    from ml import unfold
    from ml.torch_engine import TorchEngine

    exported = MODELS / "emotions.float.tflite"
    out = tmp_path / "start.npz"
    data = painted_faces(tmp_path)
    assert unfold.main(["--model", str(exported), "--data", str(data), "--out", str(out)]) == 0
    start = load(out)
    weights = start.weights
    told = {"cut_seed": 1, "validation_share": 0.05, "train_split": "train"}
    assert start.progress["cut"] == {**told, "check_split": "public_test"}
    classifier, faces = Classifier(exported), noise(5)
    judge = TorchEngine(Settings(engine="torch")).opened(classifier.side, weights)
    wanted = np.stack([classifier.logits(face) for face in faces])
    found = judge.logits(resized(faces, classifier.side))
    assert np.abs(found - wanted).max() < 1e-3


def test_only_the_float_file_can_be_unfolded(tmp_path: Path, capsys) -> None:
    from ml import unfold

    out = ["--data", str(painted_faces(tmp_path)), "--out", str(tmp_path / "start.npz")]
    assert unfold.main(["--model", str(MODELS / "emotions.int8.tflite"), *out]) == 2
    assert "give the float file" in capsys.readouterr().err
    (tmp_path / "no.tflite").write_bytes(b"nothing")
    with pytest.raises(BadModel):
        unfold.kernels(tmp_path / "no.tflite")
    alone = shutil.copy(MODELS / "emotions.float.tflite", tmp_path / "alone.tflite")
    assert unfold.main(["--model", str(alone), *out]) == 2
    assert "tells which faces were held out" in capsys.readouterr().err
