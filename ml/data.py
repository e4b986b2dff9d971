"""Labelled faces from a file or a folder, checked before anyone trains or measures on them.

Reads FER2013 as an .npz archive (with FER+ votes), as Kaggle's `fer2013.csv` and as folders of
images. Labels are matched by name, never by position, and whatever is wrong with the data is
said in one line that names the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml.labels import EMOTIONS, FERPLUS_COLUMNS

MOST_VOTES = 255
"""As many as the columns can hold; FER+ asked ten taggers a face."""
FEWEST_VOTED = 200
LEAST_AGREED = 0.5
"""FER+ majorities agree with 63 % of FER2013's labels; with two labels swapped far fewer do."""
NPZ_ARRAYS = ("image", "emotion", "classes", "split", "split_names")


class DataError(ValueError):
    """The data cannot be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Faces:
    """Grey faces with their labels; `votes` are FER+ votes for our seven, all zero if unknown.

    `elsewhere` is the most votes that any answer outside our seven got, where that is known.
    """

    image: np.ndarray
    emotion: np.ndarray
    votes: np.ndarray
    split: np.ndarray
    split_names: tuple[str, ...]
    source: str
    elsewhere: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.emotion)

    def take(self, rows: np.ndarray) -> Faces:
        return replace(
            self,
            image=self.image[rows],
            emotion=self.emotion[rows],
            votes=self.votes[rows],
            split=self.split[rows],
            elsewhere=None if self.elsewhere is None else self.elsewhere[rows],
        )

    def majority(self) -> tuple[np.ndarray, np.ndarray]:
        """What most taggers saw, and where that is clear, each of shape (n,).

        Clear is one of our seven with more votes than any other answer, also than contempt,
        "unknown" and "no face" where the file has them.
        """
        ordered = np.sort(self.votes, axis=1)
        clear = ordered[:, -1] > ordered[:, -2]
        if self.elsewhere is not None:
            clear &= ordered[:, -1] > self.elsewhere
        return self.votes.argmax(axis=1), clear

    def as_seen(self) -> Faces:
        """The faces with a clear majority, which takes the label's place; all where none voted."""
        seen, clear = self.majority()
        if not clear.any():
            return self
        return replace(self.take(np.flatnonzero(clear)), emotion=seen[clear].astype(np.uint8))

    def sizes(self) -> dict[str, int]:
        """How many images each split holds, for those that hold any."""
        counts = np.bincount(self.split, minlength=len(self.split_names))
        return {name: int(n) for name, n in zip(self.split_names, counts, strict=True) if n}

    def all_of(self, name: str) -> Faces:
        """The images of one split, whatever they show."""
        sizes = self.sizes()
        if name not in sizes:
            there = ", ".join(f"{known} ({n} images)" for known, n in sizes.items())
            raise DataError(f"{self.source}: no split {name!r}; there is {there}")
        return self.take(np.flatnonzero(self.split == self.split_names.index(name)))

    def part(self, name: str) -> Faces:
        """The images of one split, all seven expressions among them."""
        part = self.all_of(name)
        missing = [label for k, label in enumerate(EMOTIONS) if not (part.emotion == k).any()]
        if missing:
            raise DataError(f"{self.source}: split {name!r} has no image of {', '.join(missing)}")
        return part

    def digest(self) -> str:
        """The same for the same pixels, labels and splits, however they were stored."""
        content = hashlib.sha256()
        for array in (self.image, self.emotion, self.split):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()


def read(path: Path) -> Faces:
    """Read whatever stands at `path`: a folder of images, a .csv or an .npz file."""
    from ml import archives  # it builds on this module

    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir():
        return archives.read_folder(path)
    if path.suffix.lower() == ".csv":
        return archives.read_csv(path)
    if path.suffix.lower() == ".npz":
        return read_npz(path)
    raise DataError(f"{path}: expected an .npz file, a fer2013.csv or a folder of images")


def read_npz(path: Path) -> Faces:
    arrays = _load_arrays(path)
    missing = [name for name in NPZ_ARRAYS if name not in arrays]
    if missing:
        raise DataError(f"{path}: not the expected layout, it lacks {', '.join(missing)}")
    order = label_order([str(name) for name in arrays["classes"].ravel()], source=str(path))
    image, emotion, split = arrays["image"], arrays["emotion"], arrays["split"]
    names = tuple(str(name) for name in arrays["split_names"].ravel())
    _check_image(path, image)
    _check_column(path, "emotion", emotion, rows=len(image), below=len(EMOTIONS))
    _check_column(path, "split", split, rows=len(image), below=len(names))
    votes, elsewhere = _votes(path, arrays, len(image))
    ours = order[emotion.astype(np.intp)]
    _check_agreement(path, ours, votes)
    return Faces(
        image=image,
        emotion=ours,
        votes=votes,
        split=split.astype(np.uint8),
        split_names=names,
        source=str(path),
        elsewhere=elsewhere,
    )


