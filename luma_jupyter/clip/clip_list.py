"""Several clips, waited for together, and shown as one table however many they are: `ClipList`, a list of them."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self, SupportsIndex, overload

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.sheet import contact_sheet
from luma_jupyter.domain.folding import fold
from luma_jupyter.domain.values import read_timeout
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.descriptions import searched_by
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.errors import ClipError, with_message
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext
from luma_jupyter.printable import say, writable
from luma_jupyter.views.table import table_text
from luma_jupyter.views.text import MOST_LINES, short

if TYPE_CHECKING:
    from PIL.Image import Image


def wait_for_all(clips: Sequence[Clip], wait: Callable[[Clip], object]) -> None:
    """Wait until all have ended, and only then raise the first one's ClipError; of several, it says whose it is."""
    errors: list[ClipError] = []
    for clip in clips:
        try:
            wait(clip)
        except ClipError as error:
            prompt = short(clip.prompt, 40)
            several = len(clips) > 1
            errors.append(with_message(error, f"For {clip.label} (“{prompt}”): {error}") if several else error)
    if errors:
        raise errors[0]


def _fits(clip: Clip, wanted: Wanted) -> bool:
    """Whether a clip is wanted, by its words as they are now; its note is read where that is asked for."""
    claims = searched_by(clip.task.evolve(name=clip.name))
    starred, note = wanted.starred and clip.starred, fold(clip.note) if wanted.words else ""
    return wanted.fits({**claims, "starred": starred, "note": note})


class ClipSequence(Sequence[Clip]):
    """Several clips, shown as one table, live while they are made."""

    @property
    @abstractmethod
    def waited_for(self) -> list[Clip]:
        """Those that are waited for: they had not ended when the list was made."""

    # What shows them needs this of them, and slices: it reads no others than it draws.

    @abstractmethod
    def standing(self) -> tuple[Mapping[Status, int], dict[int, Clip]]:
        """How many have ended in which state; and those that have not, by their places."""

    @property
    @abstractmethod
    def completed(self) -> ClipSequence:
        """Those that are completed by now, in their order. Raises ConfigError where the journal cannot be read."""

    @abstractmethod
    def wanted(self, wanted: Wanted) -> ClipSequence:
        """Those that are wanted, in their order. Raises ConfigError where the journal cannot be read."""

    @abstractmethod
    def find(self, key: str) -> Clip | None:
        """The clip of a key, as tables and file names show it; None where it is not one of them."""

    @abstractmethod
    def after(self, clips: Iterable[Clip]) -> ClipSequence:
        """These clips, and behind them what is here; those of them that are in it already stay where they are."""

    @property
    @abstractmethod
    def identity(self) -> Hashable:
        """What is equal for lists of the same clips, as long as none of them is watched anew."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> ClipSequence: ...
    @abstractmethod
    def __getitem__(self, index: SupportsIndex | slice) -> Clip | ClipSequence: ...

    def counts(self) -> Mapping[Status, int]:
        """How many clips there are in each state."""
        ended, others = self.standing()
        return Counter(ended) + Counter(clip.task.status for clip in others.values())

    def wait(self, timeout: float | None = None) -> Self:
        """Block until all clips are done, each ``timeout`` seconds at most, and return them.

        Raises the first ClipError when all have ended, of those that were waited for; WaitTimeout and WaitInterrupted
        at once.
        """
        seconds = read_timeout(timeout)
        if clips := self.waited_for:
            try:
                wait_for_all(clips, lambda clip: clip.wait(seconds))
            finally:
                clips[0].presenter.flush(self)
        return self

    def stop(self) -> None:
        """Stop watching all of them; the tasks themselves may go on and be billed."""
        for clip in self.waited_for:
            clip.stop()

    def contact_sheet(self, *, columns: int | None = None) -> Image:
        """All on one sheet, for paper: pictures with names, prompts and lengths, as a PIL image; waits for them.

        ``columns``: so many pictures side by side; None: as many as fill a page best. A clip without a video is a grey
        tile that says so. Raises InvalidRequest for no clips, and for a number of columns that cannot be.
        """
        return contact_sheet(self, columns)

    def __repr__(self) -> str:
        if not self:
            return _("No clips.")
        table = table_text([clip.state for clip in self[-MOST_LINES:]])
        return writable("\n".join(filter(None, [self._left_out, table])))

    @property
    def _left_out(self) -> str:
        """The line on clips that its text leaves out, and how to see them."""
        left = len(self) - MOST_LINES
        text = ngettext(
            "{count} earlier clip is left out here: a slice, such as [:{most}], shows it.",
            "{count} earlier clips are left out here: a slice, such as [:{most}], shows them.",
            left,
        )
        return text.format(count=f"{left:,}", most=MOST_LINES) if left > 0 else ""

    def _ipython_display_(self) -> None:
        if not self:
            say(self)
            return
        presenter = self[0].presenter
        presenter.show_list(self)
        if presenter.waits_when_shown:
            with contextlib.suppress(ClipError):  # the table says why
                self.wait()


class ClipList(list[Clip], ClipSequence):
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

    def standing(self) -> tuple[Mapping[Status, int], dict[int, Clip]]:
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
        return ClipList(clip for clip in self if clip.task.status is Status.COMPLETED)

    def find(self, key: str) -> Clip | None:
        return next((clip for clip in self if clip.task.key == key), None)

    def after(self, clips: Iterable[Clip]) -> ClipList:
        return ClipList([*(clip for clip in clips if clip not in self), *self])

    def wanted(self, wanted: Wanted) -> ClipList:
        return ClipList(clip for clip in self if _fits(clip, wanted))

    @property
    def identity(self) -> Hashable:
        return tuple(clip.handle for clip in self)

    @property
    def waited_for(self) -> list[Clip]:
        return [clip for clip in self if clip not in self.settled]

    __repr__ = ClipSequence.__repr__
