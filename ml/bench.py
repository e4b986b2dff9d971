"""How fast and how large the running system is, beside the loop it set out from.

    python -m ml.bench [--json] [--seconds S] [--model FILE]

Each loop (ml.loops) runs in a process of its own, all pinned to one and the same core, and they
take turns, so that whatever else the machine does falls on both. TensorFlow is needed for the
original's loop only.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO, Any

KERNELS = ("decode", "detector", "classifier")
ROUNDS = 6
REQUIRED_RATIO = 40
MOST_MB = 150
PICTURE = "320x240 JPEG, quality 70, face 82 px wide (far: 57 px)"


class BenchError(RuntimeError):
    """The measurement could not be made, and why."""


class Loop:
    """A loop in its own process, run a while at a time."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self.orders, self.answers = orders, answers
        self.fps: dict[str, list[float]] = {}
        self.cpu_ms: dict[str, list[float]] = {}

    def run(self, step: str, seconds: float) -> float:
        """Frames per second over so many seconds; kept, as is the processor time of a frame."""
        self.orders.write(json.dumps({"step": step, "seconds": seconds}) + "\n")
        self.orders.flush()
        line = self.answers.readline()
        if not line:
            raise BenchError(f"A loop ended in the middle of '{step}'.")
        answer = json.loads(line)
        fps = answer["frames"] / answer["seconds"]
        self.fps.setdefault(step, []).append(fps)
        self.cpu_ms.setdefault(step, []).append(1000 * answer["cpu_seconds"] / answer["frames"])
        return fps

    def typical(self, step: str) -> float:
        return median(self.fps[step])


@contextmanager
def started(name: str, model: Path | None = None, core: int | None = None) -> Iterator[Loop]:
    """The named loop, ready to run, in a child process that ends with the block."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command(name, model, core),
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin and process.stdout
        try:
            if not process.stdout.readline():
                process.wait()
                raise BenchError(f"The {name} loop did not start: {_last_line(errors)}")
            yield Loop(process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def command(name: str, model: Path | None, core: int | None) -> list[str]:
    words = [sys.executable, "-m", "ml.loops", name]
    if model:
        words += ["--model", str(model)]
    if core is not None:
        words += ["--core", str(core)]
    return words


def _last_line(errors: IO[str]) -> str:
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def compare(seconds: float, model: Path | None) -> dict[str, Any]:
    """Both loops in alternating rounds, then the parts of ours; medians over the rounds."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    each = seconds / ROUNDS
    with started("ours", model, core) as ours:
        original = _rounds(ours, each, core)
        for step in ("far", *KERNELS) * 3:
            ours.run(step, each / 2)
    return {
        "ours_fps": round(ours.typical("whole"), 1),
        **_beside(ours, original),
        "far_face_fps": round(ours.typical("far"), 1),
        "kernels_fps": {step: round(ours.typical(step)) for step in KERNELS},
    }


def _rounds(ours: Loop, each: float, core: int | None) -> Loop | None:
    """Ours and the original in turn; the original's loop, or None without TensorFlow."""
    if importlib.util.find_spec("tensorflow") is None:
        say("TensorFlow is not installed (requirements.txt): the original is not measured.")
        for _ in range(ROUNDS):
            ours.run("whole", each)
        return None
    say("Starting the original's loop (TensorFlow takes some seconds)")
    with started("original", core=core) as original:
        for number in range(1, ROUNDS + 1):
            fast, slow = ours.run("whole", each), original.run("whole", each)
            say(f"round {number} of {ROUNDS}: ours {fast:.0f}/s, the original {slow:.1f}/s")
    return original


def _beside(ours: Loop, original: Loop | None) -> dict[str, Any]:
    """The ratio is the median of the rounds' own, whose two halves share their noise.

    By processor time the original comes out better: `predict` waits for its own threads.
    """
    if original is None:
        return {"original_fps": None, "ratio": None, "ratio_rounds": [], "ratio_cpu_time": None}
    fast, slow = ours.fps["whole"], original.fps["whole"]
    ratios = [a / b for a, b in zip(fast, slow, strict=True)]
    cpu_time = median(original.cpu_ms["whole"]) / median(ours.cpu_ms["whole"])
    return {
        "original_fps": round(median(slow), 2),
        "ratio": round(median(ratios), 1),
        "ratio_rounds": [round(ratio, 1) for ratio in ratios],
        "ratio_cpu_time": round(cpu_time, 1),
    }


def worker_memory(model: Path | None) -> dict[str, Any]:
    """What a worker's process holds after fifty snapshots, and that TensorFlow is not in it."""
    done = subprocess.run(command("worker", model, None), capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BenchError(f"The worker's process failed: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def conditions(seconds: float) -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "picture": PICTURE,
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "seconds": seconds,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures for a person: one line each, with what is asked of them."""
    ratio, original = figures["ratio"], figures["original_fps"]
    unknown = "not measured"
    rows = [
        ("ours, JPEG to reading", f"{figures['ours_fps']:.0f} /s", ""),
        ("the original's loop", f"{original:.1f} /s" if original else unknown, ""),
        ("ratio", f"{ratio:.1f} x" if ratio else unknown, f"at least {REQUIRED_RATIO}"),
        ("ratio of processor time", f"{figures['ratio_cpu_time']:.1f} x" if ratio else unknown, ""),
        ("ours, a far face", f"{figures['far_face_fps']:.0f} /s", ""),
    ]
    rows += [(f"  {name} alone", f"{fps} /s", "") for name, fps in figures["kernels_fps"].items()]
    memory = f"{figures['worker_rss_mb']:.0f} MB"
    rows.append((f"memory ({figures['worker_loads']})", memory, f"at most {MOST_MB}"))
    lines = [f"{name:26}{value:>14}   {asked}".rstrip() for name, value, asked in rows]
    return "\n".join([f"One core of {figures['cpu']}; {figures['picture']}", *lines])


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ml.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--seconds", type=float, default=24, help="for each loop (default 24)")
    parser.add_argument("--model", type=Path, help="a .tflite file beside its emotions.json")
    asked = parser.parse_args(arguments)
    if not 0 < asked.seconds <= 3600:
        parser.error("--seconds must be over 0 and at most 3600")
    try:
        figures = {**compare(asked.seconds, asked.model), **worker_memory(asked.model)}
    except BenchError as error:
        say(f"error: {error}")
        return 1
    figures |= conditions(asked.seconds)
    print(json.dumps(figures, indent=2) if asked.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
