"""One training run's settings: a small TOML file, so that a run can be read and repeated.

Every setting has a default; a name that is not known is an error, never ignored.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from ml.augment import SHARES, Augment

ENGINES = ("keras", "torch")
CUT = ("cut_seed", "validation_share", "train_split", "check_split")
"""What decides which faces are held out; who learnt one cut's cannot be judged by another's."""
MOBILENET, RESIDUAL = NETWORKS = ("mobilenetv2", "residual")
LEAST_SIDE = 32
"""Pixels; the network halves its input five times."""
MOST_KEPT = 18
"""The first convolution and the seventeen blocks after it."""


class SettingsError(ValueError):
    """The configuration file cannot be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Some epochs at one input size; `frozen` trains the head alone.

    `kept` first blocks stay as they are, the first convolution counted as one (torch only): they
    see the largest pictures, so they take half of the time and learn the least of faces.
    `ease` is how much is left of mixing, moving and hiding faces: a run that ends on faces nearly
    as they are judged ends better (as in YOLOX, arXiv 2107.08430).
    """

    side: int = 96
    epochs: int = 1
    frozen: bool = False
    kept: int = 0
    ease: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is made of; the stages follow each other under one falling learning rate.

    `sharpness` above 0 learns each step from so far uphill (torch only; arXiv 2010.01412), half as
    long again. `goes_on_from` says in words which network `--init` holds, for the model card.
    `network = "residual"` trains a teacher of another kind (torch only; never exported).
    `seed` draws what chance decides in a run; `cut_seed` cuts the held-out faces, apart from it, so
    that runs of several seeds are judged by the same faces and none learnt another's.
    """

    name: str = "emotions"
    goes_on_from: str = ""
    engine: str = "keras"
    network: str = MOBILENET
    seed: int = 1
    cut_seed: int = 1
    threads: int = 2
    alpha: float = 1.0
    dropout: float = 0.2
    batch_norm_momentum: float = 0.97
    batch: int = 64
    learning_rate: float = 1e-3
    warm_up: float = 0.05
    weight_decay: float = 0.01
    average: float = 0.998
    sharpness: float = 0.0
    label_weight: float = 0.7
    mixup: float = 0.0
    smoothing: float = 0.05
    teacher: str = ""
    teacher_weight: float = 0.5
    teacher_heat: float = 1.0
    validation_share: float = 0.05
    train_split: str = "train"
    check_split: str = "public_test"
    stages: tuple[Stage, ...] = (Stage(48, 1, True), Stage(48, 7), Stage(64, 5), Stage(96, 3))
    augment: Augment = field(default_factory=Augment)

    @property
    def side(self) -> int:
        """The input size the run ends with, which is the exported network's."""
        return self.stages[-1].side

    @property
    def epochs(self) -> int:
        return sum(stage.epochs for stage in self.stages)


def read_settings(path: Path) -> Settings:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file ({error})") from error
    return settings_from(table, source=str(path))


def settings_from(table: dict[str, Any], *, source: str) -> Settings:
    known = dict(table)
    if "augment" in known:
        known["augment"] = _filled(Augment, known["augment"], f"{source} [augment]")
    if not isinstance(known.get("stages", []), list):
        raise SettingsError(f"{source}: stages should be a list ([[stages]])")
    if "stages" in known:
        known["stages"] = tuple(_filled(Stage, s, f"{source} [[stages]]") for s in known["stages"])
    return _checked(_filled(Settings, known, source), source)


def overridden(settings: Settings, *, side: int | None, epochs: int | None) -> Settings:
    """`--side` and `--epochs` ask for one plain stage in place of the file's."""
    if side is None and epochs is None:
        return settings
    stage = Stage(
        side=settings.side if side is None else side,
        epochs=settings.epochs if epochs is None else epochs,
    )
    return _checked(replace(settings, stages=(stage,)), "--side, --epochs")


