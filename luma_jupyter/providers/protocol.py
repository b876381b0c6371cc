"""What the engine needs of a service's client, in our own words; `acedata` and `runapi` speak them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Billing, Charge, Quote
from luma_jupyter.domain.requests import Request
from luma_jupyter.domain.task import ListedTask, TaskState

# The codes with which a class gateway says that it lost the service's answer, and that who asks is not in the class.
LOST_AT_GATEWAY, NOT_IN_CLASS = "unconfirmed", "not_in_class"


@dataclass(frozen=True)
class Upload:
    """A file at a service: where it finds it, and until when (Unix seconds; None: it does not say)."""

    url: str
    expires_at: float | None = None


@dataclass(frozen=True)
class Accepted:
    """A submission that the service has accepted.

    ``trace_id``: the service's own id of the submission, by which its statement names what was charged. ``replayed``:
    this request made nothing, as the task exists since an earlier one with the same idempotency key.
    """

    task_id: str
    trace_id: str | None = None
    replayed: bool = False
    billing: Billing | None = None


class SubmissionListener(Protocol):
    """Who is told how a paid request gets on its way.

    ``unconfirmed``: it was sent before, and may have been accepted.
    """

    unconfirmed: bool

    async def before_send(self) -> None:
        """The body is about to be sent: from here on it may be accepted. May raise to keep it back."""

    async def not_accepted(self, reason: str, delay: float) -> None:
        """It certainly was not accepted; another try follows in ``delay`` seconds."""

    async def unanswered(self, reason: str, delay: float) -> None:
        """It may have been accepted; as that cannot pay twice, the same follows again in ``delay`` seconds."""


class ProviderClient(Protocol):
    """One API of a service.

    ``repeatable``: it knows a repeated request by its idempotency key. ``gateway``: it is a class gateway's, which is
    asked again by itself. ``account``: what tells whose key it has, empty at a gateway, which knows who asks.
    ``holds_look_ups``: a look-up is answered when there is news of a task, or after a while.
    """

    @property
    def base_url(self) -> str: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def submit_url(self) -> str: ...
    @property
    def repeatable(self) -> bool: ...
    @property
    def gateway(self) -> bool: ...
    @property
    def account(self) -> str: ...
    @property
    def holds_look_ups(self) -> bool: ...
    def payload(self, request: Request) -> dict[str, Any]: ...
    def headers(self, intent: str, take: str = "") -> dict[str, str]: ...
    async def submit(
        self,
        payload: Mapping[str, Any],
        intent: str,
        listener: SubmissionListener | None = None,
        take: str = "",
    ) -> Accepted: ...
    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload: ...
    async def find(self, payload: Mapping[str, Any], since: float) -> list[str]: ...
    async def quote(self) -> Quote | None: ...
    async def balance(self) -> Balance: ...
    async def charged(self, trace_id: str, since: float, until: float) -> Charge | None: ...
    async def find_task(self, task_id: str) -> ListedTask | None: ...
    async def list_tasks(self, since: float, until: float) -> list[ListedTask]: ...
    async def check(self) -> None: ...
    async def fetch(self, ids: Sequence[str]) -> dict[str, TaskState]: ...
