"""`Noted`: the ★ and the note that somebody gives a clip, as its attributes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from luma_jupyter.domain.note import Note


class NoteKeeper(Protocol):
    """Who keeps the notes on clips."""

    def note_of(self, clip: Any) -> Note:
        """The note on a clip."""

    def set_note(self, clip: Any, note: Note) -> None:
        """Put a note on a clip."""


class Noted:
    """What can be starred and noted, with its owner's help."""

    _owner: NoteKeeper

    @property
    def starred(self) -> bool:
        """Whether it has a ★. It can be set, and is kept beside the video.

        Setting it raises InvalidRequest for what is no flag, ConfigError where it cannot be kept.
        """
        return self._owner.note_of(self).starred

    @starred.setter
    def starred(self, starred: bool) -> None:
        self._owner.set_note(self, replace(self._owner.note_of(self), starred=starred))

    @property
    def note(self) -> str:
        """What somebody noted of it, on one line of up to 2,000 characters. It can be set, as ``starred``."""
        return self._owner.note_of(self).text

    @note.setter
    def note(self, text: str) -> None:
        self._owner.set_note(self, replace(self._owner.note_of(self), text=text))