def cut_of(progress: dict[str, Any]) -> dict[str, Any] | None:
    """How a checkpoint's own run held faces out, or None where it does not tell."""
    told = progress.get("cut", progress.get("settings"))
    return told and {name: told.get(name, getattr(Settings(), name)) for name in CUT}


def another_cut(progress: dict[str, Any], settings: Settings) -> str:
    """In what the cut differs from these settings', in words; empty where it does not."""
    theirs = cut_of(progress) or {}
    return "; ".join(
        f"{name} {value}, not {getattr(settings, name)}"
        for name, value in theirs.items()
        if value != getattr(settings, name)
    )


def _checked(settings: Settings, source: str) -> Settings:
    if not settings.stages or any(s.side < LEAST_SIDE or s.epochs < 1 for s in settings.stages):
        raise SettingsError(
            f"{source}: every stage needs a side of {LEAST_SIDE} or more, and an epoch"
        )
    if settings.batch < 1 or settings.threads < 0:
        raise SettingsError(f"{source}: batch must be 1 or more, threads 0 or more")
    if settings.seed < 0 or settings.cut_seed < 0:
        raise SettingsError(f"{source}: seed and cut_seed must be 0 or more")
    if settings.validation_share == 1:
        raise SettingsError(f"{source}: validation_share = 1 leaves no faces to learn from")
    _check_changes(settings.augment, source)
    if settings.engine not in ENGINES:
        raise SettingsError(f"{source}: engine = {settings.engine!r} is not {' or '.join(ENGINES)}")
    if settings.network not in NETWORKS:
        raise SettingsError(
            f"{source}: network = {settings.network!r} is not {' or '.join(NETWORKS)}"
        )
    if settings.network == RESIDUAL and settings.engine != "torch":
        raise SettingsError(f'{source}: a residual network needs engine = "torch"')
    if any(stage.kept and settings.engine != "torch" for stage in settings.stages):
        raise SettingsError(f'{source}: kept blocks need engine = "torch"')
    if settings.sharpness < 0 or (settings.sharpness and settings.engine != "torch"):
        raise SettingsError(f'{source}: sharpness must be 0 or more, and needs engine = "torch"')
    if not all(0 <= stage.ease <= 1 for stage in settings.stages):
        raise SettingsError(f"{source}: ease must be 0 to 1")
    if not all(0 <= stage.kept <= MOST_KEPT for stage in settings.stages):
        raise SettingsError(f"{source}: kept must be 0 to {MOST_KEPT}")
    if settings.mixup < 0 or settings.teacher_heat <= 0:
        raise SettingsError(f"{source}: mixup must be 0 or more, teacher_heat above 0")
    for name in (
        "dropout",
        "average",
        "label_weight",
        "smoothing",
        "validation_share",
        "warm_up",
        "teacher_weight",
    ):
        if not 0 <= getattr(settings, name) <= 1:
            raise SettingsError(f"{source}: {name} = {getattr(settings, name)} is not 0 to 1")
    return settings


def _check_changes(changes: Augment, source: str) -> None:
    for part in fields(changes):
        value = getattr(changes, part.name)
        most = 1 if part.name in SHARES else float("inf")
        if not 0 <= value <= most:
            told = "0 to 1" if part.name in SHARES else "0 or more"
            raise SettingsError(f"{source}: {part.name} = {value} is not {told}")


def as_table(record: Any) -> dict[str, Any]:
    """The settings as plain values, for checkpoints and the sidecar."""
    return {part.name: _plain(getattr(record, part.name)) for part in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return as_table(value) if is_dataclass(value) else value


def _filled(kind: type, table: Any, where: str) -> Any:
    """`kind` filled from a table, each value of its default's type."""
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: expected settings by name")
    default = kind()
    for name, value in table.items():
        if name not in {part.name for part in fields(kind)}:
            raise SettingsError(f"{where}: no setting is called {name!r}")
        wanted = type(getattr(default, name))
        if not isinstance(value, (int, float) if wanted is float else wanted):
            raise SettingsError(f"{where}: {name} = {value!r} should be {wanted.__name__}")
    return kind(**table)
