"""A film as a line or a cell asks for it: its parts, its options, and below a cell's line a caption for each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luma_jupyter.cells.command import CellCommand
from luma_jupyter.cells.expressions import insert_variables
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.parser import read_film_words
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.clip.film_parts import read_film
from luma_jupyter.errors import InvalidRequest, with_message

_OF_CELL = ("out", "wait", "embed", "dry_run")  # whose business an option is; all others are the film's


def read_film_cell(words: list[str], body: str, lookup: Lookup) -> CellCommand:
    """Read what stands behind ``film``, and below it. Raises InvalidRequest; then nothing is made."""
    named, options = read_film_words(words)
    of_cell = {name: options.pop(name) for name in _OF_CELL if name in options}
    if "out" in of_cell:
        of_cell["out"] = lookup.new_variable(of_cell["out"])
    try:
        parts = [part for word in named for part in _flat(lookup.part(word))]
    except InvalidRequest as error:
        if "titles" not in options:
            raise
        raise with_message(error, f"{error} A title of several words goes in quotes.") from None
    options |= {name: lookup.value(options[name]) for name in ("music", "voice") if name in options}
    captions = _read_captions(body, len(parts), lookup.variables)
    return CellCommand(spec=read_film(parts, lookup.find_name, captions=captions, **options), **of_cell)


def _flat(part: Any) -> list[Any]:
    """The parts that a word stands for: a list is each of its own."""
    return [one for some in part for one in _flat(some)] if isinstance(part, list | ClipSequence) else [part]


def _read_captions(body: str, parts: int, variables: Mapping[str, Any]) -> list[str | None] | None:
    """A caption for each part, None for an empty line; None where there is none at all. Raises InvalidRequest."""
    lines = body.rstrip().splitlines()
    if len(lines) > parts:
        count = len(lines)
        raise InvalidRequest(
            f"Captions: {count} lines for a film of {parts}. Write one line for each part, and an empty one for a part "
            "without."
        )
    captions = [insert_variables(line.strip(), variables) or None for line in lines]
    return [*captions, *[None] * (parts - len(captions))] if captions else None
