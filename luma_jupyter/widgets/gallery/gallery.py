"""`Gallery`: clips as posters that play when one points at them; one can be picked, to go on from it.

What is shown is plain HTML (`views.gallery`). The live part adds to that: posters that play, two buttons on each, and a
form below for the clip that was picked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, overload

from ipywidgets import VBox

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.lazy_clip_list import LazyClipList
from luma_jupyter.clip.session import Session
from luma_jupyter.display.embedding import video_src, with_video
from luma_jupyter.display.environment import Environment
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.values import items_of, read_path
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.video.frames import duration
from luma_jupyter.views.clip_state import public_url, relative_url
from luma_jupyter.views.gallery import MOST_TILES, FileTile, Tile, gallery_html, heading_text, left_out_text
from luma_jupyter.views.table import table_text
from luma_jupyter.widgets.base import Missing, PageModel, ProgressiveDisplay, script
from luma_jupyter.widgets.posters import embedded_size, file_poster_src, poster_src
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.studio.studio import StudioForms

What: TypeAlias = "Iterable[Clip] | str | os.PathLike[str] | Callable[[Clip], object] | None"
ACTIONS = ("extend", "modify")


def for_gallery(
    session: Session, what: What, folder: str | os.PathLike[str] | None
) -> tuple[Sequence[Clip], list[Path]]:
    """The clips that a gallery is asked for: clips, those of a folder, or those of which a function says so.

    Of a folder also the videos of which no sidecar tells, unless a function chooses. Raises InvalidRequest for anything
    else.
    """
    if isinstance(what, str | os.PathLike):
        if folder is not None:
            raise InvalidRequest("The gallery's folder is named twice: give it once.")
        what, folder = None, what
    if what is not None and not callable(what):
        if folder is not None:
            raise InvalidRequest("Give the gallery clips or a folder, not both.")
        return _checked(what), []
    known = session.engine.repository
    place = None if folder is None else _media_folder(read_path("folder", folder), session)
    tasks = session.history() if place is None else known.saved(place)
    found = LazyClipList(tasks[::-1], session.clip_for_task)
    if what is not None:
        return [clip for clip in found if _has_video(clip.task) and what(clip)], []
    return found, known.plain_videos(place) if place else []


def _checked(what: object) -> list[Clip]:
    clips = items_of(what)
    for clip in clips:
        if not isinstance(clip, Clip):
            raise InvalidRequest(
                "A gallery is of clips, of a folder, or of what a function says of each clip, "
                f"not of {type(clip).__name__}."
            )
    return clips


def _media_folder(folder: Path, session: Session) -> Path:
    """A folder of videos, or the media folder in a notebook's folder. Raises InvalidRequest where there is none."""
    if not folder.is_dir():
        raise InvalidRequest(f"There is no folder {str(folder)!r}.")
    inside = folder / session.settings().media.name
    return folder if session.engine.repository.saved(folder) or not inside.is_dir() else inside


def _has_video(task: Task) -> bool:
    if task.status is not Status.COMPLETED:
        return False
    return bool((task.path and task.path.is_file()) or (task.video and public_url(task.video.url)))


