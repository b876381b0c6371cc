"""Which videos a notebook shows: by the addresses and keys in its outputs, and where a cell's outputs were cleared, by
the names that it binds."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from luma_jupyter.domain.note import Note
from luma_jupyter.domain.task import Task
from luma_jupyter.handed_in.notebook import Cell

_ADDRESS = re.compile(r"""\b(?:src|href)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_KEY = re.compile(r"""class="luma-card luma-([0-9a-f]{8})\b|data-key="([0-9a-f]{8})\"""")
_OUT = re.compile(r"^\s*%%?luma\b.*?\s(?:-o|--out)[ =]\s*([^\s=]+)", re.MULTILINE)
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class Library:
    """Where a notebook's videos are: beside it, in its ``folder``, or in the ``media`` folder.

    ``by_key`` gives the file of a clip's key, ``by_name`` those of a name that a cell with this source binds;
    ``note_of`` the note on a clip.
    """

    folder: Path
    media: Path
    by_key: Callable[[str], Path | None]
    by_name: Callable[[str, str], Iterable[Path]]
    note_of: Callable[[Task], Note]


def videos_of(cell: Cell, library: Library) -> tuple[list[Path], list[str]]:
    """The videos that a cell shows, in their order, each once; and the addresses of those that are not there."""
    html = [*cell.data("text/html"), *cell.data("text/markdown"), *([cell.source] if cell.kind == "markdown" else [])]
    addresses = [address for text in html for address in _addresses(text)]
    keys = [first or second for text in html for first, second in _KEY.findall(text)]
    there = [(address, _file(address, library)) for address in dict.fromkeys(addresses)]
    found = [file for _, file in there if file]
    found += [file for key in dict.fromkeys(keys) if (file := library.by_key(key))]
    if not found and cell.kind == "code":
        found = [file for name in names_of(cell.source) for file in library.by_name(name, cell.source)]
    return _each_once(found), [address for address, file in there if file is None]


def _each_once(files: Iterable[Path]) -> list[Path]:
    return list({file.resolve(): file for file in reversed(list(files))}.values())[::-1]


def _addresses(html: str) -> Iterator[str]:
    """The relative addresses of videos in HTML, as paths."""
    for groups in _ADDRESS.finditer(html):
        address = unescape(groups[1] or groups[2] or "")
        if address[:5].lower() == "data:":
            continue
        with suppress(ValueError):
            parts = urlsplit(address)
            path = unquote(parts.path)
            if not parts.scheme and not parts.netloc and path.lower().endswith(".mp4") and "\0" not in path:
                yield path


def _file(address: str, library: Library) -> Path | None:
    """The video at a relative address; None where there is none, or it leads out of the folders of the notebook."""
    try:
        file = library.folder / address
        inside = any(file.resolve().is_relative_to(place.resolve()) for place in (library.folder, library.media))
        return file if inside and file.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a name that no file can have; a link to itself
        return None


def names_of(source: str) -> list[str]:
    """The names that a cell binds: behind ``-o``, and by assignments."""
    names = _OUT.findall(source)
    if not source.lstrip().startswith("%%"):
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for node in ast.parse(_MAGIC.sub("", source)).body:
                targets = node.targets if isinstance(node, ast.Assign) else []
                names += [target.id for target in targets if isinstance(target, ast.Name)]
    return list(dict.fromkeys(names))
