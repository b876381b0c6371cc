"""The words of ``%luma``: what is under way, what earlier kernels left, and money."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.api.views import clips
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ClipFailed, ClipUnconfirmed, ConfigError, InvalidRequest, ServiceDown
from luma_jupyter.views.text import SHORT_STATUS_TEXT
from tests.support import settings
from tests.support.fake_service import Answer, reply
from tests.support.notebook import (
    PromptService,
    Shell,
    leave_running,
    leave_unconfirmed,
    wait_for_looks,
    wait_for_status,
)
from tests.support.waiting import until

Printed = pytest.CaptureFixture[str]


def first_lines(notebook: Shell) -> list[str]:
    """The first line of each output, where it has one."""
    texts = [output["text/plain"] for output in notebook.displays.latest()]
    return [text.splitlines()[0] for text in texts if text]


# %luma status, wait and stop


def test_status_lists_the_clips(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """``%luma status`` is a table of all clips, or of the named ones."""
    notebook.run("%luma status")
    assert "no clips in this kernel yet" in capsys.readouterr().out
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o dawn --wait\nA dawn")
    notebook.run("%luma status")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "sunset", "dawn"]
    notebook.run("%luma status dawn")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_status_leaves_out_what_a_newer_clip_took_the_variable_of(
    notebook: Shell, service: PromptService, capsys: Printed
) -> None:
    """A variable has one row, that of the clip in it; what may still run, or is held elsewhere, keeps its own."""
    for prompt in ("A [fail] fox", "A red fox", "A blue fox"):
        notebook.run(f"%%luma -o fox\n{prompt}")
        notebook.user_ns["fox"].handle.done.result(timeout=10)
        if prompt == "A red fox":
            notebook.run("red = fox")
    notebook.run("%%luma -o seas --takes 2 --wait\nA sea")
    notebook.run("%%luma -o seas --takes 2 --wait\nA lake")
    service.running = True
    for prompt in ("A slow boat", "A fast boat"):
        notebook.run(f"%%luma -o boat --timeout 1e9\n{prompt}")
        wait_for_status(notebook.user_ns["boat"], "running")
    capsys.readouterr()
    notebook.run("%luma status")
    _, *rows = capsys.readouterr().out.splitlines()
    prompts = ["red fox", "blue fox", "lake", "lake", "slow boat", "fast boat"]
    assert len(rows) == len(prompts)
    assert all(row.endswith(prompt) for row, prompt in zip(rows, prompts, strict=True))
    first = rows[4].split()[0]
    assert [row.split()[0] for row in rows] == ["red", "fox", "seas[0]", "seas[1]", first, "boat"]
    notebook.run(f"%luma stop {first}")
    assert capsys.readouterr().out == f"Stopped watching {first}.\n"


def test_wait_waits_for_all_or_the_named(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%luma wait`` ends when every unfinished clip has ended; with nothing under way it says so."""
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma -o dawn\nA dawn")
    notebook.run("%luma wait dawn")
    assert notebook.user_ns["dawn"].status == "completed"
    notebook.run("%luma wait")
    assert notebook.user_ns["sunset"].status == "completed"
    capsys.readouterr()
    notebook.run("%luma wait")
    assert capsys.readouterr().out == "No clip is being made.\n"


def test_wait_waits_for_all_though_one_fails(notebook: Shell) -> None:
    """The first error is raised at the end, when the others have their videos too."""
    notebook.run("%%luma -o broken\nA [fail] sunset")
    notebook.run("%%luma -o refused\nA [refuse] sunset")
    notebook.run("%%luma -o dawn\nA dawn")
    with pytest.raises(ClipFailed, match="no luck"):
        notebook.run("%luma wait broken refused dawn")
    assert [notebook.user_ns[name].status for name in ("broken", "refused", "dawn")] == [
        "failed",
        "failed",
        "completed",
    ]


