"""Markdown as harmless HTML: CommonMark with tables and strikethrough; HTML in it is text, and so are pictures.

The one exception is what notebooks fold: ``<details>``, ``<summary>…</summary>`` and ``</details>`` on lines of their
own, outside of lists and quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from luma_jupyter.printable import printable
from luma_jupyter.views.html import escaped

MOST_FOLDED = 10  # parts in each other; what would be deeper is text
_FOLD = re.compile(r"(<details(?: open)?>)?\s*(?:<summary>(.*)</summary>)?|(</details>)", re.IGNORECASE)
_LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
_LONGEST_ADDRESS = 200  # characters; that of a picture may be the picture itself
_CODE_INDENT = 4  # columns


def markdown_html(source: str) -> str:
    """A Markdown text as HTML; folded parts that it leaves open end with it."""
    folds: dict[str, int] = {"open": 0}
    html = str(_parser().render(printable(source), folds))
    return printable(html) + "</details>" * folds["open"]  # printable: entities stand for any character


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.block.ruler.before("heading", "fold", _fold, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.core.ruler.push("links", _drop_links)
    for name, rule in (("fold_open", _tag("<details>")), ("fold_close", _tag("</details>")), ("image", _image)):
        parser.add_render_rule(name, rule)
    return parser


def _fold(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """The block rule of a line that begins or ends a folded part; ``silent`` asks whether it ends a paragraph."""
    found = _FOLD.fullmatch(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip())
    if not found or not any(found.groups()) or state.sCount[line] - state.blkIndent >= _CODE_INDENT:
        return False
    begin, summary, close = found.groups()
    if silent or state.level or not _fits(state, begin, close):
        return silent
    if begin or close:
        state.env["open"] += 1 if begin else -1
        state.push("fold_open" if begin else "fold_close", "", 0)  # no level: it may be left open
    if summary:
        state.push("summary_open", "summary", 1)
        state.push("inline", "", 0).content = summary
        state.tokens[-1].children = []
        state.push("summary_close", "summary", -1)
    state.line = line + 1
    return True


def _fits(state: StateBlock, begin: str | None, close: str | None) -> bool:
    """Whether a part may begin or end here, or else a summary stand."""
    if begin:
        return bool(state.env["open"] < MOST_FOLDED)
    return state.env["open"] > 0 if close else bool(state.tokens) and state.tokens[-1].type == "fold_open"


def _drop_links(state: StateCore) -> None:
    """Leave the words alone of links that lead anywhere but to the web, to mail or into the page."""
    for token in state.tokens:
        token.children = list(_without_refused(token.children or ()))


def _without_refused(tokens: Iterable[Token]) -> Iterator[Token]:
    is_kept = True
    for token in tokens:
        if token.type == "link_open":
            is_kept = bool(_LINK.match(str(token.attrGet("href"))))
        if is_kept or token.type not in ("link_open", "link_close"):
            yield token


def _tag(tag: str) -> Callable[..., str]:
    return lambda *arguments: f"{tag}\n"


def _image(renderer: object, tokens: Sequence[Token], number: int, *arguments: object) -> str:
    """A picture as it was typed."""
    return escaped(f"![{tokens[number].content}]({str(tokens[number].attrGet('src'))[:_LONGEST_ADDRESS]})")
