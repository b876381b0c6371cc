"""What loading the extension costs, what it brings, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.api.views import clips
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME, may_be_unfinished
from luma_jupyter.errors import ClipFailed, ConfigError
from tests.support import settings
from tests.support.notebook import (
    PromptService,
    Shell,
    count_matchers,
    leave_running,
    leave_unconfirmed,
    wait_for_looks,
    wait_for_status,
)
from tests.support.waiting import until

LOADED = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "luma_jupyter")
shell.run_cell("import os\\nprint = os.path")
shell.Completer.complete("os.pa")
for cell in sys.argv[1:]:
    shell.run_cell(cell).raise_error()
print(json.dumps(sorted(set(sys.modules) - before)))
"""


HEAVY = {"httpx", "ipywidgets", "anywidget", "tornado", "av", "numpy", "PIL", "pandas", "psutil", "nest_asyncio2"}


def loaded(tmp_path: Path, *cells: str) -> set[str]:
    """The modules that a notebook has because of its line ``%load_ext luma_jupyter``, and of some cells after it."""
    command = [sys.executable, "-c", LOADED, *cells]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("journal", ["none", "finished"])
def test_loading_imports_almost_nothing(tmp_path: Path, journal: str) -> None:
    """A notebook that only loads the extension has none of the libraries behind it, nor our own engine."""
    if journal == "finished":
        write_journal(Status.COMPLETED, tmp_path)
    modules = loaded(tmp_path)
    assert not modules & HEAVY
    ours = {name for name in modules if name.startswith("luma_jupyter.")}
    assert "luma_jupyter.magics.extension" in ours
    behind = ("domain.requests", "domain.task", "engine.engine", "clip.clip", "widgets.base", "magics.magics")
    assert not ours & {f"luma_jupyter.{name}" for name in behind}


def test_a_line_that_shows_no_widget_loads_none(tmp_path: Path) -> None:
    """Forms, galleries and all that widgets need are loaded when something is shown: a request goes out before."""
    modules = loaded(tmp_path, "%luma status")
    assert "luma_jupyter.engine.engine" in modules
    assert not modules & {"anywidget", "ipywidgets", "luma_jupyter.widgets.base", "luma_jupyter.widgets.studio.studio"}


def write_journal(status: Status, folder: Path) -> Journal:
    journal = Journal(settings.current().home_folder)
    request = GenerateRequest(prompt="A fox")
    task = Task(
        intent="0" * 32,
        request=request,
        provider="acedata",
        status=status,
        created_at=1.7e9,
        filename="a-fox.mp4",
        folder=folder,
        task_id="t",
    )
    journal.add(task)
    journal.close()
    return journal


@pytest.mark.parametrize(
    ("status", "there", "asked"),
    [
        (Status.RUNNING, True, True),
        (Status.UNCONFIRMED, True, True),
        (Status.COMPLETED, True, False),
        (Status.FAILED, True, False),
        (Status.RUNNING, False, True),
    ],
)
def test_the_probe_asks_for_the_journal_only_where_clips_are_unfinished(
    tmp_path: Path, status: Status, there: bool, asked: bool
) -> None:
    """Only where a clip of this folder, or of one that is gone, is unfinished has the journal to be opened."""
    home, elsewhere = settings.current().home_folder, tmp_path / "elsewhere"
    assert not may_be_unfinished(home, tmp_path)
    write_journal(status, tmp_path if there else elsewhere)
    assert may_be_unfinished(home, tmp_path) is asked
    if there:
        assert not may_be_unfinished(home, elsewhere)
    elsewhere.mkdir()
    assert may_be_unfinished(home, tmp_path) is (asked and there)


def test_the_probe_leaves_a_damaged_journal_alone() -> None:
    """What cannot be read at a glance is left to those who can set it aside and say so."""
    home = settings.current().home_folder
    home.mkdir()
    (home / FILE_NAME).write_bytes(b"garbage" * 1000)
    assert may_be_unfinished(home, Path())
    assert (home / FILE_NAME).read_bytes() == b"garbage" * 1000


