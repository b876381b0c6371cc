"""The index of the media folder: which sidecars there are, and which answer a request, without listing it each time.

It is never trusted against a file: what it finds is read. That it misses nothing is told by marks, a file's number,
size and times. While a folder has the mark that it had when it was looked through, no file was added, removed or
renamed; else it is listed, and read is what has another mark. Times may be coarse: a mark that is not two seconds old
may stand for a later change too, and so is none (as in git's index). What this kernel itself changes goes from one mark
to the next, and where times are fine needs no listing until the folder has been quiet for that long: what another
program does in the same hundredth of a second is seen then.

An edit in place leaves its folder's mark. Where nothing is found, those files are looked at that begin with the
prompt's words, as a clip's do; all are at a kernel's first look-up. Without a usable journal the folder is listed. What
was seen answers at once, whether or not it could be entered: other kernels may be writing. Views only need to know
which files there are: for them the folder's mark is enough.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.store.folders import Claims, FolderState, FolderTable, SavedKey, Sidecar
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ConfigError
from luma_jupyter.languages import gettext as _
from luma_jupyter.operating_system import at_fork, file_mark

COARSE = 2.0  # seconds: the coarsest times of files that there are (FAT)
FINE = 10_000_000  # nanoseconds: a disk that knows times better than so hardly ever has a whole number of them
PATIENCE = 1.0  # seconds after which it is said what takes so long


@dataclass
class _OwnChanges:
    """The changes of this kernel to a folder, one directly after the other, from the mark ``start`` to ``last``.

    ``names`` are the sidecars among them. ``sure``: the folder was looked through between two of them.
    """

    start: str | None
    last: str
    sure: bool = False
    names: list[str] = field(default_factory=list)
    entered: int = 0  # how many of the names the index has


class MediaIndex:
    """The index of all media folders that a kernel looks into. ``table`` gives the table in the journal of the moment.

    ``clock`` (Unix seconds) is that of the files, of which ``stat`` gives size and times; ``tell`` gets a line where a
    look-up takes long.
    """

    def __init__(
        self,
        table: Callable[[], FolderTable],
        clock: Callable[[], float] = time.time,
        stat: Callable[[Path], os.stat_result] = os.stat,
    ) -> None:
        self.tell: Callable[[str], object] = lambda line: None
        self._table = table
        self._clock = clock
        self._stat = stat
        self._checked: set[Path] = set()
        self._own: dict[Path, _OwnChanges] = {}
        self._reset_locks()
        at_fork(child=self._reset_locks)

    def _reset_locks(self) -> None:
        """Start anew, as in a forked child."""
        self._changing = threading.Lock()  # held while this kernel changes a folder
        self._looking = threading.Lock()  # held while it looks whether the index knows a folder, or looks it through

    # What is in a folder.

    def find_equal(self, folder: Path, specs: Sequence[TaskSpec]) -> list[list[Task]]:
        """Of each spec the completed tasks of equal requests in a folder, by the names of their files."""
        try:
            if (found := self._find(folder, specs)) is not None:
                return found
        except ConfigError:  # told before anything is paid; to play what is there, no journal is needed
            pass
        return [
            list(sidecars.find_equal(folder, spec.request.prompt, spec.fingerprint, spec.request)) for spec in specs
        ]

    def _find(self, folder: Path, specs: Sequence[TaskSpec]) -> list[list[Task]] | None:
        """As `find_equal`, by the index; None where there is no such folder, or nothing can be entered."""
        table, wanted = self._table(), {spec.fingerprint for spec in specs}
        if table.is_read_only:
            return None
        try:
            with self._looking:
                state = table.state(_text(folder))
                rows = None
                if folder not in self._checked or not self._is_known(folder, state):
                    rows = self._look_through(folder, state, table.all(state))
        except (OSError, ValueError):
            return None
        if rows is not None:
            return self._read(folder, [row for row in rows if row.claims.fingerprint in wanted], specs)[0]
        equal = table.equal(state, list(wanted))
        found, doubtful = self._read(folder, equal, specs)
        missing = [spec for spec, tasks in zip(specs, found, strict=True) if not tasks]
        for words in {words for spec in missing for words in sidecars.beginnings(spec.request.prompt)}:
            alike = table.beginning(state, words)
            doubtful += [one for one in alike if one.mark != self._mark_of(_path(folder, one.name))]
        if doubtful:
            now = {one.name: one for one in equal} | self._read_again(folder, state, doubtful)
            found, _ = self._read(folder, [one for one in now.values() if one], specs)
        return found

    def _read(
        self, folder: Path, rows: Iterable[Sidecar], specs: Sequence[TaskSpec]
    ) -> tuple[list[list[Task]], list[Sidecar]]:
        """What these sidecars answer, by their files; and those that do not say what the index has of them."""
        found: defaultdict[str | None, list[Sidecar]] = defaultdict(list)
        for one in sorted(rows, key=lambda one: one.name):
            found[one.claims.fingerprint].append(one)
        tasks: list[list[Task]] = [[] for _ in specs]
        wrong = []
        for spec, equal in zip(specs, tasks, strict=True):
            for one in found[spec.fingerprint]:
                task = sidecars.read(_path(folder, one.name))
                if task and sidecars.answers(task, spec.fingerprint, spec.request):
                    equal.append(task)
                else:
                    wrong.append(one)
        return tasks, wrong

    def _read_again(self, folder: Path, state: FolderState, doubtful: Iterable[Sidecar]) -> dict[bytes, Sidecar | None]:
        """Files whose rows may be wrong, as they are now, by name; None: it is gone. What was wrong is entered."""
        before = {one.name: one for one in doubtful}
        now = {name: self._read_sidecar(folder, name) for name in before}
        changed = [one for name, one in now.items() if one and one != before[name]]
        gone = [name for name, one in now.items() if one is None]
        if changed or gone:
            self._table().write(state, state.mark, state.settled, changed, gone)
        return now

    def listed(self, folder: Path, wanted: Wanted, known: frozenset[str] = frozenset()) -> list[SavedKey]:
        """The sidecars of a folder that are wanted and not ``known`` by intent, as the index has them: oldest first.

        For looking at them: what was edited in place since another kernel read it may be missing.
        """
        with contextlib.suppress(ConfigError, OSError, ValueError):
            table = self._table()
            if not table.is_read_only:
                with self._looking:
                    state = table.state(_text(folder))
                    if self._is_known(folder, state, unchecked=True):
                        return table.listed(state, wanted, known)
                    rows = self._look_through(folder, state, table.all(state))
                return _choose(table.with_notes({row.name: row.claims for row in rows}), wanted, known)
        claims = {os.fsencode(name): sidecars.read_claims(folder / name) for name in sidecars.names(folder)}
        return _choose(claims, wanted, known)

    def described(self, wanted: Wanted, but: Sequence[Path]) -> list[str]:
        """The intents that are looked for, in all folders ``but`` these, as far as the index knows them."""
        with contextlib.suppress(ConfigError):
            if not (table := self._table()).is_read_only:
                return table.described(wanted, [_text(folder) for folder in but])
        return []

    def read_listed(self, folder: Path, name: bytes) -> Task | None:
        """The task of a sidecar that was listed, as its file says now."""
        return sidecars.read_listed(_path(folder, name))

    # Whether the index knows all names of a folder.

    def _is_known(self, folder: Path, state: FolderState, *, unchecked: bool = False) -> bool:
        """Whether the index has what is in a folder; ``unchecked``: its files need not have been looked at."""
        with self._changing:
            stat, own = self._stat(folder), self._own.get(folder)
            mark, last = file_mark(stat), own.last if own else None
        if state.mark == mark and state.settled:
            return True
        if own is None or last != mark or own.start != state.mark or not (state.settled or own.sure):
            return False
        is_fine = stat.st_mtime_ns % FINE != 0
        # Once it is quiet, it is listed, as another program may have changed it at the same moment; not for views.
        return is_fine and (unchecked or _is_recent(stat, self._clock())) and self._enter_own(folder, own, state)

    def _enter_own(self, folder: Path, own: _OwnChanges, state: FolderState) -> bool:
        """Enter what this kernel has added since it last looked; False where another one has changed the index."""
        count = len(own.names)
        if own.entered == count:
            return True
        names = dict.fromkeys(own.names[own.entered : count])
        rows = [self._read_sidecar(folder, os.fsencode(name)) for name in names]
        if not self._table().write(state, state.mark, state.settled, [row for row in rows if row]):
            return False
        own.entered = count
        return True

    def note_change(self, folder: Path, intent: str) -> None:
        """Have the index know what this kernel has changed in the sidecar of an intent, also for other folders."""
        self.listed(folder, Wanted(by="intent", values=[intent]))

    def settle(self) -> None:
        """List the folders that this kernel has changed and that are quiet now; else the next look-up would have to."""
        for folder in [folder for folder in list(self._own) if folder in self._checked]:
            with self._looking, contextlib.suppress(ConfigError, OSError, ValueError):  # told at the next look-up
                state = self._table().state(_text(folder))
                if not self._is_known(folder, state):
                    self._look_through(folder, state, self._table().all(state))

    def look_through(self, folder: Path) -> None:
        """Read all sidecars of a folder anew, as nothing else finds an edit that left a file's size and times."""
        with self._looking, contextlib.suppress(ConfigError, OSError):
            self._look_through(folder, self._table().state(_text(folder)), {}, anew=True)

    def _look_through(
        self, folder: Path, state: FolderState, known: Mapping[bytes, Sidecar], *, anew: bool = False
    ) -> list[Sidecar]:
        """List a folder, and read what is not known; entered unless that would take longer than it took."""
        own = self._own.get(folder)
        before, begun = self._stat(folder), time.monotonic()
        old = not _is_recent(before, self._clock())
        there = set(known) if not anew else set(self._table().all(state))
        rows = list(self._list(folder, known))
        changed = [one for one in rows if one != known.get(one.name)]
        mark = file_mark(before)
        unchanged = mark == self._mark_of(folder)
        gone = there - {one.name for one in rows}
        took = time.monotonic() - begun
        if self._table().write(state, mark, old and unchanged, changed, gone, patience=took):
            self._checked.add(folder)
            self._own.pop(folder, None)
            if own and own.last == mark and unchanged:  # so it was this kernel that changed it last
                self._own[folder] = _OwnChanges(mark, mark, sure=True)
        return rows

    def _list(self, folder: Path, known: Mapping[bytes, Sidecar]) -> Iterator[Sidecar]:
        progress = _Progress(folder, self.tell)
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name[1:].lower().endswith(".json")]
        for entry in found:
            name = os.fsencode(entry.name)
            before = known.get(name)
            if before and before.mark and before.mark == self._mark_of(folder / entry.name):
                yield before
            elif one := self._read_sidecar(folder, name):  # else it is gone meanwhile, or a link to nowhere
                progress.step(len(found))
                yield one

    def _read_sidecar(self, folder: Path, name: bytes) -> Sidecar | None:
        """A sidecar as it is now; None where there is none of this name."""
        path = _path(folder, name)
        try:
            stat = self._stat(path)
        except (OSError, ValueError):
            return None
        mark = (
            None if _is_recent(stat, self._clock()) else file_mark(stat)
        )  # before it is read: it may change meanwhile
        return Sidecar(name, mark, sidecars.read_claims(path))

    def _mark_of(self, path: Path) -> str | None:
        try:
            return file_mark(self._stat(path))
        except (OSError, ValueError):
            return None

    # What this kernel changes itself.

    @contextlib.contextmanager
    def own(self, path: Path) -> Iterator[None]:
        """Say that what happens inside is this kernel's: it makes, renames or removes this one file."""
        folder = path.parent
        with self._changing:  # one after the other, so that each goes from one mark to the next
            before = self._mark_of(folder)
            try:
                yield
            finally:
                self._note(folder, before, self._mark_of(folder), path.name)

    def _note(self, folder: Path, before: str | None, after: str | None, name: str) -> None:
        own = self._own.get(folder)
        if after is None:
            return
        if own is None or own.last != before:  # somebody else has changed it since
            own = self._own[folder] = _OwnChanges(before if own is None else None, after)
        if Path(name).suffix.lower() == ".json":
            own.names.append(name)
        own.last = after


