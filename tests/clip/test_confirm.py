"""What a batch costs is told before, and above a limit somebody has to say yes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest
from IPython.core.error import StdinNotImplementedError

from luma_jupyter.api.create import batch, generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.api.views import clips
from luma_jupyter.clip.confirm import BatchPlan
from luma_jupyter.domain.money import Price
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine import engine as engine_module
from luma_jupyter.engine.store.journal import Journal, Lease
from luma_jupyter.errors import ClipFailed, ConfigError, DownloadError, NotConfirmed, OverBudget
from tests.support import settings
from tests.support.notebook import PromptService, Shell

Printed = pytest.CaptureFixture[str]


UNKNOWN = "price not known: AceDataCloud has not said it; it bills on success, in credits."


def test_a_missing_key_is_told_before_anything_is_sent(notebook: Shell, service: PromptService) -> None:
    """A batch of which one action has no key sends none of it."""
    settings.configure(runapi_key=None)
    rows = [{"prompt": "A boat"}, {"prompt": "Fog", "action": "modify", "source": "https://x.example/v.mp4"}]
    with pytest.raises(ConfigError, match="modify needs a key of RunAPI"):
        batch(rows)
    assert service.sent == []


MADE, GOING_ON, UNCONFIRMED = Status.COMPLETED, Status.RUNNING, Status.UNCONFIRMED
SET, QUOTED, UP_TO = Price(0.35, "as set"), Price(0.5, "quoted"), Price(0.5, "quoted", up_to=True)


@pytest.mark.parametrize(
    ("new", "earlier", "grid", "line"),
    [
        ([("demo", Price(0.0, "free"))] * 3, [], "", "3 new videos, free (demo)."),
        ([("demo", Price(0.0, "free"))], [], "", "1 new video, free (demo)."),
        ([], [MADE], "", "1 video already made: no charge."),
        (
            [],
            [MADE, GOING_ON, UNCONFIRMED],
            "",
            "1 video already made: no charge. 2 videos already asked for: no charge.",
        ),
        ([], [MADE] * 4, "2 prompts × 2 takes", "2 prompts × 2 takes = 4 videos already made: no charge."),
        ([("acedata", SET)], [], "", "1 new video: $0.35 (as set)."),
        ([("runapi", UP_TO)] * 2, [], "", "2 new videos at up to $0.50 each: up to $1.00 (quoted)."),
        (
            [("acedata", SET)] * 2,
            [MADE] * 2,
            "4 takes",
            "4 takes = 4 videos. 2 videos already made: no charge. 2 new videos at $0.35 each: $0.70 (as set).",
        ),
        (
            [("acedata", SET), ("runapi", QUOTED), ("demo", Price(0.0, "free"))],
            [],
            "",
            "1 new video: $0.35 (as set). 1 new video: $0.50 (quoted). 1 new video, free (demo). In all: $0.85.",
        ),
        ([("acedata", Price(None, "no quote."))] * 2, [], "", "2 new videos, price not known: no quote."),
    ],
)
def test_line_of_a_batch_says_what_is_new_and_what_it_costs(
    new: list[tuple[Provider, Price]], earlier: list[Status], grid: str, line: str
) -> None:
    """In whole sentences, each price once; a sum where there are several."""
    plans: Any = [Mock(earlier=None) for _ in new] + [Mock(**{"earlier.task.status": status}) for status in earlier]
    assert str(BatchPlan(plans, [(provider, "generate", price) for provider, price in new], grid)) == line


MANY = [f"Prompt {number}" for number in range(11)]


def answering(answer: str | type[BaseException], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer the next questions so, as a kernel does: by its own ``input``. The list collects the questions."""
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        if isinstance(answer, str):
            return answer
        raise answer()

    monkeypatch.setattr("builtins.input", reply)
    return asked


@pytest.mark.parametrize("answer", ["y", " Yes "])
def test_batch_above_the_count_is_sent_on_a_yes(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch, capsys: Printed, answer: str
) -> None:
    """More than ten new videos are sent on somebody's word; the line with their number stands above the question."""
    asked = answering(answer, monkeypatch)
    assert len(batch(MANY).wait()) == len(service.sent) == 11
    assert asked == ["11 new videos are more than 10 (the setting confirm_count). Send them? [y/N] "]
    assert capsys.readouterr().out == f"11 new videos, {UNKNOWN}\n"
    batch(MANY)
    assert len(asked) == 1, "nothing is new"


@pytest.mark.parametrize("answer", ["", "n", "ok", EOFError, KeyboardInterrupt])
def test_batch_is_not_sent_on_any_other_answer(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch, answer: str | type[BaseException]
) -> None:
    """Nothing is sent unless the answer is yes; an interrupt is none."""
    answering(answer, monkeypatch)
    with pytest.raises(NotConfirmed, match=r"^Nothing was sent: the answer was not yes\.$"):
        batch(MANY)
    assert service.sent == []
    assert kernel.session.own_clips == []


