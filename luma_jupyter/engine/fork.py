"""What must happen when a process forks: a child has neither its parent's threads nor its locks nor its connections."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def at_fork(
    *,
    child: Callable[[], object],
    before: Callable[[], object] | None = None,
    parent: Callable[[], object] | None = None,
) -> None:
    """Call these methods around each fork, as long as their object lives; nothing where the platform does not fork."""
    if hasattr(os, "register_at_fork"):
        hooks = {"before": before, "after_in_parent": parent, "after_in_child": child}
        os.register_at_fork(**{when: _weakly(method) for when, method in hooks.items() if method})


def _weakly(method: Callable[[], object]) -> Callable[[], None]:
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if alive := reference():
            alive()

    return call
