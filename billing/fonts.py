"""Fonts of the documents: which letters can be printed, and by which fonts.

The fonts that come with the drawing program are the same on every machine. They cover Latin, Greek,
Cyrillic, Hebrew, Arabic and Devanagari, and are used alone where they are enough: such a document
comes out the same everywhere. The fonts of the machine are added for what they lack.
"""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

# What stands for a letter that no font has; the e-invoice has the letter itself.
MISSING = "□"
# ASCII, Western and Central European letters, dashes, quotation marks: nobody has to look.
_ALWAYS = frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x180)))) | frozenset("–—‘’“”„•…€₹")
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


@cache
def fonts(*, of_machine: bool) -> Any:
    """Return the fonts that come with the drawing program, and on request those of the machine.

    They are looked up once per process.
    """
    import typst

    return typst.Fonts(include_system_fonts=of_machine)


def unprintable(text: str) -> str:
    """Return the letters of a text that no font can print, each once, with their marks; "" if none.

    Control characters count as printable: documents leave them out.
    """
    words = dict.fromkeys(text.split())
    return "".join(dict.fromkeys(part for word in words for part in _unprintable_parts(word)))


def boxed(text: str) -> str:
    """Return a text with a box in place of each letter that no font can print."""
    return re.sub(r"\S+", _boxed_word, text)


def _boxed_word(match: re.Match[str]) -> str:
    word = match[0]
    for part in _unprintable_parts(word):
        word = word.replace(part, MISSING)
    return word


def _unprintable_parts(word: str) -> tuple[str, ...]:
    return () if _ALWAYS.issuperset(word) else _parts_of(word)


@lru_cache(maxsize=10_000)
def _parts_of(word: str) -> tuple[str, ...]:
    """Return the letters of a word that cannot be printed, else the word if only as a whole."""
    private = tuple(sign for sign in word if unicodedata.category(sign) in ("Co", "Cn"))
    shown = "".join(sign for sign in word if _is_shown(sign))
    if _can_print(shown):
        return private
    parts = (*private, *(part for part in _with_marks(shown) if not _can_print(part)))
    return parts or (shown,)


def _is_shown(sign: str) -> bool:
    return sign in _JOINERS or unicodedata.category(sign)[0] != "C"


def _with_marks(word: str) -> list[str]:
    """Return the letters of a word, each with the marks on it and what is joined to it."""
    parts: list[str] = []
    for sign in word:
        is_mark = sign in _JOINERS or unicodedata.category(sign)[0] == "M"
        if parts and (is_mark or parts[-1][-1] == _JOINERS[0]):
            parts[-1] += sign
        else:
            parts.append(sign)
    return parts


@lru_cache(maxsize=10_000)
def _can_print(text: str) -> bool:
    import typst

    if _ALWAYS.issuperset(text):
        return True
    for of_machine in (False, True):
        try:
            typst.compile(
                b"#sys.inputs.text",
                font_paths=fonts(of_machine=of_machine),
                ignore_system_fonts=True,
                sys_inputs={"text": text},
                format="pdf",
                pdf_standards="a-3b",
                timestamp=0,
            )
        except typst.TypstError:
            continue
        return True
    return False
