"""Files that come from the page into a form, piece by piece."""

from __future__ import annotations

import io
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from luma_jupyter.api.kernel import kernel
from luma_jupyter.operating_system import refused_part
from luma_jupyter.widgets.studio.form import Form
from tests.support import drive
from tests.support.file_systems import be_windows, ignore_case
from tests.support.notebook import PromptService, Shell


def open_form(**fields: Any) -> Form:
    """A form of this kernel."""
    return Form(kernel.session, kernel.presenter.environment, **fields)


def send_piece(
    form: Form, field: str, data: bytes, at: int = 0, name: str = "my cat.png", size: int | None = None, upload: int = 7
) -> None:
    """A piece of a file comes from the page."""
    file = {"upload": upload, "name": name, "size": len(data) if size is None else size}
    form.on_message({"do": "upload", "field": field, **file, "at": at}, [memoryview(data)])


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    """A small picture as PNG."""
    path = tmp_path / "picture.png"
    Image.new("RGB", (32, 18), "red").save(path)
    return path.read_bytes()


HALF_AN_UPLOAD = """
from luma_jupyter.settings import Configuration
from luma_jupyter.widgets.studio.upload import Piece, UploadBuffer
buffer = UploadBuffer(Configuration().current)
buffer.take("start_image", Piece("cat.png", 10, 0, b"half"))
"""


def test_half_an_upload_is_closed_when_the_program_ends() -> None:
    """A form may be open at the end: its file is closed all the same, and Python has nothing to complain of."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", HALF_AN_UPLOAD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_upload_is_kept_beside_the_videos(notebook: Shell, service: PromptService, picture: bytes) -> None:
    """It comes in pieces, its path is the field's text, the cell takes it too, and the same one is kept once."""
    form = open_form(prompt="A cat", out="cat")
    half = len(picture) // 2
    send_piece(form, "start_image", picture[:half], size=len(picture))
    assert form.start_image == ""
    send_piece(form, "start_image", picture[half:], half, size=len(picture))
    assert form.start_image == "luma_videos/uploads/my-cat.png"
    assert form.errors == {}
    (clip,) = form.submit()
    clip.wait()
    notebook.run(form.cell)
    assert notebook.user_ns["cat"] is clip
    send_piece(form, "start_image", picture)
    assert form.start_image == "luma_videos/uploads/my-cat.png"
    send_piece(form, "end_image", picture + b"another one")
    assert form.end_image == "luma_videos/uploads/my-cat-2.png"
    assert len(service.sent) == 1


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([(b"x", 0, 20_000_001)], "has 20 MB; up to 20 MB"),
        ([(b"x", 5, 10)], "did not arrive whole"),
        ([(b"xx", 0, 4), (b"xx", 3, 4)], "did not arrive whole"),
        ([(b"too much", 0, 4)], "did not arrive whole"),
    ],
)
def test_upload_that_does_not_come_whole_is_a_mistake(
    notebook: Shell, tmp_path: Path, pieces: list[tuple[bytes, int, int]], words: str
) -> None:
    """The field says so, and nothing is kept."""
    form = open_form(prompt="A cat")
    for data, at, size in pieces:
        send_piece(form, "start_image", data, at, size=size)
    assert words in form.errors["start_image"]
    assert not (tmp_path / "luma_videos" / "uploads").exists()


def test_upload_of_what_is_no_picture_is_marked(notebook: Shell) -> None:
    """The check is that of the cell."""
    form = open_form(prompt="A cat")
    send_piece(form, "start_image", b"not a picture", name="../../x.png")
    assert form.start_image == "luma_videos/uploads/x.png"
    assert "not a picture" in form.errors["start_image"]


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        ({"name": None}, [b"x"]),
        ({"size": "1"}, [b"x"]),
        ({"size": 1.0}, [b"x"]),
        ({"size": -1}, [b"x"]),
        ({"at": -1}, [b"x"]),
        ({"at": None}, [b"x"]),
        ({"at": 2}, [b"x"]),
        ({}, []),
        ({}, [b"x", b"y"]),
    ],
)
def test_upload_that_is_none_ends_with_a_word(
    notebook: Shell, tmp_path: Path, content: dict[str, Any], buffers: list[bytes]
) -> None:
    """A message of another form ends the upload that was under way: the field says so, and the page hears of it."""
    form = open_form(prompt="A cat")
    heard: list[Any] = []
    form.send = heard.append
    send_piece(form, "start_image", b"a", 0, size=2)
    message = {"do": "upload", "upload": 7, "field": "start_image", "name": "a.png", "size": 1, "at": 0, **content}
    form.on_message(message, [memoryview(piece) for piece in buffers])
    assert form.errors["start_image"] == "The file did not arrive as a form sends it: choose it again."
    assert heard == [{"got": "start_image", "upload": 7, "at": at} for at in (0, None)]
    send_piece(form, "start_image", b"b", 1, size=2)
    assert "did not arrive whole" in form.errors["start_image"]
    assert not (tmp_path / "luma_videos" / "uploads").exists()


