"""The colours of the pages, recomputed from tokens.css.

Contrast is WCAG 2's. Whether two bands of the mood chart can be told apart is measured by CIEDE2000
(Sharma, Wu and Dalal 2005), for normal sight and for the three dichromacies as Machado, Oliveira
and Fernandes (2009, doi:10.1109/TVCG.2009.113, their matrices for severity 1.0) simulate them. The
lines are those of the brief: any two bands at least 13 apart in light and 11 in dark for every eye,
neighbours in the stack 21 and 18. Written text needs 4.5:1, marks and edges 3:1.
"""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise
from pathlib import Path
from unittest import TestCase

import numpy as np

TOKENS = Path(__file__).parent.parent / "static/css/tokens.css"
STYLES = TOKENS.parent
# Everything that words are written in, and everything that they are written on.
INKS = ("ink", "ink-2", "ink-3", "accent", "danger")
GROUNDS = ("page", "surface", "sunken", "steady-tint", "mixed-tint", "check-tint")
ON_COLOUR = {"on-accent": "accent", "on-danger": "danger"}
ON_TINT = {"steady": "steady-tint", "mixed": "mixed-tint", "check": "check-tint"}
MARKS = ("steady-mark", "mixed-mark", "check-mark")
TEXT, GRAPHICS = 4.5, 3.0
SEVEN = ("happy", "surprise", "neutral", "sad", "fear", "angry", "disgust", "unknown")
SIMPLE = ("happy", "surprise", "neutral", "low", "unknown")
SIGHTS = {
    "normal": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def blocks() -> dict[str, dict[str, str]]:
    text = TOKENS.read_text(encoding="utf-8")
    light = text[text.index(":root {") : text.index("@media (prefers-color-scheme: dark)")]
    dark = text[text.index("@media (prefers-color-scheme: dark)") :]
    by_system, by_choice = dark.split(':root[data-theme="dark"] {')
    parts = {"light": light, "dark": by_system, "chosen dark": by_choice.split("@media")[0]}
    pattern = re.compile(r"--([a-z0-9-]+):\s*([^;]+);")
    return {name: dict(pattern.findall(part)) for name, part in parts.items()}


def declared(*names: str) -> set[str]:
    """What our style sheets say for these properties, without the tokens' own file."""
    pattern = re.compile(rf"(?:^|[\s;{{])(?:{'|'.join(names)}):\s*([^;}}]+)")
    sheets = [path for path in STYLES.glob("*.css") if path != TOKENS]
    return {
        value.removesuffix("!important").strip()
        for sheet in sheets
        for value in pattern.findall(sheet.read_text(encoding="utf-8"))
    }


def tokens_in(values: set[str]) -> set[str]:
    return {token for value in values for token in re.findall(r"var\(--([a-z0-9-]+)\)", value)}


def mixed(theme: dict[str, str], mix: str) -> str:
    """`color-mix(in srgb, var(--a) 12%, var(--b))`, as the browser works it out."""
    first, percent, second = re.findall(r"--([a-z0-9-]+)\) (\d+)%, var\(--([a-z0-9-]+)", mix)[0]
    share = int(percent) / 100
    one, other = (
        [int(theme[token][at : at + 2], 16) for at in (1, 3, 5)] for token in (first, second)
    )
    parts = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return "#" + "".join(f"{part:02X}" for part in parts)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, bright = sorted(float(linear(colour) @ weights) for colour in (one, other))
    return (bright + 0.05) / (dark + 0.05)


def lab(colour: str, sight: str) -> np.ndarray:
    seen = np.clip(SIGHTS[sight] @ linear(colour), 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def hue(a: float, b: float) -> float:
    return math.degrees(math.atan2(b, a)) % 360 if a or b else 0


def hue_step(first: float, second: float) -> float:
    return (second - first + 180) % 360 - 180


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2, h1, h2 = math.hypot(a1, b1), math.hypot(a2, b2), hue(a1, b1), hue(a2, b2)
    step = hue_step(h1, h2) if c1 * c2 else 0
    delta_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(step / 2))
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    h = (h1 + step / 2) % 360 if c1 * c2 else h1 + h2
    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.2 * cos(4 * h - 63)
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / math.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turn = 60 * math.exp(-(((h - 275) / 25) ** 2))
    r = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * math.sin(math.radians(turn))
    parts = ((l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h)
    return math.sqrt(sum(part**2 for part in parts) + r * parts[1] * parts[2])


def cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def least(theme: dict[str, str], pairs: list[tuple[str, str]]) -> float:
    return min(
        ciede2000(lab(theme[one], sight), lab(theme[other], sight))
        for sight in SIGHTS
        for one, other in pairs
    )


class ColourTest(TestCase):
    def setUp(self) -> None:
        self.themes = blocks()

    def test_ciede2000_agrees_with_the_published_pairs(self) -> None:
        """Three of the test data of Sharma, Wu and Dalal."""
        for one, other, told in (
            ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
            ((50, 2.5, 0), (73, 25, -18), 27.1492),
            ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
        ):
            self.assertAlmostEqual(ciede2000(np.array(one), np.array(other)), told, places=3)

    def test_dark_is_the_same_by_system_and_by_choice(self) -> None:
        self.assertEqual(self.themes["dark"], self.themes["chosen dark"])

    def test_words_can_be_read_on_every_ground(self) -> None:
        for theme in ("light", "dark"):
            tokens = self.themes[theme]
            pairs = [(ink, ground) for ink in INKS for ground in GROUNDS]
            for ink, ground in [*pairs, *ON_COLOUR.items(), *ON_TINT.items()]:
                with self.subTest(theme=theme, ink=ink, ground=ground):
                    self.assertGreaterEqual(contrast(tokens[ink], tokens[ground]), TEXT)
            for word, tint in ON_TINT.items():
                self.assertGreaterEqual(contrast(tokens[word], tokens[tint]), 6.9)

    def test_no_style_sheet_writes_in_or_on_another_colour(self) -> None:
        """So that the pairs above are all there are; a swatch or a mark holds no words."""
        inks = {*INKS, *ON_COLOUR, *ON_TINT, *MARKS}
        self.assertLessEqual(tokens_in(declared("color")), inks)
        fills = {*SEVEN, "low", "unknown-hatch", "edge", "ink-2", "veil", *MARKS}
        grounds = {*GROUNDS, *ON_COLOUR.values(), *fills}
        plain = {each for each in declared("background") if "color-mix" not in each}
        self.assertLessEqual(tokens_in(plain), grounds)
        written_out = {each for each in declared("color") if "#" in each or "rgb" in each}
        self.assertEqual(written_out, set())

    def test_words_can_be_read_on_what_is_pressed_or_pointed_at(self) -> None:
        for theme in ("light", "dark"):
            tokens = self.themes[theme]
            for mix in (each for each in declared("background") if "color-mix" in each):
                if "transparent" in mix:
                    continue
                base = re.findall(r"--([a-z0-9-]+)", mix)[0]
                inks = {"ink", "ink-2"} if "surface)" in mix else {f"on-{base}"}
                inks |= {base} & {"accent", "danger"} if "surface)" in mix else set()
                for ink in inks:
                    with self.subTest(theme=theme, mix=mix, ink=ink):
                        self.assertGreaterEqual(contrast(tokens[ink], mixed(tokens, mix)), TEXT)

    def test_edges_and_bands_stand_out_from_their_ground(self) -> None:
        for theme in ("light", "dark"):
            tokens = self.themes[theme]
            bands = [(token, "surface") for token in (*SEVEN[:-1], "low", *MARKS)]
            edges = [("edge", ground) for ground in GROUNDS]
            ring = [("accent", ground) for ground in GROUNDS]
            shapes = [(f"{word}-mark", tint) for word, tint in ON_TINT.items()]
            for token, ground in [*bands, *edges, *ring, *shapes, ("unknown-hatch", "unknown")]:
                with self.subTest(theme=theme, token=token, ground=ground):
                    self.assertGreaterEqual(contrast(tokens[token], tokens[ground]), GRAPHICS)

    def test_any_two_bands_can_be_told_apart_by_every_eye(self) -> None:
        for theme, seven, simple in (("light", 13, 16), ("dark", 11, 11)):
            tokens = self.themes[theme]
            self.assertGreater(least(tokens, list(combinations(SEVEN, 2))), seven)
            self.assertGreater(least(tokens, list(combinations(SIMPLE, 2))), simple)

    def test_neighbours_in_the_stack_differ_most(self) -> None:
        for theme, far in (("light", 21), ("dark", 18)):
            self.assertGreater(least(self.themes[theme], list(pairwise(SEVEN))), far)
