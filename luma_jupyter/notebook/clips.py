"""`Clips`: several clips as a list, waited for together, and shown as one table however many they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, SupportsIndex, overload

from luma_jupyter.errors import ClipError, reworded
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.render import short
from luma_jupyter.notebook.tabulate import table

if TYPE_CHECKING:
    from luma_jupyter.notebook.table import TableCard


def wait_for_all(clips: Sequence[Clip], wait: Callable[[Clip], object]) -> None:
    """Wait until all have ended, and only then raise the first one's ClipError; of several, it says whose it is."""
    errors: list[ClipError] = []
    for clip in clips:
        try:
            wait(clip)
        except ClipError as error:
            whose = f"{clip._label} (“{short(clip.prompt, 40)}”): " if len(clips) > 1 else ""
            errors.append(reworded(error, f"{whose}{error}"))
    if errors:
        raise errors[0]


class Clips(list[Clip]):
    """Several clips: a list that is shown as one table, live while they are made."""

    def __init__(self, clips: Iterable[Clip] = ()) -> None:
        super().__init__(clips)
        self._card: TableCard | None = None

    @overload
    def __getitem__(self, index: SupportsIndex) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Clips: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Clip | Clips:
        return Clips(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def wait(self, timeout: float | None = None) -> Clips:
        """Block until all clips are done, each ``timeout`` seconds at most, and return them.

        Raises the first ClipError when all have ended; WaitTimeout and WaitInterrupted at once.
        """
        try:
            wait_for_all(self, lambda clip: clip.wait(timeout))
        finally:
            self._settle()
        return self

    def _settle(self) -> None:
        """Bring its table up to date, as a clip does with its card."""
        if self._card:
            from luma_jupyter.notebook.showing import settle

            settle(self)

    def stop(self) -> None:
        """Stop following all of them; the tasks themselves may still run and be billed."""
        for clip in self:
            clip.stop()

    def __repr__(self) -> str:
        return table([clip._look() for clip in self]) if self else "No clips."

    def _ipython_display_(self) -> None:
        from luma_jupyter.notebook.showing import show_all, shown_clips_wait

        show_all(self)
        if shown_clips_wait():
            with contextlib.suppress(ClipError):  # the table says why
                self.wait()
