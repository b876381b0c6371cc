"""``%%luma`` and ``%luma`` as a user types them, in a shell that looks like a kernel's, and in a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.cells.options import HISTORY_OPTIONS, LINE_WORDS, OPTIONS
from luma_jupyter.clip.clip import Clip
from luma_jupyter.compat import WIDGET_VIEW
from luma_jupyter.display.outputs import NOTHING
from luma_jupyter.domain.prompt_words import WORDS
from luma_jupyter.errors import ClipError, ClipFailed, ClipUnconfirmed, ConfigError, InvalidRequest, OverBudget
from luma_jupyter.magics.help import help_text, options_text
from luma_jupyter.printable import columns
from tests.support import settings
from tests.support.notebook import MP4, PromptService, Shell, leave_running, wait_for_looks, wait_for_status


def test_a_cell_returns_at_once_and_binds_the_clip(notebook: Shell, service: PromptService) -> None:
    """``-o NAME`` and ``_luma`` hold the clip while the task still runs."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    assert isinstance(clip, Clip)
    assert clip is notebook.user_ns["_luma"]
    assert clip.status in ("queued", "submitting", "running")


def test_a_card_becomes_plain_html(notebook: Shell, service: PromptService) -> None:
    """The card and its live part are shown at once; at the end the card has the video, and no widget is left."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    card, live = notebook.displays.latest()
    assert "(as of 2" in card["text/html"]
    assert WIDGET_VIEW in live
    service.gate.set()
    notebook.user_ns["sunset"].wait()
    final, live = notebook.displays.latest()
    assert set(live.values()) == {""}
    assert WIDGET_VIEW not in live
    assert f'<video src="luma_videos/{notebook.user_ns["sunset"].path.name}"' in final["text/html"]
    assert "completed in" in final["text/plain"]


def test_wait_option_stays_in_the_cell(notebook: Shell) -> None:
    """``--wait`` returns when the clip is done."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"].status == "completed"


@pytest.mark.parametrize(("option", "ended"), [("", True), ("--no-wait", False)])
def test_wait_setting_makes_waiting_the_default(
    notebook: Shell, service: PromptService, option: str, ended: bool
) -> None:
    """With LUMA_JUPYTER_WAIT=1 cells wait, unless the cell says ``--no-wait``."""
    settings.configure(wait=True)
    if not ended:
        service.gate.clear()
    notebook.run(f"%%luma -o sunset {option}\nA sunset")
    assert (notebook.user_ns["sunset"].status == "completed") is ended


def test_a_failing_clip_shows_its_reason_and_fails_the_waiting_cell(notebook: Shell) -> None:
    """A cell that waits ends with the clip's error; its card, which may be shown only then, says the same, escaped."""
    with pytest.raises(ClipFailed, match="Not <b>allowed</b>"):
        notebook.run("%%luma -o sunset --wait\nA [refuse] sunset")
    final, *_ = notebook.displays.latest()
    assert "Not &lt;b&gt;allowed&lt;/b&gt;" in final["text/html"]
    assert "trace-1" in final["text/html"]
    assert "<b>allowed" not in final["text/html"]


def test_a_lost_answer_is_unconfirmed_and_sent_once(notebook: Shell, service: PromptService) -> None:
    """When no answer came back the clip says that it may be billed, and nothing is sent again."""
    with pytest.raises(ClipUnconfirmed, match=r"Sent at .*, no usable answer: .*the connection broke.*may be billed"):
        notebook.run("%%luma --wait\nA [lost] sunset")
    assert len(service.sent) == 1
    assert notebook.user_ns["_luma"].status == "unconfirmed"


