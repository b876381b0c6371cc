"""How a task is run from where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from luma_jupyter.domain.money import Price
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.task_spec import DEFAULT_TIMEOUT


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a task is run from where it stands.

    ``timeout``: seconds to follow it once it is submitted; ``after``: the task whose video is the source; ``frames``:
    those whose frames it takes, by the field; ``parts``: those whose videos a film takes, by their intents.
    ``watching``: another kernel follows it; ``asked_for``: somebody asked for it here. ``unconfirmed``: it was sent
    before and not answered; ``resend``: the user wants it sent again if it cannot be found; ``price``: what that counts
    as where it may be paid a second time.
    ``ended_at``: when it ended as unconfirmed, which a look for it does not change (Unix seconds).
    """

    timeout: float = DEFAULT_TIMEOUT
    after: Handle | None = None
    frames: Mapping[str, Handle] = field(default_factory=dict)
    parts: Mapping[str, Handle] = field(default_factory=dict)
    watching: bool = False
    asked_for: bool = True
    unconfirmed: bool = False
    resend: bool = False
    price: Price | None = None
    ended_at: float | None = None
