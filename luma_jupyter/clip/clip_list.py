"""`ClipList`: several clips as a list, waited for together, and shown as one table however many they are."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import SupportsIndex, overload

from luma_jupyter.clip.clip import Clip
from luma_jupyter.domain.values import read_timeout
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipError, with_message
from luma_jupyter.printable import say, writable
from luma_jupyter.views.table import table_text
from luma_jupyter.views.text import short


def wait_for_all(clips: Sequence[Clip], wait: Callable[[Clip], object]) -> None:
    """Wait until all have ended, and only then raise the first one's ClipError; of several, it says whose it is."""
    errors: list[ClipError] = []
    for clip in clips:
        try:
            wait(clip)
        except ClipError as error:
            whose = f"{clip.label} (“{short(clip.prompt, 40)}”): " if len(clips) > 1 else ""
            errors.append(with_message(error, f"{whose}{error}"))
    if errors:
        raise errors[0]


class ClipList(list[Clip]):
    """Several clips: a list that is shown as one table, live while they are made.

    ``settled`` are those that are not waited for: they had ended when the list was looked up, whatever they came to.
    """

    __module__ = "luma_jupyter"  # pickles name it so, wherever it moves
    settled: frozenset[Clip] = frozenset()

    @overload
    def __getitem__(self, index: SupportsIndex) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> ClipList: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Clip | ClipList:
        if not isinstance(index, slice):
            return super().__getitem__(index)
        part = ClipList(super().__getitem__(index))
        part.settled = self.settled
        return part

    # What shows them needs of them, beside slices: it reads no others than it draws.

    def counts(self) -> Mapping[Status, int]:
        """How many clips there are in each state."""
        return Counter(clip.task.status for clip in self)

    def standing(self) -> tuple[Mapping[Status, int], dict[int, Clip]]:
        """How many have ended in which state; and those that have not, by their places."""
        ended: Counter[Status] = Counter()
        others: dict[int, Clip] = {}
        for place, clip in enumerate(self):
            status = clip.task.status
            if status.ended:
                ended[status] += 1
            else:
                others[place] = clip
        return ended, others

    @property
    def completed(self) -> ClipList:
        """Those that are completed, in their order."""
        return ClipList(clip for clip in self if clip.task.status is Status.COMPLETED)

    @property
    def identity(self) -> Hashable:
        """What is equal for lists of the same clips, as long as none of them is followed anew."""
        return tuple(clip.handle for clip in self)

    def wait(self, timeout: float | None = None) -> ClipList:
        """Block until all clips are done, each ``timeout`` seconds at most, and return them.

        Raises the first ClipError when all have ended, of those that were waited for; WaitTimeout and WaitInterrupted
        at once.
        """
        seconds = read_timeout(timeout)
        try:
            wait_for_all([clip for clip in self if clip not in self.settled], lambda clip: clip.wait(seconds))
        finally:
            if self:
                self[0].presenter.flush(self)
        return self

    def stop(self) -> None:
        """Stop following all of them; the tasks themselves may still run and be billed."""
        for clip in self:
            clip.stop()

    def __repr__(self) -> str:
        return writable(table_text([clip.state for clip in self])) if self else "No clips."

    def _ipython_display_(self) -> None:
        if not self:
            say(self)
            return
        presenter = self[0].presenter
        presenter.show_list(self)
        if presenter.waits_when_shown:
            with contextlib.suppress(ClipError):  # the table says why
                self.wait()
