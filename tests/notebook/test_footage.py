"""Pictures into a clip, and frames out of it: in Python and in the magics."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image

import luma_jupyter as luma
from luma_jupyter.errors import ClipFailed, ClipNotReady, InvalidRequest
from tests.notebook.conftest import FakeService, Shell

PICTURE = Image.new("RGB", (16, 9), (200, 30, 30))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second that is red and then blue."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for number in range(10):
            colour = (200, 0, 0) if number < 5 else (0, 0, 200)
            frame = np.full((32, 64, 3), colour, np.uint8)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        video.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture
def filmed(service: FakeService, film: bytes) -> FakeService:
    """The service's videos are that film."""
    service.media = lambda: httpx.Response(200, content=film)
    return service


def png() -> bytes:
    file = io.BytesIO()
    PICTURE.save(file, format="PNG")
    return file.getvalue()


def test_frames_of_a_clip(notebook: Shell, filmed: FakeService) -> None:
    """Frames come as images and arrays, the length in seconds; asking for one waits for the clip."""
    clip = luma.generate("A sunset")
    assert clip.frame().getpixel((0, 0))[0] > 150
    assert clip.frame("last").getpixel((0, 0))[2] > 150
    assert clip.frame(0.2).getpixel((0, 0))[0] > 150
    assert clip.frames(4).shape == (4, 32, 64, 3)
    assert clip.duration == pytest.approx(1.0)


def test_nothing_waits_for_an_attribute(notebook: Shell, service: FakeService) -> None:
    """The length of an unfinished clip is not ready; of a video that cannot be read, it says why, as attributes do."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(ClipNotReady, match="still"):
        _ = clip.duration
    service.gate.set()
    with pytest.raises(ClipNotReady, match="cannot be read as a video"):
        _ = clip.wait().duration
    assert not hasattr(clip, "duration")


def test_a_failed_clip_has_no_frames(notebook: Shell, filmed: FakeService) -> None:
    """Where there is no video, asking for a frame or a copy raises the clip's error."""
    clip = luma.generate("A [fail] sunset")
    for ask in (lambda: clip.frame("last"), lambda: clip.frames(3), lambda: clip.save("x.mp4")):
        with pytest.raises(ClipFailed):
            ask()


def test_a_file_that_is_gone(notebook: Shell, filmed: FakeService) -> None:
    """A deleted file is said to be gone, with what brings it back."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    clip = notebook.user_ns["sunset"]
    clip.path.unlink()
    with pytest.raises(InvalidRequest, match="%luma retry sunset"):
        clip.frame()


def test_a_file_that_is_damaged(notebook: Shell, filmed: FakeService, film: bytes) -> None:
    """A saved file that was cut off or overwritten is not taken for the video: it is fetched again."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    clip = notebook.user_ns["sunset"]
    clip.path.write_bytes(b"garbage")
    notebook.run("%luma retry sunset")
    assert clip.wait().path.read_bytes() == film
    assert len(filmed.sent) == 1


def test_a_copy(notebook: Shell, filmed: FakeService, film: bytes, tmp_path: Path) -> None:
    """A clip is saved under a name, or into a folder under its own, or onto itself."""
    clip = luma.generate("A sunset")
    assert clip.save(tmp_path / "mine.mp4") == tmp_path / "mine.mp4"
    assert (tmp_path / "mine.mp4").read_bytes() == film
    (tmp_path / "films").mkdir()
    assert clip.save(tmp_path / "films").name == clip.path.name
    assert clip.save(clip.path) == clip.path
    with pytest.raises(InvalidRequest, match="It cannot be saved as"):
        clip.save(tmp_path / "nowhere" / "x.mp4")


def sent(service: FakeService) -> dict[str, Any]:
    return service.sent[-1]


def test_a_picture_in_python(notebook: Shell, filmed: FakeService, tmp_path: Path) -> None:
    """Pictures of any kind go up once, and the last frame of one clip begins the next."""
    (tmp_path / "first.png").write_bytes(png())
    for number, picture in enumerate([tmp_path / "first.png", png(), PICTURE, np.asarray(PICTURE)]):
        luma.generate(f"Take {number}", start_image=picture).wait()
        assert sent(filmed)["start_image_url"] == "https://cdn.example/upload-1"
    assert len(filmed.uploaded) == 1
    assert png() in filmed.uploaded[0]
    first = luma.generate("A sunset")
    luma.generate("It goes on", start_image=first.frame("last"), end_image=PICTURE).wait()
    assert sent(filmed)["start_image_url"] == "https://cdn.example/upload-2"
    assert sent(filmed)["end_image_url"] == "https://cdn.example/upload-1"


