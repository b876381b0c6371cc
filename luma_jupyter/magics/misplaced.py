"""Cells that IPython would refuse, or send elsewhere, before our magics could say what was meant.

An input transformer sees each cell first (IPython, "Custom input transformation"); what it raises is shown as the
cell's error. It looks at cells with "luma" in them alone, and never touches one that IPython can run.
"""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import TransformerManager, make_tokens_by_line

from luma_jupyter.errors import InvalidRequest

_CELL = re.compile(r"%%luma(\s|$)")
_MISSPELT = re.compile(r"%%[ \t]*luma(\s|$)", re.IGNORECASE)
_WIDE = re.compile(r"(?=%?％)[%％]{1,2}\s*luma\b|%%?luma\u3000", re.IGNORECASE)  # as an input method leaves it
_LINE = re.compile(r"%luma(\s|$)")


def answer_misplaced(lines: list[str]) -> list[str]:
    """A cell's lines as IPython may run them. Raises InvalidRequest, which says what to write instead."""
    if not any("luma" in line.lower() for line in lines):
        return lines
    if _WIDE.match(lines[0]):
        raise InvalidRequest("Write %%luma or %luma, and the space after it, in half width.")
    if _CELL.match(lines[0]):
        return lines if lines[1:] else [*lines, "\n"]  # an empty body would never reach us
    if _MISSPELT.match(lines[0]):
        raise InvalidRequest("Write %%luma in small letters, and without a space.")
    if not lines[0].startswith("%%") and any(map(_begins_cell, make_tokens_by_line(lines))):
        raise InvalidRequest(
            "%%luma must be the first line of its cell: put it, and what is below it, into a new cell."
        )
    if _LINE.match(lines[0]):
        _check_line(lines[0].removeprefix("%luma").strip(), "".join(lines[1:]))
    return lines


# Not asked while somebody types: IPython leaves out transformers that say this of themselves.
answer_misplaced.has_side_effects = True  # type: ignore[attr-defined]


def _begins_cell(tokens: list[object]) -> bool:
    """Whether these tokens are a line that begins with ``%%luma``; within a string it would be none."""
    first = tokens[0] if tokens else None
    return getattr(first, "string", "") == "%" and _CELL.match(getattr(first, "line", "")) is not None


def _check_line(line: str, below: str) -> None:
    """Refuse a prompt, or captions, below a single ``%``. Raises InvalidRequest."""
    from luma_jupyter.cells.options import LINE_WORDS  # start-up
    from luma_jupyter.cells.parser import misplaced_captions, unknown_word  # start-up

    first = line.split()[:1]
    is_known = first in [[word] for word in ("-h", "--help", *(word.word for word in LINE_WORDS))]
    if (is_known and first != ["film"]) or TransformerManager().check_complete(below)[0] != "invalid":
        return
    raise misplaced_captions(line, below) if is_known else unknown_word(line, below)
