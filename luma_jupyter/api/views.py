"""`clips`, `gallery`, `compare`, `sheet`, `contact_sheet`, `Studio`: what there is, to look at and go on from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from os import PathLike
from typing import TYPE_CHECKING, Any

from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip import sheet as contact_sheets
from luma_jupyter.clip.axes import Side
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.finding import read_wanted
from luma_jupyter.clip.lazy_clip_list import LazyClipList
from luma_jupyter.widgets.compare.compare import Comparison, clips_to_compare
from luma_jupyter.widgets.gallery.gallery import Gallery
from luma_jupyter.widgets.gallery.shelf import What, shelf_of
from luma_jupyter.widgets.sheet.sheet import Sheet, clips_for_sheet
from luma_jupyter.widgets.studio.form import read_fields
from luma_jupyter.widgets.studio.studio import StudioForms

if TYPE_CHECKING:
    from PIL.Image import Image


def clips(
    *,
    folder: str | PathLike[str] | None = None,
    day: str | date | None = None,
    search: str | None = None,
    since: str | date | None = None,
    action: str | None = None,
    starred: bool = False,
) -> LazyClipList:
    """The clips of this notebook's folder, of earlier kernels too, oldest first: as a list, that is shown as one table.

    ``folder`` names another one, or is ``"all"``; ``day`` is a date, ``"2026-11-22"`` or ``"today"``, ``since`` the
    first of several days. ``search`` is words, of which each is in the prompt, the name or the note, or in a word
    there, in whatever case and width; ``action`` is generate, extend, modify or film; ``starred``: only those with a ★.

    Raises InvalidRequest for what is none of these or a folder that there is not, ConfigError where the journal cannot
    be read. Each clip is read when it is looked at. Its ``wait()`` and ``stop()`` are for those that had not ended when
    it was made.
    """
    wanted = read_wanted(day=day, search=search, since=since, action=action, starred=starred)
    return kernel.session.clips(folder, wanted)


def gallery(what: What = None, *, folder: str | PathLike[str] | None = None) -> Gallery:
    """Clips as posters that play when one points at them: to be searched, starred and noted, extended or modified.

    ``what`` is clips, a folder of videos, or a function that says of a clip whether to show it; without it, all clips
    of this notebook's folder, newest first. ``folder`` names another one, whose videos are known by the files beside
    them; those without are shown by their names, and are in ``files``. Clips without a video are left out.

    It is live: clips that are completed later come by themselves, in the page and as its items here, also those that
    this kernel begins later in that folder. Which clips are given, which ones a function chooses and ``files`` stay as
    they are. ``chosen`` is a list of those with a ★, as they are when it is looked at. Raises InvalidRequest for
    anything else.
    """
    return Gallery(shelf_of(kernel.session, what, folder), kernel.session, kernel.presenter)


def compare(*clips: Clip | Iterable[Clip]) -> Comparison:
    """Clips side by side, which play, scrub and fall silent together; waits for those that are not done.

    Two clips or more, or a list of them; a single one that was extended or modified is shown beside its source. Raises
    InvalidRequest for anything else, ClipError where one has no video.
    """
    return Comparison(clips_to_compare(clips), kernel.session, kernel.presenter)


def sheet(clips: Clip | Iterable[Clip], *, down: Side = None, across: Side = None, blind: bool = False) -> Sheet:
    """Clips as a table whose labels say what differs: words of prompts, options, takes; waits for them.

    They play, scrub and fall silent together. ``down`` and ``across`` name what is told by rows and by columns: an
    option, such as ``"aspect_ratio"``, ``"prompt"`` or ``"take"``, or a list of labels; without them both are found. A
    clip without a video is a cell that says why. ``sheet.save("x.html")`` makes a page, ``sheet.save("x.png")`` a
    picture.

    ``blind``: numbers in the place of labels, in another order, until all are voted on from 1 to 5; ``sheet.votes`` are
    the votes by clip. Raises InvalidRequest for anything else than clips, for more than 144 of them, and for sides that
    cannot be.
    """
    return Sheet(clips_for_sheet(clips), (down, across), kernel.session, kernel.presenter, blind=blind)


def contact_sheet(clips: Clip | Iterable[Clip], *, columns: int | None = None) -> Image:
    """Clips on one sheet, for paper: pictures with names, prompts and lengths, as a PIL image; waits for them.

    ``columns``: so many pictures side by side; None: as many as fill a page best. A clip without a video is a grey tile
    that says so. Raises InvalidRequest for anything else than clips, and for columns that cannot be, ConfigError
    without the packages of ``luma-jupyter[media]``.
    """
    return contact_sheets.contact_sheet(clips, columns)


class Studio(StudioForms):
    """Forms for all that the magics do, and all that is being made. Shown as a cell's last expression.

    Fields can be given: ``Studio(action="extend", source="sunset")``. ``form`` holds them, and ``form.submit()`` is its
    button; ``queue.clips`` are the clips below. What is shown is closed when its output is cleared; what is being
    made goes on. Raises InvalidRequest for a field that there is not, or a value that it cannot have.
    """

    def __init__(self, **fields: Any) -> None:
        super().__init__(kernel.session, kernel.presenter, **read_fields(fields))
