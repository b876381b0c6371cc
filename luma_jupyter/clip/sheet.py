"""Clips on a contact sheet, those too that have no video."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from luma_jupyter.clip.clip import Clip
from luma_jupyter.domain.values import as_python, items_of, kind_of
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipError, InvalidRequest, missing_package
from luma_jupyter.languages import translated
from luma_jupyter.views.text import SHORT_STATUS_TEXT

if TYPE_CHECKING:
    from PIL.Image import Image

    from luma_jupyter.films.contact_sheet import SheetCell


def contact_sheet(clips: Clip | Iterable[Clip], columns: int | None = None) -> Image:
    """A picture of clips with their names, prompts and lengths, as `films.contact_sheet` draws it; waits for them.

    One that has no video is a grey tile that says so. Raises InvalidRequest for anything else than clips, ConfigError
    without the packages that this needs.
    """
    named = items_of(clips)
    for clip in named:
        if not isinstance(clip, Clip):
            raise InvalidRequest(f"A contact sheet takes clips, not {kind_of(clip)}.")
    for clip in named:
        with suppress(ClipError):  # its tile says so
            clip.wait()
    try:
        from luma_jupyter.films.contact_sheet import contact_sheet as draw  # optional
    except ImportError as error:
        raise missing_package(error.name) from None
    return draw([_cell(clip) for clip in named], as_python(columns))


def _cell(clip: Clip) -> SheetCell:
    from luma_jupyter.films.contact_sheet import SheetCell  # optional

    name, status = clip.state.label, clip.task.status
    return SheetCell(
        name=name if status is Status.COMPLETED else f"{name} ({translated(SHORT_STATUS_TEXT[status])})",
        prompt=clip.prompt,
        length=getattr(clip, "duration", None),
        picture=clip.task.path,
    )
