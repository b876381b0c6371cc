"""Stars and notes in the page: what the live parts of galleries and comparisons have in common (notes.js)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.session import Session
from luma_jupyter.errors import LumaError
from luma_jupyter.languages import translated
from luma_jupyter.printable import printable
from luma_jupyter.widgets.base import PageModel


class NotedModel(PageModel):
    """A live part with a ★ and a note for each clip. ``clip_of`` gives the clip of a key, None where there is none.

    All that are open hear of a note that is set, wherever that was.
    """

    def __init__(self, session: Session, clip_of: Callable[[str], Clip | None], **traits: Any) -> None:
        super().__init__(**traits)
        self.on_noted: Callable[[], None] = lambda: None  # a clip that it shows has another note
        self._session = session
        self._clip_of = clip_of
        self._unlisten = session.listen_notes(self._noted)

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("do") == "note":
            self._set_note(content)
        else:
            super().on_message(content, buffers)

    def _set_note(self, content: dict[str, Any]) -> None:
        """The page set the star of a clip, or its text; what it does not name stays."""
        clip = self._clip_of(str(content.get("key")))
        changes = {name: content[name] for name in ("starred", "text") if name in content}
        if clip is None or not changes:
            return
        try:
            self._session.set_note(clip, replace(self._session.note_of(clip), **changes))
        except LumaError as error:
            self._tell(clip, printable(translated(error)))

    def _noted(self, clip: Clip) -> None:
        if self._clip_of(clip.task.key) is clip:
            self._tell(clip)
            self.on_noted()

    def _tell(self, clip: Clip, trouble: str = "") -> None:
        """Tell the page what the note on a clip is now, and why it is not what was wished."""
        note = self._session.note_of(clip)
        self.send({"noted": clip.task.key, **note.record, "trouble": trouble})

    def close(self) -> None:
        self._unlisten()
        super().close()
