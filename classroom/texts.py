"""One line of text as it can be shown: no control characters, no marks that turn text around.

Names with such characters are refused, because somebody chose them; in titles, markers and reasons
they are left out. A NUL or half a surrogate would also be more than a database takes.
"""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"  # Indic scripts and emoji are spelled with these two.
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # Letters, by their category, that show nothing.
BIDI_CONTROLS = set("\u061c\u200e\u200f") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def is_hidden(letter: str) -> bool:
    if letter in JOINERS:
        return False
    kind = unicodedata.category(letter)
    return letter in BLANKS or kind in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def one_line(text: str) -> str:
    """Runs of blanks become one space; what cannot be shown is left out."""
    words = " ".join(text.split())
    return " ".join("".join(letter for letter in words if not is_hidden(letter)).split())