def label_order(names: list[str], *, source: str) -> np.ndarray:
    """Our index for each of the file's labels; refuses any other set of labels."""
    if sorted(names) != sorted(EMOTIONS):
        raise DataError(
            f"{source}: its labels are {', '.join(names) or 'none'}; "
            f"expected the seven {', '.join(EMOTIONS)}"
        )
    return np.array([EMOTIONS.index(name) for name in names], np.uint8)


def no_votes(rows: int) -> np.ndarray:
    return np.zeros((rows, len(EMOTIONS)), np.uint8)


def pixel_keys(image: np.ndarray) -> list[bytes]:
    """One key per picture; equal keys are the same picture, pixel for pixel."""
    return [hashlib.blake2b(face.tobytes(), digest_size=16).digest() for face in image]


def stands_in(faces: Faces, others: Faces) -> np.ndarray:
    """Which of `faces` are, pixel for pixel, also among `others`."""
    known = set(pixel_keys(others.image))
    return np.array([key in known for key in pixel_keys(faces.image)], bool)


def validation_cut(train: Faces, share: float, seed: int) -> tuple[Faces, Faces]:
    """Split training faces in two, every expression in proportion and no picture in both."""
    rng = np.random.default_rng([seed, 5])
    keys = pixel_keys(train.image)
    chosen: set[bytes] = set()
    for label in range(len(EMOTIONS)):
        rows = np.flatnonzero(train.emotion == label)
        take = max(1, round(share * len(rows)))
        chosen.update(keys[row] for row in rng.permutation(rows)[:take])
    held = np.array([key in chosen for key in keys], bool)
    return train.take(np.flatnonzero(~held)), train.take(np.flatnonzero(held))


def _load_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:
        # A flipped bit can raise nearly anything: zlib, tokenize, a password that is wanted.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a readable .npz file ({reason})") from error


def _check_image(path: Path, image: np.ndarray) -> None:
    if image.ndim != 3 or image.dtype != np.uint8:
        raise DataError(
            f"{path}: image is {image.dtype} {image.shape}; expected uint8 (n, height, width)"
        )
    if not image.size:
        raise DataError(f"{path}: holds no images")


def _check_column(path: Path, name: str, column: np.ndarray, *, rows: int, below: int) -> None:
    if column.shape != (rows,) or column.dtype.kind not in "iu":
        raise DataError(
            f"{path}: {name} is {column.dtype} {column.shape}; expected {rows} whole numbers"
        )
    if column.min() < 0 or column.max() >= below:
        raise DataError(
            f"{path}: {name} goes from {column.min()} to {column.max()}; expected 0 to {below - 1}"
        )


def _check_agreement(path: Path, emotion: np.ndarray, votes: np.ndarray) -> None:
    """Refuse labels that the file's own votes speak against: `classes` in another order, say."""
    ordered = np.sort(votes, axis=1)
    clear = ordered[:, -1] > ordered[:, -2]
    agreed = float((votes.argmax(axis=1) == emotion)[clear].mean()) if clear.any() else 1.0
    if clear.sum() >= FEWEST_VOTED and agreed < LEAST_AGREED:
        raise DataError(
            f"{path}: its votes agree with {agreed:.0%} of its labels; "
            "is classes in the order that emotion counts in?"
        )


def _votes(
    path: Path, arrays: dict[str, np.ndarray], rows: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """FER+ columns brought into our order, and the most votes of those naming none of ours."""
    kept = no_votes(rows)
    if "votes" not in arrays or "vote_columns" not in arrays:
        return kept, None
    votes, columns = arrays["votes"], [str(name) for name in arrays["vote_columns"].ravel()]
    if votes.shape != (rows, len(columns)):
        raise DataError(f"{path}: votes is {votes.shape}; expected {(rows, len(columns))}")
    if votes.dtype.kind not in "iu" or np.any((votes < 0) | (votes > MOST_VOTES)):
        raise DataError(
            f"{path}: votes is {votes.dtype}; expected how many taggers chose each column, "
            f"whole numbers from 0 to {MOST_VOTES}"
        )
    others = np.zeros(rows, np.uint8)
    for index, column in enumerate(columns):
        if column in FERPLUS_COLUMNS:
            kept[:, EMOTIONS.index(FERPLUS_COLUMNS[column])] = votes[:, index]
        else:
            others = np.maximum(others, votes[:, index])
    return kept, others
