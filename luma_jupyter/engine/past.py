"""`Past`: tasks that were asked for, as a sequence that knows which there are, and reads those that are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, overload

from luma_jupyter.domain.money import Total
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Key
from luma_jupyter.engine.store.wanted import Wanted

AT_ONCE = 200  # tasks that are read at once where all are looked at
FINAL = frozenset([Status.COMPLETED, Status.FAILED, Status.CANCELLED])  # nobody goes on with these by himself

Read: TypeAlias = Callable[[Sequence[str]], Mapping[str, Task]]
AddUp: TypeAlias = Callable[[Sequence[str]], Total]
Find: TypeAlias = Callable[[Wanted], Container[str]]


class Past(Sequence[Task]):
    """Tasks by their ``keys``, in this order; ``read`` gives those of some intents as they stand, as far as they are
    there, ``add_up`` what some that are final cost together, ``find`` the intents of those that are wanted.

    Which tasks there are is decided when it is made. One that is gone when it is looked at, as its file was taken away
    meanwhile, is left out from then on.
    """

    def __init__(self, keys: Iterable[Key], read: Read, add_up: AddUp, find: Find) -> None:
        self._keys = list(keys)
        self._read = read
        self._add_up = add_up
        self._find = find
        self._places: dict[str, int] | None = None  # by intent; None: not known now

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> Past: ...
    def __getitem__(self, index: int | slice) -> Task | Past:
        if isinstance(index, slice):
            return self._of_keys(self._keys[index])
        while True:
            key = self._keys[index]
            if found := self._tasks([key]):
                return found[0]

    def __iter__(self) -> Iterator[Task]:
        yield from self._in_pages(self._keys.copy())

    def __reversed__(self) -> Iterator[Task]:
        yield from self._in_pages(self._keys[::-1])

    def place(self, intent: str) -> int | None:
        """Where the task of an intent is; None where it is not one of them."""
        if self._places is None:
            self._places = {intent: place for place, (_, intent, _) in enumerate(self._keys)}
        return self._places.get(intent)

    def find(self, key: str) -> Task | None:
        """The task of a key; None where it is not one of them."""
        found = [known for known in self._keys if known[1].startswith(key)]
        return next(iter(self._tasks(found)), None)

    def of(self, status: Status, also: Container[str] = ()) -> Past:
        """Those that have come to a final status; in the same order. ``also`` are intents of some that have by now."""
        return self._of_keys([key for key in self._keys if key[2] == status or key[1] in also])

    def wanted(self, wanted: Wanted) -> Past:
        """Those of them that are wanted, in the same order. Raises ConfigError where the journal cannot be read."""
        found = self._find(wanted)
        return self._of_keys([key for key in self._keys if key[1] in found])

    def after(self, tasks: Iterable[Task]) -> Past:
        """These tasks, and behind them what is here."""
        return self._of_keys([*((task.created_at, task.intent, task.status.value) for task in tasks), *self._keys])

    def _of_keys(self, keys: Iterable[Key]) -> Past:
        return Past(keys, self._read, self._add_up, self._find)

    @property
    def unfinished(self) -> list[Task]:
        """Those whose status may change, as they stand: few."""
        return self.unfinished_without(())

    def unfinished_without(self, intents: Container[str]) -> list[Task]:
        """As `unfinished`, without those of these intents, which are not read."""
        return self._tasks([key for key in self._keys if key[2] not in FINAL and key[1] not in intents])

    @property
    def counts(self) -> Counter[Status]:
        """How many there are of each status; only those that are unfinished are read."""
        return self.final + Counter(task.status for task in self.unfinished)

    @property
    def final(self) -> Counter[Status]:
        """How many there are of each final status."""
        counts = Counter(status for _, _, status in self._keys if status in FINAL)
        return Counter({Status(status): count for status, count in counts.items()})

    @property
    def total(self) -> Total:
        """What they cost together; only those that are unfinished are read."""
        final = [intent for _, intent, status in self._keys if status in FINAL]
        return sum((task.total for task in self.unfinished), self._add_up(final))

    @property
    def intents(self) -> tuple[str, ...]:
        """Which tasks these are."""
        return tuple(intent for _, intent, _ in self._keys)

    def _in_pages(self, keys: list[Key]) -> Iterator[Task]:
        for start in range(0, len(keys), AT_ONCE):
            yield from self._tasks(keys[start : start + AT_ONCE])

    def _tasks(self, keys: Sequence[Key]) -> list[Task]:
        """The tasks of some keys, without those that are gone."""
        found = self._read([intent for _, intent, _ in keys])
        if gone := {key for key in keys if key[1] not in found}:
            self._keys = [key for key in self._keys if key not in gone]
            self._places = None
        return [found[intent] for _, intent, _ in keys if intent in found]
