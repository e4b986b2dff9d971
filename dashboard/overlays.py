"""The unfilled charts, and what is drawn over them: markers, pauses, quiet work, "Simulated"."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from dashboard.figures import Chart

MARKER_LENGTH = 24
LEVELS = (0.4, 0.7, 1.0)
SHOWN_S = 20 * 60
LATE_SHARE = 0.2

BASE = {
    "margin": {"l": 40, "r": 76, "t": 22, "b": 24},
    "showlegend": False,
    "hovermode": "x",
    "dragmode": False,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "xaxis": {"type": "date", "tickformat": "%H:%M", "showgrid": False, "fixedrange": True},
}


def mood_skeleton(go: Any) -> Any:
    area = go.Scatter(
        mode="lines", line={"width": 1.5}, stackgaps="infer zero", hoverinfo="skip", y=[]
    )
    # An unseen line: unseen markers would be an element for every point.
    hover = go.Scatter(mode="lines", line={"width": 0}, meta={"token": "hover"}, y=[])
    axis = {
        "range": [0, 100],
        "tickvals": [0, 50, 100],
        "ticktext": ["0", "50", "100 %"],
        "fixedrange": True,
        "zeroline": False,
    }
    return go.Figure([area, hover], BASE | {"yaxis": axis})


def engagement_skeleton(go: Any) -> Any:
    """The score itself is hidden; three faint guides say low, usual and high."""
    line = go.Scatter(
        mode="lines",
        line={"width": 2},
        connectgaps=False,
        hoverinfo="skip",
        meta={"token": "ink"},
        y=[],
    )
    bars = go.Bar(
        yaxis="y2",
        width=50_000,
        offset=0,
        hovertemplate="%{text}<extra></extra>",
        textposition="none",
        meta={"token": "accent"},
        x=[],
        y=[],
    )
    levels = {
        "domain": [0.28, 1],
        "range": [0, 1.08],
        "tickvals": list(LEVELS),
        "fixedrange": True,
        "zeroline": False,
    }
    taps = {
        "domain": [0, 0.22],
        "rangemode": "tozero",
        "showticklabels": False,
        "showgrid": False,
        "fixedrange": True,
    }
    return go.Figure([line, bars], BASE | {"yaxis": levels, "yaxis2": taps})


def add(figure: dict[str, Any], drawn: Chart, *, labels: bool) -> None:
    """Draw markers and bands through the chart; only the upper chart carries their labels."""
    layout = figure["layout"]
    layout["shapes"], layout["annotations"] = [], []
    span = drawn.begins_and_ends
    for band in drawn.bands:
        layout["shapes"].append(band_shape(band.kind, local(band.starts_at), local(band.ends_at)))
        if labels:
            layout["annotations"].append(label(band_word(band.kind), band.starts_at, span))
    for mark in drawn.marks:
        if mark.kind != "note":
            continue
        layout["shapes"].append(marker_shape(local(mark.at)))
        if labels:
            layout["annotations"].append(label(cut(mark.text), mark.at, span))
    if drawn.simulated:
        layout["annotations"].append(ribbon(drawn.simulated))
    first, last = (local(at) for at in span) if span else ("", "")
    layout["meta"] = {"from": first, "to": last, "simulated": bool(drawn.simulated)}


def local(epoch: float) -> str:
    at = timezone.localtime(datetime.fromtimestamp(epoch, UTC))
    return at.strftime("%Y-%m-%d %H:%M:%S")


def cut(text: str) -> str:
    text = text or _("Marker")
    return text if len(text) <= MARKER_LENGTH else f"{text[: MARKER_LENGTH - 1]}…"


def band_word(kind: str) -> str:
    return {"pause": _("Paused"), "quiet": _("Quiet work")}[kind]


def marker_shape(at: str) -> dict[str, Any]:
    line = {"width": 1, "dash": "dash"}
    return {
        "type": "line",
        "name": "marker",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": line,
    }


def band_shape(kind: str, begins: str, ends: str) -> dict[str, Any]:
    return {
        "type": "rect",
        "name": kind,
        "layer": "below",
        "x0": begins,
        "x1": ends,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"width": 0},
    }


def label(text: str, at: float, span: tuple[float, float] | None) -> dict[str, Any]:
    """Plotly reads tags in its labels, so what a teacher wrote is escaped.

    Close to the right end it stands to the left of its moment, where there is room for it.
    """
    begins, ends = span or (at, at)
    late = ends - at < LATE_SHARE * min(ends - begins, SHOWN_S)
    return {
        "name": "label",
        "text": escape(text, quote=False),
        "x": local(at),
        "y": 1,
        "yref": "paper",
        "xanchor": "right" if late else "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def end_label(text: str, token: str, y: float) -> dict[str, Any]:
    return {
        "name": f"end-{token}",
        "text": text,
        "x": 1,
        "xref": "paper",
        "y": round(y, 1),
        "xanchor": "left",
        "xshift": 6,
        "showarrow": False,
    }


def ribbon(text: str) -> dict[str, Any]:
    """Inside the figure, so that a screenshot carries it."""
    return {
        "name": "simulated",
        "text": text,
        "x": 0.005,
        "y": 0.97,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
    }
