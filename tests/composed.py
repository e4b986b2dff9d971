"""docker-compose.yml and the Dockerfile as data, and their services started without Docker.

What Docker would do is done by hand: the files that the image would hold in a folder of their own,
no variables but the service's, its own command, secrets as files. Only places change: service
names to ports of this machine, /run/secrets and the data folder to temporary ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.running import ROOT

WORD = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
STATED = {"SITE": "localhost", "EXPRESSION_ANALYSIS": "on"}
STOP_S = 60


def source() -> str:
    return (ROOT / "docker-compose.yml").read_text("utf-8")


def compose(stated: dict[str, str] | None = None) -> dict[str, Any]:
    """The file as Docker Compose reads it with these variables in the shell."""
    given = STATED if stated is None else stated

    def value(match: re.Match[str]) -> str:
        name, how, otherwise = match.groups()
        if given.get(name):
            return given[name]
        if how == "?":
            raise KeyError(f"{name}: {otherwise}")
        return otherwise or ""

    return filled(yaml.safe_load(source()), value)


def filled(node: Any, value: Any) -> Any:
    if isinstance(node, dict):
        return {key: filled(each, value) for key, each in node.items()}
    if isinstance(node, list):
        return [filled(each, value) for each in node]
    return WORD.sub(value, node) if isinstance(node, str) else node


def words_of_the_shell() -> set[str]:
    return {match[1] for match in WORD.finditer(source())}


def stages() -> dict[str, list[tuple[str, str]]]:
    """The Dockerfile's instructions by stage; the first of each is its FROM."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    found: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            found[rest.split()[-1]] = []
        found[list(found)[-1]].append((instruction, " ".join(rest.split())))
    return found


def copied(stage: str) -> list[str]:
    """What the stage takes from the project's folder, or from one that was filled from it."""
    lines = [rest for instruction, rest in stages()[stage] if instruction == "COPY"]
    kept = [re.sub(r"^--from=installed /app/", "", line) for line in lines]
    return [source for line in kept if not line.startswith("--") for source in line.split()[:-1]]


def image(place: Path) -> Path:
    """A folder with the files that the image would hold, and no others."""
    for name in copied("app"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place


class Container:
    """One process of a service, until `stop`."""

    def __init__(
        self, service: str, image: Path, place: Path, names: dict[str, str], *extra: str
    ) -> None:
        self.settings = compose()["services"][service]
        self.image = image
        self.place = place
        place.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        for name, value in self.settings["environment"].items():
            for inside, here in names.items():
                value = value.replace(inside, here)
            self.environment[name] = value.replace("/tmp/pulse", str(place / "data"))
        self.process = self.start(*self.settings["command"], *extra)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.place / "out").open("wb") as out, (self.place / "err").open("wb") as err:
            return subprocess.Popen(
                python(command), cwd=self.image, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip

    def health(self, *extra: str) -> subprocess.CompletedProcess[str]:
        """What the service's own health check says."""
        command = [*self.settings["healthcheck"]["test"][1:], *extra]
        return subprocess.run(
            python(command), cwd=self.image, env=self.environment, capture_output=True, text=True
        )

    @property
    def said(self) -> str:
        return (self.place / "out").read_text() + (self.place / "err").read_text()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def python(command: list[str] | tuple[str, ...]) -> list[str]:
    assert command[0] == "python"
    return [sys.executable, *command[1:]]
