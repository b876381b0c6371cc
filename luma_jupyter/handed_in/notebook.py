"""A notebook's file as it was saved (nbformat 4), which may come from anybody: checked before it is used.

Jupyter saves into the file itself: it empties it, and fills it once all of the notebook is text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.operating_system import file_mark, reason
from luma_jupyter.printable import whole

LARGEST = 100_000_000  # bytes
MOST_CELLS = 5_000
DEEPEST = 100  # lists and objects in each other: whoever looks into more comes to the limit of Python
SOLUTION = "solution"  # the tag of a cell with one
PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds between tries at a file that is being saved


@dataclass(frozen=True)
class Cell:
    """A cell: its ``kind`` (code, markdown or raw), its source, and the outputs of a code cell as the file has them.

    ``is_folded``: its source is hidden until somebody unfolds it.
    """

    kind: str
    source: str
    outputs: tuple[Mapping[str, Any], ...] = ()
    is_folded: bool = False

    def data(self, mime: str) -> Iterator[str]:
        """What its outputs have of a MIME type, as text."""
        for output in self.outputs:
            bundle = output.get("data")
            if isinstance(bundle, dict) and mime in bundle:
                yield text_of(bundle[mime])


def read_notebook(path: Path) -> tuple[dict[str, Any], float]:
    """The content of a notebook's file, and when it was saved, in Unix seconds; read again while it is being saved.

    Raises InvalidRequest for what is none, and for one that is too large.
    """
    name = shown(path.name)
    try:
        if not path.is_file():
            raise InvalidRequest(f"There is no notebook {shown(str(path))}.")
        for pause in (*PAUSES, None):
            before = path.stat()
            if before.st_size > LARGEST:
                megabytes = f"{LARGEST / 1e6:.0f}"
                raise InvalidRequest(f"{name} is larger than {megabytes} MB: clear its outputs, and save it.")
            content = parse_notebook(path.read_bytes())
            if pause is None or (content and file_mark(path.stat()) == file_mark(before)):
                break
            sleep(pause)
    except OSError as error:
        raise InvalidRequest(f"{name} cannot be read ({reason(error)}).") from None
    if content is None:
        raise InvalidRequest(f"{name} is not a notebook that Jupyter can open: save it again.")
    return content, before.st_mtime


def parse_notebook(file: bytes) -> dict[str, Any] | None:
    """The content of a notebook's file; None where it is too large or too deep, or Jupyter cannot open it."""
    try:
        content = _readable(json.loads(file), DEEPEST) if len(file) <= LARGEST else None
    except (RecursionError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not isinstance(content.get("cells"), list):
        return None
    return content if len(content["cells"]) <= MOST_CELLS and all(map(_is_cell, content["cells"])) else None


def _readable(value: Any, levels: int) -> Any:
    """A value of JSON without halves of characters, which no file can have.

    Raises ValueError where there are more than so many ``levels`` in each other.
    """
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict | list) and not levels:
        raise ValueError("too deep")
    if isinstance(value, dict):
        return {whole(name): _readable(inner, levels - 1) for name, inner in value.items()}
    return [_readable(inner, levels - 1) for inner in value] if isinstance(value, list) else value


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return False
    outputs = cell.get("outputs", [])
    return _is_text(cell.get("source")) and isinstance(outputs, list) and all(isinstance(one, dict) for one in outputs)


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def text_of(value: object) -> str:
    """A text, which notebooks keep whole or as a list of lines; empty for anything else."""
    if isinstance(value, list) and _is_text(value):
        return "".join(value)
    return value if isinstance(value, str) else ""


def cells_of(content: Mapping[str, Any]) -> list[Cell]:
    """The cells of what `parse_notebook` gave."""
    return [
        Cell(cell["cell_type"], text_of(cell["source"]), tuple(cell.get("outputs", ())), _is_folded(cell))
        for cell in content["cells"]
    ]


def _is_folded(cell: Mapping[str, Any]) -> bool:
    """Whether the page of a notebook hides a cell's source, or its tag says that it is a solution."""
    metadata = cell.get("metadata")
    if not isinstance(metadata, dict):
        return False
    jupyter, tags = metadata.get("jupyter"), metadata.get("tags")
    is_hidden = isinstance(jupyter, dict) and jupyter.get("source_hidden") is True
    return is_hidden or (isinstance(tags, list) and SOLUTION in tags)
