"""A person's notes on clips: in the sidecar, so that they go where the video goes.

In the journal is what no sidecar can take: of a clip that has none yet, or whose folder cannot be written. So what the
journal has comes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import replace_note
from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ConfigError
from luma_jupyter.operating_system import at_fork


class Notes:
    """The notes of an engine. ``journal`` and ``folder`` give the journal and the media folder of the moment; ``media``
    hears of each sidecar that is written anew."""

    def __init__(self, journal: Callable[[], Journal], media: MediaIndex, folder: Callable[[], Path]) -> None:
        self._journal = journal
        self._media = media
        self._folder = folder
        self._reset_lock()
        at_fork(child=self._reset_lock)

    def _reset_lock(self) -> None:
        """Start anew, as in a forked child."""
        self._writing = threading.Lock()  # two threads would write one file

    def of(self, task: Task) -> Note:
        """The note on a task."""
        return self.of_all([task])[task.intent]

    def of_all(self, tasks: Iterable[Task]) -> dict[str, Note]:
        """The notes on tasks, by intent."""
        tasks = list(tasks)
        kept: dict[str, Note] = {}
        with suppress(ConfigError):  # told before anything is paid; those in sidecars need no journal
            kept = self._journal().descriptions.notes([task.intent for task in tasks])
        media = self._folder()
        return {task.intent: kept.get(task.intent) or self._in_sidecar(task, media) for task in tasks}

    def _in_sidecar(self, task: Task, media: Path) -> Note:
        found = self._sidecar(task, media)
        return found[1] if found else NO_NOTE

    def _sidecar(self, task: Task, media: Path) -> tuple[Path, Note] | None:
        """The sidecar of a task and the note in it: where the video was saved, or in the media folder, if it was moved
        there."""
        for folder in dict.fromkeys([task.path.parent if task.path else task.media, media]):
            path = (folder / task.filename).with_suffix(".json")
            if (note := sidecars.read_note(path, task.intent)) is not None:
                return path, note
        return None

    def set(self, task: Task, note: Note) -> None:
        """Put a note on a task. Raises ConfigError where neither its sidecar nor the journal can be written."""
        with self._writing:
            self._set(task, note)

    def _set(self, task: Task, note: Note) -> None:
        descriptions = self._journal().descriptions
        if self._write(task, note):
            with suppress(ConfigError):  # one that cannot be read has none
                descriptions.forget_note(task.intent)
        else:
            descriptions.set_note(task.intent, note)

    def _write(self, task: Task, note: Note) -> bool:
        """Write a note into the sidecar; whether it is there."""
        found = self._sidecar(task, self._folder())
        if found is None:
            return False
        path, before = found
        if before != note:
            try:
                replace_note(path, note, self._media.own)
            except (OSError, ValueError):
                return False
            self._media.note_change(path.parent, task.intent)
        return True

    def settle(self, task: Task) -> None:
        """Bring a note from the journal into the sidecar, which was not there when it was made."""
        with suppress(ConfigError), self._writing:  # whoever found no sidecar has put the note into the journal by now
            kept = self._journal().descriptions.notes([task.intent])
            for note in kept.values():
                self._set(task, note)
