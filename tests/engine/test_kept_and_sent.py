"""Around a paid task: what is uploaded, what is kept of a download, and whether there is room for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from PIL import Image

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import DOWNLOAD_TRIES, MediaFolder, incomplete_path
from luma_jupyter.engine.local_files import as_image
from luma_jupyter.engine.run.uploads import SharedUploads, Uploads
from luma_jupyter.engine.store.serialization import dump, load
from luma_jupyter.errors import DownloadError, Expired
from luma_jupyter.providers.protocol import Upload
from tests.support.clients import impatient
from tests.support.fake_service import FakeService, reply
from tests.support.films import box, film
from tests.support.loops import VirtualLoop
from tests.support.pictures import encoded

URL = "https://media.example/v.mp4"


def task(folder: Path) -> Task:
    request = GenerateRequest(prompt="A fox")
    return Task(
        intent="a" * 32,
        request=request,
        provider="acedata",
        status=Status.SAVING,
        created_at=1.0,
        filename="a-fox-aaaaaaaa.mp4",
        fingerprint=fingerprint(request, None),
        media=folder,
        video=Video(url=URL),
        base_url="https://api.example",
    )


def save(folder: Path, *answers: bytes | Exception) -> Path:
    """Save the task's video, whose host gives these answers one after the other, the last one for ever."""
    host = FakeService()
    replies = [answer if isinstance(answer, Exception) else reply(200, content=answer) for answer in answers]
    host.script("video", *replies, for_ever=True)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:  # which waits between two tries
        return runner.run(MediaFolder(folder, impatient(httpx.MockTransport(host))).save(task(folder))).path


DOUBTFUL = {
    "cut off": (film()[:-100], "its end is missing"),
    "no index": (box(b"ftyp", b"isom") + box(b"mdat", bytes(500)), "it has no index"),
    "sound alone": (film(b"soun"), "what came cannot be used: it has sound but no picture"),
    "another format": (b"\x1aE\xdf\xa3" + bytes(500), "it is no MP4 or MOV file, or not a whole one"),
}


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_doubtful_download_is_kept_under_another_name(kind: str, tmp_path: Path) -> None:
    """What was paid for is kept, and the error says where; a retry that brings a whole one replaces it."""
    came, words = DOUBTFUL[kind]
    with pytest.raises(DownloadError, match=rf"{words}.*; what came is kept as a-fox-aaaaaaaa\.incomplete\.mp4$"):
        save(tmp_path, came)
    assert [path.name for path in tmp_path.iterdir()] == ["a-fox-aaaaaaaa.incomplete.mp4"]
    assert incomplete_path(tmp_path / "a-fox-aaaaaaaa.mp4").read_bytes() == came
    assert save(tmp_path, film()).read_bytes() == film()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".mp4"]


@pytest.mark.parametrize("answer", [b"<html>Bad gateway</html>", b"", DownloadError("no"), Expired("gone")])
def test_page_is_not_kept(answer: bytes | Exception, tmp_path: Path) -> None:
    """A page in the place of the video, or nothing, was not paid for."""
    with pytest.raises(DownloadError) as caught:
        save(tmp_path, answer)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(caught.value, Expired) == isinstance(answer, Expired)


def test_most_of_what_came_is_kept(tmp_path: Path) -> None:
    """Later tries that bring less, or an address that expires meanwhile, take nothing from what is kept."""
    cut = film()[:-50]
    with pytest.raises(Expired, match=r"what came is kept as a-fox-aaaaaaaa\.incomplete\.mp4"):
        save(tmp_path, cut, cut[:200], *[Expired("gone")] * DOWNLOAD_TRIES)
    assert incomplete_path(tmp_path / "a-fox-aaaaaaaa.mp4").read_bytes() == cut


@pytest.mark.parametrize("tail", [b"", b"\0\0\0", bytes(999), b"stray bytes", box(b"free", bytes(90))[:30]])
def test_video_that_players_play_is_delivered(tail: bytes, tmp_path: Path) -> None:
    """What players pass over behind a film is no reason to keep it back, and its file counts as there afterwards."""
    path = save(tmp_path, film() + tail)
    assert path.name == "a-fox-aaaaaaaa.mp4"
    assert sidecars.whole_size(path) == len(film() + tail)
    found = sidecars.read(path.with_suffix(".json"))
    assert found
    assert found.path == path


# Uploads and records.


def photo(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.linear_gradient("L").convert("RGB"), "JPEG", exif=exif)


class Journal:
    """Remembers uploads."""

    def __init__(self) -> None:
        self.urls: dict[tuple[str, str], str] = {}

    def uploaded_url(self, service: str, sha256: str, until: float) -> str | None:
        return self.urls.get((service, sha256))

    def add_upload(self, service: str, sha256: str, url: str, expires: float) -> None:
        self.urls[service, sha256] = url


class Client:
    """A service that takes files."""

    base_url = "https://api.example"

    def __init__(self) -> None:
        self.files: list[LocalFile] = []

    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload:
        self.files.append(file)
        assert file.read()
        return Upload(f"https://media.example/{file.sha256}")


def test_upload_is_of_what_is_sent() -> None:
    """A photo is uploaded upright, once, and known by that also from a record in a later session."""
    file = as_image("start_image", photo(6))
    assert isinstance(file, LocalFile)
    client, journal = Client(), Journal()
    uploads = Uploads(cast(Any, client), cast(Any, journal), lambda: 0.0, lambda words: None, SharedUploads())
    address = asyncio.run(uploads.address(file))
    assert client.files == [file.sent]
    later = LocalFile.from_record(file.record)
    assert asyncio.run(uploads.address(later)) == address
    assert len(client.files) == 1


def test_records_have_what_is_sent_and_its_preview(tmp_path: Path) -> None:
    """A record tells of what was sent and how it looks, beside all that 0.1.0 reads; what counts is what was given."""
    file = as_image("start_image", photo(3))
    assert isinstance(file, LocalFile)
    request = GenerateRequest(prompt="A fox", start_image=file)
    kept = dump(task(tmp_path).evolve(request=request))
    facts = kept["request"]["start_image"]
    assert {name: facts[name] for name in ("sha256", "mime", "name", "size")} == {
        "sha256": file.sha256,
        "mime": "image/jpeg",
        "name": "start_image.jpg",
        "size": len(photo(3)),
    }
    again = load(kept).request
    assert isinstance(again, GenerateRequest)
    assert isinstance(again.start_image, LocalFile)
    assert (again.start_image.sent, again.start_image.preview) == (file.sent, file.preview)
    plain = LocalFile.of(photo(3), "image/jpeg", "x")
    assert fingerprint(request, None) == fingerprint(GenerateRequest(prompt="A fox", start_image=plain), None)


@pytest.mark.parametrize("preview", ["javascript:alert(1)", 'data:image/jpeg;base64,x" onload="', 7, "A" * 9000])
def test_forged_additions_to_a_record_count_as_missing(preview: object) -> None:
    """What a record says beyond 0.1.0 is passed over where it is not as it should be."""
    record = LocalFile.of(b"x", "image/png", "x.png").record
    file = LocalFile.from_record(record | {"preview": preview, "sent": {"sha256": "no"}})
    assert (file.sent, file.preview) == (None, None)
    assert file == LocalFile.of(b"x", "image/png", "x.png")
