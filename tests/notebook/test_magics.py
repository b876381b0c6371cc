"""``%%luma`` and ``%luma`` as a user types them, in a shell that looks like a kernel's, and in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from luma_jupyter import settings
from luma_jupyter.errors import (
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    ConfigError,
    InvalidRequest,
    NotYet,
)
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.magics import HELP, LATER_WORDS
from tests.notebook.conftest import FakeService, Shell, reach

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
    with pytest.raises(ClipUnconfirmed, match="may have been accepted and billed"):
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
        ("%%luma extend a-typo\nx", InvalidRequest, "neither a clip, a video id nor"),
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
        ("%%luma --start-image ./x.png\nx", NotYet, "local images"),
        ("%%luma --start-image data\nx", NotYet, "a bytes"),
        ("%%luma modify ./video.mp4\nx", NotYet, "local files"),
        ("%%luma modify 155838f8-7f1e-44d8-b387-192f3b4b509d\nx", InvalidRequest, "needs a URL or a clip"),
        ("%%luma\nAbout {{nothing}}", InvalidRequest, "there is no variable nothing"),
        ("%%luma --again\nx", NotYet, "--again is not available yet"),
    ],
)
def test_a_mistake_is_one_line_and_sends_nothing(
    notebook: Shell, service: FakeService, cell: str, error: type[Exception], words: str
) -> None:
    """Bad input gets a clear error before anything is sent or bound."""
    film = object.__new__(Clip)
    notebook.user_ns.update(number=1, data=b"\x89PNG", json=json, film=film)
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
        notebook.run("%%luma --wait --timeout 5\nA sunset")


def test_luma_alone_prints_the_help(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """``%luma`` and ``%luma help`` print one screen that names every option and word."""
    for line in ("%luma", "%luma help", "%luma -h"):
        notebook.run(line)
        printed = capsys.readouterr().out
        assert printed.strip() == HELP.strip()
    assert len(HELP.splitlines()) <= 40
    assert max(map(len, HELP.splitlines())) <= 100


def test_question_mark_shows_the_help(notebook: Shell) -> None:
    """``%%luma?`` shows the same text."""
    assert notebook.ip.object_inspect("%%luma")["docstring"].strip() == HELP.strip()


@pytest.mark.parametrize("word", LATER_WORDS)
def test_later_words_say_not_yet(notebook: Shell, word: str) -> None:
    """Words of later versions answer in one line."""
    with pytest.raises(NotYet, match=f"%luma {word} is not available yet"):
        notebook.run(f"%luma {word}")


def test_unknown_words_name_the_known_ones(notebook: Shell) -> None:
    """A wrong word says which there are."""
    with pytest.raises(InvalidRequest, match="no %luma statsu; there are status, wait, stop, help"):
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
    notebook.run("%luma wait")
    assert "No clip is under way" in capsys.readouterr().out


def test_stop_ends_following_and_cancels_what_is_queued(
    notebook: Shell, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%luma stop`` detaches a running clip; a queued one is cancelled, and nothing was sent for it."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    notebook.run("%%luma extend sunset -o longer\nOn and on")
    reach(notebook.user_ns["sunset"], "running")
    notebook.run("%luma stop longer")
    notebook.run("%luma stop sunset")
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
    session.show(terminal.user_ns["sunset"])
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
