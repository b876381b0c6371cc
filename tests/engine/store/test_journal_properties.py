"""The journal against a simple model of it: several kernels, in any order, with crashes, losses and damage between."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Entry, Journal, Lease
from luma_jupyter.engine.store.leases import LEASE_TIMEOUT, LeaseLost
from luma_jupyter.engine.store.probe import FILE_NAME

pytestmark = pytest.mark.slow

KERNELS = ("A", "B", "C")
STATUSES = st.sampled_from(Status)


@dataclass
class Kernel:
    """A kernel on a machine of its own, with the leases that it got: the ``leases`` of now, and those of ``before``."""

    journal: Journal
    owner: str
    leases: dict[str, Lease] = field(default_factory=dict)  # by intent
    before: list[tuple[str, Lease]] = field(default_factory=list)

    def hold(self, intent: str, lease: Lease) -> None:
        if intent in self.leases:
            self.before.append((intent, self.leases[intent]))
        self.leases[intent] = lease


@dataclass
class Expected:
    """What a row should be."""

    task: Task
    owner: str | None


def _bare(row: Entry) -> Entry:
    """A row without its error: errors are equal to none but themselves."""
    return replace(row, task=row.task.evolve(error=None)) if row.task.error else row


def _read(journal: Journal, **options: Any) -> list[Entry]:
    return [_bare(row) for row in journal.entries(**options)]


class JournalMachine(RuleBasedStateMachine):
    """Kernels add, write, take over, crash and come back; `model` says what the journal must then hold."""

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.now = 1_700_000_000.0
        self.told: list[str] = []
        self.made = 0
        self.lives = 0
        self.kernels: dict[str, Kernel] = {}
        self.beats: dict[str, float] = {}
        self.model: dict[str, Expected] = {}
        self.seen: list[Entry] = []  # what kernels saw lately; they may act upon it much later
        for name, fingerprint in zip(KERNELS, "xyz", strict=True):
            self._start(name)
            self.add(name, fingerprint, "/one")

    def teardown(self) -> None:
        if hasattr(self, "home"):
            for kernel in self.kernels.values():
                kernel.journal.close()
            shutil.rmtree(self.home)

    def _start(self, name: str) -> None:
        self.lives += 1
        owner = f"machine {name}|{self.lives}|1.0"
        journal = Journal(self.home, clock=lambda: self.now, owner=owner, notify=self.told.append)
        self.kernels[name] = Kernel(journal, owner)

    def _beat(self, kernel: Kernel) -> None:
        self.beats[kernel.owner] = self.now

    def _alive(self, entry: Expected, onlooker: Kernel) -> bool:
        if entry.task.status.ended or entry.owner is None:
            return False
        beat = self.beats.get(entry.owner)
        return entry.owner == onlooker.owner or (beat is not None and self.now - beat < LEASE_TIMEOUT)

    @rule(name=st.sampled_from(KERNELS), fingerprint=st.sampled_from("xyz"), folder=st.sampled_from(["/one", "/two"]))
    def add(self, name: str, fingerprint: str, folder: str) -> None:
        """A new intent, where none stands that is not failed, decided within a transaction as the engine does it."""
        kernel = self.kernels[name]
        with kernel.journal.transaction():
            taken = any(row.task.status is not Status.FAILED for row in kernel.journal.find_equal(fingerprint))
            if not taken:
                self.made += 1
                task = Task(
                    intent=f"{self.made:032x}",
                    request=GenerateRequest(prompt="A red fox"),
                    provider="acedata",
                    status=Status.QUEUED,
                    created_at=self.now + self.made / 1000,
                    filename="fox.mp4",
                    fingerprint=fingerprint,
                    folder=Path(folder),
                )
                lease = kernel.journal.add(task)
        standing = [e for e in self.model.values() if e.task.fingerprint == fingerprint]
        assert taken == any(e.task.status is not Status.FAILED for e in standing)
        if not taken:
            self.model[task.intent] = Expected(task, kernel.owner)
            kernel.hold(task.intent, lease)
            self._beat(kernel)

    @rule(name=st.sampled_from(KERNELS), status=STATUSES, choice=st.integers(0, 99))
    def write(self, name: str, status: Status, choice: int) -> None:
        """A kernel goes on with one of its own."""
        kernel = self.kernels[name]
        own = [entry for entry in self.model.values() if entry.owner == kernel.owner]
        if not own:
            return
        entry = own[choice % len(own)]
        task_id = entry.task.task_id or (f"task-{entry.task.intent}" if status is Status.RUNNING else None)
        entry.task = entry.task.evolve(status=status, task_id=task_id)
        entry.owner = None if status.ended else kernel.owner
        kernel.leases[entry.task.intent].write(entry.task)

    @rule(name=st.sampled_from(KERNELS), choice=st.integers(0, 99))
    def write_late(self, name: str, choice: int) -> None:
        """A kernel goes on with one that another has taken, or itself a second time: nothing is written."""
        kernel = self.kernels[name]
        lost = [
            *kernel.before,
            *(lease for lease in kernel.leases.items() if lease[0] in self.model and not self._owns(kernel, lease[0])),
        ]
        if lost:
            intent, lease = lost[choice % len(lost)]
            with pytest.raises(LeaseLost):
                lease.write(self.model[intent].task.evolve(name="never"))

    def _owns(self, kernel: Kernel, intent: str) -> bool:
        return self.model[intent].owner == kernel.owner

    @rule(name=st.sampled_from(KERNELS), choice=st.integers(0, 99))
    def take(self, name: str, choice: int) -> None:
        """A kernel takes over what it saw, maybe long ago: it succeeds exactly where nobody has taken it since."""
        kernel, row = self.kernels[name], self.seen[-1 - choice % len(self.seen)]
        task = row.task.evolve(status=Status.RUNNING)
        entry = self.model.get(task.intent)
        free = entry is None or entry.owner == row.owner  # or it was lost with its file
        lease = kernel.journal.acquire(row, task)
        assert (lease is not None) is free
        self._beat(kernel)
        if lease:
            kernel.hold(task.intent, lease)
            self.model[task.intent] = Expected(task, kernel.owner)

    @precondition(lambda self: self.model)
    @rule(choice=st.integers(0, 99), first=st.permutations(KERNELS))
    def race(self, choice: int, first: list[str]) -> None:
        """All kernels want the same row that nobody follows any more: the first gets it, and only that one."""
        known = {kernel.owner for kernel in self.kernels.values()}
        rows = [row for row in _read(self.kernels["A"].journal) if not row.alive and row.owner not in known]
        if not rows:
            return
        row = rows[choice % len(rows)]
        task = row.task.evolve(status=Status.RUNNING)
        kernels = [self.kernels[name] for name in first]
        lease, *others = [kernel.journal.acquire(row, task) for kernel in kernels]
        assert lease
        assert others == [None, None]
        kernels[0].hold(task.intent, lease)
        for kernel in kernels:
            self._beat(kernel)
        entry = self.model[task.intent]
        entry.task, entry.owner = task, kernels[0].owner

    @rule(name=st.sampled_from(KERNELS), status=STATUSES)
    def fail(self, name: str, status: Status) -> None:
        """A transaction that breaks off leaves no trace."""
        kernel = self.kernels[name]
        try:
            with kernel.journal.transaction():
                kernel.journal.heartbeat()
                for entry in self.model.values():
                    never = entry.task.evolve(status=status, name="never")
                    if entry.owner == kernel.owner:
                        kernel.leases[entry.task.intent].write(never)
                    else:
                        assert kernel.journal.acquire(Entry(entry.task, entry.owner), never)
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass

    @rule(name=st.sampled_from(KERNELS))
    def crash(self, name: str) -> None:
        """A kernel is killed; another one starts on its machine."""
        self.kernels[name].journal.close()
        self._start(name)

    @rule(name=st.sampled_from(KERNELS))
    def beat(self, name: str) -> None:
        self.kernels[name].journal.heartbeat()
        self._beat(self.kernels[name])

    @rule(name=st.sampled_from(KERNELS))
    def reopen(self, name: str) -> None:
        """A kernel opens the file again."""
        self.kernels[name].journal.close()

    @rule(seconds=st.sampled_from([1.0, LEASE_TIMEOUT / 2, LEASE_TIMEOUT]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.model)
    @rule()
    def lose(self) -> None:
        """The file is damaged or taken away: what a living kernel follows is written again, and nothing else is there.

        One that is damaged is set aside and told of once.
        """
        told = len(self.told)
        for kernel in self.kernels.values():
            kernel.journal.close()
        for path in self.home.glob(f"{FILE_NAME}-*"):
            path.unlink()
        (self.home / FILE_NAME).write_bytes(b"garbage " * 1000)
        lost, self.model, self.beats = self.model, {}, {}
        for kernel in self.kernels.values():
            kernel.before.clear()  # a new file counts its leases anew
            kernel.leases = {
                intent: lease for intent, lease in kernel.leases.items() if lost[intent].owner == kernel.owner
            }
            assert len(kernel.journal.entries()) == len(self.model)
            for intent, entry in lost.items():
                if entry.owner == kernel.owner:
                    kernel.leases[intent].write(entry.task)
                    self.model[intent] = entry
                    self._beat(kernel)
        assert len(self.told) == told + 1

    @invariant()
    def all_see_the_same(self) -> None:
        """Each kernel sees what the model says: one row for an intent, its last snapshot, its owner, who lives."""
        for kernel in getattr(self, "kernels", {}).values():
            expected = [Entry(entry.task, entry.owner, self._alive(entry, kernel)) for entry in self.model.values()]
            rows = _read(kernel.journal)
            assert rows == sorted(expected, key=lambda row: (row.task.created_at, row.task.intent))
            assert all(row.owner is None for row in rows if row.task.status.ended)
            self.seen = [*self.seen, *rows][-60:]

    @invariant()
    def all_find_the_same(self) -> None:
        """What is found by fingerprint, folder or task id agrees with the rows."""
        if not hasattr(self, "kernels"):
            return
        journal = self.kernels["A"].journal
        rows = _read(journal)
        for fingerprint in "xyz":
            assert {row.task.intent for row in journal.find_equal(fingerprint)} == {
                row.task.intent for row in rows if row.task.fingerprint == fingerprint
            }
        done = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
        for folder in (Path("/one"), Path("/two")):
            here = [row for row in rows if row.task.folder == folder]
            assert _read(journal, folder=folder) == here
        assert [_bare(row) for row in journal.unfinished()] == [row for row in rows if row.task.status not in done]
        assert all(journal.has_task_id(row.task.task_id) for row in rows if row.task.task_id)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(
    max_examples=50, stateful_step_count=30, derandomize=True, database=None, print_blob=False
)
