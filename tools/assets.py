"""Copies what the pages load from node_modules into static/vendor, which git ignores.

Nothing in the browser comes from another host, so fonts, icons, Plotly and the face detector's
model are installed by npm from the lock file and served by us. Safe to repeat: a file that is
already right is left alone, so its time, and with it the browser's cache, stays.
"""

from __future__ import annotations

import gzip
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
ICONS = Path(__file__).with_name("icons.txt")

INTER = "@fontsource-variable/inter"
DEVANAGARI = "@fontsource-variable/noto-sans-devanagari"
FONTS = (
    (INTER, "inter-latin"),
    (INTER, "inter-latin-ext"),
    (DEVANAGARI, "noto-sans-devanagari-devanagari"),
)
COPIES = {
    "plotly-basic.min.js": "plotly.js-basic-dist-min/plotly-basic.min.js",
    "models/face_detection_short_range.tflite": (
        "@mediapipe/face_detection/face_detection_short_range.tflite"
    ),
    **{
        f"fonts/{subset}-wght-normal.woff2": f"{package}/files/{subset}-wght-normal.woff2"
        for package, subset in FONTS
    },
    "LICENSES/plotly.txt": "plotly.js-basic-dist-min/LICENSE",
    "LICENSES/inter.txt": f"{INTER}/LICENSE",
    "LICENSES/noto-sans-devanagari.txt": f"{DEVANAGARI}/LICENSE",
    "LICENSES/lucide.txt": "lucide-static/LICENSE",
}
# The package carries no licence text of its own, only this name for it in package.json.
FACE_MODEL_LICENCE = """face_detection_short_range.tflite

From the npm package @mediapipe/face_detection, by Google, licensed under the Apache License,
Version 2.0. The licence's text: https://www.apache.org/licenses/LICENSE-2.0
Model card: https://developers.google.com/mediapipe/solutions/vision/face_detector
"""


def main() -> int:
    try:
        wanted = everything()
    except FileNotFoundError as error:
        print(f"{error.filename} is missing. Run 'npm ci', then this again.", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    written = sum(put(VENDOR / name, content) for name, content in wanted.items())
    print(f"assets: {len(wanted)} files in static/vendor, {written} written")
    return 0


def everything() -> dict[str, bytes]:
    """Every file of static/vendor by name."""
    files = {name: (MODULES / source).read_bytes() for name, source in COPIES.items()}
    files["icons.svg"] = sprite(icon_names(ICONS.read_text(encoding="utf-8"))).encode()
    files["LICENSES/face_detection.txt"] = FACE_MODEL_LICENCE.encode()
    # Whitenoise serves a .gz beside its file: 1.2 MB of Plotly travel as 0.4 MB.
    # No time inside the archive: the same input gives the same bytes.
    files["plotly-basic.min.js.gz"] = gzip.compress(files["plotly-basic.min.js"], mtime=0)
    return files


def icon_names(listing: str) -> list[str]:
    lines = (line.strip() for line in listing.splitlines())
    return sorted({line for line in lines if line and not line.startswith("#")})


def sprite(names: list[str]) -> str:
    """One file with a symbol for each icon, drawn in the text's own colour."""
    symbols = "\n".join(symbol(name) for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'


def symbol(name: str) -> str:
    file = MODULES / "lucide-static" / "icons" / f"{name}.svg"
    if (MODULES / "lucide-static").is_dir() and not file.is_file():
        raise ValueError(f"tools/icons.txt names {name!r}, which Lucide does not have.")
    drawing = re.search(r"<svg[^>]*>(.*)</svg>", file.read_text(encoding="utf-8"), re.DOTALL)
    if drawing is None:
        raise ValueError(f"{file} is not an SVG picture.")
    lines = "".join(line.strip() for line in drawing[1].splitlines())
    return (
        f'<symbol id="lucide-{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        f'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">{lines}</symbol>'
    )


def put(place: Path, content: bytes) -> bool:
    """Write the file whole or not at all; False where it is right already."""
    if place.is_file() and place.read_bytes() == content:
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.new")
    fresh.write_bytes(content)
    fresh.replace(place)
    return True


if __name__ == "__main__":
    sys.exit(main())
