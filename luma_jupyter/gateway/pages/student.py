"""A student's pages: the first one, and the own clips with what is left."""

from __future__ import annotations

from collections.abc import Collection

from luma_jupyter.gateway.pages.base import LivePageHandler, PageHandler, number
from luma_jupyter.gateway.pages.overview import Clip, Overview
from luma_jupyter.gateway.pages.steering import PAGES
from luma_jupyter.gateway.records import State
from luma_jupyter.languages import N_

SHOWN = 24  # clips of a page


class HomeHandler(PageHandler):
    """The gateway's own address."""

    async def get(self) -> None:
        """Go where somebody belongs."""
        self.redirect(self.at("class" if self.who.teaches else "mine"))


class MyClipsHandler(LivePageHandler):
    """``/mine``: one's own clips, a teacher's too."""

    def initialize(self) -> None:
        """Prepare for one request."""
        super().initialize()
        self._running: set[str] = set()

    async def page(self) -> str:
        """The page as it is now."""
        overview = Overview(self.gateway.database)
        clips = await overview.clips(SHOWN, self.who.name, number(self, "before"))
        self._running |= {str(clip.submission.id) for clip in clips if _runs(clip)}
        return self.html(
            "mine.html",
            title=N_("My clips"),
            clips=clips,
            left=await self.gateway.ledger.left(self.who),
            now=await overview.now(),
            older=clips[-1].submission.id if len(clips) == SHOWN else None,
        )

    def concerned(self) -> Collection[str]:
        """Those that are under way."""
        return {PAGES, *self._running}


def _runs(clip: Clip) -> bool:
    """Whether something will still change: it is under way, or its video is still to be fetched."""
    state = clip.submission.state
    waits = state is State.COMPLETED and not (clip.stored or clip.lost)
    return waits or state in (State.SENT, State.ACCEPTED, State.UNCONFIRMED)
