"""Media folders that a page does not reach, in a real JupyterLab: each video plays all the same, and it is said why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Lab, LabPage
from tests.support.html import video_source

OpenPage = Callable[..., LabPage]
SETUP = "import luma_jupyter as luma\n%cd -q ..\n%load_ext luma_jupyter"
DONE = "document.querySelectorAll('.luma-card:not(:has(.luma-later))').length"
EMBEDDED = """document.querySelectorAll('.luma-card video[src^="data:video/mp4"]').length"""


@pytest.fixture
def dark_theme(lab: Lab) -> Iterator[None]:
    """JupyterLab in its dark theme while the test runs."""
    lab.theme("JupyterLab Dark")
    yield
    lab.theme("JupyterLab Light")


def plays(page: LabPage, count: int) -> None:
    """That many videos are on the page, and each of them plays."""
    played = page.play_all()
    assert len(played) == count
    assert all(video["ready"] == 4 and video["moved"] for video in played), played


def test_videos_that_a_page_may_not_reach_are_in_the_notebook(lab: Lab, open_page: OpenPage, tmp_path: Path) -> None:
    """Outside of the server's root, in a hidden folder, and behind a link that leads out of it."""
    folder = lab.folder / "unreached"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    cells = []
    for number, media in enumerate((str(tmp_path / "mnt"), ".hidden", "link/videos")):
        cells.append(f"luma.configure(media={media!r})\nluma.generate('A boat {number}')")
    name = f"{folder.name}/a.ipynb"
    lab.write(name, SETUP, *cells, "%luma doctor")
    page = open_page(name, height=2400)
    page.run_all()
    page.wait_for(f"{DONE} == 3")
    plays(page, 3)
    page.shot("unreached")
    for words in ("outside the notebook's folder", "is hidden", "is a link that leads out"):
        assert f"The folder of the videos {'is ' if words[0] == 'o' else ''}{words}" in page.text()
    assert "So the video is in the notebook itself." in page.text()
    assert "luma_videos" not in {path.name for path in folder.iterdir()}


def test_a_card_hears_from_the_page_that_its_server_refuses_the_video(
    lab: Lab, open_page: OpenPage, tmp_path: Path, dark_theme: None
) -> None:
    """The whole folder of the notebook is behind a link that leads out of the root: no kernel can know that."""
    (tmp_path / "lesson").mkdir()
    folder = lab.folder / "linked"
    folder.symlink_to(tmp_path / "lesson")
    name = f"{folder.name}/a.ipynb"
    lab.write(name, SETUP, "%%luma -o sunset\nA sunset", "sunset", "%luma doctor")
    page = open_page(name, height=1800)
    statuses: list[int] = []
    page.page.on("response", lambda answer: statuses.append(answer.status) if ".mp4" in answer.url else None)
    run_cells(page, 2)
    page.wait_for(f"{EMBEDDED} == 1")
    assert 403 in statuses
    run_cells(page, 2)
    page.wait_for(f"{EMBEDDED} == 2")
    page.wait_until_idle(name)
    plays(page, 2)
    page.shot("refused-dark")
    assert "This page cannot load files from the folder of the videos: its server answers 403." in page.text()
    page.save(name)
    assert saved_sources(lab, name) == ["data:video/mp4"] * 2


def run_cells(page: LabPage, count: int) -> None:
    """Run the next cells, as with Shift+Enter."""
    for _ in range(count):
        page.menu("Run", "Run Selected Cell")


def saved_sources(lab: Lab, name: str) -> list[str]:
    """Where the saved notebook has its videos from, without what is embedded."""
    notebook: dict[str, Any] = lab.get(f"contents/{name}")["content"]
    shown = [output.get("data", {}).get("text/html", "") for cell in notebook["cells"] for output in cell["outputs"]]
    return [source.partition(";")[0] for html in shown if (source := video_source("".join(html)))]


def test_a_shared_folder_below_the_root_is_played_from_its_files(lab: Lab, open_page: OpenPage) -> None:
    """Whether ``../videos`` is below the server's root only the page knows: it says so, and no video is embedded."""
    (lab.folder / "course" / "lesson").mkdir(parents=True)
    name = "course/lesson/a.ipynb"
    lab.write(name, SETUP, "luma.configure(media='../videos')\nluma.generate('A shared boat')")
    page = open_page(name)
    page.run_all()
    page.wait_for("document.querySelector('.luma-card video')?.src.includes('/files/course/videos/')")
    plays(page, 1)
    page.save(name)
    assert [source.rpartition("/")[0] for source in saved_sources(lab, name)] == ["../videos"]
