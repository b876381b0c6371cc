"""What is known of all tasks ever asked for: from the journal, from the media folder, and from this kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from luma_jupyter import settings
from luma_jupyter.choices import Provider
from luma_jupyter.engine import sidecars
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.journal import Journal, Row
from luma_jupyter.engine.prices import midnight
from luma_jupyter.engine.recall import settled, standing
from luma_jupyter.errors import ConfigError
from luma_jupyter.models import Request, Status, Task


class Archive:
    """The memory of one engine. ``handles`` are the engine's own, ``demo_url`` gives its demo service's address.

    ``clock`` in Unix seconds; ``tell`` gets what the user should know of a journal, in one line.
    """

    def __init__(
        self,
        handles: Mapping[str, Handle],
        demo_url: Callable[[], str | None],
        clock: Callable[[], float],
        tell: Callable[[str], None],
    ) -> None:
        self.journals: dict[Path, Journal] = {}
        self._handles = handles
        self._demo_url = demo_url
        self._clock = clock
        self._tell = tell

    @property
    def journal(self) -> Journal:
        """The journal in the home folder of this moment."""
        home = settings.current().home_folder
        if home not in self.journals:
            self.journals[home] = Journal(home, clock=self._clock, tell=self._tell)
        return self.journals[home]

    def followed(self) -> list[Task]:
        """The tasks of this kernel that have not ended."""
        tasks = [handle.task for handle in list(self._handles.values())]  # another thread may add one meanwhile
        return [task for task in tasks if not task.status.ended]

    def beat(self) -> None:
        """Let other kernels know that this one lives, and what it follows, though a journal was lost meanwhile."""
        for journal in list(self.journals.values()):
            journal.beat()
        for intent in self.journal.missing([task.intent for task in self.followed()]):
            self._handles[intent].keep(self._handles[intent].task)

    def settled(self, row: Row) -> Row:
        """A row as it stands, also where this kernel had followed it and stopped without being able to say so."""
        handle = self._handles.get(row.task.intent)
        if row.owner == self.journal.owner and (handle is None or handle.task.status.ended):
            row = replace(row, alive=False)
        return settled(row, self._demo_url())

    def standing(self, mark: str, request: Request, wanted: Provider | None) -> Row | None:
        """The entry that answers a request with the fingerprint ``mark`` which would go to ``wanted``."""
        now = settings.current()
        # What this kernel asked for, it knows even where the journal was lost.
        own = [handle.task for handle in list(self._handles.values()) if handle.task.fingerprint == mark]
        rows = {task.intent: Row(task, alive=not task.status.ended) for task in own}
        with contextlib.suppress(ConfigError):  # told before anything is paid; to play what is there, it is not needed
            rows |= {row.task.intent: self.settled(row) for row in self.journal.same(mark)}
        for task in sidecars.find(now.media_folder, request.prompt, mark):
            known = rows[task.intent].task if task.intent in rows else task
            if task.path is None and task.intent in rows:
                continue
            if known.status is Status.DETACHED and known.video:  # its kernel ended before it could say so
                rows[task.intent] = replace(rows[task.intent], task=known.evolve(filename=task.filename))
                continue
            if known.status is Status.COMPLETED:  # the journal knows more, the folder knows where the file is
                task = known.evolve(media=task.media, path=task.path, filename=task.filename, file_size=task.file_size)
            rows[task.intent] = Row(task.evolve(folder=now.folder))
        return standing(rows.values(), wanted)

    def history(self, *, folder: Path | None = None, since: float = 0.0, until: float = 1e12) -> list[Task]:
        """The tasks, as they stand, made from ``since`` to before ``until`` (Unix seconds), oldest first.

        Those of the journal; and those of the media folder, which somebody may have handed over.
        """
        now = settings.current()
        rows = self.journal.rows(folder=folder, since=since, until=until)
        tasks = {row.task.intent: self.settled(row).task for row in rows}
        if folder in (None, now.folder):
            for task in sidecars.every(now.media_folder):
                if since <= task.created_at < until:
                    tasks.setdefault(task.intent, task.evolve(folder=now.folder))
        return sorted(tasks.values(), key=lambda task: (task.created_at, task.intent))

    def unfinished(self, folder: Path) -> list[Task]:
        """The tasks of a notebook's folder that nobody follows, and that may have a video or be in doubt.

        Also those of a folder that is gone: it may have been renamed. One in doubt is none any more when an equal
        request was completed after it.
        """
        rows = self.journal.unfinished(lambda other: other == folder or not other.exists())
        return [task for row in rows if self._is_open(task := self.settled(row).task)]

    def _is_open(self, task: Task) -> bool:
        if task.status is not Status.UNCONFIRMED:
            return task.status is Status.DETACHED
        later = (row.task for row in self.journal.same(task.fingerprint) if row.task.created_at > task.created_at)
        return not any(other.status is Status.COMPLETED for other in later)

    def today(self) -> list[Row]:
        """The rows of this day, in local time."""
        return self.journal.rows(since=midnight(self._clock()))
