"""Gathers every text that pages and sockets can say into the translators' files, and compiles them.

`make texts` keeps what is translated, adds what is new with an empty translation, drops what no
source says any more, and never guesses: no entry is fuzzy. Babel does the reading and writing, so
that no gettext program is needed; Django itself says which texts a template holds.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
APPS = ("classroom", "emotions", "dashboard")
NAMES = (
    ("gettext", None),
    ("ngettext", (1, 2)),
    ("pgettext", ((1, "c"), 2)),
    ("npgettext", ((1, "c"), 2, 3)),
)
KEYWORDS = {
    "_": None,
    "gettext_noop": None,
    **{name + ending: places for name, places in NAMES for ending in ("", "_lazy")},
}
HEADER = "# See docs/translating.md; `make texts` keeps this file whole."


class Texts(Catalog):
    """A catalogue whose header holds no dates and no names, so that it is the same tomorrow."""

    def __init__(self, locale: str) -> None:
        super().__init__(locale=locale, header_comment=HEADER, fuzzy=False)

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale_identifier)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def main() -> int:
    missing = 0
    for place in sorted(LOCALE.glob("*/LC_MESSAGES")):
        catalog = renewed(place / "django.po")
        put(place / "django.po", as_po(catalog))
        put(place / "django.mo", as_mo(catalog))
        untold = [message for message in catalog if message.id and not is_translated(message)]
        print(f"{catalog.locale_identifier}: {len(catalog)} texts, {len(untold)} to translate")
        for message in untold:
            print(f"  {first(message.id)!r}  ({place_of(message)})")
        missing += len(untold)
    return 1 if missing else 0


def renewed(file: Path) -> Catalog:
    """What is translated, with the texts as the sources say them now."""
    catalog = read(file)
    kept = {(message.id, message.context): message for message in catalog if message.id}
    fresh = Texts(str(catalog.locale_identifier))
    for message in gathered():
        if not message.id:
            continue
        known = kept.get((message.id, message.context))
        fresh.add(
            message.id,
            string=known.string if known else None,
            locations=message.locations,
            flags=message.flags,
            auto_comments=message.auto_comments,
            user_comments=known.user_comments if known else (),
            context=message.context,
        )
    return fresh


def read(file: Path) -> Catalog:
    with file.open("rb") as source:
        return read_po(source, locale=file.parent.parent.name)


def gathered() -> Catalog:
    """Every text of the sources, in the order of the files."""
    catalog = Catalog()
    for path, line, told, comments, context in found():
        catalog.add(told, locations=[(path, line)], auto_comments=comments, context=context)
    return catalog


def found() -> Iterator[tuple[str, int, str | tuple[str, ...], list[str], str | None]]:
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            text = as_python(text)
        name = path.relative_to(ROOT).as_posix()
        code = io.BytesIO(text.encode())
        for line, told, comments, context in extract("python", code, KEYWORDS, ["Translators:"]):
            yield name, line, told, comments, context


def sources() -> list[Path]:
    files = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    # What migrations say is for developers.
    files = [path for path in files if "migrations" not in path.parts]
    return sorted(files) + sorted((ROOT / "templates").rglob("*.html"))


def as_python(template: str) -> str:
    """Django's own reading of a template: calls of gettext between blanked out words."""
    # The blanked lines are no Python; without their indentation its tokenizer takes them.
    return "\n".join(line.lstrip() for line in templatize(template).split("\n"))


def is_translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return all(strings) and not message.fuzzy


def as_po(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalog, width=100, include_lineno=False)
    return out.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """What Django reads; made from the same catalogue, the same bytes each time."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def put(place: Path, content: bytes) -> None:
    if not place.is_file() or place.read_bytes() != content:
        place.write_bytes(content)


def first(told: str | tuple[str, ...] | list[str]) -> str:
    return told if isinstance(told, str) else told[0]


def place_of(message: Message) -> str:
    return ", ".join(sorted({path for path, _line in message.locations}))


if __name__ == "__main__":
    sys.exit(main())
