"""Takes the pictures in docs/screenshots: every page, wide and phone, light and dark.

Starts a server of its own on temporary data and walks past every page as tests/tour.py does, with a
practice class of thirty that has run for a while (so every picture of a class says *Simulated*).
`make screenshots`, or `python tools/screenshots.py --minutes 8 --to FOLDER --only live report`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402  (after the path and the settings)
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.camera import FakeCamera  # noqa: E402
from tests.conftest import BROWSER_FLAGS, needs_chromium  # noqa: E402
from tests.looks import SHAPES, Shape  # noqa: E402
from tests.running import Served  # noqa: E402
from tests.tour import Tour  # noqa: E402

# Flat areas and a few hues: a picture of a page needs no more, and is a third of the size. Grounds
# keep their exact colour; the others are chosen to cover all hues, down to a swatch's few pixels.
EXACT, COLOURS = 48, 160
SETTLE_MS = 400
SMALL = tuple(Shape(scheme, 320, 160, scheme) for scheme in ("light", "dark"))
README_PICTURE = ("live", "wide-light", "live.png")

HEIGHT = "document.documentElement.scrollHeight"
# What is laid over a page belongs to the window, so that the window is what is pictured.
OVER = "document.querySelector('dialog[open], details.menu[open]') !== null"


def picture(page: Page, shape: Shape) -> bytes:
    """The whole page, as on a screen that is tall enough: a bar at its foot stays there."""
    shape.put_on(page)
    if not page.evaluate(OVER):
        height = max(shape.height, page.evaluate(HEIGHT))
        page.set_viewport_size({"width": shape.width, "height": height})
    page.wait_for_timeout(SETTLE_MS)
    return page.screenshot()


def save(png: bytes, path: Path) -> None:
    """In few colours, each pixel in the nearest (Pillow's own search is not exact)."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    codes = np.asarray(image).reshape(-1, 3).astype(int) @ (65536, 256, 1)
    found, where = np.unique(codes, return_inverse=True)
    used = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    few = palette(image)
    nearest = ((used[:, None] - few) ** 2).sum(axis=2).argmin(axis=1)
    drawn = nearest[where.ravel()].astype(np.uint8).reshape(image.height, image.width)
    made = Image.fromarray(drawn, "P")
    made.putpalette(few.astype(np.uint8).tobytes())
    made.save(path, optimize=True)


def palette(image: Image.Image) -> np.ndarray:
    counted = sorted(image.getcolors(image.width * image.height) or [], reverse=True)
    exact = [colour for _, colour in counted[:EXACT]]
    wide = image.quantize(COLOURS - EXACT, method=Image.Quantize.MAXCOVERAGE).getpalette()
    return np.array([*exact, *np.reshape(wide, (-1, 3))], dtype=int)


def take_all(tour: Tour, folder: Path, only: list[str]) -> None:
    for stop in tour.stops():
        if only and stop.name not in only:
            continue
        page = tour.open(stop)
        for shape in SMALL if stop.name == "pop-out" else SHAPES:
            save(picture(page, shape), folder / f"{stop.name}-{shape.name}.png")
            if (stop.name, shape.name) == README_PICTURE[:2]:
                shape.put_on(page)
                save(page.screenshot(), folder / README_PICTURE[2])
        page.context.close()
        print(stop.name, file=sys.stderr)


def chosen() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--minutes", type=float, default=8, help="how long the practice class runs")
    words.add_argument("--to", type=Path, default=ROOT / "docs" / "screenshots")
    words.add_argument("--only", nargs="+", default=[], metavar="NAME", help="pages by their name")
    return words.parse_args()


def main() -> None:
    wanted = chosen()
    wanted.to.mkdir(parents=True, exist_ok=True)
    django.setup()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = FakeCamera(Path(folder) / "camera.y4m")
        camera.show_face()
        flags = [*BROWSER_FLAGS, "--no-sandbox", f"--use-file-for-fake-video-capture={camera.path}"]
        browser = playwright.chromium.launch(executable_path=needs_chromium(), args=flags)
        served = Served(data=Path(folder) / "data").wait()
        try:
            tour = Tour(browser, served, practice_s=60 * wanted.minutes)
            take_all(tour, wanted.to, wanted.only)
        finally:
            browser.close()
            served.stop()
    total = sum(path.stat().st_size for path in wanted.to.glob("*.png"))
    print(f"{total / 1e6:.1f} MB in {wanted.to}", file=sys.stderr)


if __name__ == "__main__":
    main()
