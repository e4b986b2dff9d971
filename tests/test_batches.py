"""What a network learns from: faces changed, targets mixed, batches made ready ahead."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from ml.augment import Augment, augmented, resized
from ml.batches import Batches, mixed
from ml.labels import HAPPY, NEUTRAL
from ml.targets import soft_targets

STILL = Augment(**{part.name: 0.0 for part in fields(Augment)})


def noise(count: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def test_an_unchanged_face_is_what_the_worker_would_see() -> None:
    faces = noise()
    for side in (32, 64, 96):
        moved = augmented(faces, side, STILL, np.random.default_rng(0))
        assert np.abs(moved - resized(faces, side)).max() <= 2 / 127.5


def test_flipped_faces_are_mirrored() -> None:
    faces = noise()
    mirrored = augmented(faces, 48, replace(STILL, flip=1), np.random.default_rng(0))
    assert np.abs(mirrored - resized(faces[:, :, ::-1], 48)).max() <= 2 / 127.5


def test_the_same_seed_changes_faces_alike() -> None:
    once, again, other = (
        augmented(noise(), 48, Augment(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (once == again).all() and (once != other).any()
    assert once.min() >= -1 and once.max() <= 1 and once.shape == (8, 48, 48, 1)


def test_targets_mix_label_and_votes() -> None:
    votes = np.zeros((1, 7), np.uint8)
    votes[0, NEUTRAL], votes[0, HAPPY] = 8, 2
    mixed = soft_targets(np.array([HAPPY]), votes, label_weight=0.6, smoothing=0.0)[0]
    assert mixed[HAPPY] == pytest.approx(0.6 + 0.4 * 0.2)
    assert mixed[NEUTRAL] == pytest.approx(0.4 * 0.8)


def test_targets_without_votes_are_the_label_alone() -> None:
    sole = soft_targets(
        np.array([HAPPY]), np.zeros((1, 7), np.uint8), label_weight=0.6, smoothing=0.07
    )[0]
    assert sole[HAPPY] == pytest.approx(0.94) and sole.sum() == pytest.approx(1)


def test_worn_faces_stay_faces_of_the_same_size() -> None:
    worn = replace(STILL, blur=1, low_resolution=1, noise=1, jpeg=1, gamma=0.5)
    faces = noise()
    changed = augmented(faces, 48, worn, np.random.default_rng(0))
    assert changed.shape == (8, 48, 48, 1) and np.abs(changed).max() <= 1
    assert np.abs(changed - resized(faces, 48)).mean() > 0.1


def test_gamma_leaves_black_and_white_alone() -> None:
    halves = np.zeros((1, 48, 48), np.uint8)
    halves[:, :, 24:] = 255
    changed = augmented(halves, 48, replace(STILL, gamma=0.7), np.random.default_rng(0))
    assert set(np.unique(changed)) == {-1.0, 1.0}


def test_mixed_faces_and_targets_are_blended_by_the_same_share() -> None:
    targets = np.eye(7, dtype=np.float32)[np.arange(64) % 7]
    faces = np.broadcast_to(targets @ np.arange(7, dtype=np.float32), (4, 4, 64)).T[..., None]
    blended, shares = mixed(faces, targets, 0.5, np.random.default_rng(0))
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert np.allclose(blended[:, 0, 0, 0], shares @ np.arange(7), atol=1e-5)
    assert (shares.max(axis=1) < 1).any() and (
        shares[np.arange(64), np.arange(64) % 7] >= 0.5
    ).all()


def test_no_mixup_leaves_faces_alone() -> None:
    faces, targets = np.ones((2, 4, 4, 1), np.float32), np.eye(7, dtype=np.float32)[:2]
    assert mixed(faces, targets, 0.0, np.random.default_rng(0)) == (faces, targets)


def test_an_epoch_made_ready_ahead_is_the_same_epoch_in_order() -> None:
    targets = np.eye(7, dtype=np.float32)[np.arange(30) % 7]
    options = {"side": 32, "size": 4, "augment": Augment(), "seed": (1, 2), "mixup": 0.2}
    batches = Batches(noise(30), targets, **options)
    ahead = list(batches.ahead())
    assert len(ahead) == len(batches) == 8
    for at, (faces, wanted) in enumerate(ahead):
        assert (faces == batches[at][0]).all() and (wanted == batches[at][1]).all()
