"""`Sheet`: clips as a table whose labels say what differs, and which play together; or blind, as numbers to vote on.

What is shown is plain HTML with a player for each. The live part puts one set of controls in the place of theirs; on a
blind sheet it takes the votes. Until all are voted on nothing in the page tells what a clip is, the names of files
neither: the page has them under other names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import ceil, sqrt
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from luma_jupyter.clip.axes import Axes, Side, find_axes
from luma_jupyter.clip.ballot import Ballot, anonymous_name
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.session import Session
from luma_jupyter.display.embedding import video_src, with_video
from luma_jupyter.domain.values import items_of, kind_of, read_flag
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library.whole_files import link_or_copy
from luma_jupyter.errors import ClipError, ClipNotReady, InvalidRequest, missing_package
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext, translated
from luma_jupyter.views.clip_state import relative_url
from luma_jupyter.views.gallery import Tile, left_out_text
from luma_jupyter.views.host import EMBED_LIMIT
from luma_jupyter.views.sheet import Sheet as SheetView
from luma_jupyter.views.sheet import SheetTile, blind_html, blind_part, sheet_html, sheet_part
from luma_jupyter.views.text import SHORT_STATUS_TEXT, reason_text, short
from luma_jupyter.widgets.base import Missing, PageModel, ProgressiveDisplay
from luma_jupyter.widgets.posters import embedded_size
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.sheet.saving import is_page, read_target, save_page, save_picture

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_CLIPS = 144  # 12 × 12: what is saved of them in a notebook is below 100 kB
BLIND_FOLDER = "blind"  # in the media folder: videos under names that tell nothing
_LONGEST_REASON = 100  # characters


def clips_for_sheet(clips: Clip | Iterable[Clip]) -> list[Clip]:
    """The clips that a sheet is asked for, each once; waits for those that are not done.

    One that has no video is among them. Raises InvalidRequest for anything else than clips, for none and for too many.
    """
    given = items_of(clips)
    for clip in given:
        if not isinstance(clip, Clip):
            kind = kind_of(clip)
            raise InvalidRequest(f"A sheet shows clips, not {kind}.")
    named = list(dict.fromkeys(given))
    if not named:
        raise InvalidRequest("There are no clips for a sheet.")
    count = len(named)
    if count > MOST_CLIPS:
        raise InvalidRequest(
            f"A sheet has at most {MOST_CLIPS} clips, and these are {count:,}: choose a part of them, such as "
            f"clips[:{MOST_CLIPS}], or use luma_jupyter.gallery, which shows them all."
        )
    for clip in named:
        with suppress(ClipError):  # its cell says so
            clip.wait()
    return named


class Sheet(ProgressiveDisplay):
    """Clips as a table with labels, or blind."""

    def __init__(
        self,
        clips: Sequence[Clip],
        sides: tuple[Side, Side],
        session: Session,
        presenter: PagePresenter,
        *,
        blind: bool,
    ) -> None:
        self.environment, self.page = presenter.environment, presenter.page
        self.clips = list(clips)
        self._session = session
        self._axes = find_axes([clip.task for clip in clips], *sides)
        self._ballot = _read_ballot(clips) if read_flag("blind", blind) else None
        self._models: list[SheetModel] = []

    @property
    def votes(self) -> dict[Clip, int]:
        """The votes of a blind sheet, from 1 to 5, by clip. Raises ClipNotReady while one is missing."""
        if self._ballot is None:
            raise ClipNotReady("Only a blind sheet has votes: luma_jupyter.sheet(clips, blind=True) makes one.")
        return self._ballot.votes

    @property
    def _blind(self) -> Ballot | None:
        """The ballot, while it hides what the clips are."""
        return self._ballot if self._ballot and not self._ballot.is_complete else None

    def label_of(self, clip: Clip) -> str:
        """What tells a clip from the others; of a single one its prompt."""
        return self._axes.label(self.clips.index(clip)) or short(clip.prompt, 60)

    # How it is shown.

    def __repr__(self) -> str:
        if self._blind:
            count = len(self._blind.clips)
            text = ngettext(
                "A blind sheet of {count} video: vote in the notebook's page.",
                "A blind sheet of {count} videos: vote in the notebook's page.",
                count,
            )
            return text.format(count=count)
        return self._view({}, named=True).text()

    def _html(self, key: str) -> str:
        if self._blind:
            return blind_html(key, self._blind_tiles(self._blind, self._hidden_src), self._left_out(self._blind))
        return sheet_html(key, self._view(self._sources()))

    def _view(self, sources: Mapping[Clip, tuple[str | None, str]], *, named: bool = False) -> SheetView:
        """The table, with the address of each video and what is said of it; ``named``: with the names of clips."""
        tiles = {}
        for cell, number in self._axes.cells.items():
            clip = self.clips[number]
            src, remark = sources.get(clip, (None, ""))
            words = [clip.state.label if named else "", _trouble(clip), remark, self._vote_text(clip)]
            said = ", ".join(filter(None, words))
            tiles[cell] = SheetTile(self.label_of(clip), src, said, Tile(clip.state).size)
        return SheetView(self._axes.down.labels, self._axes.across.labels, tiles)

    def _sources(self) -> dict[Clip, tuple[str | None, str]]:
        """Where the page finds each video, and what is said where it does not; embedded ones share the host's limit."""
        found: dict[Clip, tuple[str | None, str]] = {}
        room: int | None = None
        for clip in self.clips:
            host = self.environment.host_of(clip.task)
            room = host.limit if room is None else room
            state = with_video(replace(clip.state, served=host.serves), replace(host, limit=room, remark=""))
            room -= embedded_size(state.data)
            found[clip] = (state.data or state.address, short(state.remark, _LONGEST_REASON))
        return found

    def _vote_text(self, clip: Clip) -> str:
        if self._ballot is None or self._blind or clip not in self._ballot.clips:
            return ""
        return _("vote: {vote}").format(vote=self._ballot.votes[clip])

    # While it is blind.

    def _blind_tiles(self, ballot: Ballot, src: Any) -> list[SheetTile]:
        tiles = []
        for number, clip in enumerate(ballot.clips, 1):
            address = src(clip)
            words = "" if address else _("this page cannot play it")
            tiles.append(SheetTile(_video(number), address, words, Tile(clip.state).size))
        return tiles

    def _left_out(self, ballot: Ballot) -> str:
        return left_out_text(len(self.clips) - len(ballot.clips))

    def _hidden_src(self, clip: Clip) -> str | None:
        """Where the page finds the video under a name that tells nothing; else in the page."""
        if not _has_video(clip):
            return None
        host, video = self.environment.host_of(clip.task), clip.file()
        if host.how == "relative":
            with suppress(OSError):
                path = self._session.relative_path(_hidden_copy(clip, video))
                return relative_url(path) if path else None
        assert self._ballot
        return video_src(video, replace(host, limit=(host.limit or EMBED_LIMIT) // len(self._ballot.clips)))

    # Its live part.

    @property
    def _missing(self) -> Missing:
        if self._blind:
            return Missing(_("the buttons to vote"), _("Until then each plays by itself."))
        return Missing(_("one set of controls for all of them"), _("Until then each plays by itself."))

    def _live(self, key: str) -> Any:
        model = SheetModel(self._vote, key=key)
        if self._blind:
            model.marks = list(self._blind.marks)
        model.on_removed = lambda: self._forget(model)
        self._models.append(model)
        return model

    def _forget(self, model: SheetModel) -> None:
        self._models.remove(model)
        model.close()

    def _vote(self, number: object, mark: object) -> None:
        """Take a vote of the page, and let all pages know; with the last one what the clips are."""
        ballot = self._ballot
        if ballot is None or not ballot.cast(number, mark):
            return
        labels = [self.label_of(clip) for clip in ballot.clips] if ballot.is_complete else []
        for model in self._models:
            if model.marks:
                model.marks, model.labels = list(ballot.marks), labels

    # Its files.

    def save(self, path: str | PathLike[str]) -> Path:
        """Save it as a page (``.html``) or as one picture with labels (``.png``), and return where it is.

        A page plays its videos together without a notebook; up to 50 MB they are in it, else in a folder beside it. A
        sheet that is there is replaced, any other file is not; a folder that is not there is made. What is blind is
        saved without labels. Raises InvalidRequest where it cannot be saved so, ConfigError for a picture without the
        packages of ``luma-jupyter[media]``.
        """
        target = read_target(path)
        if not is_page(target):
            save_picture(target, self._picture())
            return target
        clips = self._blind.clips if self._blind else [clip for clip in self.clips if _has_video(clip)]
        names = {clip: anonymous_name(clip) for clip in clips}
        count = len(clips if self._blind else self.clips)
        words = (
            ngettext("Blind sheet of {count} video", "Blind sheet of {count} videos", count)
            if self._blind
            else ngettext("Sheet of {count} clip", "Sheet of {count} clips", count)
        )
        videos = {name: clip.file() for clip, name in names.items()}

        def part(addresses: Mapping[str, str]) -> str:
            if self._blind:
                tiles = self._blind_tiles(self._blind, lambda clip: addresses[names[clip]])
                return blind_part(tiles, self._left_out(self._blind))
            return sheet_part(self._view({clip: (addresses[name], "") for clip, name in names.items()}))

        save_page(target, words.format(count=count), videos, part)
        return target

    def _picture(self) -> Image:
        try:
            from luma_jupyter.films.labelled_sheet import LabelledTile, labelled_sheet  # optional
        except ImportError as error:
            raise missing_package(error.name) from None
        if self._blind:
            columns = ceil(sqrt(len(self._blind.clips)))
            numbered = {
                divmod(number, columns): LabelledTile(clip.file(), caption=_video(number + 1))
                for number, clip in enumerate(self._blind.clips)
            }
            rows = ceil(len(self._blind.clips) / columns)
            return labelled_sheet([""] * rows, [""] * columns, numbered)
        axes: Axes = self._axes
        tiles = {}
        for cell, number in axes.cells.items():
            clip = self.clips[number]
            tiles[cell] = LabelledTile(clip.task.path, _trouble(clip), self._vote_text(clip))
        return labelled_sheet(axes.down.labels, axes.across.labels, tiles)


def _read_ballot(clips: Sequence[Clip]) -> Ballot:
    found = [clip for clip in clips if _has_video(clip)]
    if not found:
        raise InvalidRequest("None of these clips has a video to vote on.")
    return Ballot(found)


def _has_video(clip: Clip) -> bool:
    """Whether its file is there."""
    return bool(clip.task.status is Status.COMPLETED and clip.task.path and clip.task.path.is_file())


def _trouble(clip: Clip) -> str:
    """Why there is no video of it here; empty where there is."""
    state, task = clip.state, clip.task
    if task.status is Status.COMPLETED:
        return short(state.loss, _LONGEST_REASON)
    words = translated(SHORT_STATUS_TEXT[task.status])
    return short(_(": ").join(filter(None, [words, reason_text(task)])), _LONGEST_REASON)


def _video(number: int) -> str:
    """What a video is called while nothing tells what it is."""
    return _("Video {number}").format(number=number)


def _hidden_copy(clip: Clip, video: Path) -> Path:
    """The video under a name that tells nothing, which takes no room on the disk where it has links. Raises OSError."""
    copy = video.parent / BLIND_FOLDER / f"{anonymous_name(clip)}.mp4"
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        link_or_copy(video, copy)
    return copy


class SheetModel(PageModel):
    """The live part of a sheet. Of a blind one ``marks`` are the votes by number, 0 for none yet, and ``labels`` what
    the clips are, when all are voted on; ``on_vote`` is told of a vote in the page."""

    scripts = (
        "base.js",
        "ensemble.js",
        "sheet/play.js",
        "sheet/sheet.js",
    )
    styles = (
        "notes.css",
        "gallery/gallery.css",
        "ensemble.css",
        "sheet/sheet.css",
    )
    marks = traitlets.List(traitlets.Int()).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, on_vote: Any, **traits: Any) -> None:
        self._on_vote = on_vote
        super().__init__(**traits)

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("do") == "vote":
            self._on_vote(content.get("number"), content.get("mark"))
        else:
            super().on_message(content, buffers)