def test_magic_has_its_help_as_docstring(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """The help is there where IPython looks for it, for the line and the cell, although nothing was loaded before."""
    terminal.run("luma_help = get_ipython().find_cell_magic('luma').__doc__")
    assert "Write what you want to see, run the cell" in terminal.user_ns["luma_help"]
    assert terminal.ip.find_line_magic("luma") is terminal.ip.find_cell_magic("luma")


def test_extension_is_unloaded_and_loaded_again_once(terminal: Shell) -> None:
    """After unloading there is neither magic nor completion; loading again brings both once."""
    before = count_matchers(terminal.ip)
    terminal.ip.run_line_magic("unload_ext", "luma_jupyter")
    assert terminal.ip.find_cell_magic("luma") is None
    assert count_matchers(terminal.ip) == before - 1
    terminal.ip.run_line_magic("load_ext", "luma_jupyter")
    assert count_matchers(terminal.ip) == before


def test_unloading_takes_the_magics_away(notebook: Shell, service: PromptService) -> None:
    """``%unload_ext`` removes magics and completion, and clips under way are followed to their end."""
    service.gate.clear()
    matchers = count_matchers(notebook.ip)
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%unload_ext luma_jupyter")
    assert notebook.ip.find_line_magic("luma") is None
    assert notebook.ip.find_cell_magic("luma") is None
    assert count_matchers(notebook.ip) == matchers - 1
    service.gate.set()
    assert notebook.user_ns["sunset"].wait().path.exists()


def test_reloading_leaves_one_magic_and_one_matcher(notebook: Shell) -> None:
    """``%reload_ext`` any number of times leaves one magic and one matcher."""
    matchers = count_matchers(notebook.ip)
    for _ in range(3):
        notebook.run("%reload_ext luma_jupyter")
    assert count_matchers(notebook.ip) == matchers
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"].status == "completed"


# What %load_ext says.


def test_loading_says_nothing_where_nothing_is_unfinished(notebook: Shell, capsys: Printed) -> None:
    """In a fresh home nothing is printed, and no journal is made; nor after clips that came to their end."""
    notebook.restart()
    assert capsys.readouterr().out == ""
    assert not settings.current().home_folder.exists()
    notebook.run("%%luma --wait\nA sunset")
    with pytest.raises(ClipFailed):
        notebook.run("%%luma --wait\nA [fail] sunset")
    capsys.readouterr()
    notebook.restart()
    assert capsys.readouterr().out == ""


def test_loading_says_in_one_line_what_is_unfinished(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """One or several, and how many of them are unconfirmed; a stopped one counts as any other."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    assert capsys.readouterr().out == (
        "luma_jupyter: 1 clip of this folder is unfinished; %luma resume watches it again.\n"
    )
    leave_unconfirmed(notebook, "%%luma -o doubtful\nA [lost] dawn")
    notebook.restart()
    assert capsys.readouterr().out == (
        "luma_jupyter: 2 clips of this folder are unfinished; %luma resume watches them again. 1 is unconfirmed: it "
        "may have been made and paid.\n"
    )
    notebook.run("%luma resume")


def test_loading_says_nothing_of_another_folder(
    notebook: Shell, service: PromptService, capsys: Printed, tmp_path: Path
) -> None:
    """A notebook elsewhere is not told of this folder's clips."""
    notebook.restart(tmp_path / "elsewhere")
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    assert "1 clip" in capsys.readouterr().out
    notebook.restart(tmp_path / "here")
    assert capsys.readouterr().out == ""


# What was not sent, and what is looked for.


def queue_steps(notebook: Shell, service: PromptService, *names: str) -> None:
    """Ask for these steps of a clip that runs: until that has ended, nothing of theirs is sent."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    for name in names:
        notebook.run(f"%%luma extend sunset -o {name}\nOn and on, {name}")


def test_loading_says_once_which_films_were_not_made(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A film that a killed kernel had not made is told in words of its own; running its cell makes it."""
    cell = "import luma_jupyter\nmovie = luma_jupyter.film([luma_jupyter.generate('A sunset')])"
    service.running = True
    notebook.run(cell)
    wait_for_status(kernel.session.own_clips[0], "running")
    notebook.restart()
    said = "luma_jupyter: 1 film of this folder was not made before the kernel ended. Run its cell again to make it."
    assert said in capsys.readouterr().out.splitlines()
    notebook.restart()
    assert said not in capsys.readouterr().out
    assert [clip.status for clip in clips()] == ["detached", "cancelled"]
    service.running = False


@pytest.mark.parametrize(
    ("names", "said", "again"),
    [
        (["longer"], "1 clip of this folder was", "Run its cell again to make it"),
        (["longer", "other"], "2 clips of this folder were", "Run their cells again to make them"),
    ],
)
def test_loading_says_once_what_was_not_sent(
    notebook: Shell, service: PromptService, capsys: Printed, names: list[str], said: str, again: str
) -> None:
    """One line, before the one about what is unfinished; the next kernel has only that one. Nothing was paid."""
    queue_steps(notebook, service, *names)
    notebook.restart()
    unsent = f"{said} not sent before the kernel ended, and cost nothing. {again}."
    unfinished = "luma_jupyter: 1 clip of this folder is unfinished; %luma resume watches it again."
    assert capsys.readouterr().out.splitlines() == [f"luma_jupyter: {unsent}", unfinished]
    notebook.restart()
    assert capsys.readouterr().out.splitlines() == [unfinished]
    statuses = {clip.name: clip.status for clip in clips()}
    assert statuses == {"sunset": "detached", **dict.fromkeys(names, "cancelled")}
    assert len(service.sent) == 1
    service.running = False
    notebook.run("%luma resume")
    notebook.run(f"%%luma extend sunset -o longer --wait\nOn and on, {names[0]}")
    assert [body.get("video_id") for body in service.sent] == [None, "video-of-task-1"]


def test_loading_leaves_what_was_not_sent_to_its_own_folder(
    notebook: Shell, service: PromptService, capsys: Printed, tmp_path: Path
) -> None:
    """A notebook in another folder neither says nor settles it: that is left to the next one here."""
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        folder.mkdir()
    notebook.restart(here)
    queue_steps(notebook, service, "longer")
    notebook.restart(elsewhere)
    assert capsys.readouterr().out == ""
    notebook.restart(here)
    assert "1 clip of this folder was not sent" in capsys.readouterr().out


def test_loading_looks_for_what_was_not_answered(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """What AceDataCloud shows is followed to its file, without a word from the user; nothing is sent."""
    leave_unconfirmed(notebook, "%%luma -o sunset\nA [lost] sunset")
    service.faulty = False
    service.listed = [{"id": "task-1", "created_at": time.time(), "request": service.sent[0]}]
    notebook.restart()
    assert (
        "1 clip of this folder is unfinished; %luma resume watches it again. 1 is unconfirmed: "
        in capsys.readouterr().out
    )
    wait_for_looks()
    (clip,) = clips()
    assert (clip.name, clip.status, clip.task_id) == ("sunset", "completed", "task-1")
    notebook.run("%%luma -o sunset\nA [lost] sunset")
    assert notebook.user_ns["sunset"] is clip
    assert clip.path.exists()
    assert len(service.sent) == 1


@pytest.mark.parametrize("found", [False, True], ids=["still looked for", "found"])
def test_resume_takes_over_what_is_looked_for(
    notebook: Shell, service: PromptService, capsys: Printed, found: bool
) -> None:
    """``%luma resume`` right behind the loading binds the clip, whether it was found by then or not; once."""
    leave_unconfirmed(notebook, "%%luma -o sunset\nA [lost] sunset")
    service.faulty = False
    service.listed = [{"id": "task-1", "created_at": time.time(), "request": service.sent[0]}]
    service.gate.clear()
    notebook.restart()
    if found:
        service.gate.set()
        wait_for_looks()
    capsys.readouterr()
    notebook.run("%luma wait")
    assert capsys.readouterr().out == "No clip is being made.\n"
    notebook.run("%luma resume")
    service.gate.set()
    assert notebook.user_ns["sunset"].wait().path.exists()
    capsys.readouterr()
    notebook.run("%luma resume")
    assert capsys.readouterr().out.startswith("No clip of this folder is unfinished. Does")
    assert len(service.sent) == 1


def test_loading_leaves_unconfirmed_what_nobody_shows(notebook: Shell, service: PromptService) -> None:
    """It stays as it was, with the time of its end and what it may have cost, however often it is looked for."""
    leave_unconfirmed(notebook, "%%luma -o sunset\nA [lost] sunset")
    before = notebook.user_ns["sunset"].task
    for _ in range(2):
        notebook.restart()
        wait_for_looks()
        (clip,) = clips()
        assert clip.status == "unconfirmed"
        assert "it was looked for, and not found" in str(clip.error)
        same = ("sent_at", "ended_at", "doubts", "task_id", "price", "cost")
        assert {name: getattr(clip.task, name) for name in same} == {name: getattr(before, name) for name in same}
    assert len(service.sent) == 1


def test_loading_does_not_look_where_it_cannot_be_told(notebook: Shell, service: PromptService) -> None:
    """RunAPI has no list of tasks, and without a key there is nothing to ask with; neither gets in the way."""
    leave_unconfirmed(notebook, "%%luma modify https://example.com/v.mp4 -o foggy\nA [lost] fog")
    leave_unconfirmed(notebook, "%%luma -o sunset\nA [lost] sunset")
    settings.configure(acedata_token=None)
    before = service.asked
    notebook.restart()
    assert kernel.session.engine.handles == {}
    assert [clip.status for clip in clips()] == ["unconfirmed", "unconfirmed"]
    assert service.asked == before


def test_an_unreadable_home_does_not_keep_the_extension_from_loading(
    notebook: Shell, capsys: Printed, tmp_path: Any
) -> None:
    """Where the journal cannot be opened nothing is said before something is to be paid."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "journal.sqlite3").mkdir()
    notebook.run("%reload_ext luma_jupyter")
    assert capsys.readouterr().out == ""
    with pytest.raises(ConfigError, match="The journal of your clips cannot be written"):
        notebook.run("%%luma\nA sunset")


Printed = pytest.CaptureFixture[str]


# A setting that cannot be used.


def test_loading_with_a_bad_setting_is_one_line_and_leaves_nothing(
    terminal: Shell, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """Neither magic nor completion is there after it; once the setting is mended, loading brings both once."""
    ip = terminal.ip
    matchers = count_matchers(ip)
    terminal.run("%unload_ext luma_jupyter")
    monkeypatch.setenv("LUMA_JUPYTER_WAIT", "perhaps")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"LUMA_JUPYTER_WAIT must be 1 or 0, not 'perhaps'\.") as caught:
            terminal.run("%load_ext luma_jupyter")
        assert caught.value._render_traceback_() == [f"ConfigError: {caught.value}"]
        assert ip.find_line_magic("luma") is None
        assert ip.find_cell_magic("luma") is None
        assert count_matchers(ip) == matchers - 1
    monkeypatch.setenv("LUMA_JUPYTER_WAIT", "1")
    terminal.run("%load_ext luma_jupyter")
    assert count_matchers(ip) == matchers
    capsys.readouterr()
    terminal.run("%luma help")
    assert "Write what you want to see, run the cell" in capsys.readouterr().out


def test_loading_asks_a_gateway_again_for_what_it_was_asked(notebook: Shell, service: PromptService) -> None:
    """A kernel that died while a class gateway was asked costs nothing: the next one asks again under the same key."""
    settings.configure(gateway="https://api.acedata.cloud", gateway_token="hub-secret", check_balance=False)
    service.idempotent = True
    notebook.run("%%luma -o sunset\nA [hang] sunset")
    until(lambda: bool(service.sent))
    service.faulty = False
    notebook.restart()
    until(lambda: len(service.tasks) == 1)
    (clip,) = kernel.session.own_clips
    clip.wait(10)
    assert clip.status == "completed"
    (key,) = set(service.keys)
    assert key
    assert len(service.sent) == 2
