"""What the surroundings do to cells: whether they wait, and whether the video is in the notebook."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest

from luma_jupyter.api.create import generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.display import environment
from luma_jupyter.display.environment import VSCODE_MARKER, is_run_by_server, started_by
from luma_jupyter.errors import ConfigError, InvalidRequest
from tests.support import settings
from tests.support.html import video_source
from tests.support.notebook import MP4, Kernels, PromptService, Shell


def last_html(shell: Shell) -> str:
    """The HTML of the newest output that has any."""
    return next(data["text/html"] for data in reversed(shell.displays.latest()) if data.get("text/html"))


def embedded() -> str:
    return "data:video/mp4;base64," + b64encode(MP4).decode()


def test_vscode_cell_ends_with_the_video_in_it(notebook: Shell) -> None:
    """VS Code's marker is enough; --no-embed and the setting come before it; the live model never has the bytes."""
    notebook.user_ns[VSCODE_MARKER] = "/home/user/a.ipynb"
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert video_source(last_html(notebook)) == embedded()
    assert embedded() not in str(notebook.displays.models()[0].view)
    assert video_source(notebook.user_ns["sunset"]._repr_html_() or "") == embedded()
    notebook.run("%%luma --wait --no-embed\nA dawn")
    assert video_source(last_html(notebook)) == "https://media.example/task-2.mp4"
    settings.configure(embed=False)
    notebook.run("sunset")
    assert video_source(last_html(notebook)) == "https://media.example/task-1.mp4"
    notebook.run("%%luma --wait --embed\nA dawn")
    assert video_source(last_html(notebook)) == embedded()


def test_embed_setting_embeds_in_jupyterlab_too(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """LUMA_JUPYTER_EMBED=1 makes notebooks that need no folder beside them."""
    notebook.run("%%luma --wait\nA sunset")
    assert (video_source(last_html(notebook)) or "").startswith("luma_videos/")
    monkeypatch.setenv("LUMA_JUPYTER_EMBED", "1")
    notebook.run("_luma")
    assert video_source(last_html(notebook)) == embedded()
    monkeypatch.setenv("LUMA_JUPYTER_EMBED", "perhaps")
    with pytest.raises(ConfigError, match="LUMA_JUPYTER_EMBED must be 1 or 0"):
        notebook.run("%%luma\nAnother")


def test_colab_cells_wait(notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell ends when its clip has; --no-wait and the setting come before that."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    notebook.run("%%luma -o sunset\nA sunset")
    assert notebook.user_ns["sunset"].status == "completed"
    assert video_source(last_html(notebook)) == embedded()
    service.gate.clear()
    notebook.run("%%luma --no-wait -o dawn\nA dawn")
    assert notebook.user_ns["dawn"].status != "completed"
    settings.configure(wait=False)
    notebook.run("dawn")
    notebook.run("%%luma -o noon\nA noon")
    assert notebook.user_ns["noon"].status != "completed"
    service.gate.set()
    settings.configure(wait=None)
    notebook.run("dawn")
    assert notebook.user_ns["dawn"].status == "completed"


def test_misspelt_embed_option_is_one_clear_line(notebook: Shell) -> None:
    """A misspelt option is one clear line that names it."""
    with pytest.raises(InvalidRequest, match="--embedd"):
        notebook.run("%%luma --embedd\nA sunset")


def test_a_clip_that_marimo_draws_ends_with_its_video(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """It draws an output once, so showing waits; the video is in it, as no files are served; a failed one says so."""
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(running_in_notebook=lambda: True))
    assert video_source(generate("A sunset")._repr_html_() or "") == embedded()
    assert "no luck" in (generate("A [fail] sunset")._repr_html_() or "")


def test_a_clip_that_a_script_draws_waits_for_nothing(kernels: Kernels, service: PromptService) -> None:
    """A script that imports marimo is none of its notebooks; HTML there is only of what has ended."""
    service.gate.clear()
    assert generate("A sunset")._repr_html_() is None


KERNEL_ID = "3d8f8f52-39f6-4a63-9b62-b0f5c0a6d3d1"


@pytest.mark.parametrize(
    ("message_id", "kernel_id", "by_server"),
    [
        ("463f2865-77e346d07271b4492cc3e30a_4711_12", KERNEL_ID, True),
        ("463f2865-77e346d07271b4492cc3e30a_4712_12", KERNEL_ID, False),  # a client elsewhere
        ("463f2865-77e346d07271b4492cc3e30a_4711_12", "tmpqc87s0un", False),  # nbclient's own kernel
        ("463f2865-77e346d07271b4492cc3e30a_4711_12", "4711", False),  # a console's
        ("463f2865-77e346d07271b4492cc3e30a", KERNEL_ID, False),  # a page
        ("", KERNEL_ID, False),
    ],
)
def test_a_server_that_runs_cells_is_told_by_its_messages(
    notebook: Shell, monkeypatch: pytest.MonkeyPatch, message_id: str, kernel_id: str, by_server: bool
) -> None:
    """They are named as those of clients in Python, by the process that started the kernel."""
    monkeypatch.setenv("JPY_PARENT_PID", "4711")
    monkeypatch.setattr(environment, "kernel_id", lambda: kernel_id)
    notebook.ip.kernel = SimpleNamespace(get_parent=lambda channel: {"header": {"msg_id": message_id}})
    assert is_run_by_server() is by_server


def test_no_server_runs_cells_where_there_is_no_kernel(terminal: Shell) -> None:
    """A terminal has no messages."""
    assert not is_run_by_server()


@pytest.fixture
def fresh_parent() -> Iterator[None]:
    """What started this program is looked up anew in the test, and after it."""
    started_by.cache_clear()
    yield
    started_by.cache_clear()


def test_a_kernel_of_a_console_shows_text(
    notebook: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fresh_parent: None
) -> None:
    """Cells wait, and print the path; no card is displayed, also of several clips and of what is shown again."""
    monkeypatch.setattr(psutil.Process, "cmdline", lambda process: ["python3", "/usr/bin/jupyter-console"])
    notebook.run("%%luma -o sunset\nA sunset")
    sunset = notebook.user_ns["sunset"]
    assert f"completed in 0:00: {sunset.path}" in capsys.readouterr().out
    notebook.run("sunset")
    notebook.run("%%luma -o seas --takes 2\nA sea")
    notebook.run("import luma_jupyter as luma\nluma.gallery()")
    printed = capsys.readouterr().out
    assert str(sunset.path) in printed
    assert printed.count("seas[1]") >= 2
    assert notebook.displays.outputs == []
    assert kernel.presenter.environment.in_kernel, "it ends as kernels do"


def test_a_parent_that_cannot_be_looked_at_is_no_console(
    notebook: Shell, monkeypatch: pytest.MonkeyPatch, fresh_parent: None
) -> None:
    """Another user's process, or one that has ended, says nothing: cards are shown."""

    def refuse(process: psutil.Process) -> list[str]:
        raise psutil.AccessDenied(1)

    monkeypatch.setattr(psutil.Process, "cmdline", refuse)
    assert kernel.presenter.environment.has_page
    monkeypatch.setattr(psutil.Process, "parent", lambda process: None)
    started_by.cache_clear()
    assert kernel.presenter.environment.has_page
