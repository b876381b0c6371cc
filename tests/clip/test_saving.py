"""A clip as a file of the user's own: the suffix says the format, and a file with its name is whole."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.clip.cut import Cut
from luma_jupyter.engine.library import whole_files
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.films.exports import export
from luma_jupyter.video import frames
from tests.support.notebook import PromptService, Shell


@pytest.fixture
def clip(notebook: Shell, filmed: PromptService) -> Clip:
    """A clip of one second that is done."""
    return luma.generate("A sunset").wait()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.avi", "A video can be saved as .mp4, .webm, .gif, .webp or .png, not as 'x.avi'."),
        ("x.mov", "A video can be saved as .mp4, .webm, .gif, .webp or .png, not as 'x.mov'."),
        ("x.jpg", "A video can be saved as .mp4, .webm, .gif, .webp or .png, not as 'x.jpg'."),
        ("", "The file must be a path, not ''."),
        (None, "The file must be a path, not None."),
        (b"x.mp4", "The file must be a path, not b'x.mp4'."),
        ("notes/new/x.mp4", "'notes' is a file, not a folder: nothing can be saved in it."),
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
    with pytest.raises(
        InvalidRequest, match=r"^'mine' needs an ending that says the format, such as \.mp4 or \.gif\.$"
    ):
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

    monkeypatch.setattr(whole_files.shutil, "copyfileobj", break_off)
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


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("x.webm", b"\x1aE\xdf\xa3"),
        ("x.GIF", b"GIF8"),
        ("x.webp", b"RIFF"),
        ("x.png", b"\x89PNG"),
        ("new/folder/x.gif", b"GIF8"),
    ],
)
def test_a_file_is_what_its_suffix_says(clip: Clip, name: str, start: bytes) -> None:
    """Its bytes are of that format, and nothing else is left beside it."""
    saved = clip.save(name)
    assert saved == Path(name)
    assert saved.read_bytes().startswith(start)
    assert [path.name for path in saved.parent.iterdir() if path.suffix.lower() == saved.suffix.lower()] == [saved.name]


def test_width_rate_and_stretch_are_those_asked_for(clip: Clip) -> None:
    """Of a GIF and of a video made anew."""
    with Image.open(clip.save("x.gif", width=32, fps=5, start=0.2, end=0.8)) as gif:
        assert gif.size == (32, 16)
        assert gif.n_frames == 3
    saved = clip.save("x.mp4", width=32, start=0.5)
    assert frames.duration(saved) == pytest.approx(0.5, abs=0.05)
    assert frames.frame_at(saved, 0).size == (32, 16)
    assert frames.frame_at(saved, 0).getpixel((5, 5))[2] > 150


@pytest.mark.parametrize("options", [{"width": "wide"}, {"width": -1}, {"fps": 0}, {"start": -1}, {"end": 99}])
def test_a_change_that_cannot_be_is_refused(clip: Clip, tmp_path: Path, options: dict[str, Any]) -> None:
    """In one line that begins with its name, and no file is there."""
    with pytest.raises(InvalidRequest, match=f"^{next(iter(options))} ") as caught:
        clip.save("x.gif", **options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*.gif"))


def test_captions_go_with_a_whole_video_of_another_size_but_not_with_a_part(clip: Clip, tmp_path: Path) -> None:
    """Their times are those of the whole; pictures have none."""
    clip.file().with_suffix(".vtt").write_text("WEBVTT\n")
    clip.save("small.webm", width=32)
    clip.save("part.mp4", end=0.5)
    clip.save("picture.gif")
    assert [path.name for path in tmp_path.glob("*.vtt")] == ["small.vtt"]


@pytest.mark.parametrize(
    "save",
    [
        lambda clip: clip.save("mine.mp4", end=0.5),
        lambda clip: clip[:0.5].save("mine.mp4"),
        lambda clip: clip.crop("1:1").save("mine.mp4"),
    ],
)
def test_captions_of_a_whole_video_do_not_stay_beside_a_part_that_takes_its_place(
    clip: Clip, tmp_path: Path, save: Callable[[Clip], Path]
) -> None:
    """What a person wrote there stays, and what is of the whole in another format."""
    captions = tmp_path / "mine.vtt"
    clip.file().with_suffix(".vtt").write_text("WEBVTT\n")
    clip.save("mine.mp4")
    save(clip)
    assert not captions.exists()
    clip.save("mine.webm", width=32)
    save(clip)
    assert captions.read_text() == "WEBVTT\n"
    (tmp_path / "mine.webm").unlink()
    captions.write_text("WEBVTT\n\nby hand\n")
    save(clip)
    assert captions.read_text() == "WEBVTT\n\nby hand\n"


@pytest.mark.parametrize(
    ("cut", "length", "size", "colour"),
    [
        (lambda clip: clip[0.5:], 0.5, (64, 32), 2),
        (lambda clip: clip[:0.5].speed(0.5), 1.0, (64, 32), 0),
        (lambda clip: clip.crop("1:1"), 1.0, (32, 32), 0),
        (lambda clip: clip.crop("2.39:1"), 1.0, (64, 26), 0),
        (lambda clip: clip[0.5:].speed(2).crop("1:1"), 0.25, (32, 32), 2),
        (lambda clip: clip[:], 1.0, (64, 32), 0),
    ],
)
def test_a_part_is_made_alone(
    clip: Clip, cut: Callable[[Clip], Cut], length: float, size: tuple[int, int], colour: int
) -> None:
    """As long, as large and of the colour that it has in the clip; as a picture, its first one."""
    saved = cut(clip).save("part.mp4")
    assert frames.duration(saved) == pytest.approx(length, abs=0.11)
    assert frames.frame_at(saved, 0).size == size
    assert frames.frame_at(saved, 0).getpixel((5, 5))[colour] > 150
    with Image.open(cut(clip).save("part.png")) as picture:
        assert picture.size == size
        assert picture.convert("RGB").getpixel((5, 5))[colour] > 150
    assert frames.frame_at(cut(clip).save("small.mp4", width=16), 0).width == 16


def test_a_part_in_a_folder_has_a_name_of_its_own(notebook: Shell, clip: Clip, tmp_path: Path) -> None:
    """Two parts of a clip do not take each other's place, and none that of the clip."""
    (tmp_path / "parts").mkdir()
    saved = [cut.save("parts") for cut in (clip[:0.5], clip[0.5:], clip[:0.5].speed(2), clip.crop("1:1"))]
    stem = clip.file().stem
    ends = ["-0-0.5", "-0.5-", "-0-0.5-2", "-1-1"]
    assert [path.name for path in saved] == [f"{stem}{end}.mp4" for end in ends]
    assert len(list((tmp_path / "parts").iterdir())) == 4


