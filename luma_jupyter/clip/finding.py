"""Which clips somebody looks for: days, words, an action and a star, as they are typed, become one condition."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from luma_jupyter.domain.folding import fold
from luma_jupyter.domain.values import read_day, read_flag
from luma_jupyter.domain.vocabulary import ALL_ACTIONS, Action
from luma_jupyter.engine.store.wanted import ALWAYS, Wanted
from luma_jupyter.errors import InvalidRequest, shown

MOST_WORDS = 100


def read_wanted(
    *,
    day: str | date | None = None,
    search: str | None = None,
    since: str | date | None = None,
    action: str | None = None,
    starred: bool = False,
) -> Wanted:
    """The condition for clips of a ``day``, or from the day ``since`` on, with all words of ``search`` in them.

    Raises InvalidRequest for a value that is none.
    """
    start, end = (0.0, ALWAYS) if day is None else _span(day)
    first = 0.0 if since is None else _span(since)[0]
    return Wanted(
        max(start, first),
        end,
        search=_read_search(search),
        action=_read_action(action),
        starred=read_flag("starred", starred),
    )


def _read_search(search: object) -> str:
    if search is None:
        return ""
    if not isinstance(search, str):
        raise InvalidRequest(f"search must be a text, such as 'fox', not {shown(search)}.")
    folded = fold(search)
    if len(folded.split()) > MOST_WORDS:
        raise InvalidRequest(f"search can have at most {MOST_WORDS} words: leave some out.")
    return folded


def _read_action(action: object) -> Action | None:
    for known in ALL_ACTIONS:
        if isinstance(action, str) and action == known:
            return known
    if action is None:
        return None
    actions = ", ".join(ALL_ACTIONS)
    raise InvalidRequest(f"There is no action {shown(action)}; choose {actions}.")


def _span(day: str | date) -> tuple[float, float]:
    """From when to when a day lasts, in Unix seconds."""
    start = datetime.combine(read_day(day), time.min)
    try:
        return start.timestamp(), (start + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvalidRequest(f"No clip can be from {start:%Y-%m-%d}: choose a later day.") from None