def test_batch_is_not_sent_where_a_clip_that_answered_it_fails_before_the_yes(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said to be without charge is not made anew on a yes to fewer; asked again, the number is the new one."""
    settings.configure(confirm_count=1)
    service.gate.clear()
    under_way = generate("A boat [fail]")
    asked: list[str] = []

    def fail_meanwhile(question: str) -> str:
        asked.append(question)
        service.gate.set()
        with suppress(ClipFailed):
            under_way.wait()
        return "y"

    monkeypatch.setattr("builtins.input", fail_meanwhile)
    with pytest.raises(NotConfirmed, match=r"^Nothing was sent: a clip that would have answered one of these without"):
        batch(["A boat [fail]", "A mill", "A lake"])
    assert len(service.sent) == 1
    with pytest.raises(ClipFailed):
        batch(["A boat [fail]", "A mill", "A lake"]).wait()
    assert [question[0] for question in asked] == ["2", "3"]
    assert len(service.sent) == 4


def test_batch_where_nobody_can_be_asked_says_how_to_say_yes(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without a person sends nothing, and says how to say yes beforehand; that then works."""
    asked = answering(StdinNotImplementedError, monkeypatch)
    with pytest.raises(NotConfirmed) as caught:
        batch(MANY)
    assert str(caught.value) == (
        "Nothing was sent: 11 new videos are more than 10 (the setting confirm_count), and nobody can be asked here. "
        "Say yes=True in Python or --yes in a cell, or raise the limit with luma_jupyter.configure(…)."
    )
    assert service.sent == []
    batch(MANY, yes=True)
    settings.configure(confirm_count=20)
    batch([f"More {number}" for number in range(20)])
    assert len(asked) == 1


def test_batch_in_a_script_is_not_asked_for(terminal: Shell, service: PromptService) -> None:
    """Without a kernel and without a terminal there is nobody to ask."""
    with pytest.raises(NotConfirmed, match="nobody can be asked"):
        batch(MANY)
    assert service.sent == []


def test_batch_above_the_price_is_sent_on_a_yes(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """So is what costs more than the limit in all; RunAPI is asked for its price for that."""
    asked = answering("y", monkeypatch)
    settings.configure(confirm_usd=1.0)
    batch(["Fog", "Rain", "Snow"], action="modify", source="https://x.example/v.mp4").wait()
    assert asked == ["$1.50 is more than $1.00 (the setting confirm_usd). Send them? [y/N] "]
    assert "3 new videos at $0.50 each: $1.50 (quoted by RunAPI at " in capsys.readouterr().out
    settings.configure(confirm_usd=0, confirm_count=1)
    batch(["Ice", "Sun"], action="modify", source="https://x.example/v.mp4").wait()
    assert asked[1] == (
        "2 new videos are more than 1 (the setting confirm_count), and $1.00 is more than $0.00 (the setting "
        "confirm_usd). Send them? [y/N] "
    )


def test_batch_prices_that_differ_are_told_apart(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """What is known is summed, and of the rest it is said why it is not known."""
    boat = generate("A boat").wait()
    rows = [
        {"prompt": "A mill"},
        {"prompt": "It sails", "action": "extend", "source": boat},
        {"prompt": "Fog", "action": "modify", "source": boat},
    ]
    batch(rows).wait()
    line = capsys.readouterr().out
    assert line.startswith(f"2 new videos, {UNKNOWN} 1 new video: $0.50 (quoted by RunAPI at ")
    assert "In all" not in line


def test_a_batch_that_would_pass_the_budget_is_refused_whole(notebook: Shell, service: PromptService) -> None:
    """Not in its middle: nothing is sent, and the line has the sum; what fits is sent."""
    settings.configure(budget=1.0, acedata_price=0.35)
    with pytest.raises(OverBudget) as caught:
        batch(["A boat", "A mill", "A ship"])
    assert str(caught.value) == (
        "This would pass the budget of $1.00 a day: $0.00 so far today, and these 3 calls are $1.05 (in all). Nothing "
        "was sent. luma_jupyter.configure(budget=…) changes the budget."
    )
    assert service.sent == []
    batch(["A boat", "A mill"]).wait()
    assert [clip.status for clip in batch(["A boat", "A mill"])] == ["completed"] * 2
    with pytest.raises(OverBudget, match=r"\$0\.70 so far today, and this call is \$0\.35"):
        batch(["A boat", "A mill", "A ship"])
    settings.configure(acedata_price=None)
    with pytest.raises(OverBudget, match="this call's price is not known"):
        batch(["A ship"])
    assert len(service.sent) == 2


def test_batch_that_stops_in_the_middle_sends_nothing(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the journal cannot be written in the middle, nothing is sent or entered, and the same batch may be run."""
    add, rows = Journal.add, []

    def full(journal: Journal, task: Any) -> Lease:
        if len(rows) == 2:
            raise ConfigError("The journal cannot be written: the disk is full. Nothing was sent.")
        rows.append(task)
        return add(journal, task)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "add", full)
        with pytest.raises(ConfigError, match=r"^The journal cannot be written: the disk is full. Nothing was sent.$"):
            batch(["A boat", "A mill", "A ship", "A lake"])
    assert (list(clips()), service.sent, kernel.session.engine.handles) == ([], [], {})
    many = batch(["A boat", "A mill", "A ship", "A lake"]).wait()
    assert [clip.prompt for clip in many] == ["A boat", "A mill", "A ship", "A lake"]
    assert len(service.sent) == 4


def test_batch_of_old_ones_with_one_that_cannot_be_had_says_what_was_sent(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an earlier clip cannot be had again, the new ones of the batch are on their way, and the error says so."""
    generate("A boat").wait()

    def unreadable(*_: object) -> Task:
        raise DownloadError("the media folder cannot be written: it is gone")

    with monkeypatch.context() as patched:
        patched.setattr(engine_module, "copy_into", unreadable)
        with pytest.raises(DownloadError, match=r"^2 new ones were sent, and are being watched; but: the media folder"):
            batch(["A boat", "A mill", "A ship"])
    assert [clip.prompt for clip in clips().wait()] == ["A boat", "A mill", "A ship"]
    assert len(batch(["A boat", "A mill", "A ship"]).wait()) == len(service.sent) == 3


def test_prompts_in_another_script_are_told_once(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A batch of prompts that RunAPI does not read says so in one line."""
    batch(["雾", "雨"], action="modify", source="https://x.example/v.mp4")
    assert capsys.readouterr().out.count("RunAPI reads English prompts") == 1
