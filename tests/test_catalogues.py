"""The catalogues of translations: complete, with the slots of the English texts, and compiled from what is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message

from luma_jupyter.languages import LANGUAGES
from tests.support.messages import compiled, path_of, read, template

TRANSLATED = sorted(set(LANGUAGES) - {"en"})
SLOT = re.compile(r"\{\w+\}")
ADVICE = "run make messages, and fill in what is empty"


def texts(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The English forms of a message, and those of its translation."""
    return tuple(forms if isinstance(forms, tuple | list) else (forms,) for forms in (message.id, message.string))  # type: ignore[return-value]


def messages(catalog: Catalog) -> Iterator[Message]:
    """All messages but the header."""
    return (message for message in catalog if message.id)


@pytest.fixture(params=TRANSLATED)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    """The catalogue of a language, as it is in the repository."""
    return read(request.param)


def test_every_text_of_the_package_has_its_translation(catalog: Catalog) -> None:
    """Nothing is missing, and nothing is left of texts that are gone."""
    wanted, there = ({message.id for message in messages(one)} for one in (template(), catalog))
    assert (sorted(map(str, wanted - there)), sorted(map(str, there - wanted))) == ([], []), ADVICE
    empty = [message.id for message in messages(catalog) if not all(texts(message)[1])]
    assert empty == [], ADVICE
    assert not [message.id for message in messages(catalog) if message.fuzzy]


def test_a_translation_has_the_slots_of_its_text(catalog: Catalog) -> None:
    """Each slot is there as often as in one of the English forms, and no other one; plurals have all their forms."""
    for message in messages(catalog):
        english, translated = texts(message)
        known = [Counter(SLOT.findall(form)) for form in english]
        for form in translated:
            assert set(SLOT.findall(form)) in [set(slots) for slots in known], (message.id, form)
        if len(english) > 1:
            assert len(translated) == catalog.num_plurals, message.id


def test_what_is_typed_stays_as_it_is(catalog: Catalog) -> None:
    """Commands, options, variables and code are no words of a language."""
    typed = re.compile(r"%%?luma\b|--[a-z][a-z-]+|LUMA_[A-Z_]+|luma_jupyter\.\w+|`[^`]+`")
    for message in messages(catalog):
        english, translated = texts(message)
        assert set(typed.findall(translated[-1])) == set(typed.findall(english[-1])), (message.id, translated)


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_shipped_is_compiled_from_it(language: str) -> None:
    """A change of the catalogue alone would not be seen."""
    assert path_of(language).with_suffix(".mo").read_bytes() == compiled(read(language)), "run make messages"