def test_show_shows_clips_as_they_stand(notebook: Shell, service: PromptService) -> None:
    """The named ones, done or not, in the cell of the line, which waits for nothing; many as one table."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    notebook.displays.outputs.clear()
    notebook.run("%luma show sunset")
    running, _ = notebook.displays.latest()
    assert "the service is making the video (as of " in running["text/html"]
    service.running = False
    notebook.user_ns["sunset"].wait()
    notebook.run("%%luma -o seas --takes 7 --wait\nA sea")
    notebook.displays.outputs.clear()
    notebook.run("%luma show sunset")
    notebook.run("%luma show sunset seas")
    done, table = notebook.displays.latest()
    assert "<video" in done["text/html"]
    assert "8 clips: 8 completed" in table["text/html"]
    with pytest.raises(InvalidRequest, match="Say which: %luma show NAME"):
        notebook.run("%luma show")


def test_show_is_text_in_a_terminal(terminal: Shell, capsys: Printed) -> None:
    """A clip as it stands, with its path."""
    terminal.run("%%luma -o sunset\nA sunset")
    capsys.readouterr()
    terminal.run("%luma show sunset")
    assert "sunset: “A sunset”" in capsys.readouterr().out


def end_at_once(handle: Handle) -> Callable[[], None]:
    """The stop of a handle, but it returns only when it has taken effect."""
    stop = handle.stop

    def stop_and_wait() -> None:
        stop()
        handle.done.result(timeout=10)

    return stop_and_wait


def test_stop_ends_following_and_cancels_what_is_queued(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%luma stop`` detaches a running clip; a queued one is cancelled, and nothing was sent for it.

    What it says holds also where the clip ends before the line is printed.
    """
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    notebook.run("%%luma extend sunset -o longer\nOn and on")
    wait_for_status(notebook.user_ns["sunset"], "running")
    for name in ("longer", "sunset"):
        handle = notebook.user_ns[name].handle
        handle.stop = end_at_once(handle)
        notebook.run(f"%luma stop {name}")
    assert capsys.readouterr().out == "Stopped watching longer.\nStopped watching sunset.\n"
    for name, status in (("longer", "cancelled"), ("sunset", "detached")):
        notebook.user_ns[name].handle.done.result(timeout=10)
        assert notebook.user_ns[name].status == status
    assert len(service.sent) == 1
    notebook.run("%luma stop sunset")
    assert capsys.readouterr().out == f"sunset has ended already: {SHORT_STATUS_TEXT[Status.DETACHED]}.\n"
    with pytest.raises(InvalidRequest, match="Say which"):
        notebook.run("%luma stop")


