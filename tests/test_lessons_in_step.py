"""The Chinese lessons are the English ones: the same cells, the same code, the same questions and answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.support.lessons import CHINESE, ENGLISH, cells_of, name_of, solutions, tagged
from tests.support.translations import CHINESE as CHINESE_SIGN
from tests.support.translations import headings, inline_code, links, same_code

PAIRS = pytest.mark.parametrize(
    ("english", "chinese"), list(zip(ENGLISH, CHINESE, strict=True)), ids=[path.stem for path in ENGLISH]
)
# What is not the same: the language, and how many letters can be read in a few seconds.
OTHERWISE = {'lang="zh", ': "", "len(said) > 45": "len(said) > 90"}


def code_of(source: str) -> str:
    """The code of a Chinese cell without what may be otherwise."""
    for chinese, english in OTHERWISE.items():
        source = source.replace(chinese, english)
    return source


def test_each_lesson_is_there_in_both_languages() -> None:
    """Under the same name."""
    assert [path.name for path in CHINESE] == [path.name for path in ENGLISH]


@PAIRS
def test_cells_are_the_same_but_for_words(english: Path, chinese: Path) -> None:
    """Their number and order, kinds, ids, tags, what is folded, and the notebook's own facts."""
    notebooks = [json.loads(path.read_text(encoding="utf-8")) for path in (english, chinese)]
    for notebook in notebooks:
        for cell in notebook["cells"]:
            del cell["source"]
            for output in cell.get("outputs", []):
                del output["text"]
    assert notebooks[1] == notebooks[0]


@PAIRS
def test_code_is_the_same_but_for_words(english: Path, chinese: Path) -> None:
    """Of each cell, and of each solution: so the right answer to a question is the same one, in the same place."""
    pairs = zip(cells_of(english), cells_of(chinese), strict=True)
    wrong = [
        one.id for one, other in pairs if one.cell_type == "code" and not same_code(one.source, code_of(other.source))
    ]
    assert wrong == []
    assert all(map(same_code, solutions(english), solutions(chinese)))
    assert [cell.source.strip() for cell in tagged(english, "answer")] == [
        re.sub("因为……", "because …", cell.source.strip()) for cell in tagged(chinese, "answer")
    ]


@PAIRS
def test_text_has_the_same_parts(english: Path, chinese: Path) -> None:
    """Headings, choices and links of each cell; and no code but the English lesson's."""
    whole = "\n".join(cell.source for cell in cells_of(english))
    for one, other in zip(cells_of(english), cells_of(chinese), strict=True):
        if one.cell_type == "markdown":
            assert headings(other.source) == headings(one.source), other.id
            assert links(other.source) == links(one.source), other.id
            choices = [re.findall(r"^\* \*\*([a-z])\*\* ", cell.source, re.MULTILINE) for cell in (one, other)]
            assert choices[0] == choices[1], other.id
            assert [code for code in inline_code(other.source) if code not in whole] == [], other.id
            assert CHINESE_SIGN.search(other.source), other.id


@pytest.mark.parametrize("lesson", [*ENGLISH, *CHINESE], ids=name_of)
def test_no_star_of_markup_is_left_on_the_page(lesson: Path) -> None:
    """Markdown takes ``**`` between a Chinese sign and a letter for two stars, so none stands there."""
    for cell in cells_of(lesson):
        if cell.cell_type == "markdown":
            page = MarkdownIt("commonmark").enable("table").render(cell.source)
            assert "*" not in re.sub(r"<code.*?</code>", "", page, flags=re.DOTALL), cell.id
