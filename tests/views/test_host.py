"""The decision where this runs and how a finished video is shown there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luma_jupyter.views.host import COLAB_LIMIT, EMBED_LIMIT, Surroundings, decide, is_colabs_page, makes_links
from tests.support.states import COLAB, CONSOLE, KERNEL, LAB, MARIMO, SCRIPT, TERMINAL, VSCODE


@pytest.mark.parametrize(
    ("seen", "name", "how", "limit", "serves", "waits"),
    [
        (LAB, "JupyterLab or Notebook 7", "relative", 0, True, False),
        (KERNEL, "a Jupyter kernel without a name", "relative", 0, True, False),
        (VSCODE, "VS Code", "embed", EMBED_LIMIT, False, False),
        (replace(VSCODE, environ={"JPY_SESSION_NAME": "a.ipynb"}), "VS Code", "embed", EMBED_LIMIT, False, False),
        (replace(KERNEL, environ={"VSCODE_PID": "1"}), "VS Code", "embed", EMBED_LIMIT, False, False),
        (replace(LAB, environ={**LAB.environ, "VSCODE_PID": "1"}), "JupyterLab", "relative", 0, True, False),
        (replace(KERNEL, environ={"TERM_PROGRAM": "vscode"}), "a Jupyter kernel", "relative", 0, True, False),
        (COLAB, "Google Colab", "embed", COLAB_LIMIT, False, True),
        (replace(KERNEL, environ={"COLAB_RELEASE_TAG": "r"}), "Google Colab", "embed", COLAB_LIMIT, False, True),
        (replace(COLAB, environ={"VSCODE_PID": "1"}), "Google Colab", "embed", COLAB_LIMIT, False, True),
        (MARIMO, "marimo", "embed", EMBED_LIMIT, False, True),
        (replace(MARIMO, in_marimo=False), "a Python script", "path", 0, True, False),
        (TERMINAL, "a terminal", "path", 0, True, True),
        (replace(TERMINAL, environ={"VSCODE_PID": "1"}), "a terminal", "path", 0, True, True),
        (replace(TERMINAL, modules=("google.colab",)), "a terminal", "path", 0, True, True),
        (SCRIPT, "a Python script", "path", 0, True, False),
        (CONSOLE, "a console", "path", 0, True, True),
        (
            replace(CONSOLE, environ={"VSCODE_PID": "1", "JPY_SESSION_NAME": "a.ipynb"}),
            "a console",
            "path",
            0,
            True,
            True,
        ),
    ],
)
def test_host_is_told_by_what_it_leaves_behind(
    seen: Surroundings, name: str, how: str, limit: int, serves: bool, waits: bool
) -> None:
    """Each host has its way of showing a video, its limit, its habit of waiting, and a sentence that says why."""
    host = decide(seen)
    assert host.name.startswith(name)
    assert (host.how, host.limit, host.serves, host.waits) == (how, limit, serves, waits)
    assert host.reason[0].isupper()
    assert host.reason.endswith(".")
    assert not host.hint or host.hint.endswith(".")


def test_host_hints_name_what_it_cannot_do() -> None:
    """VS Code's sound, Colab's files, and waiting in runs without a person."""
    assert "AAC" in decide(VSCODE).hint
    assert "Drive" in decide(COLAB).hint
    assert "LUMA_JUPYTER_WAIT=1" in decide(KERNEL).hint
    assert decide(LAB).hint == ""


@pytest.mark.parametrize(
    ("seen", "embed", "how", "limit"),
    [
        (LAB, True, "embed", EMBED_LIMIT),
        (LAB, False, "relative", 0),
        (VSCODE, True, "embed", EMBED_LIMIT),
        (VSCODE, False, "remote", EMBED_LIMIT),
        (COLAB, True, "embed", COLAB_LIMIT),
        (COLAB, False, "remote", COLAB_LIMIT),
        (TERMINAL, True, "path", 0),
        (SCRIPT, False, "path", 0),
    ],
)
def test_the_user_has_the_last_word_on_embedding(seen: Surroundings, embed: bool, how: str, limit: int) -> None:
    """--embed, --no-embed and the setting come before the host's own way, but a terminal stays one."""
    host = decide(seen, embed)
    assert (host.how, host.limit) == (how, limit)
    assert ("You asked" in host.reason) is (how != "path")