def test_steps_on_an_unfinished_clip_wait_for_it(notebook: Shell, service: PromptService) -> None:
    """Three cells run without waiting make a film: each step uses the video of the one before."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma extend sunset -o longer --end-image https://example.com/last.png\nThe ship lands")
    notebook.run("%%luma modify longer -o foggy --watermark-id w1\nA foggy morning")
    assert notebook.user_ns["longer"].status == "queued"
    service.gate.set()
    foggy = notebook.user_ns["foggy"].wait()
    assert foggy.source is notebook.user_ns["longer"]
    assert [body.get("video_id") or body.get("source_video_url") for body in service.sent] == [
        None,
        "video-of-task-1",
        "https://media.example/task-2.mp4",
    ]
    assert service.sent[1]["end_image_url"] == "https://example.com/last.png"
    assert service.sent[2]["watermark"] == "w1"


def test_luma_alone_prints_the_help(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """``%luma`` and ``%luma help`` print a short screen that names every word, ``%luma help options`` every option."""
    for line in ("%luma", "%luma help", "%luma -h"):
        notebook.run(line)
        printed = capsys.readouterr().out
        assert all(f"%luma {word.word} " in f"{printed} " for word in LINE_WORDS)
        assert len(printed.splitlines()) <= 35
        assert max(map(len, printed.splitlines())) <= 100
    notebook.run("%luma help options")
    printed = capsys.readouterr().out
    named = {*re.findall(r"(?<!\w)-[-\w]+", printed)}
    assert named >= {flag for option in (*OPTIONS, *HISTORY_OPTIONS) for flag in option.all_flags}
    assert "--may-pay-twice" in named
    assert max(map(len, printed.splitlines())) <= 100


def test_words_lists_what_the_demo_understands_in_both_languages(
    notebook: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%luma words`` names every word, those of the demo's films first, and says what the paid services make of it."""
    notebook.run("%luma words")
    printed = capsys.readouterr().out
    assert "The demo service knows these words" in printed
    assert "The paid services read the whole prompt" in printed
    known, others = printed.split("These are for the paid services")
    assert "pan left (向左摇、左移)" in known
    assert "tracking shot (跟拍)" in others
    assert max(map(columns, printed.splitlines())) <= 100
    assert "Pace                 slow motion" in printed
    assert "\n                     meadow" in printed
    for word in WORDS:
        assert word.name in printed
        assert word.chinese in printed


def test_question_mark_shows_the_help(notebook: Shell) -> None:
    """``%%luma?`` shows both texts."""
    shown = notebook.ip.object_inspect("%%luma")["docstring"]
    assert help_text().strip() in shown
    assert options_text().strip() in shown


def test_unknown_words_name_the_known_ones(notebook: Shell) -> None:
    """A wrong word says which there are."""
    with pytest.raises(
        InvalidRequest,
        match="no %luma fox; there are status, wait, show, stop, resume, retry, explain, adopt, history, film, handin",
    ):
        notebook.run("%luma fox")


