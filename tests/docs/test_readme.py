"""README: one page."""

from __future__ import annotations

import nbformat
from PIL import Image

from tests.docs.pages import README, ROOT

PICTURE = ROOT / "notebooks" / "images" / "quickstart.webp"
TEXT = README.read_text(encoding="utf-8")


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


def test_its_table_has_all_lessons() -> None:
    """Each with the title that it has itself."""
    lessons = sorted((ROOT / "notebooks" / "lessons").glob("*.ipynb"))
    assert len(lessons) == 5
    for lesson in lessons:
        title = nbformat.read(lesson, as_version=4).cells[0].source.splitlines()[0].removeprefix("# Lesson ")
        assert f"[{title.replace(':', '')}](notebooks/lessons/{lesson.name})" in TEXT


def test_badges_are_those_of_the_one_constant() -> None:
    """None while it is empty; with an address, links to that repository's quickstart."""
    from badges import REPOSITORY, badges, put_into  # from docs/extensions

    assert put_into(TEXT) == TEXT
    assert bool(badges()) == bool(REPOSITORY)
    with_badges = put_into(TEXT, "owner/name")
    assert "colab.research.google.com/github/owner/name/blob/main/notebooks/01_quickstart.ipynb" in with_badges
    assert "mybinder.org/v2/gh/owner/name/main?labpath=notebooks/01_quickstart.ipynb" in with_badges
