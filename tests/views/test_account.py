"""A service's own list of tasks beside ours, and what an account has left, in words."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.money import Balance
from luma_jupyter.domain.task import Account, ListedTask, TaskPhase, TaskState
from luma_jupyter.views.account import AccountView, balance_text
from tests.support.html import HOSTILE, Tags
from tests.support.states import clip_state

OURS = clip_state().task.evolve(name="sunset")


def listed(task_id: str, prompt: object = "A sunset", trace_id: str | None = None, at: float = 1000.0) -> ListedTask:
    return ListedTask(task_id, at, {"prompt": prompt}, TaskState(task_id, TaskPhase.COMPLETED), trace_id)


def account(*tasks: ListedTask, **charges: float | None) -> AccountView:
    return AccountView(Account(tasks, charges), {"task-1": OURS}, 7)


def test_account_names_what_is_not_here_and_how_to_get_it() -> None:
    """Newest first; a task that is known says as which clip, another one that it is not here."""
    shown = account(listed("task-1"), listed("task-9", "A kite", at=2000.0))
    assert [task.task_id for task in shown.not_here] == ["task-9"]
    summary, head, first, second = repr(shown).splitlines()
    assert summary == (
        "AceDataCloud has 2 tasks of the last 7 days. Not known here: 1. "
        "%luma adopt TASK_ID watches and saves one, free."
    )
    assert head.split() == ["MADE", "TASK", "ID", "PROMPT", "STATUS", "CHARGED", "HERE"]
    assert "task-9" in first
    assert first.endswith("not here")
    assert "task-1" in second
    assert second.rstrip().endswith("sunset")


def test_account_shows_what_was_charged_where_the_statement_says_it() -> None:
    """In the service's credits; what the statement does not have is a question mark, never nothing."""
    shown = account(listed("task-1", trace_id="a"), listed("task-2", trace_id="b"), listed("task-3"), a=0.7, b=None)
    charges = {row[1]: row[4] for row in shown._cells()}
    assert charges == {"task-1": "0.7 credits", "task-2": "?", "task-3": "?"}
    assert "0.7 credits" in repr(shown)
    assert "0.7 credits" in shown._repr_html_()


def test_account_of_which_all_is_known_says_so() -> None:
    """Nothing is to be adopted."""
    assert repr(account(listed("task-1"))).splitlines()[0] == (
        "AceDataCloud has 1 task of the last 7 days. All of them are known here."
    )


def test_account_of_many_tasks_has_the_newest() -> None:
    """A notebook keeps a screenful, and the line says so; what is not here is counted of all."""
    many = account(*(listed(f"id-{number}", at=float(number)) for number in range(1000)))
    assert "has 1000 tasks" in repr(many)
    assert "Not known here: 1000." in repr(many)
    assert "Below are the newest 60; AceDataCloud's console shows all." in repr(many)
    assert len(repr(many).splitlines()) == 2 + 60
    assert "id-999" in repr(many)
    assert many._repr_html_().count("<tr>") == 1 + 60


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([listed("task-1")], "AceDataCloud has at least 1 task of the last 7 days."),
        (
            [listed("task-1"), listed("task-9")],
            "AceDataCloud has at least 2 tasks of the last 7 days. Not known here: at least 1. "
            "%luma adopt TASK_ID watches and saves one, free.",
        ),
        ([], "AceDataCloud has at least 0 tasks of the last 7 days."),
    ],
    ids=["all known", "one not known", "none"],
)
def test_account_of_more_tasks_than_can_be_read_says_so(tasks: list[ListedTask], words: str) -> None:
    """How many there are, and whether all are known here, is not said of a list that goes on."""
    shown = AccountView(Account(tasks, {}, cut=True), {"task-1": OURS}, 7)
    assert repr(shown).splitlines()[0] == words


def test_account_without_a_task_is_one_line() -> None:
    """No table without rows."""
    assert repr(account()) == "AceDataCloud has no task of the last 7 days."
    assert "<table" not in account()._repr_html_()


@pytest.mark.parametrize("prompt", [HOSTILE, None, 7, ["<b>"]], ids=["hostile", "none", "number", "list"])
def test_account_escapes_what_others_wrote(prompt: object) -> None:
    """Prompts and ids may be anybody's: no tag of theirs gets into the page, and none breaks the table."""
    html = account(listed(HOSTILE, prompt))._repr_html_()
    assert {tag for tag, _ in Tags(html).tags} <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert "None" not in html
    assert len(repr(account(listed("task-9", "two\nlines"))).splitlines()) == 3


@pytest.mark.parametrize(
    ("balance", "words"),
    [
        (Balance(left=12.34, spent_today=1.5), "$12.34 left, $1.50 spent today"),
        (
            Balance(left=6.25, spent_in_all=1.5, credits_left=12.5, up_to=True),
            "up to $6.25 left, up to $1.50 spent in all, 12.5 credits left",
        ),
        (Balance(left=None, credits_left=3.0), "3 credits left"),
        (Balance(left=0.0), "$0.00 left"),
        (Balance(left=None), "it does not say"),
    ],
    ids=["dollars", "up to", "credits", "nothing left", "nothing said"],
)
def test_balance_text_says_what_is_known(balance: Balance, words: str) -> None:
    """Dollars, as “up to” where a credit has several prices, then credits; what is not said is left out."""
    assert balance_text(balance) == words