def test_a_terminal_waits_and_prints_the_path(
    terminal: Shell, service: PromptService, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a kernel a cell waits, prints where the video is, and displays nothing else."""
    terminal.run("%%luma -o sunset\nA sunset")
    printed = capsys.readouterr().out
    assert str(tmp_path / "luma_videos" / "a-sunset-") in printed
    assert not terminal.displays.outputs
    terminal.run("%luma wait sunset")
    assert str(tmp_path) in capsys.readouterr().out
    kernel.presenter.show(terminal.user_ns["sunset"])
    assert str(tmp_path) in capsys.readouterr().out


def test_errors_show_as_one_line_even_inside_an_exception_group(notebook: Shell) -> None:
    """What IPython shows is the message alone, also where an ExceptionGroup is being handled."""
    cell = (
        "try:\n    raise ExceptionGroup('several', [ValueError()])\n"
        "except ExceptionGroup:\n    get_ipython().run_cell_magic('luma', 'extend', 'x')"
    )
    result = notebook.ip.run_cell(cell)
    error = result.error_in_exec
    assert isinstance(error, InvalidRequest)
    assert error.__context__ is None
    assert error._render_traceback_() == [f"InvalidRequest: {error}"]


# Running a cell again.


MADE = r"made on \d{4}-\d\d-\d\d \d\d:\d\d: no charge; --again makes a new one"


def test_a_completed_clip_is_shown_again(notebook: Shell, service: PromptService) -> None:
    """The same cell gives the same clip with its video, says when it was made and that nothing was paid."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    clip, path = notebook.user_ns["sunset"], notebook.user_ns["sunset"].path
    first = notebook.displays.latest()[0]
    notebook.run("%%luma -o sunset\nA sunset")
    assert notebook.user_ns["sunset"] is notebook.user_ns["_luma"] is clip
    assert len(service.sent) == 1
    *_, again = notebook.displays.latest()
    assert re.search(MADE, again["text/html"])
    assert re.search(f"{MADE}: luma_videos/{path.name}", again["text/plain"])
    assert f'<video src="luma_videos/{path.name}"' in again["text/html"]
    assert WIDGET_VIEW not in again
    assert notebook.displays.latest()[0] == first
    assert "completed in" in first["text/plain"]


def test_a_completed_clip_is_shown_again_in_a_new_kernel(notebook: Shell, service: PromptService) -> None:
    """*Restart* and the same cell: the video of the earlier kernel, at once."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    path = notebook.user_ns["sunset"].path
    notebook.restart()
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert (notebook.user_ns["sunset"].status, notebook.user_ns["sunset"].path) == ("completed", path)
    assert re.search(MADE, notebook.displays.latest()[0]["text/html"])
    assert len(service.sent) == 1


def test_a_terminal_says_that_nothing_was_paid(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time the terminal prints when it was made, and the path."""
    terminal.run("%%luma -o sunset\nA sunset")
    assert "completed in" in capsys.readouterr().out
    terminal.run("%%luma -o sunset\nA sunset")
    assert re.search(f"{MADE}: {terminal.user_ns['sunset'].path}", capsys.readouterr().out)


def test_a_running_clip_gets_a_second_card(notebook: Shell, service: PromptService) -> None:
    """The same cell while the task runs sends nothing, and both cards become the video."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    notebook.run("%%luma -o sunset\nA sunset")
    assert notebook.user_ns["sunset"] is clip
    _, live, _, live_again = notebook.displays.latest()
    assert live[WIDGET_VIEW]["model_id"] == live_again[WIDGET_VIEW]["model_id"]
    service.gate.set()
    clip.wait()
    card, live, card_again, live_again = notebook.displays.latest()
    assert card == card_again
    assert "completed in" in card["text/plain"]
    assert live == live_again == NOTHING
    assert len(service.sent) == 1


def test_another_name_is_another_variable_of_the_same_clip(notebook: Shell, service: PromptService) -> None:
    """``-o`` with a new name binds that too; the card calls the clip by the name just typed."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o dusk\nA sunset")
    assert notebook.user_ns["dusk"] is notebook.user_ns["sunset"]
    assert notebook.displays.latest()[-1]["text/plain"].startswith("dusk: ")
    assert len(service.sent) == 1


def test_again_makes_a_new_video(notebook: Shell, service: PromptService) -> None:
    """``--again`` sends, and the earlier clip stays what it was."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    first = notebook.user_ns["sunset"]
    notebook.run("%%luma -o sunset --wait --again\nA sunset")
    second = notebook.user_ns["sunset"]
    assert second is not first
    assert first.path != second.path
    assert first.path.exists()
    assert "completed in" in notebook.displays.latest()[-2]["text/plain"]
    assert len(service.sent) == 2


@pytest.mark.parametrize(("prompt", "status"), [("A [fail] sunset", "failed"), ("A [refuse] sunset", "failed")])
def test_a_failed_clip_is_made_anew(notebook: Shell, service: PromptService, prompt: str, status: str) -> None:
    """Running the cell of a clip that failed tries again: nothing was paid for it."""
    for _ in range(2):
        notebook.run(f"%%luma -o sunset\n{prompt}")
        notebook.user_ns["sunset"].handle.done.result(timeout=10)
        assert notebook.user_ns["sunset"].status == status
    assert len(service.sent) == 2


def test_an_unconfirmed_clip_is_explained_and_not_sent(notebook: Shell, service: PromptService) -> None:
    """Running its cell again shows what is known and what can be done; a new kernel has looked for it first."""
    with pytest.raises(ClipUnconfirmed):
        notebook.run("%%luma -o sunset --wait\nA [lost] sunset")
    known = notebook.displays.latest()[0]
    notebook.run("%%luma -o sunset\nA [lost] sunset")
    assert notebook.displays.latest()[-1] == known
    assert "may be billed" in known["text/html"]
    assert "%luma retry sunset" in known["text/html"]
    notebook.restart()
    wait_for_looks()
    notebook.run("%%luma -o sunset\nA [lost] sunset")
    found = notebook.displays.latest()[-1]["text/plain"]
    assert "no usable answer: it was looked for, and not found. It may be running and may be billed" in found
    assert "`%luma retry sunset --may-pay-twice`" in found
    assert len(service.sent) == 1


def test_a_detached_clip_is_followed_further(notebook: Shell, service: PromptService) -> None:
    """Running the cell of a stopped clip goes on with its task; the variable is the same clip."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    clip = notebook.user_ns["sunset"]
    wait_for_status(clip, "running")
    clip.stop()
    clip.handle.done.result(timeout=10)
    service.running = False
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"] is clip
    assert clip.status == "completed"
    assert len(service.sent) == 1