@pytest.mark.parametrize(("name", "size"), [("my cat.png", 3), ("another.png", 2)])
def test_upload_that_changes_on_its_way_ends(notebook: Shell, name: str, size: int) -> None:
    """Pieces of another file, or of another size, do not go into this one."""
    form = open_form(prompt="A cat")
    send_piece(form, "start_image", b"a", 0, size=2)
    send_piece(form, "start_image", b"b", 1, name=name, size=size)
    assert "did not arrive whole" in form.errors["start_image"]


def test_upload_that_takes_the_place_of_another_is_answered_by_its_number(notebook: Shell, tmp_path: Path) -> None:
    """So that the page knows whose piece was taken; what had come of the first one is nowhere in the file."""
    form = open_form(prompt="A cat")
    heard: list[Any] = []
    form.send = heard.append
    send_piece(form, "source", b"aa", 0, size=4, upload=1)
    for at in (0, 2):
        send_piece(form, "source", b"bb", at, size=4, upload=2)
    assert heard == [{"got": "source", "upload": upload, "at": at} for upload, at in ((1, 0), (2, 0), (2, 2))]
    assert (tmp_path / form.source).read_bytes() == b"bbbb"


@pytest.mark.parametrize("name", ["x" * 5000 + ".png", "猫" * 300 + ".png", "a." + "png" * 300, "\ud800\0.png", ".."])
def test_upload_with_any_name_is_kept(notebook: Shell, picture: bytes, tmp_path: Path, name: str) -> None:
    """A name that no file system takes is cut or replaced."""
    form = open_form(prompt="A cat")
    send_piece(form, "start_image", picture, name=name)
    assert form.errors == {}
    assert (tmp_path / form.start_image).read_bytes() == picture


def test_upload_that_cannot_be_kept_says_why(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a word at the field, not a traceback."""

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("luma_jupyter.widgets.studio.upload.tempfile.TemporaryFile", full)
    form = open_form(prompt="A cat")
    send_piece(form, "start_image", b"a")
    assert form.errors["start_image"] == "my cat.png cannot be saved here (No space left on device)."


def test_upload_ends_with_its_form(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had come of a file goes with the form."""
    file = io.BytesIO()
    monkeypatch.setattr("luma_jupyter.widgets.studio.upload.tempfile.TemporaryFile", lambda: file)
    form = open_form(prompt="A cat")
    send_piece(form, "start_image", b"a", size=2)
    form.close()
    assert file.closed


def test_upload_to_a_mounted_drive_is_kept_once(
    notebook: Shell, picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drive that tells no size is asked for the content: the same file is not kept again under another name."""
    drive.mount(tmp_path / "luma_videos", monkeypatch)
    form = open_form(prompt="A cat")
    for _ in range(2):
        send_piece(form, "start_image", picture)
    assert [path.name for path in (tmp_path / "luma_videos" / "uploads").iterdir()] == ["my-cat.png"]
    assert form.errors == {}


@pytest.mark.parametrize("form_of_name", ["NFC", "NFD"])
def test_uploads_whose_names_differ_by_case_are_two(
    notebook: Shell, picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form_of_name: str
) -> None:
    """`Séa.png` and `séa.png`, on a disk that takes them for one: none replaces the other, accents stay."""
    ignore_case(tmp_path, monkeypatch, form_of_name)
    form = open_form()
    send_piece(form, "start_image", picture, name=unicodedata.normalize(form_of_name, "Séa.png"))
    send_piece(form, "end_image", picture + b"x", name="séa.png")
    names = {unicodedata.normalize("NFC", path.name) for path in (tmp_path / "luma_videos" / "uploads").iterdir()}
    assert names == {"Séa.png", "séa-2.png"}


@pytest.mark.parametrize("name", ["CON.png", "nul", "a:b.png", "x. ", "com1.tar.png", "lpt²"])
def test_upload_with_a_name_that_windows_refuses_gets_another(
    notebook: Shell, picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """On every system: the folder may be given away to one with Windows."""
    send_piece(open_form(), "start_image", picture, name=name)
    (kept,) = (tmp_path / "luma_videos" / "uploads").iterdir()
    be_windows(monkeypatch)
    assert refused_part(kept.name) is None
