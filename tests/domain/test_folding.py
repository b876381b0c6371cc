"""Texts as they are searched: whatever the case, the width, and what nobody sees."""

from __future__ import annotations

import unicodedata

import pytest

from luma_jupyter.domain.folding import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＦＯＸ", "fox"),
        ("STRASSE", "straße"),
        ("İstanbul", "istanbul"),
        ("İ", "i"),
        ("Élan", "e\u0301lan"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("Σίσυφος", "σίσυφοσ"),
        ("ﬁlm", "film"),
        ("a\tfox\n in  snow ", "a fox in snow"),
        ("狐\u3000狸", "狐 狸"),
        ("soft\u00adhyphen", "softhyphen"),
        ("❤️", "❤"),
    ],
)
def test_texts_that_are_read_alike_are_searched_alike(one: str, other: str) -> None:
    """Scripts are not told apart by their forms; Chinese stays as it is."""
    assert fold(one) == fold(other)
    assert fold("狐狸") == "狐狸"
    assert fold("狐狸") in fold("一只狐狸在雪中")


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_folding_is_the_same_for_all_forms_of_unicode(form: str) -> None:
    """And what is folded stays so."""
    text = "Ångström ΐ ǰ ŉ ẞ Ǆ ᾳ ﷺ"
    folded = fold(unicodedata.normalize(form, text))  # type: ignore[arg-type]
    assert folded == fold(text) == fold(fold(text))


def test_halves_of_characters_are_no_trouble() -> None:
    """What no file can hold is a question mark."""
    assert fold("a\ud800b") == "a?b"
