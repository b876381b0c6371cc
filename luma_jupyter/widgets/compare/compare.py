"""`Comparison`: clips side by side, which play, scrub and fall silent together; two also one over the other.

What is shown is plain HTML with a player for each. The live part puts one set of controls in the place of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, wait_for_all
from luma_jupyter.clip.session import Session
from luma_jupyter.display.embedding import with_captions, with_video
from luma_jupyter.domain.values import items_of, kind_of
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.comparison import comparison_html
from luma_jupyter.views.text import plain_text
from luma_jupyter.widgets.base import Missing, ProgressiveDisplay
from luma_jupyter.widgets.notes import NotedModel
from luma_jupyter.widgets.presenter import PagePresenter


def clips_to_compare(given: Sequence[Clip | Iterable[Clip]]) -> list[Clip]:
    """The clips that a comparison is asked for: two or more, or a list of them, or one that was made from another clip.

    Waits for those that are not done. Raises InvalidRequest for anything else, ClipError where one has no video.
    """
    named: list[Any] = list(given)
    if len(named) == 1:
        named = items_of(named[0])
    if len(named) == 1 and isinstance(named[0], Clip) and isinstance(named[0].source, Clip):
        named.insert(0, named[0].source)
    for clip in named:
        if not isinstance(clip, Clip):
            kind = kind_of(clip)
            raise InvalidRequest(f"Only clips can be compared, not {kind}.")
    if len(named) < 2:
        raise InvalidRequest("Name two clips or more to compare, or one that was made from another clip.")
    wait_for_all(named, lambda clip: clip.wait())
    return named


class Comparison(ProgressiveDisplay):
    """Clips that are done, side by side."""

    def __init__(self, clips: Iterable[Clip], session: Session, presenter: PagePresenter) -> None:
        self.clips = ClipList(clips)
        self._session = session
        self.environment, self.page = presenter.environment, presenter.page

    def __repr__(self) -> str:
        host = self.environment.host()
        return "\n".join(plain_text(clip.state, here=host.how == "path", links=host.links) for clip in self.clips)

    def _html(self, key: str) -> str:
        notes = self._session.engine.notes.of_all(clip.task for clip in self.clips)
        return comparison_html(key, [self._state(clip) for clip in self.clips], notes)

    def _state(self, clip: Clip) -> ClipState:
        """With the video in it, where the host wants that: all of them together up to its limit."""
        host = self.environment.host_of(clip.task)
        shared = replace(host, limit=host.limit // len(self.clips))
        return with_video(with_captions(replace(clip.state, served=host.serves)), shared)

    @property
    def _missing(self) -> Missing:
        return Missing(_("one set of controls for all of them"), _("Until then each plays by itself."))

    def _live(self, key: str) -> Any:
        return CompareModel(self._session, self.clips.find, key=key)


class CompareModel(NotedModel):
    """The live part of a comparison."""

    scripts = (
        "base.js",
        "ensemble.js",
        "notes.js",
        "compare/compare.js",
    )
    styles = (
        "notes.css",
        "gallery/gallery.css",
        "ensemble.css",
        "compare/compare.css",
    )
