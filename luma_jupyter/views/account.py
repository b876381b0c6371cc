"""What `%luma account` and `%luma balance` say: a service's own list of tasks beside ours, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from luma_jupyter.domain.money import Balance, dollars
from luma_jupyter.domain.task import Account, ListedTask, Task
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import writable
from luma_jupyter.views.html import escaped, html_table
from luma_jupyter.views.text import MOST_LINES, short, text_table

COLUMNS = (N_("made"), N_("task id"), N_("prompt"), N_("status"), N_("charged"), N_("here"))


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
        there, missing, cut = len(self._account.tasks), len(self.not_here), self._account.cut
        if not there and not cut:
            return _("AceDataCloud has no task of the last {days} days.").format(days=self._days)
        at_least = _("at least {count}") if cut else "{count}"
        words = [
            ngettext(
                "AceDataCloud has {count} task of the last {days} days.",
                "AceDataCloud has {count} tasks of the last {days} days.",
                there,
            ).format(count=at_least.format(count=there), days=self._days)
        ]
        if missing:
            here = _("Not known here: {count}. %luma adopt TASK_ID watches and saves one, free.")
            words.append(here.format(count=at_least.format(count=missing)))
        elif not cut:
            words.append(_("All of them are known here."))
        if there > MOST_LINES:
            words.append(_("Below are the newest {count}; AceDataCloud's console shows all.").format(count=MOST_LINES))
        return " ".join(words)

    def _cells(self) -> list[tuple[str, ...]]:
        newest = sorted(self._account.tasks, key=lambda task: -task.created_at)[:MOST_LINES]
        return [self._row(task) for task in newest]

    def _row(self, task: ListedTask) -> tuple[str, ...]:
        credits = self._account.charges.get(task.trace_id or "")
        known = self._ours.get(task.task_id)
        return (
            datetime.fromtimestamp(task.created_at).strftime("%Y-%m-%d %H:%M"),
            task.task_id,
            short(str(task.request.get("prompt") or "-"), 40),
            translated(task.state.phase.value),
            "?" if credits is None else _("{credits} credits").format(credits=f"{credits:g}"),
            (known.name or known.key) if known else _("not here"),
        )

    def __repr__(self) -> str:
        rows = self._cells()
        table = text_table([tuple(_(name).upper() for name in COLUMNS), *rows]) if rows else ""
        return writable("\n".join(filter(None, [self._summary(), table])))

    def _repr_html_(self) -> str:
        rows = self._cells()
        return f"<div>{escaped(self._summary())}</div>{html_table([*map(_, COLUMNS)], rows) if rows else ''}"


def balance_text(balance: Balance, *, own: bool = False) -> str:
    """What an account has left and has spent, in one line; ``own``: it is one person's part of what a class has."""
    left = _("{amount} left for you") if own else _("{amount} left")
    known = {left: balance.left, _("{amount} spent today"): balance.spent_today}
    known[_("{amount} spent in all")] = balance.spent_in_all
    up_to = _("up to {amount}") if balance.up_to else "{amount}"
    words = [text.format(amount=up_to.format(amount=dollars(usd))) for text, usd in known.items() if usd is not None]
    if balance.credits_left is not None:
        words.append(_("{credits} credits left").format(credits=f"{balance.credits_left:g}"))
    return _(", ").join(words) or _("it does not say")