class Gallery(ProgressiveDisplay, Sequence[Clip]):
    """Clips as posters. ``picked`` is the clip that was picked last in the page, None before.

    ``files`` are videos of which nothing more is known, shown behind the clips.
    """

    def __init__(
        self, clips: Iterable[Clip], session: Session, presenter: PagePresenter, files: Sequence[Path] = ()
    ) -> None:
        clips = list(clips)
        self.environment, self.page = presenter.environment, presenter.page
        self.picked: Clip | None = None
        self._session = session
        self._presenter = presenter
        self._clips = ClipList(clip for clip in clips if _has_video(clip.task))
        self.files = list(files)
        lost = [clip for clip in clips if not _has_video(clip.task)]
        self._left_out = left_out_text(len(lost), sum(clip.state.gone for clip in lost))

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> ClipList: ...
    def __getitem__(self, index: int | slice) -> Clip | ClipList:
        return self._clips[index]

    def __len__(self) -> int:
        return len(self._clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self._clips)

    def __bool__(self) -> bool:
        return bool(self._clips or self.files)

    def __repr__(self) -> str:
        shown = [table_text([clip.state for clip in self._clips])] if self._clips else []
        shown += [self._word(file) for file in self.files]
        return "\n".join(filter(None, [*(shown or ["No clips with a video."]), self._left_out]))

    def _html(self, key: str) -> str:
        files = self.files[: MOST_TILES - len(self._clips[:MOST_TILES])]
        shown = tiles(self._clips[:MOST_TILES], {self._word(file): file for file in files}, self.environment)
        more = len(self._clips) + len(self.files) - len(shown)
        return gallery_html(key, shown, heading_text(len(self._clips), len(self.files)), more, self._left_out)

    def _word(self, file: Path) -> str:
        """What a cell can call a file: its path relative to the notebook, where that is possible."""
        return self._session.relative_path(file.absolute()) or str(file)

    @property
    def _missing(self) -> Missing:
        word = self._session.find_word(self._clips[0]) if self._clips else "SOURCE"
        what = "posters that play, and buttons to go on from them,"
        return Missing(what, "A cell goes on from a clip, too:", f"%%luma extend {word}\nyour prompt")

    def _live(self, key: str) -> Any:
        return LiveGallery(self, key, self.pick)

    def pick(self, key: object, action: object) -> StudioForms | None:
        """Take the clip of a key as picked, and make a form for what is to become of it; None for what there is not."""
        words = {clip.task.key: clip for clip in self._clips} | {self._word(file): file for file in self.files}
        item = words.get(str(key))
        if item is None or action not in ACTIONS:
            return None
        self.picked = item if isinstance(item, Clip) else None
        word = self._session.find_word(item) if isinstance(item, Clip) else str(key)
        return StudioForms(self._session, self._presenter, action=action, source=word, focus=True)


def tiles(clips: Sequence[Clip], files: Mapping[str, Path], environment: Environment) -> list[Tile | FileTile]:
    """The tiles of clips, then of files by their words.

    Of those that the host embeds, as many posters are in them as its limit allows, then videos.
    """
    made: list[Tile | FileTile] = []
    hosts = [environment.host_of(clip.task) for clip in clips]
    hosts += [environment.host(folder=file.absolute().parent) for file in files.values()]
    room = max((host.limit for host in hosts), default=0)
    for clip, host in zip(clips, hosts, strict=False):
        state = replace(clip.state, served=host.serves)
        src = poster_src(state, host, room)
        room -= embedded_size(src)
        made.append(Tile(state, src, None if state.gone else _seconds(state.task.path)))
    for (word, file), host in zip(files.items(), hosts[len(clips) :], strict=True):
        src = file_poster_src(file, word, host, room)
        room -= embedded_size(src)
        made.append(FileTile(word, relative_url(word) if host.serves else None, src, _seconds(file)))
    for index, (tile, host) in enumerate(zip(made, hosts, strict=True)):
        limited = replace(host, limit=room)
        if host.how != "embed":
            continue
        if isinstance(tile, Tile):
            made[index] = tile = replace(tile, state=with_video(tile.state, limited))
            room -= embedded_size(tile.state.data)
        else:
            made[index] = tile = replace(tile, src=video_src(files[tile.path], limited))
            room -= embedded_size(tile.src)
    return made


def _seconds(video: Path | None) -> float | None:
    try:
        return duration(video) if video else None
    except (InvalidRequest, ConfigError):
        return None


class GalleryModel(PageModel):
    """The live part of a gallery; ``on_pick`` is told the key of the clip and the action that were picked."""

    _esm = script("base.js", "gallery/gallery.js")
    _css = script("gallery/gallery.css")

    def __init__(self, on_pick: Callable[[object, object], None], **traits: Any) -> None:
        super().__init__(**traits)
        self._on_pick = on_pick

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("do") == "pick":
            self._on_pick(content.get("key"), content.get("action"))
        else:
            super().on_message(content, buffers)


class LiveGallery(VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The gallery's model, which draws nothing here, and below it the studio for what was picked."""

    def __init__(self, gallery: Gallery, key: str, pick: Callable[[object, object], StudioForms | None]) -> None:
        self._pick = pick
        self._studio: StudioForms | None = None
        self.model = GalleryModel(self._show_studio, key=key)
        self.model.on_removed = self.close
        super().__init__([self.model])

    def _show_studio(self, key: object, action: object) -> None:
        studio = self._pick(key, action)
        if studio is None:
            return
        earlier, self._studio = self._studio, studio
        self.children: Sequence[Any] = [self.model, studio.box]
        if earlier:
            earlier.close()

    def close(self) -> None:
        """Forget all of it, here and in the page."""
        self.model.close()
        if self._studio:
            self._studio.close()
        self.layout.close()
        super().close()
