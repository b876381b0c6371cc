"""What is said of parts that cannot be used: one line each, which says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.operating_system import reason


@contextmanager
def damage_told(label: str) -> Iterator[None]:
    """Raise InvalidRequest for whatever reading a file ends with."""
    try:
        yield
    except InvalidRequest:
        raise
    except FileNotFoundError as error:
        raise gone(label, error) from None
    except (av.error.FFmpegError, OSError, ValueError, LookupError):
        raise damaged(label) from None


def gone(label: str, error: OSError) -> InvalidRequest:
    """The error for a file that cannot be had."""
    return InvalidRequest(f"{label} cannot be read: {reason(error)}.")


def damaged(label: str, at: Fraction | None = None) -> InvalidRequest:
    """The error for a part that cannot be read as a whole."""
    return InvalidRequest(
        f"{label} is damaged: download or save it again."
        if at is None
        else f"{label} is damaged at {float(at):.1f} s: download or save it again."
    )


def cut_off(label: str, at: Fraction) -> InvalidRequest:
    """The error for a file whose end is missing."""
    return InvalidRequest(f"{label} ends at {float(at):.1f} s, before its own end: download or save it again.")


def without_frames(label: str) -> InvalidRequest:
    """The error for a video in which there is nothing to see."""
    return InvalidRequest(f"{label} has no frames: it cannot be a part of a film.")
