"""The five lessons in both languages, and the parts of one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parents[2] / "notebooks" / "lessons"
ENGLISH = sorted(FOLDER.glob("*.ipynb"))
CHINESE = sorted((FOLDER / "zh").glob("*.ipynb"))


def name_of(lesson: Path) -> str:
    """A lesson's name in a test's id, such as ``zh/2_what_a_task_is``."""
    return lesson.relative_to(FOLDER).with_suffix("").as_posix()


def cells_of(lesson: Path) -> list[Any]:
    """All cells of a lesson."""
    return list(nbformat.read(lesson, as_version=4).cells)


def tagged(lesson: Path, tag: str) -> list[Any]:
    """The cells of a lesson that have a tag."""
    return [cell for cell in cells_of(lesson) if tag in cell.metadata.get("tags", [])]


def solutions(lesson: Path) -> list[str]:
    """The code of the folded solutions, in order."""
    return [re.findall(r"```python\n(.*?)\n```", cell.source, re.DOTALL)[0] for cell in tagged(lesson, "solution")]
