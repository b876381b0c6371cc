"""The reference has all that there is, and no page names anything that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import luma_jupyter as luma
from luma_jupyter import errors, settings
from luma_jupyter.cells.options import FILM_OPTIONS, HISTORY_OPTIONS, LINE_WORDS, OPTIONS
from luma_jupyter.clip.clip import Clip
from luma_jupyter.domain.vocabulary import ALL_ACTIONS, Status
from tests.docs.pages import DOCS, PAGES, markdown, name_of

REFERENCE = DOCS / "reference"
FLAGS = {flag for option in (*OPTIONS, *FILM_OPTIONS, *HISTORY_OPTIONS) for flag in option.all_flags}
WORD_FLAGS = {flag for word in LINE_WORDS for flag in word.flags}
# Of other programs, within sentences.
OTHER_FLAGS = {"--output-dir", "--cwd"}


def first_cells(page: str, heading: str = "") -> list[str]:
    """The first cells of all tables of a page, or of the first table behind a heading."""
    text = markdown(REFERENCE / page)
    if heading:
        text = text.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows if not row.startswith("| ---")][1:]


@pytest.mark.parametrize(
    ("heading", "options"),
    [("## %%luma", OPTIONS), ("### Options of %luma history", HISTORY_OPTIONS), ("## Films", FILM_OPTIONS)],
)
def test_each_option_has_its_row(heading: str, options: tuple[object, ...]) -> None:
    """In order, with all that can be typed for it, and no other row."""
    rows = [re.findall(r"(?<![\w-])--?[a-z][a-z-]*", cell) for cell in first_cells("magics.md", heading)]
    assert rows == [list(option.all_flags) for option in options]  # type: ignore[attr-defined]


def test_each_word_has_its_row() -> None:
    """In order, and no other."""
    rows = [re.findall(r"%luma (\w+)", cell)[0] for cell in first_cells("magics.md", "## %luma")]
    assert rows == [word.word for word in LINE_WORDS]


def test_each_setting_has_its_row() -> None:
    """With its variable, and with words of its own; and no other."""
    cells = [re.findall(r"`(\w+)`", cell) for cell in first_cells("settings.md")]
    assert cells == [[one for one in (name, settings.variable(name)) if one] for name in settings.SETTABLE]


def test_each_status_has_its_row() -> None:
    """And no other."""
    assert [cell.strip("`") for cell in first_cells("statuses.md")] == [str(status) for status in Status]


def test_each_error_has_its_row_and_its_place_in_the_tree() -> None:
    """And no other; those that stand in the package itself are shown so."""
    rows = [cell.strip("`") for cell in first_cells("errors.md")]
    public = [f"luma.{name}" if name in luma.__all__ else f"luma.errors.{name}" for name in errors.__all__]
    assert rows == public
    tree = markdown(REFERENCE / "errors.md").split("```text\n")[1].split("```")[0]
    assert set(re.findall(r"^[│├└─ ]*(\w+)", tree, re.MULTILINE)) == set(errors.__all__)


def test_each_public_name_has_its_place() -> None:
    """Functions and classes under a heading, errors in their table."""
    headings = set(re.findall(r"^## (\w+)$", markdown(REFERENCE / "python.md"), re.MULTILINE))
    classes = {"Clip", "Studio"}
    functions = {name for name in luma.__all__ if not isinstance(getattr(luma, name), type)}
    assert headings == functions | classes | {"Errors"}
    assert set(luma.__all__) == functions | classes | set(errors.__all__) & set(luma.__all__)


def test_what_a_clip_has_is_told_or_known_to_be_inside() -> None:
    """Each public name of a clip has a row, but for those that join it to the rest of the package."""
    from generated import INSIDE, members

    told = set(members(Clip))
    assert {name for name in dir(Clip) if not name.startswith("_")} - INSIDE == told
    assert {"wait", "save", "frame", "cut", "crop", "starred", "note", "status"} <= told


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_nothing_that_there_is_not(page: Path) -> None:
    """Words of ``%luma``, options, variables of the environment and public names: all of them exist."""
    text = markdown(page)
    assert set(re.findall(r"(?<!%)%luma ([a-z]+)", text)) <= {word.word for word in LINE_WORDS}
    assert set(re.findall(r"%%luma ([a-z]+)", text)) <= set(ALL_ACTIONS)
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= FLAGS | WORD_FLAGS | OTHER_FLAGS
    variables = {settings.variable(name) for name in settings.SETTABLE} | {settings.HUB_TOKEN}
    named = re.findall(r"\b(?:LUMA_JUPYTER|ACEDATACLOUD|RUNAPI|JUPYTERHUB)_[A-Z_]+\b", text)
    assert set(named) <= variables
    assert set(re.findall(r"\bluma\.([A-Za-z_]+)\b(?=[(`])", text)) <= {*luma.__all__, "errors"}
    assert set(re.findall(r"\bluma\.configure\((\w+)=", text)) <= set(settings.SETTABLE)
