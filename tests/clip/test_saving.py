"""A clip as a file of the user's own: the suffix says the format, and a file with its name is whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.engine.library import film_files
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell


@pytest.fixture
def clip(notebook: Shell, filmed: PromptService) -> Clip:
    """A clip of one second that is done."""
    return luma.generate("A sunset").wait()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.avi", "A video is saved as .mp4, .webm, .gif, .webp or .png, not as .avi: x.avi."),
        ("x.mov", "A video is saved as .mp4, .webm, .gif, .webp or .png, not as .mov: x.mov."),
        ("x.jpg", "A video is saved as .mp4, .webm, .gif, .webp or .png, not as .jpg: x.jpg."),
        ("", "The file must be a path, not ''."),
        (None, "The file must be a path, not None."),
        (b"x.mp4", "The file must be a path, not b'x.mp4'."),
        ("notes/new/x.mp4", "The file: 'notes' is a file, and no folder."),
        ("/dev/null", "'/dev/null' is neither a file nor a folder."),
    ],
)
def test_a_target_that_is_none_is_refused_before_anything_is_waited_for(
    notebook: Shell, service: PromptService, name: Any, words: str
) -> None:
    """In one line, and no file is there."""
    Path("notes").write_text("a file")
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(InvalidRequest, match=f"^{re.escape(words)}$"):
        clip.save(name)
    assert not clip.task.status.ended


def test_a_change_needs_a_suffix(clip: Clip, tmp_path: Path) -> None:
    """Without one nothing says in which format it is to be made anew."""
    with pytest.raises(InvalidRequest, match=r"^'mine' needs a suffix that says the format, such as \.mp4 or \.gif\.$"):
        clip.save("mine", width=320)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("onto", ["file", "folder"])
def test_a_clip_is_never_made_anew_onto_its_own_file(clip: Clip, film_bytes: bytes, onto: str) -> None:
    """It would be gone: what was paid for stays as it is."""
    with pytest.raises(InvalidRequest, match=r"is the clip's own file: save it under another name\.$"):
        clip.save(clip.file() if onto == "file" else clip.file().parent, end=0.5)
    assert clip.file().read_bytes() == film_bytes


def test_a_copy_that_breaks_off_leaves_what_was_there(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that had the name stays, and nothing else is left."""
    (tmp_path / "mine.mp4").write_bytes(b"earlier")

    def break_off(source: Any, target: Any) -> None:
        target.write(source.read(10))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(film_files.shutil, "copyfileobj", break_off)
    with pytest.raises(InvalidRequest, match=r"^It cannot be saved as 'mine\.mp4' \(No space left on device\)\.$"):
        clip.save("mine.mp4")
    assert (tmp_path / "mine.mp4").read_bytes() == b"earlier"
    assert not list(tmp_path.glob(".*.part"))


def test_captions_beside_a_video_go_with_it(clip: Clip, tmp_path: Path) -> None:
    """Beside a copy of the whole; nothing where there are none."""
    clip.save("without.mp4")
    clip.file().with_suffix(".vtt").write_text("WEBVTT\n")
    clip.save("with.mp4")
    assert (tmp_path / "with.vtt").read_text() == "WEBVTT\n"
    assert [path.name for path in tmp_path.glob("*.vtt")] == ["with.vtt"]