def test_what_a_killed_kernel_left_running_goes_on(notebook: Shell, service: PromptService) -> None:
    """After a kernel was killed the same cell follows the same task, in a live card."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    assert WIDGET_VIEW in notebook.displays.latest()[1]
    service.gate.set()
    assert notebook.user_ns["sunset"].wait().task_id == "task-1"
    assert "completed in" in notebook.displays.latest()[0]["text/plain"]
    assert len(service.sent) == 1


def test_a_clip_of_an_earlier_kernel_is_a_source(notebook: Shell, service: PromptService) -> None:
    """A step on a clip that was shown again uses its video, and is itself found again by it."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    assert service.sent[1]["video_id"] == "video-of-task-1"
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma extend sunset -o longer\nOn and on")
    assert notebook.user_ns["longer"].source is notebook.user_ns["sunset"]
    assert len(service.sent) == 2


def test_again_upstream_makes_new_steps(notebook: Shell, service: PromptService) -> None:
    """A step on a new version of its source is another request."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    notebook.run("%%luma -o sunset --wait --again\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    assert [body.get("video_id") for body in service.sent] == [None, "video-of-task-1", None, "video-of-task-3"]


def test_without_a_key_earlier_videos_are_still_shown(notebook: Shell, service: PromptService) -> None:
    """A key is needed to make a video, not to see one again."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    settings.configure(acedata_token=None, runapi_key=None)
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    assert notebook.user_ns["sunset"].provider == "acedata"
    assert notebook.user_ns["sunset"].path.exists()


@pytest.mark.parametrize(
    ("status", "words"), [(200, None), (404, "HTTP 404. Addresses expire (RunAPI&#x27;s after 7 days)")]
)
def test_a_deleted_file_is_fetched_again(
    notebook: Shell, service: PromptService, status: int, words: str | None
) -> None:
    """The video is paid for, so it is fetched again and nothing is sent; an address that has expired is told."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    clip = notebook.user_ns["sunset"]
    for file in clip.path.parent.iterdir():
        file.unlink()
    notebook.restart()
    service.media = lambda: httpx.Response(status, content=MP4)
    notebook.run("%%luma -o sunset --wait\nA sunset")
    html = notebook.displays.latest()[0]["text/html"]
    assert re.search(MADE, html)
    assert len(service.sent) == 1
    if words:
        assert words in html
        assert notebook.user_ns["sunset"].path is None
    else:
        assert notebook.user_ns["sunset"].path.read_bytes() == MP4


# Where something is wrong around it.


def test_a_damaged_journal_is_told_in_one_line_and_the_cell_goes_on(
    notebook: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is set aside and named; the cell makes its video."""
    home = settings.current().home_folder
    home.mkdir()
    (home / "journal.sqlite3").write_bytes(b"this is no database " * 100)
    notebook.run("%%luma -o sunset --wait\nA sunset")
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"luma_jupyter: The journal of your clips is damaged; it was set aside as journal-damaged-[-\d]+\.sqlite3, "
        r"and a new one was begun\. What was unfinished or spent today is forgotten: look at the services' consoles .*",
        line,
    )
    assert notebook.user_ns["sunset"].status == "completed"
    notebook.run("%luma status sunset")
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(("setting", "variable"), [("home", "LUMA_JUPYTER_HOME"), ("media", "LUMA_JUPYTER_MEDIA")])
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(
    notebook: Shell, service: PromptService, tmp_path: Path, setting: str, variable: str
) -> None:
    """One line names the folder and the variable that sets another one; then that other one works."""
    (tmp_path / "file").touch()
    settings.configure(**{setting: tmp_path / "file" / "folder"})
    with pytest.raises(ConfigError, match=f"cannot be .* in '.*/file/folder' .*set {variable} to") as caught:
        notebook.run("%%luma -o sunset\nA sunset")
    assert "\n" not in str(caught.value)
    assert not service.sent
    assert "sunset" not in notebook.user_ns
    settings.configure(**{setting: tmp_path / "other"})
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"].path.exists()


