"""README and the pages of the documentation, as their Markdown; and what stands between code fences there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
CHINESE_README = ROOT / "README.zh-CN.md"
PAGES = [README, CHINESE_README, *sorted(path for path in DOCS.rglob("*.md") if "lessons" not in path.parent.name)]

sys.path.insert(0, str(DOCS / "extensions"))  # as Sphinx finds them

_FENCE = re.compile(r"(<!-- not run: [^\n]+ -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """A page's name in a test's id."""
    return page.relative_to(ROOT).as_posix()


def markdown(page: Path) -> str:
    """A page with all that is generated in its place."""
    from generated import expand  # Sphinx is loaded with it

    return expand(page.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Block:
    """A block of code: its language, and whether a test can run it."""

    language: str
    code: str
    runs: bool


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of code that are typed on a page, in order."""
    for marked, language, code in _FENCE.findall(page.read_text(encoding="utf-8")):
        yield Block(language, code, runs=not marked)
