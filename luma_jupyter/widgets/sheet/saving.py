"""Sheets as files: a page that plays its videos together without a notebook, or one picture.

A sheet that was saved before is replaced; any other file of that name stays.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from luma_jupyter.domain.values import read_path
from luma_jupyter.engine.library.whole_files import copy_file, replacing, size_of
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import reason
from luma_jupyter.views.clip_state import relative_url
from luma_jupyter.views.sheet import GENERATOR, sheet_page
from luma_jupyter.widgets.base import joined, script

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_INSIDE = (
    50_000_000  # bytes of videos in a page: base64 makes it 67 MB, which browsers open, and mail does not take
)
_PAGES = (".html", ".htm")
_LONGEST_HEAD = 2_000  # bytes of a file in which its maker is named


def read_target(path: str | PathLike[str]) -> Path:
    """Where a sheet is to be saved. Raises InvalidRequest for other suffixes, and for a file that is no sheet."""
    target = read_path(N_("The file"), path)
    if target.suffix.lower() not in (*_PAGES, ".png"):
        raise InvalidRequest(f"A sheet can be saved as .html or .png, not as {shown(target.name)}.")
    if target.exists() and not _is_sheet(target):
        raise InvalidRequest(f"There is another file called {str(target)!r}: save the sheet under another name.")
    return target


def is_page(target: Path) -> bool:
    """Whether it is to be a page (else: a picture)."""
    return target.suffix.lower() in _PAGES


def _is_sheet(target: Path) -> bool:
    try:
        with target.open("rb") as file:
            return GENERATOR.encode() in file.read(_LONGEST_HEAD)
    except OSError:
        return False


def save_picture(target: Path, picture: Image) -> None:
    """Save a picture of a sheet. Raises InvalidRequest where it cannot be written."""
    from PIL.PngImagePlugin import PngInfo  # optional, and there: it made the picture

    made_by = PngInfo()
    made_by.add_text("Software", GENERATOR)
    with _writing(target), replacing(target) as file:
        picture.save(file, "PNG", pnginfo=made_by)


def save_page(target: Path, title: str, videos: Mapping[str, Path], part: Callable[[Mapping[str, str]], str]) -> None:
    """Save a page with the ``videos`` by their names in it; where they are too large for that, in a folder beside it.

    ``part`` makes the HTML of the sheet from the address of each video. Raises InvalidRequest where it cannot be
    written.
    """
    with _writing(target):
        addresses = _addresses(target, videos)
        html = sheet_page(
            title,
            part(addresses),
            style=joined("gallery/gallery.css", "ensemble.css", "sheet/sheet.css"),
            script=script("ensemble.js", "sheet/play.js"),
        )
        with replacing(target) as file:
            file.write(html.encode())


def _addresses(target: Path, videos: Mapping[str, Path]) -> dict[str, str]:
    if sum(map(size_of, videos.values())) <= MOST_INSIDE:
        return {name: f"data:video/mp4;base64,{b64encode(path.read_bytes()).decode()}" for name, path in videos.items()}
    folder = target.with_name(f"{target.stem}_videos")
    folder.mkdir(exist_ok=True)
    for name, path in videos.items():
        copy_file(path, folder / f"{name}.mp4")
    return {name: relative_url(f"{folder.name}/{name}.mp4") for name in videos}


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Make the folder of a file that is written in this block, and say in one line why it cannot be."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InvalidRequest(f"It cannot be saved as {str(target)!r} ({reason(error)}).") from None