@pytest.mark.parametrize("word", ["first.png", "./first.png", "picture", "raw", "array", "path"])
def test_a_picture_in_the_magic(notebook: Shell, filmed: FakeService, tmp_path: Path, word: str) -> None:
    """--start-image and --end-image take a path, and a variable with any kind of picture."""
    path = tmp_path / "first.png"
    path.write_bytes(png())
    notebook.user_ns.update(picture=PICTURE, raw=png(), array=np.asarray(PICTURE), path=path)
    notebook.run(f"%%luma --wait --start-image {word}\nA sunset")
    assert sent(filmed)["start_image_url"] == "https://cdn.example/upload-1"
    notebook.run(f"%%luma extend _luma --wait --end-image {word}\nIt goes on")
    assert sent(filmed)["end_image_url"] == "https://cdn.example/upload-1"
    assert len(filmed.uploaded) == 1


def test_a_clip_as_a_picture_is_explained(notebook: Shell, filmed: FakeService) -> None:
    """Who gives a clip as an image learns how to take its frame; nothing is sent."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    with pytest.raises(InvalidRequest, match=r"clip\.frame\('last'\)"):
        notebook.run("%%luma --start-image sunset\nAnother")
    assert len(filmed.sent) == 1


def test_a_local_video_as_a_source(notebook: Shell, filmed: FakeService, film: bytes, tmp_path: Path) -> None:
    """Extend takes a video from the disk, in Python and in the magic; the same request is found again."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "mine.mp4").write_bytes(film)
    notebook.run("%%luma extend films/mine.mp4 --wait -o longer\nIt goes on")
    assert sent(filmed)["video_url"] == "https://cdn.example/upload-1"
    longer = notebook.user_ns["longer"]
    assert longer.source == "mine.mp4"
    shutil.move(tmp_path / "films" / "mine.mp4", tmp_path / "moved.mp4")
    again = luma.extend(tmp_path / "moved.mp4", "It goes on").wait()
    assert again is longer
    assert len(filmed.sent) == 1


def test_a_dry_run_names_the_file(notebook: Shell, filmed: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run shows that a file would be uploaded, and uploads nothing."""
    notebook.user_ns["picture"] = PICTURE
    notebook.run("%%luma --dry-run --start-image picture\nA sunset")
    assert "‹start_image.png, uploaded first›" in capsys.readouterr().out
    assert filmed.uploaded == filmed.sent == []


def test_a_cell_takes_a_frame_of_a_clip(notebook: Shell, filmed: FakeService) -> None:
    """``sunset@last`` waits for the clip, and is the very picture that ``sunset.frame("last")`` is."""
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma -o night --start-image sunset@last --end-image sunset@0.2\nNight falls")
    night = notebook.user_ns["night"].wait()
    assert filmed.sent[-1]["start_image_url"] == "https://cdn.example/upload-1"
    assert filmed.sent[-1]["end_image_url"] == "https://cdn.example/upload-2"
    sunset = notebook.user_ns["sunset"]
    same = luma.generate("Night falls", start_image=sunset.frame("last"), end_image=sunset.frame(0.2))
    assert same is night


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("nothing@last", "There is no variable nothing"),
        ("clip:00000000@last", "There is no clip '00000000' in this folder"),
        ("sunset@9", "no frame at 9 s"),
        ("sunset@middle", r"there is no file .sunset@middle.\."),
    ],
)
def test_a_frame_that_there_is_not_is_refused(notebook: Shell, filmed: FakeService, image: str, words: str) -> None:
    """In one line, and nothing is sent."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    with pytest.raises(InvalidRequest, match=words):
        notebook.run(f"%%luma --start-image {image}\nNight falls")
    assert len(filmed.sent) == 1


def test_a_clip_can_be_called_by_its_key(notebook: Shell, service: FakeService) -> None:
    """The key of tables and file names, of this kernel's clips and of an earlier one's."""
    notebook.run("%%luma --wait\nA sunset")
    key = notebook.user_ns["_luma"]._task.key
    notebook.run(f"%%luma extend clip:{key} -o longer\nThe sun is gone")
    longer = notebook.user_ns["longer"].wait()
    notebook.restart()
    notebook.run(f"%%luma extend clip:{key} -o again\nThe sun is gone")
    assert notebook.user_ns["again"].task_id == longer.task_id
    notebook.run(f"%luma status clip:{key}")
    assert len(service.sent) == 2
