"""What people pass in: numbers, flags, days and paths of any library, read as Python's own or refused in one line.

A scalar of numpy or pandas counts as the number, flag or text that it is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import refused_part


def as_python(value: Any) -> Any:
    """A scalar of numpy or pandas as Python has it, and what pandas puts where there is nothing as None."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
        return value.item()
    return value


def as_list(value: Any) -> list[Any] | None:
    """The values of a list or the like, or a one-dimensional array or column of any library; None for anything else."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return list(value)
    shape = () if isinstance(value, memoryview) else getattr(value, "shape", ())
    return list(value) if isinstance(shape, tuple) and len(shape) == 1 and hasattr(value, "__iter__") else None


def items_of(value: Any) -> list[Any]:
    """What is in a collection; anything else, a text, and what says itself what it is (`kind_of`), alone in a list."""
    if isinstance(value, str) or hasattr(type(value), "_luma_kind_"):
        return [value]
    try:
        return list(value)
    except (TypeError, NotImplementedError):  # also of what only looks like a collection: an array of no dimension
        return [value]


def kind_of(value: object) -> str:
    """What a value is, for a message: as its class says it (``_luma_kind_``), else the name of its type."""
    say = getattr(type(value), "_luma_kind_", None)
    return say(value) if callable(say) else type(value).__name__


def read_flag(name: str, value: object) -> bool:
    """Read a flag. Raises InvalidRequest for anything but True and False."""
    flag = as_python(value)
    if not isinstance(flag, bool):
        raise InvalidRequest(f"{name} must be True or False, not {shown(value)}.")
    return flag


def read_number(value: object) -> float:
    """Read a number, of seconds for instance; not a number where it is none."""
    number = as_python(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return math.nan
    try:
        return float(number)
    except OverflowError:
        return math.nan


def read_timeout(value: object) -> float | None:
    """Read how many seconds to wait, at most; None: without end. Raises InvalidRequest for what is no such number."""
    seconds = None if value is None else read_number(value)
    if seconds is not None and not seconds >= 0:
        raise InvalidRequest(f"The timeout must be a number of seconds, 0 or more, not {shown(value)}.")
    return seconds


def read_day(value: object) -> date:
    """Read a day: a date, a time, a text such as 2026-11-22, or ``today``. Raises InvalidRequest for what is none."""
    day: Any = None if as_python(value) is None else value
    try:
        if type(day).__name__ == "datetime64":
            day = day.astype("datetime64[D]").item()
        if isinstance(day, str):
            return date.today() if day == "today" else date.fromisoformat(day)
        if isinstance(day, datetime):
            return day.date()
        if isinstance(day, date):
            return day
    except ValueError:
        pass
    raise InvalidRequest(f"{shown(value)} is not a day: write it as 2026-11-22, or today.")


def read_path(what: str, value: object) -> Path:
    """Read the path of a file or folder, which need not be there. Raises InvalidRequest for what can be none.

    ``what`` it is: a parameter's name, or words.
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text:
        raise InvalidRequest(f"{what} must be a path, not {shown(value)}.")
    if part := refused_part(text):
        raise InvalidRequest(f"{what}: {shown(text)} cannot be used. On Windows no file can be called {shown(part)}.")
    try:
        path = Path(text).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()  # of a file that need not be there: where none can be called so, it says why
    except RuntimeError:
        raise InvalidRequest(f"{what}: there is no home folder for {shown(text)}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or N_("no file can have such a name")
        raise InvalidRequest(f"{what}: {shown(text)} cannot be used ({reason}).") from None
    return path
