"""How a person's note on a clip looks where it stands beside its video."""

from __future__ import annotations

from luma_jupyter.domain.note import Note
from luma_jupyter.views.html import QUIET, escaped


def note_html(note: Note) -> str:
    """A line with the star and the words; nothing where there are none. A live part puts its own in this place."""
    words = " ".join(filter(None, ["★" if note.starred else "", note.text]))
    return f'<div class="luma-note" dir="auto" style="{QUIET}">{escaped(words)}</div>' if words else ""


def note_data(note: Note) -> str:
    """The same as attributes, from which a live part takes it."""
    return f' data-starred="{str(note.starred).lower()}" data-note="{escaped(note.text)}"'
