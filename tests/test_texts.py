"""Every text goes through the catalogue, and every catalogue is whole."""

from __future__ import annotations

import ast
import gettext
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.conf import settings

from classroom import borrowed
from tests.running import ROOT
from tools import texts

PLACES = [texts.LOCALE / code / "LC_MESSAGES" for code, _name in settings.LANGUAGES[1:]]
MARKS = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\w+\}")
of_each_language = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.parent.name)


def messages(place: Path) -> list[Message]:
    return [message for message in texts.read(place / "django.po") if message.id]


def forms(told: str | tuple[str, ...] | list[str]) -> list[str]:
    return [told] if isinstance(told, str) else list(told)


@of_each_language
def test_every_text_of_the_sources_stands_in_the_catalogue_and_nothing_else(place: Path):
    said = {(message.id, message.context) for message in texts.gathered() if message.id}
    assert {(message.id, message.context) for message in messages(place)} == said


def calls(source: str) -> Iterator[str]:
    """What Python code hands to gettext, wherever the call stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            told = node.args[1 if "pgettext" in node.func.id else 0 :][:1]
            if node.func.id in texts.KEYWORDS and told and isinstance(told[0], ast.Constant):
                yield told[0].value


def test_every_call_is_gathered_also_in_odd_places():
    """A call inside an f-string is not seen by what gathers texts."""
    gathered = {texts.first(message.id) for message in texts.gathered()}
    for path in texts.sources():
        if path.suffix == ".py":
            missed = set(calls(path.read_text(encoding="utf-8"))) - gathered
            assert missed == set(), path.name


@of_each_language
def test_no_entry_is_empty_or_fuzzy(place: Path):
    lacking = [message.id for message in messages(place) if not texts.is_translated(message)]
    assert lacking == []


@of_each_language
def test_translations_keep_the_places_of_names_and_numbers(place: Path):
    for message in messages(place):
        wanted = Counter(MARKS.findall(forms(message.id)[-1]))
        for form in forms(message.string):
            assert Counter(MARKS.findall(form)) == wanted, message.id


@of_each_language
def test_sentences_end_as_sentences(place: Path):
    for message in messages(place):
        for one, form in zip(forms(message.id), forms(message.string), strict=False):
            assert one.endswith(".") == form.endswith(("।", ".")), one
            assert one.endswith("?") == form.endswith("?"), one
            assert one.endswith("…") == form.endswith("…"), one


@of_each_language
def test_the_compiled_catalogue_is_the_written_one(place: Path):
    written = texts.renewed(place / "django.po")
    assert (place / "django.po").read_bytes() == texts.as_po(written), "run make texts"
    assert (place / "django.mo").read_bytes() == texts.as_mo(written), "run make texts"


def test_the_compiled_catalogue_is_read_by_python():
    with (texts.LOCALE / "hi/LC_MESSAGES/django.mo").open("rb") as file:
        hindi = gettext.GNUTranslations(file)
    assert hindi.gettext("Steady") == "स्थिर"
    assert hindi.ngettext("%(count)d flag", "%(count)d flags", 2) == "%(count)d संकेत"


def test_what_is_new_comes_empty_and_what_is_gone_goes(tmp_path: Path):
    place = tmp_path / "hi" / "LC_MESSAGES"
    place.mkdir(parents=True)
    old = texts.Texts("hi")
    old.add("Steady", string="स्थिर")
    old.add("Never said anywhere", string="कहीं नहीं")
    (place / "django.po").write_bytes(texts.as_po(old))
    new = texts.renewed(place / "django.po")
    assert new.get("Steady").string == "स्थिर"
    assert new.get("Never said anywhere") is None
    assert not texts.is_translated(new.get("Mixed")) and not new.get("Mixed").fuzzy


def test_borrowed_sentences_are_still_django_s_own():
    said = set()
    for app in ("conf", "contrib/auth"):
        file = Path(django.__file__).parent / app / "locale/en/LC_MESSAGES/django.po"
        with file.open("rb") as source:
            said |= {texts.first(message.id) for message in read_po(source)}
    assert {*borrowed.PLAIN, *borrowed.counted(1)} <= said


# What would be shown without asking the catalogue.

TAGS = re.compile(
    r"{%\s*comment.*?endcomment\s*%}|{%\s*blocktranslate.*?endblocktranslate\s*%}"
    r"|{%\s*block \w+_class\s*%}.*?endblock\s*%}|{%.*?%}|{{.*?}}|<kbd.*?</kbd>",
    re.DOTALL,
)
SHOWN_ATTRIBUTE = re.compile(r'\b(?:alt|title|placeholder|aria-label)="([^"]*)"')


@pytest.mark.parametrize("page", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: p.name)
def test_no_template_says_anything_by_itself(page: Path):
    bare = TAGS.sub(" ", page.read_text(encoding="utf-8"))
    shown = [re.sub(r"<[^>]*>", " ", bare), *SHOWN_ATTRIBUTE.findall(bare)]
    assert [text.strip() for text in shown if re.search(r"[A-Za-z]{2}", text)] == []


def test_scripts_hold_no_sentences():
    sentence = re.compile(r"""["'`][A-Z][a-z]+ [a-z]+[^"'`]*["'`]""")
    for script in sorted((ROOT / "static/js").rglob("*.js")):
        code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", script.read_text("utf-8"), flags=re.DOTALL)
        assert sentence.findall(code) == [], script.name
