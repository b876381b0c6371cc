"""`LazyClipList`: the clips of earlier kernels as a list, each read when it is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import index as as_index
from typing import Any, SupportsIndex, overload

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, ClipSequence
from luma_jupyter.domain.identifiers import is_key
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.past import Past
from luma_jupyter.engine.store.wanted import Wanted


class LazyClipList(ClipSequence):
    """The clips of tasks, as `ClipList` has them, that cannot be changed; ``clip_of`` gives the clip of a task.

    ``under_way`` are those of them that had not ended when the list was made: for these alone it waits, and these it
    stops. Which clips there are stays as it is then; one whose files are taken away is left out when it is looked at.
    """

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __init__(self, tasks: Past, clip_of: Callable[[Task], Clip], under_way: Iterable[Clip] = ()) -> None:
        self._tasks = tasks
        self._clip_of = clip_of
        self._under_way = list(under_way)

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> LazyClipList: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Clip | LazyClipList:
        if not isinstance(index, slice):
            return self._clip_of(self._tasks[as_index(index)])
        return self._part(self._tasks[index])

    def _part(self, tasks: Past) -> LazyClipList:
        part = LazyClipList(tasks, self._clip_of)
        part._under_way = [clip for clip in self._under_way if clip in part]
        return part

    def __iter__(self) -> Iterator[Clip]:
        return map(self._clip_of, self._tasks)

    def __reversed__(self) -> Iterator[Clip]:
        return map(self._clip_of, reversed(self._tasks))

    def __contains__(self, clip: object) -> bool:
        return isinstance(clip, Clip) and self._tasks.place(clip.task.intent) is not None

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Where a clip is. Raises ValueError where it is not one of them."""
        place = self._tasks.place(value.task.intent) if isinstance(value, Clip) else None
        if place is None or place not in range(len(self))[start:stop]:
            raise ValueError(f"{value!r} is not in the list")
        return place

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClipSequence | list):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=False))

    def __add__(self, others: Sequence[Clip]) -> list[Clip]:
        return [*self, *others] if isinstance(others, ClipSequence | list) else NotImplemented

    def __radd__(self, others: Sequence[Clip]) -> list[Clip]:
        return [*others, *self] if isinstance(others, list) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return ClipList, (), {"settled": self.settled}, iter(self)

    @property
    def settled(self) -> frozenset[Clip]:
        """Those that are not waited for: they had ended when the list was looked up. All are read for it."""
        return frozenset(self) - frozenset(self._under_way)

    @property
    def waited_for(self) -> list[Clip]:
        return list(self._under_way)

    def standing(self) -> tuple[Mapping[Status, int], dict[int, Clip]]:
        ended = self._tasks.final
        clips = [self._clip_of(task) for task in self._tasks.unfinished]
        others = {place: clip for clip in clips if (place := self._tasks.place(clip.task.intent)) is not None}
        settled = {place: clip for place, clip in others.items() if clip.task.status.ended}
        ended += Counter(clip.task.status for clip in settled.values())
        return ended, {place: clip for place, clip in others.items() if place not in settled}

    @property
    def identity(self) -> Hashable:
        return self._tasks.intents, tuple(clip.handle for clip in self._under_way)

    @property
    def completed(self) -> LazyClipList:
        """Those that have a video by now, as far as the journal and the sidecars know."""
        known = {clip.task.intent: clip.task for clip in self._under_way}
        tasks = [*known.values(), *self._tasks.unfinished_without(known)]
        done = {task.intent for task in tasks if task.status is Status.COMPLETED}
        return self._part(self._tasks.of(Status.COMPLETED, done))

    def find(self, key: str) -> Clip | None:
        task = self._tasks.find(key) if is_key(key) else None
        return self._clip_of(task) if task else None

    def wanted(self, wanted: Wanted) -> LazyClipList:
        return self._part(self._tasks.wanted(wanted))

    def after(self, clips: Iterable[Clip]) -> LazyClipList:
        clips = list(clips)
        new = {clip.task.intent: clip.task for clip in clips if clip not in self}
        return LazyClipList(self._tasks.after(new.values()), self._clip_of, [*clips, *self._under_way])
