"""Databases as earlier versions of the gateway left them: their tables and a few rows, in ``NNNN.sql`` after each step.

``python -m tests.gateway.versions`` writes those that are missing: each is made once, when its step has come, and then
stays as it is.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def versions() -> list[Path]:
    """All files, the oldest first."""
    return sorted(FOLDER.glob("[0-9]*.sql"))
