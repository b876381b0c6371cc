"""What differs between prompts, by words, and by characters in scripts without spaces."""

from __future__ import annotations

import pytest

from luma_jupyter.clip.differing_words import MOST_WORDS, NOTHING, differing_words, read_words


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        (["A fox in the snow", "A polar bear in the snow"], [["fox", "polar bear"]]),
        (["A fox in the snow", "A cat in the rain"], [["fox", "cat"], ["snow", "rain"]]),
        (["A fox", "A fox at dawn"], [[NOTHING, "at dawn"]]),
        (["A fox.", "A cat!"], [["fox", "cat"]]),
        (["A fox, running", "A fox"], [["running", NOTHING]]),
        (["the fox in the snow", "a cat over the snow"], [["the fox in", "a cat over"]]),
        (["Ein Fuchs", "Eine Füchsin"], [["Ein Fuchs", "Eine Füchsin"]]),
        (["A fox 🦊", "A fox 👩‍🚀"], [["🦊", "👩‍🚀"]]),
        (["A fox"] * 3, []),
    ],
)
def test_words_that_differ_are_places(texts: list[str], places: list[list[str]]) -> None:
    """What is between the words that all have, as it stands there, without the signs around it."""
    assert differing_words(texts) == places


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        (["雪中的狐狸", "雪中的猫", "雨中的猫"], [["雪", "雪", "雨"], ["狐狸", "猫", "猫"]]),
        (["หมาในหิมะ", "แมวในหิมะ"], [["หมา", "แมว"]]),
        (["きつねと雪", "ねこと雪"], [["きつね", "ねこ"]]),
        (["狐狸 at dawn", "狐狸 at night"], [["dawn", "night"]]),
    ],
)
def test_characters_are_compared_where_words_have_no_spaces(texts: list[str], places: list[list[str]]) -> None:
    """Chinese, Thai and Japanese; marks stay with their letters, and a mixed text is read as both."""
    assert differing_words(texts) == places


def test_pairs_from_two_lists_are_two_places() -> None:
    """Also side by side, of several words, in three lists, and where some pairs are missing."""
    beasts = ["red fox", "red polar bear", "blue fox", "blue polar bear"]
    assert differing_words(beasts) == [["red", "red", "blue", "blue"], ["fox", "polar bear"] * 2]
    assert differing_words(beasts[:3]) == [["red", "red", "blue"], ["fox", "polar bear", "fox"]]
    three = [f"{a} {b} {c}" for a in ("old", "new") for b in ("red", "blue") for c in ("car", "ship")]
    assert list(map(len, map(set, differing_words(three)))) == [2, 2, 2]
    assert differing_words(["雪里狐", "雪里猫", "雨里狐", "雨里猫"]) == [["雪", "雪", "雨", "雨"], ["狐", "猫"] * 2]
    assert differing_words(["red fox", "blue cat"]) == [["red fox", "blue cat"]]


def test_a_text_of_many_words_is_compared_as_a_whole() -> None:
    """To look at each word would take too long."""
    long = "word " * (MOST_WORDS + 1)
    assert differing_words([long, "fox"]) == [[long, "fox"]]


def test_words_have_their_places_in_the_text() -> None:
    """Letters, figures and marks are a word; each sign is one."""
    text = "Don't, नमस्ते 4K雪山"
    words = list(read_words(text))
    assert [word.text for word in words] == ["Don", "'", "t", ",", "नमस्ते", "4K", "雪", "山"]
    assert all(text[word.start : word.end] == word.text for word in words)
