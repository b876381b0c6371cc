"""README: one page, and the same in Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from tests.docs.pages import CHINESE_README, README, ROOT, blocks
from tests.support.lessons import CHINESE, ENGLISH, cells_of
from tests.support.translations import headings, inline_code, links, same_code

PICTURE = ROOT / "notebooks" / "images" / "quickstart.webp"
TEXT = README.read_text(encoding="utf-8")
CHINESE_TEXT = CHINESE_README.read_text(encoding="utf-8")


def test_it_has_at_most_900_words() -> None:
    """Of those that spaces separate: markup and code count, too."""
    assert len(TEXT.split()) <= 900


def test_its_picture_moves_and_is_small() -> None:
    """At most 2 MB for more than five seconds."""
    assert PICTURE.stat().st_size <= 2_000_000
    with Image.open(PICTURE) as picture:
        durations = []
        for number in range(picture.n_frames):
            picture.seek(number)
            picture.load()
            durations.append(picture.info["duration"])
    assert 5_000 < sum(durations) < 20_000


@pytest.mark.parametrize(("text", "lessons"), [(TEXT, ENGLISH), (CHINESE_TEXT, CHINESE)], ids=["en", "zh"])
def test_its_table_has_all_lessons(text: str, lessons: list[Path]) -> None:
    """Each with the title that it has itself."""
    assert len(lessons) == 5
    for lesson in lessons:
        title = cells_of(lesson)[0].source.splitlines()[0]
        words = re.sub(r"# (?:Lesson |第 )(\d)(?:: | 课：)", r"\1 ", title)
        assert f"[{words}]({lesson.relative_to(ROOT).as_posix()})" in text


def test_chinese_readme_has_the_same_parts() -> None:
    """Headings, links and blocks of code, but for prompts; of other code it adds only how Chinese is chosen."""
    assert headings(CHINESE_TEXT) == headings(TEXT)
    to_english = {"README.zh-CN.md": "README.md"}
    ours = [link.replace("lessons/zh/", "lessons/") for link in links(CHINESE_TEXT)]
    assert ours == [to_english.get(link, link) for link in links(TEXT)]
    for one, other in zip(blocks(README), blocks(CHINESE_README), strict=True):
        assert (other.language, other.runs) == (one.language, one.runs)
        assert other.code == one.code or (one.language == "ipython" and same_code(one.code, other.code))
    added = {'luma.configure(lang="zh")', "LUMA_JUPYTER_LANG=zh", "lessons/zh"}
    assert inline_code(CHINESE_TEXT) == inline_code(TEXT) | added


def test_no_star_of_markup_is_left_on_the_chinese_page() -> None:
    """Markdown takes ``**`` between a Chinese sign and a letter for two stars."""
    page = MarkdownIt("commonmark").enable("table").render(CHINESE_TEXT)
    assert "*" not in re.sub(r"<code.*?</code>", "", page, flags=re.DOTALL)


def test_badges_are_those_of_the_one_constant() -> None:
    """None while it is empty; with an address, links to that repository's quickstart."""
    from badges import REPOSITORY, badges, put_into  # from docs/extensions

    assert put_into(TEXT) == TEXT
    assert put_into(CHINESE_TEXT) == CHINESE_TEXT
    assert bool(badges()) == bool(REPOSITORY)
    with_badges = put_into(TEXT, "owner/name")
    assert "colab.research.google.com/github/owner/name/blob/main/notebooks/01_quickstart.ipynb" in with_badges
    assert "mybinder.org/v2/gh/owner/name/main?labpath=notebooks/01_quickstart.ipynb" in with_badges
