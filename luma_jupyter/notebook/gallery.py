"""`luma.gallery`: clips as posters that play when one points at them; one can be picked, to go on from it.

What is shown is plain HTML (`tiles`). The live part adds to that: posters that play, two buttons on each, and a form
below for the clip that was picked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, overload

from ipywidgets import VBox

from luma_jupyter import settings
from luma_jupyter.engine import sidecars
from luma_jupyter.engine.frames import duration
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.models import Status, Task
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.embed import with_video
from luma_jupyter.notebook.host import Host, here
from luma_jupyter.notebook.page import Exhibit, PageModel, script
from luma_jupyter.notebook.posters import poster_src, weight
from luma_jupyter.notebook.render import Look, public_link
from luma_jupyter.notebook.studio.studio import Studio
from luma_jupyter.notebook.tabulate import table
from luma_jupyter.notebook.tiles import MOST_TILES, Tile, gallery_html, left_out_words
from luma_jupyter.notebook.variables import word_for

What: TypeAlias = "Iterable[Clip] | str | os.PathLike[str] | Callable[[Clip], object] | None"
ACTIONS = ("extend", "modify")


def gallery(what: What = None, *, folder: str | os.PathLike[str] | None = None) -> Gallery:
    """Clips as posters that play when one points at them, each to extend or modify.

    ``what`` is clips, a folder of videos, or a function that says of a clip whether to show it; without it, all clips
    of this notebook's folder, newest first. ``folder`` names another one, whose videos are known by the files beside
    them. Clips without a video are left out. Raises InvalidRequest for anything else.
    """
    if isinstance(what, str | os.PathLike):
        if folder is not None:
            raise InvalidRequest("The gallery's folder is named twice: give it once.")
        what, folder = None, what
    if what is not None and not callable(what):
        if folder is not None:
            raise InvalidRequest("Give the gallery clips or a folder, not both.")
        return Gallery(_checked(what))
    tasks = session.past(None, None) if folder is None else _in_folder(Path(folder).expanduser())
    found = [session.clip_for(task) for task in sorted(tasks, key=lambda task: task.created_at, reverse=True)]
    return Gallery(found if what is None else [clip for clip in found if _has_video(clip._task) and what(clip)])


def _checked(what: object) -> list[Clip]:
    clips: list[Any] = list(what) if isinstance(what, Iterable) else [what]
    for clip in clips:
        if not isinstance(clip, Clip):
            raise InvalidRequest(
                "A gallery is of clips, of a folder, or of what a function says of each clip, "
                f"not of {type(clip).__name__}."
            )
    return clips


def _in_folder(folder: Path) -> list[Task]:
    """The videos of a media folder, or of the one in a notebook's folder."""
    if not folder.is_dir():
        raise InvalidRequest(f"There is no folder {str(folder)!r}.")
    return list(sidecars.every(folder)) or list(sidecars.every(folder / settings.current().media.name))


def _has_video(task: Task) -> bool:
    if task.status is not Status.COMPLETED:
        return False
    return bool((task.path and task.path.is_file()) or (task.video and public_link(task.video.url)))


class Gallery(Exhibit, Sequence[Clip]):
    """Clips as posters. ``picked`` is the clip that was picked last in the page, None before."""

    def __init__(self, clips: Iterable[Clip]) -> None:
        clips = list(clips)
        self._clips = Clips(clip for clip in clips if _has_video(clip._task))
        self._left_out = len(clips) - len(self._clips)
        self.picked: Clip | None = None

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Clips: ...
    def __getitem__(self, index: int | slice) -> Clip | Clips:
        return self._clips[index]

    def __len__(self) -> int:
        return len(self._clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self._clips)

    def __repr__(self) -> str:
        shown = table([clip._look() for clip in self._clips]) if self._clips else "No clips with a video."
        return "\n".join(filter(None, (shown, left_out_words(self._left_out))))

    def _html(self, key: str) -> str:
        return gallery_html(key, tiles(self._clips[:MOST_TILES], here()), len(self._clips), self._left_out)

    def _live(self, key: str) -> Any:
        return LiveGallery(self, key)


def tiles(clips: Iterable[Clip], host: Host) -> list[Tile]:
    """The clips' tiles for a host. Where it embeds, as many posters are in them as its limit allows, then videos."""
    made, room = [], host.limit
    for clip in clips:
        look = replace(clip._look(), served=host.serves)
        src = poster_src(look, host, room)
        room -= weight(src)
        made.append(Tile(look, src, _seconds(look)))
    if host.how != "embed":
        return made
    for index, tile in enumerate(made):
        look = with_video(tile.look, replace(host, limit=room))
        room -= weight(look.data)
        made[index] = replace(tile, look=look)
    return made


def _seconds(look: Look) -> float | None:
    try:
        return duration(look.task.path) if look.task.path else None
    except (InvalidRequest, ConfigError):
        return None


class GalleryModel(PageModel):
    """The live part of a gallery; ``pick`` is told the key of the clip and the action that were picked."""

    _esm = script("page.js", "gallery.js")
    _css = script("gallery.css")

    def __init__(self, pick: Callable[[object, object], None], **traits: Any) -> None:
        super().__init__(**traits)
        self._pick = pick

    def heard(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("do") == "pick":
            self._pick(content.get("key"), content.get("action"))
        else:
            super().heard(content, buffers)


class LiveGallery(VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The gallery's model, which draws nothing here, and below it the studio for what was picked."""

    def __init__(self, gallery: Gallery, key: str) -> None:
        self._gallery = gallery
        self._studio: Studio | None = None
        self.model = GalleryModel(self._pick, key=key)
        self.model.on_gone = self.close
        super().__init__([self.model])

    def _pick(self, key: object, action: object) -> None:
        clip = next((clip for clip in self._gallery if clip._task.key == key), None)
        if clip is None or action not in ACTIONS:
            return
        self._gallery.picked = clip
        earlier, self._studio = self._studio, Studio(action=action, source=word_for(clip), focus=True)
        self.children: Sequence[Any] = [self.model, self._studio.box]
        if earlier:
            earlier.close()

    def close(self) -> None:
        """Forget all of it, here and in the page."""
        self.model.close()
        if self._studio:
            self._studio.close()
        self.layout.close()
        super().close()
