"""``%luma handin``: the line, its options, and what it says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from luma_jupyter.errors import InvalidRequest
from tests.support.handed_in import markdown, write_notebook
from tests.support.notebook import Shell


def test_line_makes_the_zip_and_says_so(notebook: Shell, tmp_path: Path) -> None:
    """Beside the notebook, or where ``-o`` says; names may have spaces."""
    write_notebook(tmp_path / "my lesson.ipynb", markdown("x"))
    made = notebook.run('%luma handin "my lesson.ipynb"')
    saved = time.strftime("%H:%M", time.localtime((tmp_path / "my lesson.ipynb").stat().st_mtime))
    assert repr(made).endswith(f" kB): the notebook as it was saved ({saved}), its page and 0 videos.")
    assert repr(made).startswith("my-lesson.zip (")
    assert (tmp_path / "my-lesson.zip").is_file()
    assert notebook.run('%luma handin "my lesson.ipynb" -o ann.zip').path == tmp_path / "ann.zip"
    made.path.unlink()
    assert "(gone)" in repr(made)


@pytest.mark.parametrize("line", ["%luma handin a.ipynb b.ipynb", "%luma handin a.ipynb --zip"])
def test_wrong_line_says_how_it_is_written(notebook: Shell, line: str) -> None:
    """One line with the usage."""
    with pytest.raises(InvalidRequest, match=r"Usage: %luma handin \[NOTEBOOK\] \[-o FILE\.zip\]"):
        notebook.run(line)


@pytest.mark.parametrize("told", ["lesson.ipynb", "course/week 1/lesson.ipynb", "{folder}/lesson.ipynb"])
def test_notebook_of_this_kernel_needs_no_name(
    notebook: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Jupyter tells it, by a path from the server's folder or a whole one."""
    monkeypatch.setenv("JPY_SESSION_NAME", told.format(folder=tmp_path))
    write_notebook(tmp_path / "lesson.ipynb", markdown("x"))
    assert notebook.run("%luma handin").path == tmp_path / "lesson.zip"
    assert notebook.run("%luma handin -o ann.zip").path == tmp_path / "ann.zip"


@pytest.mark.parametrize("told", [None, "", "a.ipynb", "notes.txt", "folder.ipynb", "console-1"])
def test_unknown_notebook_is_asked_for(
    notebook: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    """Where Jupyter tells none, or what is no notebook in this folder."""
    if told is not None:
        monkeypatch.setenv("JPY_SESSION_NAME", told)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.ipynb").mkdir()
    with pytest.raises(
        InvalidRequest, match=r"^Jupyter does not say what this notebook is called, .* %luma handin lesson3\.ipynb\.$"
    ):
        notebook.run("%luma handin")
