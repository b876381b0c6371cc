"""``%%luma`` and ``%luma`` as a user types them, in a shell that looks like a kernel's, and in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from luma_jupyter import settings
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import (
    ClipDetached,
    ClipError,
    ClipFailed,
    ClipUnconfirmed,
    ConfigError,
    InvalidRequest,
    NotConfirmed,
    OverBudget,
)
from luma_jupyter.notebook import session, showing
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.magics import HELP
from luma_jupyter.notebook.page import NOTHING
from tests.notebook.conftest import MP4, FakeService, Shell, reach

CARD = "application/vnd.jupyter.widget-view+json"


def test_a_cell_returns_at_once_and_binds_the_clip(notebook: Shell, service: FakeService) -> None:
    """``-o NAME`` and ``_luma`` hold the clip while the task still runs."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    assert isinstance(clip, Clip)
    assert clip is notebook.user_ns["_luma"]
    assert clip.status in ("queued", "submitting", "running")


def test_the_card_becomes_plain_html(notebook: Shell, service: FakeService) -> None:
    """The card and its live part are shown at once; at the end the card has the video, and no widget is left."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    card, live = notebook.displays.latest()
    assert "saved while the video was being made" in card["text/html"]
    assert CARD in live
    service.gate.set()
    notebook.user_ns["sunset"].wait()
    final, live = notebook.displays.latest()
    assert set(live.values()) == {""}
    assert CARD not in live
    assert f'<video src="luma_videos/{notebook.user_ns["sunset"].path.name}"' in final["text/html"]
    assert "completed in" in final["text/plain"]


def test_wait_stays_in_the_cell(notebook: Shell) -> None:
    """``--wait`` returns when the clip is done."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"].status == "completed"


@pytest.mark.parametrize(("option", "ended"), [("", True), ("--no-wait", False)])
def test_the_setting_makes_waiting_the_default(notebook: Shell, service: FakeService, option: str, ended: bool) -> None:
    """With LUMA_JUPYTER_WAIT=1 cells wait, unless the cell says ``--no-wait``."""
    settings.configure(wait=True)
    if not ended:
        service.gate.clear()
    notebook.run(f"%%luma -o sunset {option}\nA sunset")
    assert (notebook.user_ns["sunset"].status == "completed") is ended


def test_a_failing_clip_shows_its_reason_and_fails_the_waiting_cell(notebook: Shell) -> None:
    """A cell that waits ends with the clip's error; the card says the same, escaped."""
    with pytest.raises(ClipFailed, match="Not <b>allowed</b>"):
        notebook.run("%%luma -o sunset --wait\nA [refuse] sunset")
    final, _ = notebook.displays.latest()
    assert "Not &lt;b&gt;allowed&lt;/b&gt;" in final["text/html"]
    assert "trace-1" in final["text/html"]
    assert "<b>allowed" not in final["text/html"]


def test_a_lost_answer_is_unconfirmed_and_sent_once(notebook: Shell, service: FakeService) -> None:
    """When no answer came back the clip says that it may be billed, and nothing is sent again."""
    with pytest.raises(ClipUnconfirmed, match=r"Sent at .*, no usable answer: .*the connection broke.*may be billed"):
        notebook.run("%%luma --wait\nA [lost] sunset")
    assert len(service.sent) == 1
    assert notebook.user_ns["_luma"].status == "unconfirmed"


def test_steps_on_an_unfinished_clip_wait_for_it(notebook: Shell, service: FakeService) -> None:
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
        "video-task-1",
        "https://cdn.example/task-2.mp4",
    ]
    assert service.sent[1]["end_image_url"] == "https://example.com/last.png"
    assert service.sent[2]["watermark"] == "w1"


