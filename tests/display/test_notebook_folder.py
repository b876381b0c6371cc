"""Where a kernel finds its notebook: by what its front end says of it, as far as that is so on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.display.environment import VSCODE_MARKER, notebook_folder
from tests.support import settings
from tests.support.notebook import KEYS, Shell


@pytest.fixture
def lesson(tmp_path: Path, notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a notebook; the kernel was started there, and has moved to the one above."""
    folder = tmp_path / "lesson"
    folder.mkdir()
    (folder / "a.ipynb").touch()
    notebook.ip.history_manager.dir_hist[:] = [folder]
    return folder


def test_videos_lie_beside_the_notebook_wherever_the_kernel_went(
    tmp_path: Path, lesson: Path, notebook: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`%cd ..` before `%load_ext`: the video is below the notebook's folder, and so is its address."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(lesson / "a.ipynb"))
    kernel.restart()
    settings.configure(**KEYS)
    notebook.restart()
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert notebook.user_ns["sunset"].path.parent == lesson / "luma_videos"
    assert 'src="luma_videos/' in notebook.displays.latest()[0]["text/html"]
    assert settings.current().folder == lesson


@pytest.mark.parametrize(
    "name", ["{}/a.ipynb", "{}/Console 1", "{}/renamed since.ipynb", "RTC:lesson/a.ipynb", "a.ipynb"]
)
def test_a_session_names_the_notebooks_folder(lesson: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As a whole path, also of a console or a notebook that was renamed; or from the server's root."""
    monkeypatch.setenv("JPY_SESSION_NAME", name.format(lesson))
    assert notebook_folder() == lesson


@pytest.mark.parametrize("name", ["", "/home/of/another/machine/a.ipynb", "RTC:lesson/none.ipynb", "4f1e-uuid", "a\0b"])
def test_a_session_that_says_nothing_of_this_machine_counts_as_none(
    tmp_path: Path, lesson: Path, notebook: Shell, name: str
) -> None:
    """The kernel of a gateway has another disk, and a session may be named by an id: then it is the current one."""
    notebook.user_ns[VSCODE_MARKER] = name
    assert notebook_folder() == tmp_path
    notebook.user_ns[VSCODE_MARKER] = 7
    assert notebook_folder() == tmp_path


def test_vscode_names_the_notebooks_file(lesson: Path, notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernels may start in the folder of the workspace; its word comes before a server's."""
    notebook.user_ns[VSCODE_MARKER] = str(lesson / "a.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(lesson.parent / "a-jvsc-uuid.ipynb"))
    assert notebook_folder() == lesson


def test_a_notebook_that_is_reached_by_a_link_is_where_it_lies(
    tmp_path: Path, lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is spelled as the kernel's own was before: the journal finds the clips by it."""
    (tmp_path / "link").symlink_to(lesson)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "link" / "a.ipynb"))
    assert notebook_folder() == lesson


@pytest.mark.parametrize("inherited", [True, False])
def test_a_session_of_the_notebook_that_started_papermill_is_not_the_runs_own(
    tmp_path: Path, lesson: Path, monkeypatch: pytest.MonkeyPatch, inherited: bool
) -> None:
    """A run that a cell starts has that cell's notebook in its environment, as the program that runs it has."""
    name = str(lesson / "a.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    monkeypatch.setattr(psutil.Process, "environ", lambda process: {"JPY_SESSION_NAME": name} if inherited else {})
    assert notebook_folder() == (tmp_path if inherited else lesson)


def test_a_parent_that_cannot_be_looked_at_is_taken_for_a_server(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's process shows no environment."""

    def refuse(process: psutil.Process) -> dict[str, str]:
        raise psutil.AccessDenied(os.getppid())

    monkeypatch.setenv("JPY_SESSION_NAME", str(lesson / "a.ipynb"))
    monkeypatch.setattr(psutil.Process, "environ", refuse)
    assert notebook_folder() == lesson


def test_outside_of_ipython_it_is_the_current_folder(tmp_path: Path) -> None:
    """A script has no notebook."""
    assert notebook_folder() == tmp_path
