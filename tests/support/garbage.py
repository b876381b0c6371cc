"""Collections of garbage that stay small: by many tests' end there are a million objects to look at."""

from __future__ import annotations

import gc


def set_aside() -> None:
    """Collect what there is, and keep what is left out of all later collections."""
    gc.collect()
    gc.freeze()