# Money.


def test_what_would_pass_the_budget_is_refused(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says the budget, the sum so far and the price; nothing is sent, and what was made is still shown."""
    monkeypatch.setenv("LUMA_JUPYTER_BUDGET", "0.60")
    notebook.run("import luma_jupyter\nluma_jupyter.configure(acedata_price=0.35)")
    notebook.run("%%luma -o sunset --wait\nA sunset")
    with pytest.raises(OverBudget) as caught:
        notebook.run("%%luma -o dawn\nA dawn")
    assert str(caught.value) == (
        "This would pass the budget of $0.60 a day: $0.35 so far today, and this call is $0.35 (as set in "
        "LUMA_JUPYTER_ACEDATA_PRICE or configure(acedata_price=…)). Nothing was sent. "
        "luma_jupyter.configure(budget=…) changes the budget."
    )
    assert caught.value._render_traceback_() == [f"OverBudget: {caught.value}"]
    assert "dawn" not in notebook.user_ns
    notebook.run("%%luma -o sunset\nA sunset")
    assert len(service.sent) == 1
    notebook.run("luma_jupyter.configure(budget=0.70)")
    notebook.run("%%luma -o dawn --wait\nA dawn")
    assert len(service.sent) == 2


def test_a_budget_needs_prices(notebook: Shell, service: PromptService) -> None:
    """With a budget a call of unknown price is refused, and the line says how to give one; a quote is asked for."""
    settings.configure(budget=5.0)
    with pytest.raises(OverBudget) as caught:
        notebook.run("%%luma\nA sunset")
    assert str(caught.value) == (
        "There is a budget ($5.00 a day), but this call's price is not known: AceDataCloud has not said it; it "
        "bills on success, in credits. Nothing was sent. Say what it counts as: "
        "luma_jupyter.configure(acedata_price=0.35), or LUMA_JUPYTER_ACEDATA_PRICE."
    )
    assert not service.sent
    notebook.run("%%luma modify https://example.com/v.mp4 -o foggy --wait\nFog")
    assert notebook.user_ns["foggy"].status == "completed"


def test_a_failed_clip_costs_nothing_of_the_budget(notebook: Shell, service: PromptService) -> None:
    """What the service refused or failed is not spent; what is unconfirmed is."""
    settings.configure(budget=0.35, acedata_price=0.35)
    for prompt in ("A [refuse] sunset", "A [fail] sunset", "A [lost] sunset"):
        with pytest.raises(ClipError):
            notebook.run(f"%%luma --wait\n{prompt}")
    with pytest.raises(OverBudget, match=r"\$0\.35 so far today"):
        notebook.run("%%luma\nA dawn")
    assert len(service.sent) == 3


def test_paying_twice_counts_twice(notebook: Shell, service: PromptService) -> None:
    """A retry that may pay again is refused where that would pass the budget, and counted where it is sent."""
    settings.configure(budget=0.50, acedata_price=0.35)
    with pytest.raises(ClipUnconfirmed):
        notebook.run("%%luma -o sunset --wait\nA [lost] sunset")
    service.faulty = False
    with pytest.raises(OverBudget, match=r"\$0\.35 so far today"):
        notebook.run("%luma retry sunset --may-pay-twice")
    assert len(service.sent) == 1
    assert notebook.user_ns["sunset"].status == "unconfirmed"
    settings.configure(budget=0.75)
    notebook.run("%luma retry sunset --may-pay-twice")
    assert notebook.user_ns["sunset"].wait().path.exists()
    with pytest.raises(OverBudget, match=r"\$0\.70 so far today"):
        notebook.run("%%luma\nA dawn")
