"""Read the faces in pictures or a video: `python -m ml.predict IMAGE…|FOLDER|VIDEO`.

For a person at a terminal: every face found, how its expression reads or why it cannot be read,
by the same steps as in a lesson. With --out the pictures are written again with that drawn in.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # A person's own photographs are larger than what a browser may send (ml/__init__.py); OpenCV
    # reads its limit as it loads, which the next lines do.
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(120_000_000)

from ml.classifier import DEFAULT, BadModel
from ml.faces import NoFaceModel
from ml.labels import EMOTIONS
from ml.marking import marked, read_faces, written
from ml.reader import Reader
from ml.shots import BadSource, Shot, shots_of

WIDEST_BAR = 20


def lines_of(found: dict[str, Any]) -> list[str]:
    """One picture's faces in words, each with a bar per expression."""
    at = "" if found["at_s"] is None else f" at {found['at_s']:.1f} s"
    count = len(found["faces"])
    faces = "no face found" if not count else f"{count} face{'s' if count > 1 else ''} found"
    lines = [f"{found['source']}{at}: {faces}"]
    for number, face in enumerate(found["faces"], 1):
        lines.append(f"  face {number}: {face['words']}")
        for label in sorted(face["probabilities"], key=lambda one: -face["probabilities"][one]):
            share = face["probabilities"][label]
            lines.append(f"    {label:9}{share:6.1%}  {'#' * round(share * WIDEST_BAR)}")
    if count > 1:
        lines.append("  In a lesson a frame with several near faces is left unread.")
    return lines


def place_for(out: Path, shot: Shot, taken: set[Path], *, alone: bool) -> Path:
    """Where the annotated picture goes: the file named, or a file of its own in the folder.

    Pictures of one name from two folders, and moments of one video within a tenth of a second, are
    numbered; `taken` are the places given so far.
    """
    if alone and out.suffix.lower() in (".jpg", ".jpeg", ".png"):
        return out
    at = "" if shot.at_s is None else f"-{shot.at_s:06.1f}s"
    for number in itertools.count(1):
        again = "" if number == 1 else f"-{number}"
        place = out / f"{shot.source.stem}{at}{again}.read.jpg"
        if place not in taken:
            break
    taken.add(place)
    return place


def read_all(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What was read of each picture; pictures that cannot be opened are told and passed over."""
    reader = Reader.load(options.model)
    alone = len(options.sources) == 1 and options.sources[0].is_file()
    taken: set[Path] = set()
    for shot in shots_of(options.sources, options.every):
        if isinstance(shot, BadSource):
            yield {"source": str(shot.source), "error": str(shot)}
            continue
        faces = read_faces(reader, shot.picture)
        found = {
            "source": str(shot.source),
            "at_s": shot.at_s,
            "faces": [face.told() for face in faces],
        }
        if options.out:
            place = place_for(options.out, shot, taken, alone=alone and shot.at_s is None)
            written(marked(shot.picture, faces), place)
            found["written"] = str(place)
        yield found


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.predict", description=__doc__)
    words = "pictures, folders of pictures, videos"
    parser.add_argument("sources", type=Path, nargs="+", metavar="SOURCE", help=words)
    parser.add_argument("--out", type=Path, help="folder (or file) for the annotated pictures")
    parser.add_argument("--every", type=float, default=1.0, help="seconds of video per reading")
    parser.add_argument("--model", type=Path, default=DEFAULT, help="exported .tflite file")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    options = parser.parse_args(argv)
    if not 0 < options.every <= 3600:
        parser.error("--every must be over 0 and at most 3600 seconds")
    return options


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    told, failed = [], False
    try:
        for found in read_all(options):
            if "error" in found:
                failed = True
                print(f"ml.predict: {found['error']}", file=sys.stderr)
            elif not options.json:
                print("\n".join(lines_of(found)), flush=True)
            told.append(found)
    except (BadModel, NoFaceModel, OSError) as error:
        print(f"ml.predict: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"labels": list(EMOTIONS), "pictures": told}, indent=2))
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
