"""What `%luma account` and `%luma balance` say: a service's own list of tasks beside ours, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from luma_jupyter.domain.money import Balance, dollars
from luma_jupyter.domain.task import Account, ListedTask, Task
from luma_jupyter.printable import writable
from luma_jupyter.views.html import escaped, html_table
from luma_jupyter.views.text import MOST_LINES, short, text_table

COLUMNS = ("made", "task id", "prompt", "status", "charged", "here")


class AccountView:
    """The tasks of the last ``days`` as the service lists them, newest first; ``ours`` by the service's task id."""

    def __init__(self, account: Account, ours: Mapping[str, Task], days: int) -> None:
        self._account = account
        self._ours = ours
        self._days = days

    @property
    def not_here(self) -> list[ListedTask]:
        """The tasks that the service has and nobody here knows."""
        return [task for task in self._account.tasks if task.task_id not in self._ours]

    def _summary(self) -> str:
        there, missing = len(self._account.tasks), len(self.not_here)
        if not there:
            return f"AceDataCloud lists no task of the last {self._days} days."
        known = f"AceDataCloud lists {there} task{'' if there == 1 else 's'} of the last {self._days} days"
        here = (
            f"{known}; all are known here."
            if not missing
            else f"{known}, {missing} of them not known here: " + ("%luma adopt TASK_ID follows and saves one, free.")
        )
        older = f" Below are the newest {MOST_LINES}; AceDataCloud's console shows all." if there > MOST_LINES else ""
        return f"{here}{older}"

    def _cells(self) -> list[tuple[str, ...]]:
        newest = sorted(self._account.tasks, key=lambda task: -task.created_at)[:MOST_LINES]
        return [self._row(task) for task in newest]

    def _row(self, task: ListedTask) -> tuple[str, ...]:
        credits = self._account.charges.get(task.trace_id or "")
        known = self._ours.get(task.task_id)
        return (
            datetime.fromtimestamp(task.created_at).strftime("%Y-%m-%d %H:%M"),
            task.task_id,
            short(str(task.request.get("prompt", "-")), 40),
            task.state.phase.value,
            "?" if credits is None else f"{credits:g} credits",
            (known.name or known.key) if known else "not here",
        )

    def __repr__(self) -> str:
        rows = self._cells()
        table = text_table([tuple(name.upper() for name in COLUMNS), *rows]) if rows else ""
        return writable("\n".join(filter(None, [self._summary(), table])))

    def _repr_html_(self) -> str:
        rows = self._cells()
        return f"<div>{escaped(self._summary())}</div>{html_table(COLUMNS, rows) if rows else ''}"


def balance_text(balance: Balance, *, own: bool = False) -> str:
    """What an account has left and has spent, in one line; ``own``: it is one person's part of what a class has."""
    left = "left for you" if own else "left"
    known = {left: balance.left, "spent today": balance.spent_today, "spent in all": balance.spent_in_all}
    up_to = "up to " if balance.up_to else ""
    words = [f"{up_to}{dollars(usd)} {word}" for word, usd in known.items() if usd is not None]
    if balance.credits_left is not None:
        words.append(f"{balance.credits_left:g} credits left")
    return ", ".join(words) or "it does not say"