def test_status_lists_what_earlier_kernels_left(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """The table has what earlier kernels left too, each clip once; a named clip's status is only that."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    capsys.readouterr()
    left = "luma_jupyter: 1 clip of this folder is unfinished; %luma resume watches it again.\n"
    for _ in range(2):
        notebook.run("%luma status")
        head, sunset, last = capsys.readouterr().out.splitlines(keepends=True)
        assert head.startswith("NAME")
        assert sunset.startswith("sunset ")
        assert " not watched any more " in sunset
        assert last == left
    notebook.run("%%luma -o dawn --wait\nA dawn")
    notebook.run("%luma status dawn")
    assert left not in capsys.readouterr().out
    notebook.run("%luma resume")
    notebook.run("%luma wait")
    notebook.run("%luma status")
    assert left not in capsys.readouterr().out
    assert notebook.user_ns["sunset"].status == "completed"


def test_wait_waits_for_what_earlier_kernels_left(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """In a new kernel it follows what an earlier one left, and puts it into its variable; one in doubt is only told."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    leave_unconfirmed(notebook, "%%luma -o fog\nFog [lost]")
    notebook.restart()
    wait_for_looks()
    sent = len(service.sent)
    capsys.readouterr()
    in_doubt = (
        "No clip is being made.\nluma_jupyter: 1 clip of this folder is unfinished; %luma resume watches it again. "
        "1 is unconfirmed: it may have been made and paid.\n"
    )
    notebook.run("%luma wait")
    assert notebook.user_ns["sunset"].status == "completed"
    assert capsys.readouterr().out in ("", in_doubt)  # the other one may have been done already
    notebook.run("%luma wait")
    assert capsys.readouterr().out == in_doubt
    assert len(service.sent) == sent


def test_wait_leaves_what_was_stopped_here(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """What the user stopped in this kernel stays stopped until they say otherwise."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    notebook.run("%luma stop sunset")
    wait_for_status(notebook.user_ns["sunset"], "detached")
    notebook.run("%luma wait")
    assert "No clip is being made." in capsys.readouterr().out
    assert notebook.user_ns["sunset"].status == "detached"


# %luma resume


def test_resume_says_what_ended_with_the_demo_service(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """Clips of a dead kernel's demo service are not unfinished: loading says once that they ended with it."""
    settings.configure(provider="demo")
    service.running = True
    notebook.run("%%luma -o sunset\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    capsys.readouterr()
    notebook.restart()
    ended = (
        "luma_jupyter: 1 clip of this folder was not finished: the demo ended with its kernel. Run its cell again to "
        "make it.\n"
    )
    assert capsys.readouterr().out == ended
    notebook.run("%luma resume")
    assert capsys.readouterr().out.startswith("No clip of this folder is unfinished. Does a card still wait? Run")
    assert [clip.status for clip in clips()] == ["failed"]


def test_resume_with_nothing_to_resume_says_so(notebook: Shell, capsys: Printed) -> None:
    """It says so, and makes no journal."""
    notebook.run("%luma resume")
    assert capsys.readouterr().out == (
        "No clip of this folder is unfinished. Does a card still wait? Run its cell again to see its end.\n"
    )
    assert not settings.current().home_folder.exists()


def test_resume_follows_all_and_binds_them(notebook: Shell, service: PromptService) -> None:
    """Each gets its card and its variable back, the newest is in ``_luma``; nothing is sent."""
    leave_running(
        notebook,
        service,
        "%%luma -o sunset --timeout 1e9\nA sunset",
        "%%luma -o dawn --timeout 1e9\nA dawn",
        "%%luma --timeout 1e9\nA boat",
    )
    service.gate.clear()
    notebook.run("%luma resume")
    assert [line.split(" ")[0] for line in first_lines(notebook)] == ["sunset:", "dawn:", "clip:"]
    assert notebook.user_ns["_luma"].prompt == "A boat"
    service.gate.set()
    for name, task_id in (("sunset", "task-1"), ("dawn", "task-2"), ("_luma", "task-3")):
        clip = notebook.user_ns[name].wait()
        assert clip.task_id == task_id
        assert clip.path.exists()
    assert "<video" in notebook.displays.latest()[0]["text/html"]
    assert len(service.sent) == 3
    assert notebook.run("%luma resume") is None


def test_resume_never_overwrites_a_variable(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A name that is in use keeps its value; the clip is in ``_luma`` and among `clips`."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    notebook.run("sunset = 'mine'")
    notebook.run("%luma resume")
    assert notebook.user_ns["sunset"] == "mine"
    clip = notebook.user_ns["_luma"].wait()
    assert clip.prompt == "A sunset"
    assert clips() == [clip]


def test_resume_follows_only_the_named_clips(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """Names choose among the variables: what is stopped goes on, what runs is only said to."""
    service.running = True
    for name in ("sunset", "dawn"):
        notebook.run(f"%%luma -o {name} --timeout 1e9\nA {name}")
        wait_for_status(notebook.user_ns[name], "running")
        notebook.run(f"%luma stop {name}")
        notebook.user_ns[name].handle.done.result(timeout=10)
    capsys.readouterr()
    sunset, dawn = notebook.user_ns["sunset"], notebook.user_ns["dawn"]
    notebook.run("%luma resume sunset")
    assert not sunset.task.status.ended
    assert dawn.status == "detached"
    notebook.run("%luma resume sunset")
    assert capsys.readouterr().out == "sunset is being watched already.\n"
    with pytest.raises(InvalidRequest, match="There is no variable dusk"):
        notebook.run("%luma resume dusk")
    service.running = False
    assert sunset.wait().path.exists()


def test_resume_goes_on_past_a_clip_without_a_key(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A clip whose service has no key is told in one line; the others are followed."""
    leave_running(
        notebook,
        service,
        "%%luma -o sunset --timeout 1e9\nA sunset",
        "%%luma modify https://example.com/v.mp4 -o foggy --timeout 1e9\nFog",
    )
    settings.configure(acedata_token=None)
    capsys.readouterr()
    notebook.run("%luma resume")
    assert capsys.readouterr().out == "sunset (“A sunset”): Set ACEDATACLOUD_API_TOKEN to use AceDataCloud.\n"
    assert notebook.user_ns["foggy"].wait().path.exists()


def test_resume_in_a_terminal_waits_for_all_though_one_fails(
    terminal: Shell, service: PromptService, capsys: Printed
) -> None:
    """All are followed, each saved file is printed, and then the first error is raised."""
    service.running = True
    for prompt in ("A [fail] sunset", "A dawn"):
        terminal.run(f"%%luma --no-wait --timeout 1e9\n{prompt}")
        wait_for_status(terminal.user_ns["_luma"], "running")
    terminal.restart()
    service.running = False
    with pytest.raises(ClipFailed, match="no luck"):
        terminal.run("%luma resume")
    assert "a-dawn-" in capsys.readouterr().out


def test_resume_looks_for_an_unconfirmed_clip_and_sends_nothing(notebook: Shell, service: PromptService) -> None:
    """What AceDataCloud then shows is followed; what nobody shows stays unconfirmed, and says how it is sent again."""
    leave_unconfirmed(notebook, "%%luma -o sunset\nA [lost] sunset")
    leave_unconfirmed(notebook, "%%luma -o dawn\nA [lost] dawn")
    leave_unconfirmed(notebook, "%%luma modify https://example.com/v.mp4 -o foggy\nA [lost] fog")
    notebook.restart()
    wait_for_looks()
    service.faulty = False
    service.listed = [{"id": "task-1", "created_at": time.time(), "request": service.sent[0]}]
    notebook.run("%luma resume")
    assert notebook.user_ns["sunset"].wait().path.exists()
    with pytest.raises(ClipUnconfirmed, match=r"`%luma retry dawn --may-pay-twice` .*, which may pay twice\.$"):
        notebook.user_ns["dawn"].wait()
    with pytest.raises(ClipUnconfirmed, match=r"`%luma retry foggy` .* under the same idempotency key\.$"):
        notebook.user_ns["foggy"].wait()
    assert len(service.sent) == 3


def test_resume_of_a_clip_whose_kernel_was_killed_while_sending_sends_nothing(
    notebook: Shell, service: PromptService
) -> None:
    """Nobody knows whether the request was accepted, so it is explained and never sent again by itself."""
    notebook.run("%%luma -o sunset\nA [hang] sunset")
    until(lambda: service.sent)
    notebook.restart()
    wait_for_looks()
    notebook.run("%%luma -o sunset\nA [hang] sunset")
    with pytest.raises(ClipUnconfirmed, match=r"it was looked for, and not found\. .* may be billed"):
        notebook.user_ns["sunset"].wait()
    notebook.run("%luma resume")
    notebook.user_ns["sunset"].handle.done.result(timeout=10)
    assert len(service.sent) == 1


def test_resume_leaves_out_what_was_never_sent(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A step that was queued when its kernel was killed was not paid; its cell makes it anew."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    notebook.run("%%luma extend sunset -o longer\nOn and on")
    notebook.restart()
    assert "1 clip of this folder" in capsys.readouterr().out
    service.running = False
    notebook.run("%luma resume")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    assert [body.get("video_id") for body in service.sent] == [None, "video-of-task-1"]


def test_resume_binds_no_name_that_python_needs(notebook: Shell, service: PromptService) -> None:
    """A clip that came here under the name of a built-in, or of something of IPython's, is in `_luma` alone."""
    service.running = True
    session = kernel.session
    for name in ("print", "get_ipython", "In"):
        spec = TaskSpec(request=GenerateRequest(prompt=f"A {name}"), name=name, timeout=1e9)
        wait_for_status(session.submit(session.engine.plan(spec)), "running")
    get_ipython, history = notebook.user_ns["get_ipython"], notebook.user_ns["In"]
    notebook.restart()
    service.running = False
    notebook.run("%luma resume")
    assert "print" not in notebook.user_ns
    assert notebook.user_ns["get_ipython"] == get_ipython
    assert type(notebook.user_ns["In"]) is type(history)
    assert [clip.name for clip in clips()] == ["print", "get_ipython", "In"]


# %luma retry


@pytest.mark.parametrize("words", ["", "sunset dawn", "--may-pay-twice"])
def test_retry_takes_exactly_one_name(notebook: Shell, service: PromptService, words: str) -> None:
    """Anything else is answered by how it is used, and nothing is sent."""
    with pytest.raises(InvalidRequest, match=r"^Say which: %luma retry NAME \[--may-pay-twice\]"):
        notebook.run(f"%luma retry {words}")
    with pytest.raises(InvalidRequest, match="There is no variable sunset"):
        notebook.run("%luma retry sunset")
    assert not service.sent


def test_retry_of_an_unconfirmed_clip_says_the_line_that_sends_it_again(
    notebook: Shell, service: PromptService
) -> None:
    """The card says how to send it again and what that may cost; that very line then makes the video."""
    leave_unconfirmed(notebook, "%%luma -o sunset\nA [lost] sunset")
    service.faulty = False
    notebook.run("%luma retry sunset")
    notebook.user_ns["sunset"].handle.done.result(timeout=10)
    kernel.presenter.flush([notebook.user_ns["sunset"]])
    shown = "\n".join(data.get("text/plain", "") for data in notebook.displays.latest())
    offered = re.findall(r"`(%luma retry [^`]*)`", shown)[-1]
    assert len(service.sent) == 1
    notebook.run(offered)
    assert notebook.user_ns["sunset"].wait().path.exists()
    assert len(service.sent) == 2


def test_retry_refuses_what_runs_and_what_failed(notebook: Shell, service: PromptService) -> None:
    """Both are refused in one line."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA [fail] sunset")
    with pytest.raises(InvalidRequest, match=r"sunset is already \w+; `sunset.wait\(\)` waits for it"):
        notebook.run("%luma retry sunset")
    service.gate.set()
    notebook.user_ns["sunset"].handle.done.result(timeout=10)
    with pytest.raises(InvalidRequest, match="It ended as failed, for good: run its cell again"):
        notebook.run("%luma retry sunset")


# %luma price and balance


def price_lines(notebook: Shell, capsys: Printed) -> list[str]:
    capsys.readouterr()
    notebook.run("%luma price")
    return capsys.readouterr().out.splitlines()


def test_price_without_keys_is_free(notebook: Shell, capsys: Printed) -> None:
    """Everything goes to the demo service, which is free."""
    settings.configure(acedata_token=None, runapi_key=None)
    free = "demo     $0.00 (the demo service is free)"
    assert price_lines(notebook, capsys) == [
        f"generate  {free}",
        f"extend    {free}",
        f"modify    {free}",
        "Spent today: $0.00.",
        "No budget is set: luma_jupyter.configure(budget=5) sets one of $5 a day.",
    ]


def test_price_with_both_keys_asks_runapi(notebook: Shell, capsys: Printed) -> None:
    """RunAPI is asked; AceDataCloud's price is not known until the user sets one."""
    generate, extend, modify, *_ = price_lines(notebook, capsys)
    assert generate == "generate  acedata  AceDataCloud has not said it; it bills on success, in credits"
    assert extend.startswith("extend    acedata  AceDataCloud has not said it")
    assert re.fullmatch(r"modify    runapi   \$0\.50 \(quoted by RunAPI at \d\d:\d\d\)", modify)
    settings.configure(acedata_price=0.35, runapi_price=0.4)
    generate, _, modify, *_ = price_lines(notebook, capsys)
    assert generate == "generate  acedata  $0.35 (as set in LUMA_JUPYTER_ACEDATA_PRICE or configure(acedata_price=…))"
    assert modify == "modify    runapi   $0.40 (as set in LUMA_JUPYTER_RUNAPI_PRICE or configure(runapi_price=…))"


def test_price_with_one_key_names_the_other(notebook: Shell, capsys: Printed) -> None:
    """An action whose service has no key says so; the others are shown all the same."""
    settings.configure(runapi_key=None)
    generate, _, modify, spent, _ = price_lines(notebook, capsys)
    assert generate.startswith("generate  acedata  ")
    assert modify.startswith("modify    -        modify needs a key of RunAPI: set RUNAPI_API_KEY")
    assert spent.startswith("Spent today")


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (reply(500, text="<html>"), "no quote: RunAPI is having trouble"),
        (reply(200, {"price_quote": {"reservation_amount_cents": "5"}}), "no quote yet; $0.50 a call"),
        (
            reply(200, {"price_quote": {"reservation_amount_cents": 50, "currency": "EUR"}}),
            "no quote yet",
        ),
    ],
)
def test_price_without_a_quote_says_why(
    notebook: Shell, service: PromptService, capsys: Printed, quote: Answer, words: str
) -> None:
    """The price is then not known, and the line says why."""
    service.script("quote", quote)
    assert price_lines(notebook, capsys)[2].startswith(f"modify    runapi   {words}")


def test_price_sums_what_was_spent_today(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """Completed and unconfirmed calls count, failed ones do not; those of unknown price are counted apart."""
    notebook.run("%%luma --wait\nA sunset")
    assert price_lines(notebook, capsys)[-3:-1] == ["Spent today: $0.00.", "The price of 1 more video is not known."]
    settings.configure(acedata_price=0.35, budget=5.0)
    with pytest.raises(ClipUnconfirmed):
        notebook.run("%%luma --wait\nA [lost] sunset")
    with pytest.raises(ClipFailed):
        notebook.run("%%luma --wait\nA [fail] sunset")
    assert price_lines(notebook, capsys)[-2:] == ["Spent today: $0.70.", "Your budget is $5.00 a day."]


def test_balance_says_what_is_left(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """What both services say, in dollars and credits; an amount that may be less says so."""
    service.cents, service.cents_spent = 1234, 150
    service.credits, service.credits_left, service.credits_used = 0.7, 12.5, 3
    service.packages = [(10, 20), (40, 100)]
    notebook.run("%luma balance")
    assert capsys.readouterr().out == (
        "AceDataCloud: up to $6.25 left, up to $1.50 spent in all, 12.5 credits left\n"
        "RunAPI: $12.34 left, $1.50 spent today\n"
    )
    service.credits_left = None
    notebook.run("%luma balance")
    assert capsys.readouterr().out.startswith("AceDataCloud: it does not say\n")


def test_balance_without_a_key_names_the_variable(notebook: Shell, capsys: Printed) -> None:
    """The variable to set is named, in the service's own line; the other one is asked all the same."""
    settings.configure(runapi_key=None, acedata_platform_token=None)
    notebook.run("%luma balance")
    assert capsys.readouterr().out == (
        "AceDataCloud: Set ACEDATACLOUD_PLATFORM_TOKEN to see the balance at AceDataCloud: its API key is not enough.\n"
        "RunAPI: Set RUNAPI_API_KEY to use RunAPI.\n"
    )


def test_balance_that_cannot_be_had_is_told(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """The service's trouble is told in one line, after what the other one says."""
    service.credits_left = None
    service.script("balance", reply(503, {"error": "busy"}))
    with pytest.raises(ServiceDown, match="RunAPI is having trouble: “busy”"):
        notebook.run("%luma balance")
    assert capsys.readouterr().out.startswith("AceDataCloud: it does not say\n")


def test_price_and_balance_send_nothing(notebook: Shell, service: PromptService) -> None:
    """Prices and balance are only read, and leave nothing unfinished."""
    notebook.run("%luma price")
    notebook.run("%luma balance")
    assert not service.sent
    assert clips() == []


# %luma adopt and account


def test_adopt_shows_the_clip_and_puts_it_into_a_variable(notebook: Shell, service: PromptService) -> None:
    """A task of another program gets a card and the variable that was named; nothing is paid."""
    asyncio.run(service.made_elsewhere({"action": "generate", "prompt": "A kite"}))
    notebook.run("%luma adopt task-1 -o kite")
    kite = notebook.user_ns["kite"].wait()
    assert (kite.task_id, kite.prompt, kite.name) == ("task-1", "A kite", "kite")
    assert kite.path.exists()
    assert notebook.user_ns["_luma"] is kite
    assert "<video" in notebook.displays.latest()[0]["text/html"]
    assert service.sent == []


def test_adopt_of_a_known_task_gives_its_clip(notebook: Shell, service: PromptService) -> None:
    """The clip that is here already, in the new variable too."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%luma adopt task-1 -o again")
    assert notebook.user_ns["again"] is notebook.user_ns["sunset"]
    assert len(service.sent) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", r"Say which task: %luma adopt TASK_ID \[--provider P\]"),
        ("one two", "Too many words: two"),
        ("nothing-1 --provider luma", "no provider 'luma'"),
        ("nothing-1 -o print", "^-o print: Python needs this name itself; take another one"),
        ("nothing-1 -o 1", r"^-o 1: use letters, digits and _, such as clip_1\."),
        ("nothing-1 -o a -o b", "^-o is there twice"),
        ("nothing-1 —provider demo", "write --provider"),
        ("nothing-1 --provider acedata", "No service whose key is set knows a task 'nothing-1'"),
    ],
)
def test_adopt_that_cannot_be_is_one_line(notebook: Shell, words: str, message: str) -> None:
    """It says what is wrong, and makes no clip."""
    with pytest.raises(InvalidRequest, match=message):
        notebook.run(f"%luma adopt {words}")
    assert clips() == []


def test_account_lists_what_is_here_and_what_is_not(notebook: Shell, service: PromptService) -> None:
    """Tasks of another program, and charges from the statement, beside the clips of this notebook."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    now = time.time()
    kite = {"id": "task-9", "created_at": now - 60, "request": {"prompt": "A kite"}, "trace_id": "trace-9"}
    service.listed = [{"id": "task-1", "created_at": now, "request": service.sent[0]}, kite]
    service.charges["trace-9"] = 0.7
    shown = repr(notebook.run("%luma account"))
    assert "AceDataCloud has 2 tasks of the last 7 days. Not known here: 1." in shown
    assert re.search(r"task-1 .* sunset *$", shown, re.MULTILINE)
    assert re.search(r"task-9 .*A kite .* 0\.7 credits .*not here", shown)
    service.listed = []
    assert repr(notebook.run("%luma account")) == "AceDataCloud has no task of the last 7 days."


def test_account_without_a_key_is_one_line(notebook: Shell) -> None:
    """The variable to set is named."""
    settings.configure(acedata_token=None)
    with pytest.raises(ConfigError, match=r"^Set ACEDATACLOUD_API_TOKEN to use AceDataCloud\.$"):
        notebook.run("%luma account")


def test_account_without_a_platform_token_lists_without_charges(notebook: Shell, service: PromptService) -> None:
    """The list needs the key alone; the statement is not asked for."""
    settings.configure(acedata_platform_token=None)
    service.listed = [{"id": "task-9", "created_at": time.time(), "request": {"prompt": "A kite"}}]
    assert " ? " in repr(notebook.run("%luma account"))
    assert ("GET", "/api/v1/usage/apis/") not in service.asked


# What RunAPI reads.

CHINESE = "雾中的清晨"
MODIFY = "%%luma modify https://example.com/v.mp4 -o foggy --wait"
SCRIPT = "luma_jupyter: RunAPI reads English prompts; this one is in Chinese script.\n"


def test_prompt_in_another_script_is_told_before_it_is_sent_to_runapi(
    notebook: Shell, service: PromptService, capsys: Printed
) -> None:
    """In one line, and it is sent all the same."""
    notebook.run(f"{MODIFY}\n{CHINESE}")
    assert SCRIPT in capsys.readouterr().out
    assert [body["prompt"] for body in service.sent] == [CHINESE]


@pytest.mark.parametrize(
    "cell", [f"{MODIFY}\nA foggy morning", f"%%luma --wait\n{CHINESE}"], ids=["Latin", "AceDataCloud"]
)
def test_prompt_that_its_service_reads_is_not_told(notebook: Shell, capsys: Printed, cell: str) -> None:
    """English at RunAPI, and any script at AceDataCloud."""
    notebook.run(cell)
    assert "script" not in capsys.readouterr().out


def test_prompt_that_an_earlier_clip_answers_is_not_told(
    notebook: Shell, service: PromptService, capsys: Printed
) -> None:
    """Nothing is sent then; with ``--again`` it is, and so it is told."""
    notebook.run(f"{MODIFY}\n{CHINESE}")
    capsys.readouterr()
    notebook.run(f"{MODIFY}\n{CHINESE}")
    assert "script" not in capsys.readouterr().out
    notebook.run(f"{MODIFY} --again\n{CHINESE}")
    assert SCRIPT in capsys.readouterr().out
    assert len(service.sent) == 2


# Through a class gateway

THROUGH_GATEWAY = {"gateway": "https://api.acedata.cloud", "gateway_token": "hub-secret"}


def test_balance_of_a_gateway_is_what_is_left_for_one_person(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what is left for whoever asks; the gateway is asked once, with its token."""
    settings.configure(**THROUGH_GATEWAY)
    service.cents, service.cents_spent = 420, 80
    notebook.run("%luma balance")
    assert capsys.readouterr().out == "class gateway: $4.20 left for you, $0.80 spent today\n"
    (seen,) = service.all_seen
    assert seen.key == "Bearer hub-secret"


def test_price_names_the_gateway(notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway tells the price of each action, for which it wants to know who asks; the demo is named as ever."""
    settings.configure(**THROUGH_GATEWAY)
    service.credits = 1.0
    notebook.run("%luma price")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].split()[0] for line in lines[:3]] == ["generate", "extend", "modify"]
    assert all("class gateway $0.50 (quoted by the class gateway at" in line for line in lines[:3])
    assert {seen.key for seen in service.all_seen} == {"Bearer hub-secret"}
    settings.configure(provider="demo")
    notebook.run("%luma price")
    assert "class gateway" not in capsys.readouterr().out


def test_dry_run_names_the_gateway(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """The request goes to the service's word through the gateway, with an idempotency key; no token is shown."""
    settings.configure(**THROUGH_GATEWAY)
    notebook.run("%%luma --dry-run\nA sunset")
    out = capsys.readouterr().out
    assert "This would go to acedata through the class gateway:" in out
    assert "-H 'Idempotency-Key: ‹one per request›'" in out
    assert "hub-secret" not in out


def test_cards_and_table_name_the_gateway(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Card and table say through what the clip went; what the clip itself says stays the service's word."""
    settings.configure(**THROUGH_GATEWAY, check_balance=False)
    notebook.run("%%luma -o sunset --wait\nA sunset")
    final, *_ = notebook.displays.latest()
    assert "class gateway" in final["text/html"]
    assert "class gateway" in final["text/plain"]
    capsys.readouterr()
    notebook.run("%luma status")
    assert "class gateway" in capsys.readouterr().out
    assert notebook.user_ns["sunset"].provider == "acedata"


def test_too_little_left_at_a_gateway_is_told_to_ask_for(notebook: Shell, service: PromptService) -> None:
    """What is left does not cover the call: nothing was sent, and it is the teacher who can change that."""
    settings.configure(**THROUGH_GATEWAY)
    service.credits, service.credits_left = 1.0, 0.5
    with pytest.raises(ClipFailed, match=r"The balance at the class gateway is \$0\.25.*Ask your teacher. Or"):
        notebook.run("%%luma --wait\nA sunset")
    assert service.sent == []
