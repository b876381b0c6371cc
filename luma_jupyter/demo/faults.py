"""Injected faults: how tests make the service answer wrongly, late or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RequestInfo:
    """A request as it came in, before anything was done about it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class InjectedReply:
    """An answer to send instead of the real one; the request is then not carried out.

    `LOST` is the exception: the request is carried out, and its answer never arrives.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


LOST = InjectedReply(0)
Hook = Callable[[RequestInfo], InjectedReply | None]