@pytest.mark.parametrize(
    "started_by",
    [
        ("/usr/bin/python3", "/usr/bin/jupyter-console", "--kernel=python3"),
        ("python", "-m", "jupyter_console"),
        ("/opt/bin/python", "/opt/bin/jupyter-qtconsole"),
        ("python", "-m", "qtconsole"),
        ("/usr/bin/python3", "/usr/bin/spyder"),
    ],
)
def test_a_console_is_told_by_the_program_that_started_the_kernel(started_by: tuple[str, ...]) -> None:
    """However it was called; its messages are those of any front end."""
    assert decide(replace(KERNEL, started_by=started_by)).name == "a console"


@pytest.mark.parametrize(
    "started_by",
    [
        (),
        ("/usr/bin/python3", "/usr/bin/jupyter-lab", "--port", "jupyter-console"),
        ("/usr/bin/python3", "/usr/bin/papermill", "in.ipynb", "spyder.ipynb"),
        ("bash",),
    ],
)
def test_what_is_no_console_shows_pages(started_by: tuple[str, ...]) -> None:
    """Servers, runs without a person, and front ends that nobody knows keep their cards."""
    assert decide(replace(KERNEL, started_by=started_by)).how == "relative"


@pytest.mark.parametrize("seen", [LAB, KERNEL])
def test_files_that_a_page_may_not_reach_are_embedded_with_the_reason(seen: Surroundings) -> None:
    """By doubt alone unless the user has a word on it; what a page has said counts whatever the user says."""
    doubtful = decide(seen, doubt="It is hidden.")
    assert (doubtful.how, doubtful.limit, doubtful.serves) == ("embed", EMBED_LIMIT, False)
    assert doubtful.reason == doubtful.remark == "It is hidden."
    assert "embed=False" in doubtful.hint
    assert decide(seen, False, doubt="It is hidden.").how == "relative"
    refused = decide(seen, refusal=404)
    assert (refused.how, refused.serves) == ("embed", False)
    assert refused.reason == "This page cannot load files from the folder of the videos: its server answers 404."
    assert "embed=False" not in refused.hint
    assert decide(seen, False, refusal=404).how == "remote"
    asked = decide(seen, True, doubt="It is hidden.")
    assert (asked.how, asked.serves, asked.remark) == ("embed", False, "")


@pytest.mark.parametrize("seen", [VSCODE, COLAB, CONSOLE, TERMINAL, SCRIPT])
def test_hosts_that_serve_no_files_do_not_care_where_those_are(seen: Surroundings) -> None:
    """Their way is the same wherever the media folder is."""
    assert decide(seen, doubt="It is hidden.", refusal=404) == decide(seen)


@pytest.mark.parametrize(
    ("environ", "linked"),
    [
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "5000"}, False),
        ({"VTE_VERSION": "?"}, False),
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"WT_SESSION": "an id"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "screen-256color", "VTE_VERSION": "7600"}, False),
        ({"TMUX": "/tmp/tmux", "TERM_PROGRAM": "iTerm.app"}, False),
        ({"TERM": "dumb", "VTE_VERSION": "7600"}, False),
        ({"FORCE_HYPERLINK": "1", "TERM": "dumb"}, True),
        ({"FORCE_HYPERLINK": "0", "VTE_VERSION": "7600"}, False),
        ({}, False),
    ],
)
def test_terminal_links_only_where_the_terminal_knows_them(environ: dict[str, str], linked: bool) -> None:
    """A terminal that does not say what it is gets none; nor does a pipe, whatever the terminal behind it."""
    assert makes_links(environ) is linked
    assert decide(replace(TERMINAL, environ=environ)).links is linked
    assert decide(replace(SCRIPT, isatty=True, environ=environ)).links is linked
    assert not decide(replace(TERMINAL, environ=environ, isatty=False)).links
    assert not decide(replace(LAB, environ={**LAB.environ, **environ})).links


@pytest.mark.parametrize(
    ("seen", "sits"),
    [
        (COLAB, True),
        (replace(COLAB, marked=True), False),
        (replace(KERNEL, environ={"COLAB_RELEASE_TAG": "r"}), False),
        (replace(TERMINAL, modules=("google.colab",)), False),
        (LAB, False),
    ],
)
def test_colabs_page_is_only_where_colab_itself_runs_the_kernel(seen: Surroundings, sits: bool) -> None:
    """VS Code may show a kernel of Colab's, and a notebook may be executed on its machine: nobody sits there."""
    assert is_colabs_page(seen) is sits
