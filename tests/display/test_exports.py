"""What nbconvert makes of finished cards: which exports play by themselves, which beside the media folder alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.writers import FilesWriter

from luma_jupyter.display.embedding import with_video
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.host import decide
from tests.support.html import video_source
from tests.support.states import LAB, clip_state


def exported(folder: Path, saved_video: Path, *, embed: bool | None, sanitize: bool = False) -> str:
    """A page of a notebook with one finished card, as `nbconvert --output-dir` leaves it in ``folder``."""
    host = decide(LAB, embed)
    card = final_html(with_video(replace(clip_state(path=saved_video), served=host.serves), host))
    output = nbformat.v4.new_output("display_data", {"text/html": card})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("sunset", outputs=[output])])
    page, resources = HTMLExporter(sanitize_html=sanitize).from_notebook_node(notebook)
    file = FilesWriter(build_directory=str(folder)).write(page, resources, notebook_name="a")
    return Path(file).read_text(encoding="utf-8")


def test_an_export_elsewhere_plays_with_embedded_videos_alone(tmp_path: Path, saved_video: Path) -> None:
    """Otherwise its players look for the media folder beside it, which nbconvert does not copy."""
    there = tmp_path / "there"
    src = video_source(exported(there, saved_video, embed=None)) or ""
    assert src.startswith("luma_videos/")
    assert not (there / src).exists()
    assert (video_source(exported(there, saved_video, embed=True)) or "").startswith("data:video/mp4;base64,")


@pytest.mark.parametrize("embed", [None, True])
def test_sanitize_html_drops_every_video(tmp_path: Path, saved_video: Path, embed: bool | None) -> None:
    """nbconvert's list of what is safe has no videos, embedded or not; the words and the link stay."""
    page = exported(tmp_path, saved_video, embed=embed, sanitize=True)
    assert video_source(page) is None
    assert "A sunset" in page
    assert "At the service" in page
