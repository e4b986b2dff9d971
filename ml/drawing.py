"""Small figures as SVG: a confusion table and lines, written by hand so that nothing is installed.

Every figure stands on its own white ground, so that it is read alike in a light and a dark page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

INK, FAINT = "#1f2933", "#d5dae0"
COLOURS = ("#2563a8", "#c2571a", "#3f7d3b", "#7a4fa3", "#8a6d1f", "#5b6770")
"""Told apart by people with any colour vision, and each line carries its name as well."""
CELL, LABELS = 56, 84
WIDTH, HEIGHT, SIDES = 640, 380, 60

Points = Sequence[tuple[float, float]]
Place = Callable[[tuple[float, float]], tuple[float, float]]


def confusion(labels: Sequence[str], table: np.ndarray) -> str:
    """A row per true expression, a column per reading; each cell the share of its row."""
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    size = LABELS + CELL * len(labels)
    parts = [_text(LABELS + CELL * len(labels) / 2, 16, "read as", anchor="middle")]
    for k, label in enumerate(labels):
        middle = LABELS + CELL * (k + 0.5)
        parts.append(_text(middle, LABELS - 12, label, anchor="middle"))
        parts.append(_text(LABELS - 8, middle + 4, label, anchor="end"))
        for column, share in enumerate(shares[k]):
            parts.append(_cell(LABELS + CELL * column, LABELS + CELL * k, share))
    return _svg(size + 8, size + 8, parts, "Which expressions are read as which, in percent")


def _cell(x: float, y: float, share: float) -> str:
    ink = "#ffffff" if share > 0.65 else INK
    box = (
        f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" fill="{COLOURS[0]}" '
        f'fill-opacity="{0.04 + 0.96 * share:.2f}"/>'
    )
    words = _text(x + CELL / 2 - 1, y + CELL / 2 + 4, f"{share:.0%}", anchor="middle", ink=ink)
    return box + words


def lines(
    series: Mapping[str, Points], *, title: str, across: str, up: str, shares: bool = True
) -> str:
    """Named lines over one pair of axes, as wide as their values.

    Upwards go shares, in percent; across too, or with `shares` off whole numbers.
    """
    everything = np.array([point for points in series.values() for point in points], float)
    low, high = everything.min(axis=0), everything.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    scale = np.array([WIDTH - 3.2 * SIDES, HEIGHT - 2 * SIDES])

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = (np.array(point) - low) / span * scale
        return SIDES + float(x), HEIGHT - SIDES - float(y)

    parts = [_text(SIDES, 24, title), _text(WIDTH / 2, HEIGHT - 14, across, anchor="middle")]
    parts.append(_text(SIDES, 46, up))
    parts += _axis(low, span, place, shares)
    for k, (name, points) in enumerate(series.items()):
        parts += _line(name, [place(point) for point in points], COLOURS[k % len(COLOURS)])
    return _svg(WIDTH, HEIGHT, parts, title)


def _axis(low: np.ndarray, span: np.ndarray, place: Place, shares: bool) -> list[str]:
    parts = []
    for part in np.linspace(0, 1, 6):
        y = low[1] + span[1] * part
        _, level = place((low[0], y))
        end = WIDTH - 2.2 * SIDES
        parts.append(f'<path d="M{SIDES} {level:.1f}H{end:.1f}" stroke="{FAINT}" fill="none"/>')
        parts.append(_text(SIDES - 8, level + 4, f"{100 * y:.0f} %", anchor="end"))
    steps = low[0] + span[0] * np.linspace(0, 1, 6)
    for x in steps if shares else np.unique(np.round(steps)):
        at, _ = place((x, low[1]))
        across = f"{100 * x:.0f} %" if shares else f"{x:.0f}"
        parts.append(_text(at, HEIGHT - SIDES + 20, across, anchor="middle"))
    return parts


def _line(name: str, places: list[tuple[float, float]], colour: str) -> list[str]:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    end_x, end_y = places[-1]
    return [
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>',
        _text(end_x + 6, end_y + 4, name, ink=colour),
    ]


def _text(x: float, y: float, words: str, *, anchor: str = "start", ink: str = INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}">{escape(words)}</text>'
    )


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="13" '
        f'role="img"><title>{escape(title)}</title>'
    )
    ground = f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"