class _Progress:
    """A line for who waits long, once."""

    def __init__(self, folder: Path, tell: Callable[[str], object]) -> None:
        self._folder = folder
        self._tell = tell
        self._begun = time.monotonic()
        self._read = 0
        self._told = False

    def step(self, of: int) -> None:
        self._read += 1
        if not self._told and time.monotonic() - self._begun > PATIENCE:
            self._told = True
            text = _("Reading what is in {folder}, once: {read} of {count} clips so far.")
            self._tell(text.format(folder=repr(self._folder.name), read=f"{self._read:,}", count=f"{of:,}"))


def _choose(claims: Mapping[bytes, Claims], wanted: Wanted, known: frozenset[str]) -> list[SavedKey]:
    """As `FolderTable.listed`, by what the sidecars claim."""
    found: dict[tuple[float, str], SavedKey] = {}
    for name, one in sorted(claims.items()):
        if not one.intent or one.intent in known or one.created_at is None:
            continue
        if wanted.fits(one._asdict() | {"name": one.variable}):
            key = (one.created_at, one.intent, name, one.usd, one.exact)
            found.setdefault(key[:2], key)
    keys = sorted(found.values(), key=lambda key: key[:2])
    return keys[-wanted.newest if wanted.newest else 0 :]


def _path(folder: Path, name: bytes) -> Path:
    return folder / os.fsdecode(name)


def _is_recent(stat: os.stat_result, now: float) -> bool:
    return any(abs(now - then) < COARSE for then in (stat.st_mtime, stat.st_ctime))


def _text(folder: Path) -> str:
    """A folder's path as the table can hold it."""
    return os.fsencode(folder).decode(errors="backslashreplace")
