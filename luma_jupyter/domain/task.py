"""What a service says of a task, and a task's snapshot: each step of its way makes a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from luma_jupyter.domain.money import Charges, Total
from luma_jupyter.domain.requests import Request, take_name
from luma_jupyter.domain.vocabulary import FREE, Provider, Status, service_name
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.languages import N_


@dataclass(frozen=True, slots=True)
class Video:
    """A finished video as its service reports it; sizes in pixels, None where the service says nothing.

    ``url`` None: a film, which is only here.
    """

    url: str | None
    video_id: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail_url: str | None = None


class TaskPhase(StrEnum):
    """What a look-up says of a task."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TaskState:
    """One look-up's answer: ``video`` with a completed task, ``error`` with a failed one.

    ``retry_after``: seconds that the service asks to wait before the next look-up. ``cost``: what it reports, in USD.
    ``seconds``: how long the task took from its creation to its end, where the service says so. ``trace_id``: the
    service's own id of the submission, by which its statement names what was charged.
    """

    task_id: str
    phase: TaskPhase
    video: Video | None = None
    error: ServiceError | None = None
    retry_after: float | None = None
    cost: float | None = None
    seconds: float | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task in a service's own list: made at ``created_at`` (Unix seconds) by ``request``, the body that was sent."""

    task_id: str
    created_at: float
    request: Mapping[str, Any]
    state: TaskState
    trace_id: str | None = None


@dataclass(frozen=True)
class Account:
    """A service's own list of tasks, and what its statement says was charged for submissions, in credits.

    ``cut``: it may have more tasks than these.
    """

    tasks: Sequence[ListedTask]
    charges: Mapping[str, float | None]
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A snapshot of one task; each transition makes a new one.

    ``intent`` is ours: 32 hex digits, one for each video that somebody wanted, kept through retries, and its
    idempotency key. ``task_id`` is the service's. Equal ``fingerprint``: equal request (`fingerprint`).
    ``source_label`` is how the user named the source, ``name`` the variable. ``base_url`` is the API that it went to,
    ``media`` the folder for its file, ``folder`` the notebook's.

    Times are Unix seconds; ``sent_at``: when the request last left, None while it certainly was not accepted. ``price``
    (expected) and ``cost`` (reported) are in USD, None where nobody knows; ``doubts`` counts the earlier sends that
    nobody answered.

    ``upload`` says in words which file is being uploaded, and how far. ``problem`` says why the last look-up failed
    while the task still runs. ``path`` is where the video is (None: it could not be saved, and ``problem`` says why);
    ``file_size`` in bytes. ``extra`` is what a later version wrote beside all this: it is kept, and not understood.

    ``trace_id`` is the service's id of the submission, by which its statement names what was charged: ``credits``, and
    as far as they can be told in USD, ``cost``. ``replayed``: the service answered with a task that it had made before.
    ``payload`` is the body that was sent: what is looked for later, or repeated under the same key. ``again``: how many
    equal requests were made before it. ``making`` says in words how a film's video is made, copied or encoded, and why;
    ``progress`` how much of it is made, from 0 to 1, which nobody writes down. ``gateway``: it goes to its service
    through a class gateway. ``account`` tells whose key it was sent with (`Secret.digest`); empty: nobody knows.
    """

    intent: str
    request: Request
    provider: Provider
    status: Status
    created_at: float
    filename: str
    fingerprint: str = ""
    media: Path = Path()
    folder: Path = Path()
    source_label: str | None = None
    source_intent: str | None = None
    name: str | None = None
    submitted_at: float | None = None
    sent_at: float | None = None
    ended_at: float | None = None
    task_id: str | None = None
    base_url: str = ""
    video: Video | None = None
    path: Path | None = None
    file_size: int | None = None
    price: float | None = None
    cost: float | None = None
    doubts: int = 0
    error: LumaError | None = None
    problem: str | None = None
    upload: str | None = None
    trace_id: str | None = None
    credits: float | None = None
    replayed: bool = False
    payload: Mapping[str, Any] | None = field(default=None, compare=False)
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)
    again: int = 0
    making: str | None = None
    progress: float | None = field(default=None, compare=False)
    gateway: bool = False
    account: str = ""

    @property
    def key(self) -> str:
        """The intent in short, as in file names."""
        return self.intent[:8]

    @property
    def take(self) -> str:
        """Which of the takes of its request it is, see `take_name`."""
        return take_name(self.request.take, self.again)

    def file_remedy(self, word: str) -> str:
        """How its lost file comes back; ``word`` names the clip. A demo service keeps none longer than its kernel."""
        return N_(f"`%luma retry {word}` fetches it again" if self.real else "run its cell again")

    @property
    def service_name(self) -> str:
        """What its service is called on the screen."""
        return service_name(self.provider, gateway=self.gateway)

    @property
    def awaits_gateway(self) -> bool:
        """Whether nobody watches it, and a class gateway has still to say whether it took it: asking costs nothing."""
        return self.status is Status.DETACHED and self.gateway and self.task_id is None

    @property
    def real(self) -> bool:
        """Whether a paid service makes it, not a demo service, and not this machine."""
        return self.provider not in FREE

    def elapsed(self, now: float) -> float:
        """Seconds since submission (before it: since creation), up to ``now`` or the end."""
        start = self.submitted_at or self.created_at
        return max(0.0, (self.ended_at or now) - start)

    @property
    def charges(self) -> Charges:
        """What it cost or may cost: nothing for what was refused or never left; each earlier send that nobody answered
        may have been billed too."""
        due = not self.status.without_task
        of_cost = self.cost if due and self.cost is not None else 0.0
        calls = self.doubts + (due and self.cost is None)
        if self.price is not None:
            return Charges(of_cost + calls * self.price)
        return Charges(of_cost, calls, int(due and self.cost is None))

    def charge(self, price: float | None) -> float | None:
        """What it cost or may cost in USD, None: unknown; ``price`` (a call) stands in where its own is not known."""
        return None if price is None and self.charges.unpriced else self.charges.at(price)

    @property
    def total(self) -> Total:
        """What it cost or may cost, and how sure that is."""
        amount = self.charge(None)
        return Total(unknown=1) if amount is None else Total(amount, self.cost is not None or amount == 0)

    def evolve(self, **changes: object) -> Task:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def _take_pickled(task: Task, values: Sequence[object]) -> None:
    """Take a pickled task, also of a version that had fewer fields: new ones stand at the end."""
    for number, one in enumerate(fields(task)):
        value = values[number] if number < len(values) else {} if one.name == "extra" else one.default
        object.__setattr__(task, one.name, value)


# Not in the class: before 3.11.4 Python puts its own in its place there, https://github.com/python/cpython/issues/104035.
Task.__setstate__ = _take_pickled  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """Something happened to a task: its new snapshot, and the time in Unix seconds."""

    task: Task
    at: float


Listener: TypeAlias = Callable[[TaskEvent], None]
