"""`Shelf`: what a gallery is of, as it is by now: clips that are completed later come to those that it was made of."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, ClipSequence
from luma_jupyter.clip.lazy_clip_list import LazyClipList
from luma_jupyter.clip.session import Session
from luma_jupyter.domain.folding import fold
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.values import items_of, kind_of, read_path
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.operating_system import is_same_folder

What: TypeAlias = "Iterable[Clip] | str | os.PathLike[str] | Callable[[Clip], object] | None"


class Standing(NamedTuple):
    """A shelf at one moment: its completed ``clips``, and behind them video ``files`` of which nothing more is known.

    ``under_way`` clips may come to it, ``left_out`` ones have ended without a video. ``arrived`` is how many have come
    since the shelf was made.
    """

    clips: ClipSequence
    files: Sequence[Path]
    under_way: int = 0
    left_out: int = 0
    arrived: int = 0

    @property
    def total(self) -> int:
        """How many videos there are."""
        return len(self.clips) + len(self.files)

    def wanted(self, wanted: Wanted) -> Standing:
        """The part of it that is wanted; a file by its name. Raises ConfigError where the journal cannot be read."""
        found = [] if wanted.starred else [file for file in self.files if _has(file, wanted.words)]
        return Standing(self.clips.wanted(wanted), found)


def _has(file: Path, words: Iterable[str]) -> bool:
    name = fold(file.name)
    return all(word in name for word in words)


class Shelf:
    """The clips ``given``, in the order in which they are shown; a clip that begins, and that ``joins`` says is one of
    them, comes before these. Can be used from any thread.
    """

    def __init__(
        self,
        session: Session,
        given: ClipSequence,
        files: Sequence[Path] = (),
        joins: Callable[[Task], bool] = lambda task: False,
    ) -> None:
        self.files = list(files)
        self._joins = joins
        self._all = given[:]  # the user's own list may grow
        self._new: list[Clip] = []  # that began since it was looked at last, oldest first
        self._under_way = {clip.task.intent: clip for clip in self._all.standing()[1].values()}
        self._arrived: list[Clip] = []
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.RLock()
        self._completed = self._all.completed
        weakref.finalize(self, session.listen(_weakly(self._clip_began))).atexit = False
        for clip in list(self._under_way.values()):
            self._listen_to(clip)
        for clip in session.own_clips:
            if not clip.task.status.ended and clip.task.intent not in self._under_way:
                self._clip_began(clip)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when `now` may be another one, from whatever thread; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _clip_began(self, clip: Clip) -> None:
        """A clip began to stand for a task: here and now, or because somebody follows it again. It may have ended."""
        task = clip.task
        if not clip.handle.followed:
            return
        with self._lock:
            if clip in self._completed:  # its file is fetched again
                return
            if not self._joins(task) and clip not in self._all:
                return
            self._new.append(clip)
            self._under_way[task.intent] = clip
        self._listen_to(clip)
        self._changed()

    def _listen_to(self, clip: Clip) -> None:
        changed = _weakly(self._changed)
        clip.handle.listen(lambda event: changed() if event.task.status.ended else None)

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener()

    @property
    def now(self) -> Standing:
        """What there is at this moment."""
        with self._lock:
            self._take_in()
            left_out = len(self._all) - len(self._completed) - len(self._under_way)
            return Standing(self._completed, self.files, len(self._under_way), left_out, len(self._arrived))

    def _take_in(self) -> None:
        """Take in what began, and what has ended, since it was looked at last."""
        began, self._new = self._new, []
        if began:
            self._all = self._all.after(reversed(began))
        ended = [clip for clip in self._under_way.values() if clip.task.status.ended]
        before = self._completed
        came = [clip for clip in ended if clip.task.status is Status.COMPLETED and clip not in before]
        if came:
            self._completed = self._all.completed
            self._arrived += came
        for clip in ended:
            del self._under_way[clip.task.intent]

    def places_since(self, arrived: int, standing: Standing) -> list[int]:
        """The places of the clips that have come since ``arrived`` had, in order."""
        return sorted(
            standing.clips.index(clip) for clip in self._arrived[arrived : standing.arrived] if clip in standing.clips
        )


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """The method of something that may go away meanwhile; then it does nothing."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        if found := reference():
            found(*args)

    return call


def shelf_of(session: Session, what: What, folder: str | os.PathLike[str] | None) -> Shelf:
    """What a gallery is asked for: clips, those of a folder, or those of which a function says so.

    Of a folder also the videos of which no sidecar tells, unless a function chooses. Raises InvalidRequest for anything
    else.
    """
    if isinstance(what, str | os.PathLike):
        if folder is not None:
            raise InvalidRequest("The gallery's folder is named twice: name it once.")
        what, folder = None, what
    if what is not None and not callable(what):
        if folder is not None:
            raise InvalidRequest("Give the gallery clips or a folder, not both.")
        return Shelf(session, _checked(what))
    if folder is None:
        here = session.settings().folder
        place, found = None, session.clips()[::-1]
    else:
        place = _media_folder(read_path("folder", folder), session)
        found = LazyClipList(session.engine.repository.saved(place)[::-1], session.clip_for_task)
    if what is not None:
        return Shelf(session, ClipList(filter(what, found.completed)))
    if place is None:
        return Shelf(session, found, joins=lambda task: is_same_folder(task.folder, here))
    files = session.engine.repository.plain_videos(place)
    return Shelf(session, found, files, lambda task: is_same_folder(task.media, place.absolute()))


def _checked(what: object) -> ClipSequence:
    if isinstance(what, ClipSequence):
        return what
    clips = items_of(what)
    for clip in clips:
        if not isinstance(clip, Clip):
            kind = kind_of(clip)
            raise InvalidRequest(f"A gallery shows clips, a folder, or the clips that a function chooses, not {kind}.")
    return ClipList(clips)


def _media_folder(folder: Path, session: Session) -> Path:
    """A folder of videos, or the media folder in a notebook's folder. Raises InvalidRequest where there is none."""
    if not folder.is_dir():
        raise InvalidRequest(f"There is no folder {str(folder)!r}.")
    inside = folder / session.settings().media.name
    return folder if session.engine.repository.saved(folder) or not inside.is_dir() else inside
