"""`jitter`: by how much pauses differ, so that clients who waited for the same thing do not come back at once."""

from __future__ import annotations

import random

# The system's own: a notebook that has seeded `random` gets the same numbers from it, whatever is made meanwhile, and a
# forked child does not get its parent's.
_SYSTEM = random.SystemRandom()


def jitter() -> float:
    """A number from 0 to 1, by chance."""
    return _SYSTEM.random()