def test_dry_run_sends_nothing_and_masks_the_key(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--dry-run`` prints the request as JSON and as curl, without the key, and makes no clip."""
    notebook.run("%%luma --dry-run --loop --aspect-ratio 9:16\nIt's a sunset")
    printed = capsys.readouterr().out
    body = json.loads(printed[printed.index("{") : printed.index("}") + 1])
    assert body["prompt"] == "It's a sunset"
    assert (body["loop"], body["aspect_ratio"], body["async"]) == (True, "9:16", True)
    assert "curl -X POST https://api.acedata.cloud/luma/videos" in printed
    assert "ace-secret" not in printed
    assert not service.sent
    assert not session.clips()


def test_dry_run_of_a_step_names_its_unfinished_source(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source that is not done yet is shown by its variable's name."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma modify sunset --dry-run\nFog")
    printed = capsys.readouterr().out
    assert "‹video of sunset, when it is done›" in printed
    assert "Idempotency-Key" in printed


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        ("%%luma\n   \n", InvalidRequest, "prompt is empty"),
        ("%%luma --aspect-ratio 2:1\nx", InvalidRequest, "must be one of 16:9"),
        ("%%luma --aspect 16:9\nx", InvalidRequest, "unrecognized arguments"),
        ("%%luma -o\nx", InvalidRequest, "expected one argument"),
        ("%%luma -o 'no name'\nx", InvalidRequest, "not a name that a variable can have"),
        ("%%luma -o class\nx", InvalidRequest, "not a name"),
        ("%%luma 'open\nx", InvalidRequest, "check its quotes"),
        ("%%luma extend\nx", InvalidRequest, "extend needs a source"),
        ("%%luma extend nothing\nx", InvalidRequest, "There is no variable nothing"),
        ("%%luma extend number\nx", InvalidRequest, "number is not a clip but of type int"),
        ("%%luma extend a-typo\nx", InvalidRequest, "neither a clip, a video id"),
        ("%%luma sunset\nx", InvalidRequest, "did you mean `%%luma extend sunset`"),
        ("%%luma genrate -o x\nx", InvalidRequest, "There is no action genrate: did you mean generate?"),
        ("%%luma extnd number\nx", InvalidRequest, "There is no action extnd: did you mean extend?"),
        ("%%luma --aspectratio 16:9\nx", InvalidRequest, "Did you mean --aspect-ratio?"),
        ("%%luma -o json\nx", InvalidRequest, "this variable holds a module"),
        ("%%luma extend number\nx", InvalidRequest, "luma_jupyter.extend(number, …)"),
        ("%%luma\nLike {{film}}", InvalidRequest, "{{film}}, which is a clip: a prompt takes text"),
        ("%%luma\nHalf a \ud83d", InvalidRequest, "half a character"),
        ("%%luma extend a b\nx", InvalidRequest, "Too many words"),
        ("%%luma modify number --loop\nx", InvalidRequest, "--loop goes with generate, not with modify"),
        ("%%luma extend number --no-enhancement\nx", InvalidRequest, "--no-enhancement goes with generate"),
        ("%%luma --watermark\nx", InvalidRequest, "--watermark goes with modify"),
        ("%%luma --timeout soon\nx", InvalidRequest, "must be a number of seconds"),
        ("%%luma --timeout 0\nx", InvalidRequest, "a number of seconds above 0"),
        ("%%luma --timeout nan\nx", InvalidRequest, "a number of seconds above 0"),
        ("%%luma --provider other\nx", InvalidRequest, "no provider 'other'"),
        ("%%luma --provider runapi\nx", InvalidRequest, "use --provider acedata"),
        ("%%luma --callback-url here\nx", InvalidRequest, "callback_url must be an http"),
        ("%%luma --callback-url http://localhost/x\nx", InvalidRequest, "cannot reach"),
        ("%%luma --start-image http://127.0.0.1/x.png\nx", InvalidRequest, "cannot reach"),
        ("%%luma --start-image nothing\nx", InvalidRequest, "no variable of this name"),
        ("%%luma --start-image ./x.png\nx", InvalidRequest, "there is no file"),
        ("%%luma --start-image none\nx", InvalidRequest, "this variable is None, not a picture"),
        ("%%luma --start-image data\nx", InvalidRequest, "not a picture in PNG, JPEG or WebP"),
        ("%%luma modify ./video.mp4\nx", InvalidRequest, "there is no file"),
        ("%%luma modify 155838f8-7f1e-44d8-b387-192f3b4b509d\nx", InvalidRequest, "needs a URL or a clip"),
        ("%%luma\nAbout {{nothing}}", InvalidRequest, "there is no variable nothing"),
    ],
)
def test_a_mistake_is_one_line_and_sends_nothing(
    notebook: Shell, service: FakeService, cell: str, error: type[Exception], words: str
) -> None:
    """Bad input gets a clear error before anything is sent or bound."""
    film = object.__new__(Clip)
    notebook.user_ns.update(number=1, none=None, data=b"\x89PNG", json=json, film=film)
    with pytest.raises(error) as caught:
        notebook.run(cell)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not service.sent
    assert not session.clips()


def test_a_missing_key_names_its_variable(notebook: Shell) -> None:
    """A real clip whose next service has no key is an error, never silently a simulation."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    settings.configure(runapi_key=None)
    with pytest.raises(ConfigError, match="RUNAPI_API_KEY"):
        notebook.run("%%luma modify sunset\nFog")


def test_variables_go_into_the_prompt(notebook: Shell, service: FakeService) -> None:
    """``{{name}}`` inserts a variable; ``$name``, ``{name}`` and format strings are taken literally."""
    notebook.user_ns["place"] = "a quiet {{harbour}}"
    notebook.run("%%luma --wait\nSunrise over {{ place }} and {place}, $place, {{}} {{1}}")
    assert service.sent[0]["prompt"] == "Sunrise over a quiet {{harbour}} and {place}, $place, {{}} {{1}}"


def test_urls_of_the_line_are_not_expanded(notebook: Shell, service: FakeService) -> None:
    """IPython's own ``$`` and ``{}`` expansion leaves the line alone."""
    notebook.user_ns["x"] = "EXPANDED"
    notebook.run("%%luma --wait --start-image 'https://example.com/$x/{x}.png'\nA sunset")
    assert service.sent[0]["start_image_url"] == "https://example.com/$x/{x}.png"


def test_an_image_can_be_a_variable_with_a_url(notebook: Shell, service: FakeService) -> None:
    """``--start-image NAME`` takes the URL that the variable holds."""
    notebook.user_ns["first"] = "https://example.com/first.png"
    notebook.run(
        "%%luma --wait --start-image first --end-image https://example.com/last.png --no-enhancement\nA sunset"
    )
    sent = service.sent[0]
    assert (sent["start_image_url"], sent["end_image_url"]) == (
        "https://example.com/first.png",
        "https://example.com/last.png",
    )
    assert sent["enhancement"] is False


@pytest.mark.parametrize("line", ["extend {id} -o x", "-o x extend {id}", "-o x {id} extend", "{id} -o x extend"])
def test_words_and_options_come_in_any_order(notebook: Shell, service: FakeService, line: str) -> None:
    """Action, source and options may be mixed freely."""
    video = "155838f8-7f1e-44d8-b387-192f3b4b509d"
    notebook.run(f"%%luma --wait {line.format(id=video)}\nOn and on")
    assert service.sent[0]["video_id"] == video
    assert notebook.user_ns["x"].source == video


def test_provider_timeout_and_callback_reach_the_engine(notebook: Shell, service: FakeService) -> None:
    """``--provider``, ``--timeout`` and ``--callback-url`` do what they say."""
    notebook.run("%%luma --wait --provider acedata --callback-url https://example.com/hook\nA sunset")
    assert service.sent[0]["callback_url"] == "https://example.com/hook"
    service.running = True
    with pytest.raises(ClipDetached, match=r"followed for 5 s.*may still run and be billed"):
        notebook.run("%%luma --wait --timeout 5\nA dawn")


def test_luma_alone_prints_the_help(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """``%luma`` and ``%luma help`` print one screen that names every option and word."""
    for line in ("%luma", "%luma help", "%luma -h"):
        notebook.run(line)
        printed = capsys.readouterr().out
        assert printed.strip() == HELP.strip()
    assert len(HELP.splitlines()) <= 42
    assert max(map(len, HELP.splitlines())) <= 100


def test_question_mark_shows_the_help(notebook: Shell) -> None:
    """``%%luma?`` shows the same text."""
    assert notebook.ip.object_inspect("%%luma")["docstring"].strip() == HELP.strip()


def test_unknown_words_name_the_known_ones(notebook: Shell) -> None:
    """A wrong word says which there are."""
    with pytest.raises(InvalidRequest, match="no %luma statsu; there are status, wait, stop, resume, retry, history"):
        notebook.run("%luma statsu")


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


def test_wait_waits_for_all_or_the_named(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
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
    assert capsys.readouterr().out == "No clip is under way.\n"


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


def end_at_once(handle: Handle) -> Callable[[], None]:
    """The stop of a handle, but it returns only when it has taken effect."""
    stop = handle.stop

    def stop_and_wait() -> None:
        stop()
        handle.done.result(timeout=10)

    return stop_and_wait


def test_stop_ends_following_and_cancels_what_is_queued(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%luma stop`` detaches a running clip; a queued one is cancelled, and nothing was sent for it.

    What it says holds also where the clip ends before the line is printed.
    """
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    notebook.run("%%luma extend sunset -o longer\nOn and on")
    reach(notebook.user_ns["sunset"], "running")
    for name in ("longer", "sunset"):
        handle = notebook.user_ns[name]._handle
        handle.stop = end_at_once(handle)
        notebook.run(f"%luma stop {name}")
    assert capsys.readouterr().out == "longer: following ends.\nsunset: following ends.\n"
    for name, status in (("longer", "cancelled"), ("sunset", "detached")):
        notebook.user_ns[name]._handle.done.result(timeout=10)
        assert notebook.user_ns[name].status == status
    assert len(service.sent) == 1
    notebook.run("%luma stop sunset")
    assert capsys.readouterr().out == "sunset is detached already.\n"
    with pytest.raises(InvalidRequest, match="Say which"):
        notebook.run("%luma stop")


def test_a_terminal_waits_and_prints_the_path(
    terminal: Shell, service: FakeService, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a kernel a cell waits, prints where the video is, and displays nothing else."""
    terminal.run("%%luma -o sunset\nA sunset")
    printed = capsys.readouterr().out
    assert str(tmp_path / "luma_videos" / "a-sunset-") in printed
    assert not terminal.displays.outputs
    terminal.run("%luma wait sunset")
    assert str(tmp_path) in capsys.readouterr().out
    showing.show(terminal.user_ns["sunset"])
    assert str(tmp_path) in capsys.readouterr().out


def test_unloading_takes_the_magics_away(notebook: Shell, service: FakeService) -> None:
    """``%unload_ext`` removes magics and completion, and clips under way are followed to their end."""
    service.gate.clear()
    matchers = len(notebook.ip.Completer.custom_matchers)
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%unload_ext luma_jupyter")
    assert notebook.ip.find_line_magic("luma") is None
    assert notebook.ip.find_cell_magic("luma") is None
    assert len(notebook.ip.Completer.custom_matchers) == matchers - 1
    service.gate.set()
    assert notebook.user_ns["sunset"].wait().path.exists()


def test_reloading_leaves_one_of_each(notebook: Shell) -> None:
    """``%reload_ext`` any number of times leaves one magic and one matcher."""
    matchers = len(notebook.ip.Completer.custom_matchers)
    for _ in range(3):
        notebook.run("%reload_ext luma_jupyter")
    assert len(notebook.ip.Completer.custom_matchers) == matchers
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"].status == "completed"


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

MADE = r"made on \d{4}-\d\d-\d\d \d\d:\d\d, nothing paid; --again makes a new one"


def test_a_completed_clip_is_shown_again(notebook: Shell, service: FakeService) -> None:
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
    assert CARD not in again
    assert notebook.displays.latest()[0] == first
    assert "completed in" in first["text/plain"]


def test_a_completed_clip_is_shown_again_in_a_new_kernel(notebook: Shell, service: FakeService) -> None:
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


def test_a_running_clip_gets_a_second_card(notebook: Shell, service: FakeService) -> None:
    """The same cell while the task runs sends nothing, and both cards become the video."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    notebook.run("%%luma -o sunset\nA sunset")
    assert notebook.user_ns["sunset"] is clip
    _, live, _, live_again = notebook.displays.latest()
    assert live[CARD]["model_id"] == live_again[CARD]["model_id"]
    service.gate.set()
    clip.wait()
    card, live, card_again, live_again = notebook.displays.latest()
    assert card == card_again
    assert "completed in" in card["text/plain"]
    assert live == live_again == NOTHING
    assert len(service.sent) == 1


def test_another_name_is_another_variable_of_the_same_clip(notebook: Shell, service: FakeService) -> None:
    """``-o`` with a new name binds that too; the card calls the clip by the name just typed."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o dusk\nA sunset")
    assert notebook.user_ns["dusk"] is notebook.user_ns["sunset"]
    assert notebook.displays.latest()[-1]["text/plain"].startswith("dusk: ")
    assert len(service.sent) == 1


def test_again_makes_a_new_video(notebook: Shell, service: FakeService) -> None:
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
def test_a_failed_clip_is_made_anew(notebook: Shell, service: FakeService, prompt: str, status: str) -> None:
    """Running the cell of a clip that failed tries again: nothing was paid for it."""
    for _ in range(2):
        notebook.run(f"%%luma -o sunset\n{prompt}")
        notebook.user_ns["sunset"]._handle.done.result(timeout=10)
        assert notebook.user_ns["sunset"].status == status
    assert len(service.sent) == 2


def test_an_unconfirmed_clip_is_explained_and_not_sent(notebook: Shell, service: FakeService) -> None:
    """Running its cell again shows what is known and what can be done, also in a new kernel."""
    with pytest.raises(ClipUnconfirmed):
        notebook.run("%%luma -o sunset --wait\nA [lost] sunset")
    known = notebook.displays.latest()[0]
    notebook.run("%%luma -o sunset\nA [lost] sunset")
    assert notebook.displays.latest()[-1] == known
    assert "may be billed" in known["text/html"]
    assert "%luma retry sunset" in known["text/html"]
    notebook.restart()
    notebook.run("%%luma -o sunset\nA [lost] sunset")
    assert notebook.displays.latest()[-1] == known
    assert len(service.sent) == 1


def test_a_detached_clip_is_followed_further(notebook: Shell, service: FakeService) -> None:
    """Running the cell of a stopped clip goes on with its task; the variable is the same clip."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    clip = notebook.user_ns["sunset"]
    reach(clip, "running")
    clip.stop()
    clip._handle.done.result(timeout=10)
    service.running = False
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"] is clip
    assert clip.status == "completed"
    assert len(service.sent) == 1


def test_what_a_killed_kernel_left_running_goes_on(notebook: Shell, service: FakeService) -> None:
    """After a kernel was killed the same cell follows the same task, in a live card."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    reach(notebook.user_ns["sunset"], "running")
    notebook.restart()
    service.gate.clear()
    service.running = False
    notebook.run("%%luma -o sunset\nA sunset")
    assert CARD in notebook.displays.latest()[1]
    service.gate.set()
    assert notebook.user_ns["sunset"].wait().task_id == "task-1"
    assert "completed in" in notebook.displays.latest()[0]["text/plain"]
    assert len(service.sent) == 1


def test_a_clip_of_an_earlier_kernel_is_a_source(notebook: Shell, service: FakeService) -> None:
    """A step on a clip that was shown again uses its video, and is itself found again by it."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    assert service.sent[1]["video_id"] == "video-task-1"
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma extend sunset -o longer\nOn and on")
    assert notebook.user_ns["longer"].source is notebook.user_ns["sunset"]
    assert len(service.sent) == 2


def test_again_upstream_makes_new_steps(notebook: Shell, service: FakeService) -> None:
    """A step on a new version of its source is another request."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    notebook.run("%%luma -o sunset --wait --again\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    assert [body.get("video_id") for body in service.sent] == [None, "video-task-1", None, "video-task-3"]


def test_without_a_key_earlier_videos_are_still_shown(notebook: Shell, service: FakeService) -> None:
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
def test_a_deleted_file_is_fetched_again(notebook: Shell, service: FakeService, status: int, words: str | None) -> None:
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


def test_dry_run_says_that_an_equal_request_was_made(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """What would send nothing must not look as if it would; with ``--again`` it would."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma --dry-run\nA sunset")
    assert capsys.readouterr().out.splitlines()[0] == (
        "Nothing was sent, and without --again nothing would be: this was asked for before, and is completed. "
        "With --again this would go to acedata:"
    )
    notebook.run("%%luma --dry-run --again\nA sunset")
    assert capsys.readouterr().out.startswith("Nothing was sent. This would go to acedata:")


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
    notebook: Shell, service: FakeService, tmp_path: Path, setting: str, variable: str
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


@pytest.mark.parametrize(
    ("configured", "line", "price"),
    [
        ({}, "", "Price: AceDataCloud publishes no price; it bills on success, in credits"),
        (
            {"acedata_price": 0.35},
            "",
            "Price: $0.35 (as set in LUMA_JUPYTER_ACEDATA_PRICE or configure(acedata_price=…))",
        ),
        ({}, "modify https://example.com/v.mp4", "Price: no quote yet; $0.50 a call on RunAPI's public page"),
        ({}, "--provider demo", "Price: $0.00 (the demo service is free)"),
    ],
)
def test_dry_run_shows_the_price(
    notebook: Shell, capsys: pytest.CaptureFixture[str], configured: dict[str, float], line: str, price: str
) -> None:
    """The last line is the price as far as it is known without asking."""
    settings.configure(**configured)
    notebook.run(f"%%luma {line} --dry-run\nA sunset")
    assert capsys.readouterr().out.splitlines()[-1] == price


def test_what_would_pass_the_budget_is_refused(
    notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch
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


def test_a_budget_needs_prices(notebook: Shell, service: FakeService) -> None:
    """With a budget a call of unknown price is refused, and the line says how to give one; a quote is asked for."""
    settings.configure(budget=5.0)
    with pytest.raises(OverBudget) as caught:
        notebook.run("%%luma\nA sunset")
    assert str(caught.value) == (
        "There is a budget ($5.00 a day), but this call's price is not known: AceDataCloud publishes no price; it "
        "bills on success, in credits. Nothing was sent. Say what it counts as: "
        "luma_jupyter.configure(acedata_price=0.35), or LUMA_JUPYTER_ACEDATA_PRICE."
    )
    assert not service.sent
    notebook.run("%%luma modify https://example.com/v.mp4 -o foggy --wait\nFog")
    assert notebook.user_ns["foggy"].status == "completed"


def test_a_failed_clip_costs_nothing_of_the_budget(notebook: Shell, service: FakeService) -> None:
    """What the service refused or failed is not spent; what is unconfirmed is."""
    settings.configure(budget=0.35, acedata_price=0.35)
    for prompt in ("A [refuse] sunset", "A [fail] sunset", "A [lost] sunset"):
        with pytest.raises(ClipError):
            notebook.run(f"%%luma --wait\n{prompt}")
    with pytest.raises(OverBudget, match=r"\$0\.35 so far today"):
        notebook.run("%%luma\nA dawn")
    assert len(service.sent) == 3


def test_paying_twice_counts_twice(notebook: Shell, service: FakeService) -> None:
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


# Takes.


def test_takes_are_one_list_and_one_table(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--takes 3`` makes three videos of one prompt, told before, in a list that the variable holds."""
    service.gate.clear()
    notebook.run("%%luma -o seas --takes 3 --aspect-ratio 1:1\nA calm sea")
    price = "Price: not known (AceDataCloud publishes no price; it bills on success, in credits)"
    assert capsys.readouterr().out == f"3 videos: new. {price}.\n"
    seas = notebook.user_ns["seas"]
    assert isinstance(seas, Clips)
    assert [clip._called for clip in seas] == ["seas[0]", "seas[1]", "seas[2]"]
    assert notebook.user_ns["_luma"] is seas[2]
    assert len(notebook.displays.latest()) == 2
    service.gate.set()
    seas.wait()
    final, nothing = notebook.displays.latest()
    assert "3 clips: 3 completed" in final["text/html"]
    assert "generate 1:1, take 3" in final["text/html"]
    assert nothing == NOTHING
    assert len(service.sent) == len({clip.path for clip in seas}) == 3


def test_takes_are_found_again(notebook: Shell, service: FakeService) -> None:
    """After a restart the same cell has the same takes, more of them are more videos, and the first is no other one."""
    notebook.run("%%luma -o seas --takes 2 --wait\nA calm sea")
    paths = [clip.path for clip in notebook.user_ns["seas"]]
    notebook.restart()
    notebook.run("%%luma -o seas --takes 2\nA calm sea")
    assert [clip.path for clip in notebook.user_ns["seas"]] == paths
    notebook.run("%%luma -o sea\nA calm sea")
    assert notebook.user_ns["sea"] is notebook.user_ns["seas"][0]
    assert len(service.sent) == 2
    notebook.run("%%luma -o seas --takes 3 --wait\nA calm sea")
    assert len(service.sent) == 3


def test_waiting_takes_name_the_one_that_failed(notebook: Shell, service: FakeService) -> None:
    """``--wait`` waits for all, shows the final table, and ends with the first one's error and its name."""
    with pytest.raises(ClipFailed, match=r"^seas\[0\] \(“A \[fail\] sea”\): "):
        notebook.run("%%luma -o seas --takes 2 --wait\nA [fail] sea")
    final, _ = notebook.displays.latest()
    assert "2 clips: 2 failed" in final["text/html"]


def test_words_and_steps_take_a_list_or_one_of_it(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``wait``, ``stop`` and ``status`` take all of a variable or one; a step takes one."""
    service.running = True
    notebook.run("%%luma -o seas --takes 3 --timeout 1e9\nA calm sea")
    for clip in notebook.user_ns["seas"]:
        reach(clip, "running")
    capsys.readouterr()
    notebook.run("%luma stop seas[1]")
    assert capsys.readouterr().out == "seas[1]: following ends.\n"
    notebook.user_ns["seas"][1]._handle.done.result(timeout=10)
    notebook.run("%luma status seas")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "seas[0]", "seas[1]", "seas[2]"]
    assert [next(w for w in ("running", "detached") if w in line) for line in lines[1:]] == [
        *("running", "detached", "running")
    ]
    notebook.run("%luma stop seas")
    assert capsys.readouterr().out.splitlines()[1] == "seas[1] is detached already."
    for clip in notebook.user_ns["seas"]:
        clip._handle.done.result(timeout=10)
    service.running = False
    notebook.run("%luma resume seas")
    notebook.run("%luma wait seas")
    notebook.run("%%luma extend seas[-1] -o longer --wait\nOn and on")
    assert notebook.user_ns["longer"].source is notebook.user_ns["seas"][2]
    notebook.run("%luma retry seas[0]")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%luma extend seas\nOn", "seas holds 2 clips; take one of them: seas[0] to seas[1]."),
        ("%%luma extend nothing\nOn", "nothing holds 0 clips; take one of them, but it is empty."),
        ("%luma retry seas", "seas holds 2 clips; take one of them: seas[0] to seas[1]."),
        ("%%luma extend seas[2]\nOn", "There is no seas[2]: seas holds 2 clips."),
        ("%%luma extend sea[0]\nOn", "There is no variable sea: run the cell that makes it first, or check the name."),
        ("%luma wait one[0]", "one is not a list of clips. "),
        ("%luma wait number", "number is not a clip but of type int. "),
        ("%%luma\nThe {{seas}}", "The prompt uses {{seas}}, which is a list of clips: a prompt takes text."),
        ("%%luma --takes many\nA sea", "--takes must be a whole number from 1 to 999, not 'many'."),
        ("%%luma --takes 0\nA sea", "--takes must be a whole number from 1 to 999, not 0."),
        ("%%luma --takes 1000\nA sea", "--takes must be a whole number from 1 to 999, not 1000."),
    ],
)
def test_a_list_in_the_wrong_place(notebook: Shell, service: FakeService, cell: str, words: str) -> None:
    """One line says what would be right, and nothing is sent."""
    notebook.run("%%luma -o seas --takes 2 --wait\nA calm sea")
    notebook.user_ns.update(nothing=Clips(), one=notebook.user_ns["seas"][0], number=7)
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(cell)
    assert str(caught.value).startswith(words)
    assert len(service.sent) == 2


def test_a_dry_run_of_takes(notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """The request is shown once, then what all takes of it come to; no service is asked for anything."""
    settings.configure(acedata_price=0.35)
    notebook.run("%%luma --takes 4 --dry-run\nA calm sea")
    printed = capsys.readouterr().out
    assert printed.count("curl") == 1
    assert printed.splitlines()[-1].startswith("4 videos = 4 takes of this: new. Price: 4 × $0.35 (as set in ")
    assert printed.splitlines()[-1].endswith(" = $1.40.")
    notebook.run("%%luma modify https://example.com/v.mp4 --takes 2 --dry-run\nFog")
    assert "2 videos = 2 takes of this: new. Price: not known (no quote yet; " in capsys.readouterr().out
    assert (service.sent, service.asked) == ([], [])


def test_many_takes_are_confirmed(notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the cell asks as `batch` does, and ``--yes`` says it beforehand."""
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(NotConfirmed, match="the answer was not yes"):
        notebook.run("%%luma -o seas --takes 11\nA calm sea")
    assert "seas" not in notebook.user_ns
    assert service.sent == []
    notebook.run("%%luma -o seas --takes 11 --yes --wait\nA calm sea")
    assert len(service.sent) == 11


def test_a_terminal_waits_for_all_takes(
    terminal: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each take's file is printed; without waiting, the table is."""
    terminal.run("%%luma -o seas --takes 2\nA calm sea")
    printed = capsys.readouterr().out
    assert [f"seas[{i}]: “A calm sea” (generate 16:9" in printed for i in range(2)] == [True, True]
    terminal.run("%%luma -o seas --takes 2 --no-wait\nA calm sea")
    assert "seas[1]  generate 16:9, take 2  acedata  completed" in capsys.readouterr().out
