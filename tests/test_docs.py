"""What is written down is true: settings, commands, and that pages load nothing from elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.management import get_commands

from tests.running import ROOT
from tests.settings import SET_ASIDE

READERS = {"text", "flag", "number", "whole", "choice", "zone", "listing", "secret"}
# Django's own, set for it by manage.py and the like; nobody configures the product with it.
NOT_OURS = {"DJANGO_SETTINGS_MODULE"}
DOCUMENTED = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)
ELSEWHERE = re.compile(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
LINK = re.compile(r"<a\s[^>]*>", re.IGNORECASE)
# Names of XML languages, which nothing fetches.
NAMESPACES = ("http://www.w3.org",)


def variables_in(source: str) -> set[str]:
    """Environment variables that the source reads."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            found |= names_read(ast.unparse(node.func), node.args[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            found |= names_read(ast.unparse(node.value), node.slice)
    return found - NOT_OURS


def names_read(reader: str, argument: ast.expr) -> set[str]:
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return set()
    if reader == "env.secret":
        return {argument.value, f"{argument.value}_FILE"}
    ours = {f"env.{name}" for name in READERS}
    if reader in ours | {"os.environ", "os.environ.get", "os.getenv", "environ.get"}:
        return {argument.value}
    return set()


def read_anywhere() -> set[str]:
    files = (
        p
        for name in ("classroom", "emotions", "dashboard", "ml")
        for p in (ROOT / name).rglob("*.py")
    )
    return set().union(*(variables_in(path.read_text("utf-8")) for path in files))


def test_every_variable_is_documented_and_every_documented_one_is_read():
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert set(DOCUMENTED.findall(page)) == read_anywhere()


def test_no_variable_of_the_persons_own_shell_reaches_the_tests():
    chosen_by_the_run = {"DATA_DIR", "DATABASE_URL", "REDIS_URL"}
    assert read_anywhere() - chosen_by_the_run <= set(SET_ASIDE)


def test_a_variable_is_seen_however_it_is_read():
    source = "env.flag('A', True); os.environ['B']; os.getenv('C'); env.secret('D')\n"
    assert variables_in(source) == {"A", "B", "C", "D", "D_FILE"}
    assert variables_in("os.environ['E'] = 'x'; words['F']") == set()


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_make_targets_that_are_written_down_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in pages():
        named = set(re.findall(r"(?:`|^    )make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, page.name


def test_commands_that_are_written_down_exist():
    for page in pages():
        named = set(re.findall(r"manage\.py ([a-z_]+)", page.read_text("utf-8")))
        assert named <= set(get_commands()), page.name


def test_links_between_pages_lead_somewhere():
    for page in pages():
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def our_pages() -> Iterator[Path]:
    yield from (ROOT / "templates").rglob("*.html")
    for kind in ("*.css", "*.js", "*.svg", "*.html"):
        files = (ROOT / "static").rglob(kind)
        yield from (path for path in files if "vendor" not in path.parts)


def hosts_in(text: str) -> list[str]:
    """Other hosts that the text would load from; where a link leads does not count."""
    found = [match[0] for match in ELSEWHERE.finditer(LINK.sub("", text))]
    return [each for each in found if not each.startswith(NAMESPACES)]


def test_pages_load_nothing_from_another_host():
    found = {path.name: hosts_in(path.read_text("utf-8")) for path in our_pages()}
    assert {name: hosts for name, hosts in found.items() if hosts} == {}


def test_another_host_is_seen():
    assert hosts_in('<script src="https://cdn.example.org/x.js">')
    assert hosts_in("@import url(//fonts.example.org/inter.css)")
    assert not hosts_in('<a class="source" href="https://eur-lex.europa.eu/eli/reg/2024/1689">')
    assert not hosts_in('<svg xmlns="http://www.w3.org/2000/svg">')


def test_every_static_file_that_a_page_names_is_there():
    missing = set()
    for page in (ROOT / "templates").rglob("*.html"):
        for name in re.findall(r"{% static ['\"]([^'\"]+)['\"]", page.read_text("utf-8")):
            if not finders.find(name):
                missing.add(f"{page.name}: {name}")
    assert missing == set()


def test_every_module_that_a_script_imports_is_there():
    missing = set()
    for script in (ROOT / "static/js").rglob("*.js"):
        for name in re.findall(r"from \"(\.[^\"]+)\"", script.read_text("utf-8")):
            if not (script.parent / name).is_file():
                missing.add(f"{script.name}: {name}")
    assert missing == set()
