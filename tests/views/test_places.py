"""Where a notebook is by what its front end says, and which folders its page may not reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.views.places import doubt, notebook_file, path_from

STARTED_IN = Path("/srv/root/lesson")


@pytest.mark.parametrize(
    ("told", "file"),
    [
        ("/srv/root/lesson/a.ipynb", "/srv/root/lesson/a.ipynb"),
        ("/srv/root/lesson/Console 1", "/srv/root/lesson/Console 1"),
        ("lesson/a.ipynb", "/srv/root/lesson/a.ipynb"),
        ("a.ipynb", "/srv/root/lesson/a.ipynb"),
        ("RTC:lesson/a.ipynb", "/srv/root/lesson/a.ipynb"),
        ("RTC:a.ipynb", "/srv/root/lesson/a.ipynb"),
        ("a: first.ipynb", "/srv/root/lesson/a: first.ipynb"),
        (r"c:\Users\ada\a.ipynb", "/srv/root/lesson/a.ipynb"),
        ("lesson/", None),
        ("", None),
    ],
)
def test_notebook_is_where_its_front_end_says(told: str, file: str | None) -> None:
    """A path from the server's root, also on a drive of JupyterLab's, is one in the folder where the kernel started."""
    assert notebook_file(told, STARTED_IN) == (Path(file) if file else None)


@pytest.mark.parametrize("media", ["luma_videos", "videos/of/today", ".", "a..b"])
def test_there_is_no_doubt_about_folders_below_the_notebooks(tmp_path: Path, media: str) -> None:
    """What lies below the notebook's folder is served, whether it is there yet or not."""
    assert doubt(tmp_path, tmp_path / media) == ""


@pytest.mark.parametrize(
    ("media", "why"),
    [
        ("../videos", "outside the notebook's folder"),
        ("/mnt/x", "outside the notebook's folder"),
        (".x", "hidden"),
        ("videos/.x/y", "hidden"),
        ("link", "a link that leads out of the notebook's folder"),
        ("link/deeper", "a link that leads out of the notebook's folder"),
    ],
)
def test_doubt_names_why_a_page_may_not_reach_a_folder(tmp_path: Path, media: str, why: str) -> None:
    """Outside of the notebook's folder, in a hidden one, and behind a link that leads out."""
    notebook = tmp_path / "notebook"
    notebook.mkdir()
    (notebook / "link").symlink_to(tmp_path)
    assert why in doubt(notebook, notebook / media)


def test_a_link_within_the_notebooks_folder_is_no_doubt(tmp_path: Path) -> None:
    """A server follows a link as long as it stays below its root."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    assert doubt(tmp_path, tmp_path / "link") == ""


def test_a_folder_that_is_spelled_by_a_link_is_found_from_the_notebook(tmp_path: Path) -> None:
    """A kernel knows its folder without links; a path that is given with them is the same place."""
    notebook = tmp_path / "disk" / "notebook"
    notebook.mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    spelled = tmp_path / "home" / "notebook" / "videos" / "a.mp4"
    assert path_from(notebook, spelled) == "videos/a.mp4"
    assert doubt(notebook, spelled.parent) == ""
    assert path_from(notebook, Path("/mnt/x/a.mp4")) == path_from(notebook, Path("/mnt/../mnt/x/a.mp4"))


def test_another_drive_has_no_path_from_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a file of another drive has no relative address."""

    def other_drive(path: Path, start: Path) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", other_drive)
    assert path_from(Path("/one"), Path("/two/a.mp4")) is None
    assert "outside" in doubt(Path("/one"), Path("/two"))