def test_a_part_is_not_made_over_its_clip_or_beyond_its_end(notebook: Shell, filmed: PromptService) -> None:
    """Also where the clip was not done when it was cut: saving waits for it."""
    filmed.gate.clear()
    notebook.run("%%luma -o storm\nA storm")
    storm = notebook.user_ns["storm"]
    part = storm[0.5:9]
    filmed.gate.set()
    with pytest.raises(InvalidRequest, match=r"^There is no storm@0\.5-9: storm is 1\.00 s long\.$"):
        part.save("part.mp4")
    for own in (storm[:0.5], storm.speed(2)):
        with pytest.raises(InvalidRequest, match=r"is the clip's own file: save it under another name\.$"):
            own.save(storm.path)
        with pytest.raises(InvalidRequest, match=r"needs an ending"):
            own.save("part")


def test_the_formats_are_those_that_can_be_written(clip: Clip) -> None:
    """What is said before anything is waited for is what the writer says."""
    said = []
    for save in (clip.save, lambda name: export(clip.file(), Path(name))):
        with pytest.raises(InvalidRequest) as caught:
            save("x.avi")
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_without_its_packages_a_copy_is_made_and_nothing_else(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other formats need the extra ``media``."""
    monkeypatch.setitem(sys.modules, "luma_jupyter.films.exports", None)
    assert clip.save("x.mp4").is_file()
    with pytest.raises(ConfigError, match=r"^This needs a package .* pip install 'luma-jupyter\[media\]'$"):
        clip.save("x.gif")
