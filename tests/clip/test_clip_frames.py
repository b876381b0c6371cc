"""What a clip's saved file gives: frames, its length, a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.errors import ClipFailed, ClipNotReady, InvalidRequest
from tests.support.file_systems import MOVES, be_windows, hold_open, refuse_long_paths
from tests.support.notebook import PromptService, Shell


@pytest.fixture
def clip(notebook: Shell, service: PromptService) -> Clip:
    """A clip that is done."""
    return luma.generate("A sunset").wait()


def test_frames_of_a_clip_are_images_and_arrays(notebook: Shell, filmed: PromptService) -> None:
    """Frames come as images and arrays, the length in seconds; asking for one waits for the clip."""
    clip = luma.generate("A sunset")
    assert clip.frame().getpixel((0, 0))[0] > 150
    assert clip.frame("last").getpixel((0, 0))[2] > 150
    assert clip.frame(0.2).getpixel((0, 0))[0] > 150
    assert clip.frames(4).shape == (4, 32, 64, 3)
    assert clip.duration == pytest.approx(1.0)


def test_duration_never_waits(notebook: Shell, service: PromptService) -> None:
    """The length of an unfinished clip is not ready; of a video that cannot be read, it says why, as attributes do."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(ClipNotReady, match="not done yet"):
        _ = clip.duration
    service.gate.set()
    with pytest.raises(ClipNotReady, match="cannot be read as a video"):
        _ = clip.wait().duration
    assert not hasattr(clip, "duration")


def test_a_failed_clip_has_no_frames(notebook: Shell, filmed: PromptService) -> None:
    """Where there is no video, asking for a frame or a copy raises the clip's error."""
    clip = luma.generate("A [fail] sunset")
    for ask in (lambda: clip.frame("last"), lambda: clip.frames(3), lambda: clip.save("x.mp4")):
        with pytest.raises(ClipFailed):
            ask()


def test_frame_of_a_deleted_file_says_what_brings_it_back(notebook: Shell, filmed: PromptService) -> None:
    """A deleted file is said to be gone, with what brings it back."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    clip = notebook.user_ns["sunset"]
    clip.path.unlink()
    with pytest.raises(InvalidRequest, match="%luma retry sunset"):
        clip.frame()


def test_retry_fetches_a_damaged_file_again(notebook: Shell, filmed: PromptService, film_bytes: bytes) -> None:
    """A saved file that was cut off or overwritten is not taken for the video: it is fetched again."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    clip = notebook.user_ns["sunset"]
    clip.path.write_bytes(b"garbage")
    notebook.run("%luma retry sunset")
    assert clip.wait().path.read_bytes() == film_bytes
    assert len(filmed.sent) == 1


def test_save_copies_to_a_file_or_into_a_folder(
    notebook: Shell, filmed: PromptService, film_bytes: bytes, tmp_path: Path
) -> None:
    """A clip is saved under a name, or into a folder under its own, or onto itself; folders are made."""
    clip = luma.generate("A sunset")
    assert clip.save(tmp_path / "mine.mp4") == tmp_path / "mine.mp4"
    assert (tmp_path / "mine.mp4").read_bytes() == film_bytes
    assert clip.save("mine") == Path("mine")
    (tmp_path / "films").mkdir()
    assert clip.save(tmp_path / "films").name == clip.path.name
    assert clip.save(clip.path) == clip.path
    assert clip.save("slides/new/x.MP4").read_bytes() == film_bytes
    assert clip.save("shots/").read_bytes() == film_bytes
    assert (tmp_path / "shots").is_dir()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("name", ["con", "nul.mp4", "boat: 1.mp4", "boat.", "films/aux.mp4"])
def test_save_refuses_what_windows_takes_for_no_file(clip: Clip, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The video would go to a device, or into a stream that nobody sees."""
    be_windows(monkeypatch)
    with pytest.raises(InvalidRequest, match=r"On Windows no file can be called "):
        clip.save(name)


def test_save_says_that_a_path_is_too_long(clip: Clip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Windows would call it not found."""
    refuse_long_paths(tmp_path, monkeypatch)
    with pytest.raises(InvalidRequest, match=r"cannot be saved as .* \(its path is too long\)\."):
        clip.save(tmp_path / ("x" * 250))


def test_save_says_that_a_file_is_held_open(clip: Clip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The copy that a player shows stays as it is."""
    (tmp_path / "mine.mp4").write_bytes(b"shown")
    with monkeypatch.context() as patch:
        hold_open(tmp_path, patch, lambda call, name: call in ("open", *MOVES) and name == "mine.mp4")
        with pytest.raises(InvalidRequest, match=r"cannot be saved as .* \(The process cannot access the file"):
            clip.save(tmp_path / "mine.mp4")
    assert (tmp_path / "mine.mp4").read_bytes() == b"shown"
