"""FER2013 as Kaggle hands it out: one large .csv file, or folders of small images.

Kaggle numbers the expressions in an order of its own, so both readers go by name. A damaged
row or a file that is no image stops the reading and is named.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ml.data import DataError, Faces, label_order, no_votes
from ml.labels import EMOTIONS

KAGGLE_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
KAGGLE_SPLITS = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
CSV_COLUMNS = ("emotion", "pixels", "Usage")
MIXED_SIDE = 96
"""Pictures of different sizes are brought to this side; those of one size stay as they are."""


def read_csv(path: Path) -> Faces:
    """Kaggle's `fer2013.csv`: emotion, pixels, Usage."""
    ours = label_order(list(KAGGLE_LABELS), source=str(path))
    names = tuple(KAGGLE_SPLITS.values())
    images, emotions, splits = [], [], []
    for line, row in _csv_rows(path):
        images.append(_pixels(path, line, row["pixels"]))
        emotions.append(ours[_kaggle_label(path, line, row["emotion"])])
        splits.append(names.index(_kaggle_split(path, line, row["Usage"])))
    if not images:
        raise DataError(f"{path}: holds no images")
    sides = {image.shape for image in images}
    if len(sides) > 1:
        raise DataError(f"{path}: its pictures have different sizes, a row must be cut short")
    return Faces(
        image=np.stack(images),
        emotion=np.array(emotions, np.uint8),
        votes=no_votes(len(images)),
        split=np.array(splits, np.uint8),
        split_names=names,
        source=str(path),
    )


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in CSV_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: not a fer2013.csv, it lacks {', '.join(missing)}")
            for row in reader:
                yield reader.line_num, {name: row[name] or "" for name in CSV_COLUMNS}
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable .csv file ({error})") from error


def _pixels(path: Path, line: int, text: str) -> np.ndarray:
    try:
        values = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}, line {line}: pixels are not all numbers") from error
    side = math.isqrt(len(values))
    if not len(values) or side * side != len(values):
        raise DataError(f"{path}, line {line}: {len(values)} pixels do not make a square")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{path}, line {line}: a pixel is outside 0 to 255")
    return values.astype(np.uint8).reshape(side, side)


def _kaggle_label(path: Path, line: int, text: str) -> int:
    if not text.strip().isdecimal() or int(text) >= len(KAGGLE_LABELS):
        raise DataError(f"{path}, line {line}: emotion {text!r} is not 0 to 6")
    return int(text)


def _kaggle_split(path: Path, line: int, text: str) -> str:
    if text not in KAGGLE_SPLITS:
        known = ", ".join(KAGGLE_SPLITS)
        raise DataError(f"{path}, line {line}: Usage {text!r} is none of {known}")
    return KAGGLE_SPLITS[text]


def read_folder(path: Path) -> Faces:
    """`train/angry/*.jpg`, `test/angry/*.jpg` and so on; or the seven folders with no split."""
    splits = _split_folders(path)
    images: list[np.ndarray] = []
    emotions: list[int] = []
    belongs: list[int] = []
    for number, folder in enumerate(splits.values()):
        for label, file in _labelled_files(folder):
            images.append(_picture(file))
            emotions.append(label)
            belongs.append(number)
    if not images:
        raise DataError(f"{path}: holds no images")
    return Faces(
        image=_one_size(images),
        emotion=np.array(emotions, np.uint8),
        votes=no_votes(len(images)),
        split=np.array(belongs, np.uint8),
        split_names=tuple(splits),
        source=str(path),
    )


def _split_folders(path: Path) -> dict[str, Path]:
    inside = _folders(path)
    if not inside:
        raise DataError(f"{path}: expected folders such as train/angry and test/angry")
    if any(folder.name.lower() in EMOTIONS for folder in inside):
        return {"all": path}
    return {folder.name: folder for folder in inside}


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name[0] != ".")


def _labelled_files(folder: Path) -> Iterator[tuple[int, Path]]:
    found = {entry.name.lower(): entry for entry in _folders(folder)}
    label_order(sorted(found), source=str(folder))
    for label, name in enumerate(EMOTIONS):
        for file in sorted(found[name].iterdir()):
            if not file.name.startswith("."):
                yield label, file


def _picture(file: Path) -> np.ndarray:
    content = np.frombuffer(file.read_bytes(), np.uint8) if file.is_file() else None
    if content is None or not content.size:
        raise DataError(f"{file}: not an image")
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise DataError(f"{file}: not an image OpenCV can read") from error
    if picture is None:
        raise DataError(f"{file}: not an image")
    return picture


def _one_size(pictures: list[np.ndarray]) -> np.ndarray:
    if len({picture.shape for picture in pictures}) == 1:
        return np.stack(pictures)
    side = (MIXED_SIDE, MIXED_SIDE)
    return np.stack([cv2.resize(p, side, interpolation=cv2.INTER_AREA) for p in pictures])
