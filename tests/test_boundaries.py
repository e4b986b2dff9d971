"""Dependencies point one way, and what serves stays light.

dashboard → emotions → classroom, emotions → ml, and ml knows no Django. The wiring (addresses,
sockets, serving, commands) may see everything; nothing else in classroom looks up.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.running import ROOT

PACKAGES = ("classroom", "emotions", "dashboard", "ml")
FORBIDDEN = {
    "ml": ("django", "channels", "classroom", "emotions", "dashboard"),
    "classroom": ("emotions", "dashboard"),
    "emotions": ("dashboard",),
    "dashboard": (),
}
WIRING = {
    "classroom/asgi.py",
    "classroom/routing.py",
    "classroom/urls.py",
    "classroom/serving.py",
}
TRAINING_ONLY = ("tensorflow", "keras", "torch", "jax", "skimage")


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def imports(source: str) -> set[str]:
    """Full names of what the source imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def breaches(name: str, source: str) -> list[str]:
    """What the module of that name imports and may not."""
    package = name.split("/")[0]
    if name in WIRING or name.startswith("classroom/management/commands/"):
        return []
    return [each for each in sorted(imports(source)) if each.split(".")[0] in FORBIDDEN[package]]


def loaded_by(statement: str) -> set[str]:
    """Top-level names and modules in memory after the statement, in a new process."""
    script = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_every_import_points_the_right_way():
    found = {
        name: wrong
        for path in modules()
        if (wrong := breaches(name := str(path.relative_to(ROOT)), path.read_text("utf-8")))
    }
    assert found == {}


def test_a_wrong_import_is_seen():
    assert breaches("ml/faces.py", "def f():\n    from django.conf import settings")
    assert breaches("emotions/worker.py", "import dashboard.views")
    assert breaches("classroom/lessons.py", "from emotions import frames")
    assert not breaches("classroom/urls.py", "import dashboard.views")
    assert not breaches("dashboard/live.py", "from emotions import words\nimport ml.labels")


SET_UP = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'classroom.settings'; "


def test_web_application_brings_no_training_library():
    loaded = loaded_by(
        "import classroom.asgi, django.urls; django.urls.get_resolver().url_patterns"
    )
    assert not loaded & set(TRAINING_ONLY)


@pytest.mark.skipif(not find_spec("emotions.worker"), reason="there is no worker yet")
def test_worker_brings_no_charts_no_pages_and_no_training_library():
    loaded = loaded_by(SET_UP + "django.setup(); import emotions.worker")
    heavy = set(TRAINING_ONLY) | {"plotly", "daphne", "twisted", "classroom.urls"}
    assert not loaded & heavy
    pages = {name for name in loaded if name.startswith(("classroom.", "emotions.", "dashboard."))}
    assert not {name for name in pages if ".views" in name}


def test_training_library_is_imported_only_where_networks_are_trained():
    for path in modules():
        name = str(path.relative_to(ROOT))
        if name.startswith("ml/"):
            continue
        used = {each.split(".")[0] for each in imports(path.read_text("utf-8"))}
        assert not used & set(TRAINING_ONLY), name
