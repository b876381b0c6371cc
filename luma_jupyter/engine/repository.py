"""What is known of all tasks ever asked for: from the journal, from the media folder, and from this kernel."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from luma_jupyter.domain.exchange import Recorded
from luma_jupyter.domain.money import Charges, Total
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.budget import midnight
from luma_jupyter.engine.exchanges import Exchanges
from luma_jupyter.engine.handle import Handles
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.film_files import discard_unfinished
from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.library.space import ROOM_FOR
from luma_jupyter.engine.notes import Notes
from luma_jupyter.engine.past import Past
from luma_jupyter.engine.recovery import is_served, recovered
from luma_jupyter.engine.store.journal import Entry, Journal, Key
from luma_jupyter.engine.store.spending import Day, Spending
from luma_jupyter.engine.store.wanted import EVERYTHING, Wanted
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ConfigError
from luma_jupyter.operating_system import is_same_folder
from luma_jupyter.settings import Settings, SettingsSource


class _Place(NamedTuple):
    """Where a sidecar is: the file's ``name`` in a media folder.

    Its task was made at ``created_at`` (Unix seconds), and cost ``usd`` (None: nobody knows), ``exact``: just so much.
    """

    created_at: float
    media: Path
    name: bytes
    usd: float | None
    exact: int

    @property
    def total(self) -> Total:
        """What its task cost."""
        return Total(unknown=1) if self.usd is None else Total(self.usd, bool(self.exact))


def _keys(saved: Mapping[str, _Place]) -> Iterator[Key]:
    return ((place.created_at, intent, Status.COMPLETED.value) for intent, place in saved.items())


class Repository:
    """The memory of one engine. ``handles`` are the engine's own, ``demo_url`` gives its demo service's address.

    ``clock`` in Unix seconds; ``notify`` gets what the user should know of a journal, in one line.
    """

    def __init__(
        self,
        settings: SettingsSource,
        handles: Handles,
        demo_url: Callable[[], str | None],
        clock: Callable[[], float],
        notify: Callable[[str], None],
    ) -> None:
        self.journals: dict[Path, Journal] = {}
        self.media = MediaIndex(lambda: self.journal.folders)
        self.notes = Notes(lambda: self.journal, self.media, lambda: settings().media_folder)
        self.name_of: Callable[[Task], str | None] = lambda task: task.name  # the variable that holds it now
        self._settings = settings
        self._handles = handles
        self._demo_url = demo_url
        self.clock = clock
        self.exchanges = Exchanges(settings, clock)
        self._notify = notify

    @property
    def journal(self) -> Journal:
        """The journal in the home folder of this moment."""
        home = self._settings().home_folder
        if home not in self.journals:  # setdefault: another thread may have been quicker, and two would lock each other
            self.journals.setdefault(home, Journal(home, clock=self.clock, notify=self._notify))
        return self.journals[home]

    def close(self) -> None:
        """Close the journals, with all that was recorded; each is opened again when needed."""
        self.exchanges.write()
        for journal in list(self.journals.values()):
            journal.close()

    def followed(self) -> list[Task]:
        """The tasks of this kernel that have not ended."""
        tasks = [handle.task for handle in list(self._handles.values())]  # another thread may add one meanwhile
        return [task for task in tasks if not task.status.ended]

    def heartbeat(self) -> None:
        """Let other kernels know that this one lives, and what it follows, though a journal was lost meanwhile."""
        for journal in list(self.journals.values()):
            journal.heartbeat()
        for intent in self.journal.missing([task.intent for task in self.followed()]):
            if handle := self._handles.get(intent):
                handle.write_again()

    def recovered(self, entry: Entry) -> Entry:
        """An entry as it stands, also where this kernel had followed it and stopped without being able to say so."""
        handle = self._handles.get(entry.task.intent)
        if entry.alive and (handle is None or handle.task.status.ended) and entry.owner == self.journal.owner:
            entry = replace(entry, alive=False)
        return recovered(entry, self._demo_url())

    def saved_equal(self, specs: Sequence[TaskSpec], now: Settings) -> dict[str, list[Task]]:
        """The completed tasks of equal requests in the media folder, by fingerprint."""
        found = self.media.find_equal(now.media_folder, specs)
        return {spec.fingerprint: tasks for spec, tasks in zip(specs, found, strict=True)}

    def equal_requests(
        self, specs: Sequence[TaskSpec], saved: Mapping[str, Sequence[Task]], now: Settings
    ) -> list[dict[str, Entry]]:
        """Of each spec the entries of equal requests, by intent: from this kernel, the journal and what is `saved`."""
        entered: dict[str, list[Entry]] = defaultdict(list)
        # A broken journal is told before anything is paid; to play videos it is not needed.
        with contextlib.suppress(ConfigError):
            for entry in map(self.recovered, self.journal.find_equal(*(spec.fingerprint for spec in specs))):
                entered[entry.task.fingerprint].append(entry)
        return [self._equal_to(spec, entered[spec.fingerprint], saved[spec.fingerprint], now) for spec in specs]

    def times_made(self, spec: TaskSpec, saved: Mapping[str, Sequence[Task]], now: Settings) -> int:
        """How often an equal request was made before, here or by another kernel; ``saved`` as for `equal_requests`."""
        (equal,) = self.equal_requests([spec], saved, now)
        return max((entry.task.again + 1 for entry in equal.values()), default=0)

    def recorded(self, task: Task) -> Recorded:
        """What went over the wire for a task, as far as it was recorded on this machine."""
        return self.exchanges.of(self.journal, task.intent)

    def is_followed_elsewhere(self, task: Task) -> bool:
        """Whether another kernel follows a task."""
        with contextlib.suppress(ConfigError):
            entry = self.journal.find(task.intent)
            return entry is not None and entry.alive and entry.owner != self.journal.owner
        return False

    def _equal_to(
        self, spec: TaskSpec, entered: Sequence[Entry], saved: Sequence[Task], now: Settings
    ) -> dict[str, Entry]:
        # What this kernel asked for, it knows even where the journal was lost.
        own = [handle.task for handle in self._handles.equal(spec.fingerprint)]
        found = {task.intent: Entry(task, alive=not task.status.ended) for task in own}
        found |= {entry.task.intent: entry for entry in entered}
        for task in saved:
            known = found[task.intent].task if task.intent in found else task
            if task.path is None and task.intent in found:
                continue
            if known.status is Status.DETACHED and known.video:  # its kernel ended before it could say so
                found[task.intent] = replace(found[task.intent], task=known.evolve(filename=task.filename))
                continue
            if known.status is Status.COMPLETED:  # the journal knows more, the folder knows where the file is
                task = known.evolve(media=task.media, path=task.path, filename=task.filename, file_size=task.file_size)
            found[task.intent] = Entry(task.evolve(folder=now.folder))
        return found

    def placed_here(self, task: Task) -> Task:
        """A stored task, which has no folder, as the journal knows it; else with its file in this media folder."""
        with contextlib.suppress(ConfigError):
            entry = self.journal.find(task.intent)
            if entry and (known := self.recovered(entry).task).status.ended:
                return known
        now = self._settings()
        path = now.media_folder / task.filename
        return task.evolve(media=now.media_folder, folder=now.folder, path=path if path.is_file() else None)

    def lost(self, specs: Iterable[TaskSpec]) -> list[str | None]:
        """The task ids, as far as they are known, of equal requests that nobody can read any more."""
        with contextlib.suppress(ConfigError):  # a broken journal is told before anything is paid
            return self.journal.lost(*(spec.fingerprint for spec in specs))
        return []

    def history(self, wanted: Wanted = EVERYTHING, *, folder: Path | None = None) -> Past:
        """The tasks that are wanted, oldest first, each read when it is looked at.

        Those of the journal; and those of the media folder, which somebody may have handed over. ``folder`` is a
        notebook's, or a media folder itself.
        """
        now = self._settings()
        here = folder or now.folder
        entered = self.journal.listed(wanted, folder)
        places = [now.media_folder] if is_same_folder(here, now.folder) else [here / now.media.name, here]
        known = frozenset(intent for _, intent, _ in entered)
        saved = self._saved(wanted, places, known)
        if wanted.described:  # the note is in the sidecar, which may be in a folder that was the media folder before
            found = {*saved, *self.media.described(wanted, places)} - known
            noted = replace(wanted, by="intent", values=sorted(found), search="", starred=False)
            entered += self.journal.listed(noted, folder) if found else []
        if wanted.narrow and saved:  # the journal may have others of them, which it does not find to be wanted
            also = Wanted(wanted.since, wanted.until, "intent", list(saved))
            for _, intent, _ in self.journal.listed(also, folder):
                del saved[intent]
        keys = sorted([*entered, *_keys(saved)])
        return Past(
            keys[-wanted.newest if wanted.newest else 0 :],
            lambda intents: self._read(intents, saved, here),
            lambda intents: self._total(intents, saved),
            lambda more: frozenset(self.history(more, folder=folder).intents),
        )

    def saved(self, media: Path) -> Past:
        """The tasks that the sidecars of a media folder tell of, oldest first, each read when it is looked at."""
        places = self._saved(EVERYTHING, [media])
        return Past(
            sorted(_keys(places)),
            lambda intents: self._read(intents, places),
            lambda intents: self._total(intents, places),
            lambda wanted: self._saved(wanted, [media]),
        )

    def plain_videos(self, media: Path) -> list[Path]:
        """The whole videos of a folder of which no sidecar tells, by name."""
        told = {os.fsdecode(name) for _, _, name, *_ in self.media.listed(media, EVERYTHING)}
        return sidecars.plain_videos(media, told)

    def _saved(self, wanted: Wanted, folders: Sequence[Path], known: frozenset[str] = frozenset()) -> dict[str, _Place]:
        """The wanted sidecars of media folders, by intent, but those with ``known`` ones: the first one of each."""
        found: dict[str, _Place] = {}
        for folder in folders if not wanted.statuses or Status.COMPLETED in wanted.statuses else ():
            of_folder: dict[str, _Place] = {}
            for created_at, intent, name, usd, exact in self.media.listed(folder, wanted, known):
                if intent not in of_folder or name < of_folder[intent].name:
                    of_folder[intent] = _Place(created_at, folder, name, usd, exact)
            found = of_folder | found
        return found

    def _read(self, intents: Sequence[str], saved: Mapping[str, _Place], folder: Path | None = None) -> dict[str, Task]:
        """The tasks of some intents by intent, as they stand; of ``saved`` ones what the sidecars say now."""
        tasks: dict[str, Task] = {}
        if entered := [intent for intent in intents if intent not in saved]:
            tasks = {entry.task.intent: self.recovered(entry).task for entry in self.journal.find_all(entered)}
        for intent in intents:
            if place := saved.get(intent):
                task = self.media.read_listed(place.media, place.name)
                if task and task.intent == intent:
                    tasks[intent] = task.evolve(folder=folder) if folder else task
        return tasks

    def _total(self, intents: Sequence[str], saved: Mapping[str, _Place]) -> Total:
        """What the tasks of some intents cost together; of ``saved`` ones as the index has it."""
        entered = [intent for intent in intents if intent not in saved]
        total = self.journal.total(entered) if entered else Total()
        return sum((saved[intent].total for intent in intents if intent in saved), total)

    def last_sizes(self) -> list[int]:
        """The bytes of the last few videos of this folder that the journal knows, as they were saved."""
        last = Wanted(statuses=[Status.COMPLETED], newest=ROOM_FOR)
        with contextlib.suppress(ConfigError):  # told elsewhere
            keys = self.journal.listed(last, self._settings().folder)
            return [entry.task.file_size or 0 for entry in self.journal.find_all([intent for _, intent, _ in keys])]
        return []

    def newest(self, count: int, statuses: Collection[Status]) -> list[Task]:
        """The newest tasks of this folder that have one of these statuses, oldest first."""
        most = count
        while True:
            past = self.history(Wanted(statuses=list(statuses), newest=most), folder=self._settings().folder)
            found = [task for task in past if task.status in statuses]
            if len(found) >= count or len(past) < most:
                return found[-count:]
            most *= 4  # some had another status than the journal says: their kernel is gone

    def today(self) -> Day:
        """What was asked for on this day, in local time; the tasks as they stand."""
        begun = midnight(self.clock())
        day = self.journal.spending(begun)
        return replace(day, spending=[*day.spending, *self._never_sent(begun)])

    def _never_sent(self, since: float) -> Iterator[Spending]:
        """What to take away again: this process was about to send it, and stopped without being able to say so."""
        for intent in self.journal.waiting(since):
            handle = self._handles.get(intent)
            if handle and not handle.task.status.ended:
                continue
            entry = self.journal.find(intent)
            if entry and not entry.task.sent_at and self.recovered(entry).task.status.without_task:
                task, due = entry.task, entry.task.charges
                away = Charges(-due.usd, -due.calls, -due.unpriced)
                yield Spending(task.provider, task.request.action, "", -1, away)

    def unfinished(self, folder: Path) -> list[Task]:
        """The tasks of a notebook's folder that nobody follows, and that may have a video or be unconfirmed.

        Also those of a folder that is gone: it may have been renamed. An unconfirmed one is none any more when an equal
        request was completed after it.
        """
        entries = self.journal.unfinished(lambda other: is_same_folder(other, folder) or not other.exists())
        return [task for entry in entries if self._is_open(task := self.recovered(entry).task)]

    def settle_ended(self, folder: Path) -> list[Task]:
        """The tasks of a folder that ended with their kernel: entered as they ended, so that each is told once.

        Those that it had not sent are cancelled, as are films that it had not made, and those of its demo service have
        failed, unless that still runs.
        """
        entries = map(self.recovered, self.journal.unfinished(lambda other: is_same_folder(other, folder)))
        over = [entry for entry in entries if entry.task.status.without_task and not is_served(entry.task)]
        if not over:
            return []
        with self.journal.transaction():
            ended = [entry.task for entry in over if self.journal.acquire(entry, entry.task)]
        for task in ended:
            if task.provider == "local":  # else another kernel may be making it by now
                discard_unfinished(task, self.media.own)
        return ended

    def _is_open(self, task: Task) -> bool:
        if task.status is not Status.UNCONFIRMED:
            return task.status is Status.DETACHED
        equal = (entry.task for entry in self.journal.find_equal(task.fingerprint))
        return not any(other.status is Status.COMPLETED and other.created_at > task.created_at for other in equal)
