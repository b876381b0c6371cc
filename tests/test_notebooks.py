"""The example notebooks: what they hold in the repository, and after nbconvert ran them; and other runs without a
person."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from pathlib import Path

import nbformat
import pytest

from tests.support.notebook_runs import execute, outputs, run

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LESSONS = sorted((FOLDER / "lessons").rglob("*.ipynb"))
QUICKSTART = NOTEBOOKS[0]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ALONE = {"LUMA_JUPYTER_WAIT": "1", "LUMA_JUPYTER_DEMO_SECONDS": "0"}  # as docs/how-to/unattended.md says


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart, executed by nbconvert with the setting that is meant for it."""
    folder = tmp_path_factory.mktemp("executed")
    shutil.copy(QUICKSTART, folder)
    run("nbconvert", "--execute", "--inplace", QUICKSTART.name, folder=folder, **ALONE)
    return folder / QUICKSTART.name


def test_nbconvert_keeps_final_cards_without_widgets(executed: Path) -> None:
    """With LUMA_JUPYTER_WAIT=1 every card in the file is final: videos, and the reason of the failure."""
    html = ["".join(o["data"]["text/html"]) for o in outputs(executed) if "text/html" in o.get("data", {})]
    assert len(html) == 6
    assert sum("<video src=" in card for card in html) == 5
    assert sum("asks for a failure" in card for card in html) == 1
    assert not any("luma-later" in card for card in html)
    assert not [o for o in outputs(executed) if WIDGET_VIEW in o.get("data", {})]


def test_the_executed_notebook_is_small_and_tells_no_path(executed: Path) -> None:
    """It stays below 100 KB, and names no folder of the machine."""
    text = executed.read_text(encoding="utf-8")
    assert len(text.encode()) < 100_000
    assert str(executed.parent) not in text


def test_only_the_two_lessons_about_errors_end_in_errors(executed: Path) -> None:
    """Two cells fail on purpose, in one line each; every cell ran."""
    errors = [output for output in outputs(executed) if output["output_type"] == "error"]
    assert [error["ename"] for error in errors] == ["ClipFailed", "InvalidRequest"]
    assert all(len("\n".join(error["traceback"]).splitlines()) == 1 for error in errors)
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    assert all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")


def test_every_video_of_the_notebook_is_beside_it(executed: Path) -> None:
    """The relative addresses in the outputs are files below the notebook's folder."""
    html = "".join("".join(o["data"]["text/html"]) for o in outputs(executed) if "text/html" in o.get("data", {}))
    sources = [part.split('"')[0] for part in html.split('<video src="')[1:]]
    assert len(sources) == 5
    assert len(set(sources)) == 4, "the same request twice is one video"
    assert all((executed.parent / source).stat().st_size > 10_000 for source in sources)


def test_a_text_only_export_tells_clips_and_files_in_words(executed: Path) -> None:
    """Exported to Markdown without HTML the clips are still told in words, with their files."""
    texts = ["".join(o["data"]["text/plain"]) for o in outputs(executed) if "text/html" in o.get("data", {})]
    assert texts[0].startswith(
        "sunset: “Astronauts shuttle from space to volcano” (generate 16:9, demo service, simulated)"
    )
    assert "luma_videos/astronauts-shuttle-" in texts[0]
    assert any("failed: " in text for text in texts)


@pytest.mark.parametrize("notebook", NOTEBOOKS[2:4], ids=lambda path: path.stem)
def test_what_is_live_is_kept_as_html_without_widgets(notebook: Path, tmp_path: Path) -> None:
    """Forms are a line that says how to come back, galleries and comparisons are HTML; no widget is in the file."""
    shutil.copy(notebook, tmp_path)
    execute(tmp_path / notebook.name, **ALONE)
    kept = outputs(tmp_path / notebook.name)
    assert not [output for output in kept if WIDGET_VIEW in output.get("data", {})]
    html = "".join("".join(output["data"]["text/html"]) for output in kept if "text/html" in output.get("data", {}))
    assert "luma-tiles" in html
    assert ("Run this cell again to open the studio." in html) == ("studio" in notebook.stem)
    assert ("luma-sides" in html) == ("comparison" in notebook.stem)


def film(folder: Path) -> Path:
    """A notebook with a parameter, a clip, the next step of it, and a cell that shows that one again."""
    cells = [
        nbformat.v4.new_code_cell("place = 'a harbour'", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("%load_ext luma_jupyter"),
        nbformat.v4.new_code_cell("%%luma -o sunrise\nSunrise over {{place}}"),
        nbformat.v4.new_code_cell("longer = sunrise.extend('The ships leave')\nlonger"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "film.ipynb")
    return folder / "film.ipynb"


def sources(notebook: Path) -> list[str]:
    """The addresses of all videos in a saved notebook, none of whose cards is unfinished or a widget."""
    assert not [output for output in outputs(notebook) if WIDGET_VIEW in output.get("data", {})]
    assert "widgets" not in json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    html = ["".join(o["data"]["text/html"]) for o in outputs(notebook) if "text/html" in o.get("data", {})]
    assert "luma-later" not in "".join(html)
    return [part.split('"')[0] for part in "".join(html).split('<video src="')[1:]]


def test_papermill_ends_with_the_videos(tmp_path: Path) -> None:
    """With a parameter of its own, and with what became of it in the file that it leaves."""
    arguments = (film(tmp_path).name, "out.ipynb", "-p", "place", "a lighthouse", "--no-progress-bar")
    run("papermill", *arguments, folder=tmp_path, **ALONE)
    found = sources(tmp_path / "out.ipynb")
    assert len(found) == 2
    assert "Sunrise over a lighthouse" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert all((tmp_path / source).stat().st_size > 10_000 for source in found)


@pytest.mark.parametrize("embed", ["", "1"], ids=["beside", "embedded"])
def test_nbclient_ends_with_the_videos(tmp_path: Path, embed: str) -> None:
    """Beside the notebook; or within it, so that it can be sent away alone."""
    execute(film(tmp_path), allow_errors=False, LUMA_JUPYTER_EMBED=embed, **ALONE)
    found = sources(tmp_path / "film.ipynb")
    assert len(found) == 2
    if embed:
        videos = [b64decode(source.removeprefix("data:video/mp4;base64,"), validate=True) for source in found]
    else:
        videos = [(tmp_path / source).read_bytes() for source in found]
    saved = {path.read_bytes() for path in (tmp_path / "luma_videos").glob("*.mp4")}
    assert set(videos) == saved
    assert len(saved) == 2


@pytest.mark.parametrize("notebook", [*NOTEBOOKS, *LESSONS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_notebook_in_the_repository_keeps_only_stable_outputs(notebook: Path) -> None:
    """They are valid, name a kernel, and keep only outputs that never change, which nbval compares."""
    nbformat.validate(nbformat.read(notebook, as_version=4))
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert all(output["output_type"] == "stream" for output in outputs(notebook))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(bool(cell["execution_count"]) == bool(cell["outputs"]) for cell in code)
