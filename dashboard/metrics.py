"""What the whole installation counts, in the text format that Prometheus reads.

Any web process answers for all: the queue's counters are shared, and every process tells its own
in its heartbeat. The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emotions import meters
from emotions.frames import Counts, frames

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE_S = 3.0

SNAPSHOTS = {
    "offered": "Snapshots that students' pages sent",
    "accepted": "Offered ones that took a place in the queue",
    "replaced": "Offered ones that took the place of the same student's older one",
    "refused": "Offered ones that were turned away",
    "claimed": "Taken from the queue by a worker",
    "expired": "Waited too long and were never looked at",
    "barred": "Dropped from the queue, because their student or lesson is not to be analysed",
    "analysed": "Read by a worker",
    "failed": "Could not be read",
    "barred_claims": "Read, and discarded because not to be analysed any more",
    "lost": "Taken by a worker that did not come back",
}
NOW = {"waiting": "Snapshots waiting for a worker", "in_hand": "Snapshots with a worker"}

Labels = tuple[tuple[str, str], ...]
Samples = Iterable[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One name with its meaning and all its values."""

    name: str
    kind: str
    meaning: str
    samples: Samples

    def lines(self) -> Iterator[str]:
        yield f"# HELP classroom_{self.name} {self.meaning}"
        yield f"# TYPE classroom_{self.name} {self.kind}"
        for labels, value in self.samples:
            inside = ",".join(f'{name}="{quoted(word)}"' for name, word in labels)
            yield f"classroom_{self.name}{{{inside}}} {value:.12g}".replace("{} ", " ")


def quoted(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


async def text() -> str:
    """Everything at this moment. A queue or cache that does not answer is said, not raised."""
    counts, workers, webs = await asyncio.gather(
        asyncio.wait_for(frames().counts(), PATIENCE_S),
        asyncio.wait_for(meters.all_beats(), PATIENCE_S),
        asyncio.wait_for(meters.all_beats("web"), PATIENCE_S),
        return_exceptions=True,
    )
    answered = not any(isinstance(each, BaseException) for each in (counts, workers, webs))
    metrics = [Metric("up", "gauge", "1 while queue and heartbeats answer", [((), answered)])]
    if isinstance(counts, Counts):
        metrics += of_queue(counts)
    if isinstance(workers, list) and isinstance(webs, list):
        metrics += of_processes(workers, webs)
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def of_queue(counts: Counts) -> list[Metric]:
    values = counts.as_dict()
    return [
        *(
            Metric(f"snapshots_{name}_total", "counter", meaning, [((), values[name])])
            for name, meaning in SNAPSHOTS.items()
        ),
        *(
            Metric(f"snapshots_{name}", "gauge", meaning, [((), values[name])])
            for name, meaning in NOW.items()
        ),
    ]


def of_processes(workers: list[dict[str, Any]], webs: list[dict[str, Any]]) -> list[Metric]:
    """A web process with the worker inside beats as both; it is one process all the same."""
    beats = {labels_of(beat, "worker")[0]: (labels_of(beat, "worker"), beat) for beat in workers}
    beats |= {labels_of(beat, "web")[0]: (labels_of(beat, "web"), beat) for beat in webs}
    everyone = list(beats.values())
    return [
        Metric("workers", "gauge", "Workers with a heartbeat", [((), len(workers))]),
        Metric("web_processes", "gauge", "Web processes with a heartbeat", [((), len(webs))]),
        gauge("process_memory_bytes", "Resident memory", everyone, "memory_mb", 2**20),
        gauge("inference_seconds", "Reading one snapshot, lately", everyone, "inference_ms", 1e-3),
        gauge("latency_seconds", "From offer to reading, lately", everyone, "latency_ms", 1e-3),
        Metric("events_total", "counter", "What else a process counted", events(everyone)),
    ]


def labels_of(beat: Mapping[str, Any], kind: str) -> Labels:
    return ("process", f"{beat.get('host', '')}:{beat.get('process', '')}"), ("kind", kind)


def gauge(
    name: str, meaning: str, beats: list[tuple[Labels, dict[str, Any]]], key: str, unit: float
) -> Metric:
    known = [(labels, beat[key] * unit) for labels, beat in beats if beat.get(key) is not None]
    return Metric(name, "gauge", meaning, known)


def events(beats: list[tuple[Labels, dict[str, Any]]]) -> Samples:
    for labels, beat in beats:
        for name, value in sorted(beat.get("counters", {}).items()):
            yield (*labels, ("event", name)), value
