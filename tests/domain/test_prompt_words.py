"""The words of prompts: one table, what is shown of it, and what is offered while somebody types."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.prompt_words import KINDS, OFFERED, WORDS, complete_word, vocabulary


def test_vocabulary_names_every_word_once() -> None:
    """What people read has each word under its kind, in both languages: what the demo knows, and what it does not."""
    known, others = dict(vocabulary(simulated=True)), dict(vocabulary(simulated=False))
    assert list(known) == [title for title in KINDS.values() if title != "Light"]
    assert {"Camera", "Light", "Style"} <= set(others)
    for word in WORDS:
        row = (known if word.english else others)[KINDS[word.kind]]
        assert row.count(f"{word.name} ({word.chinese})") == 1


def test_no_word_is_offered_twice() -> None:
    """Names are unlike each other in both languages, and as they are typed: in lower case."""
    assert len(set(OFFERED)) == len(OFFERED)
    assert [word for word in OFFERED if word != word.lower() or word != word.strip() or not word] == []


@pytest.mark.parametrize(
    ("text", "begun", "found"),
    [
        ("The camera pan l", "pan l", ["pan left"]),
        ("Pan", "Pan", ["Pan left", "Pan right"]),
        ("A fox, BLACK AN", "BLACK AN", ["BLACK ANd white"]),
        ("in the bla", "bla", ["black and white"]),
        ("镜头向", "向", ["向左摇", "向右摇"]),
        ("狐狸，水", "水", ["水彩", "水墨"]),
        ("a soft l", "soft l", ["soft light"]),
        ("a frying-pan le", "le", ["lens flare"]),
        ("japan", "", []),
        ("at night", "", []),
        ("pan left", "", []),
        ("pan ", "pan ", ["pan left", "pan right"]),
        ("", "", []),
        (" ", "", []),
        ("a city in the for", "", []),
        ("x" * 5000 + " silh", "silh", ["silhouette"]),
    ],
)
def test_beginning_of_a_word_is_completed_where_it_is_one(text: str, begun: str, found: list[str]) -> None:
    """Words of several words too, within a sentence; what was typed stays; no word of the place or weather."""
    assert complete_word(text) == (begun, found)
