"""Kinds of files, told by their bytes; and files to be uploaded, which count by their content."""

from __future__ import annotations

import io
import os
import pickle
from typing import Any

import pytest

from luma_jupyter.domain.media import LocalFile, check_video, file_name, is_image
from luma_jupyter.errors import InvalidRequest
from tests.support.fake_service import VIDEO
from tests.support.films import JPEG, PAGE, box


@pytest.mark.parametrize(
    ("content", "playable"),
    [
        (VIDEO, True),
        (box(b"ftyp") + box(b"mdat", bytes(99)) + box(b"moov", bytes(33)), True),
        (box(b"ftyp") + box(b"moov") + box(b"moof", bytes(50)) + box(b"mdat", bytes(90)), True),
        (VIDEO + box(b"uuid", bytes(40)) + box(b"C2PA", bytes(40)), True),
        (box(b"moov") + (1).to_bytes(4, "big") + b"mdat" + (116).to_bytes(8, "big") + bytes(100), True),
        (box(b"moov") + bytes(4) + b"mdat" + bytes(1000), True),
        (b"", False),
        (VIDEO[:-1], False),
        (VIDEO[: len(VIDEO) // 2], False),
        (VIDEO[:-4000], False),
        (VIDEO + b"\0\0\0", True),
        (box(b"ftyp") + box(b"mdat", bytes(99)), False),
        (box(b"ftyp") + box(b"moov", bytes(99)), False),
        (box(b"moov") + (3).to_bytes(4, "big") + b"mdat" + bytes(100), False),
        (PAGE.encode(), False),
        (b'{"error": "expired"}', False),
        (JPEG, False),
        (os.urandom(5000), False),
    ],
)
def test_check_video_tells_parts_and_other_files(content: bytes, playable: bool) -> None:
    """An MP4 or MOV with all of its boxes is a video; a part of one, or anything else, is not."""
    assert check_video(io.BytesIO(content), len(content)).playable is playable


@pytest.mark.parametrize(
    ("content", "image"),
    [
        (JPEG, True),
        (b"\x89PNG\r\n\x1a\n", True),
        (b"GIF89a", True),
        (PAGE.encode(), False),
        (VIDEO, False),
        (b"", False),
    ],
)
def test_is_image_tells_pictures_from_pages(content: bytes, image: bool) -> None:
    """A thumbnail is told from a page by how it starts."""
    assert is_image(io.BytesIO(content), len(content)) is image


def test_local_file_of_a_record_is_known_again_but_has_no_bytes() -> None:
    """What a record tells of a file is enough to know it again, and not to send it."""
    file = LocalFile.of(b"picture", "image/png", "first.png")
    again = LocalFile.from_record(file.record | {"name": "../../x.png"})
    assert again == file == pickle.loads(pickle.dumps(file))
    assert again.name == "x.png"
    with pytest.raises(InvalidRequest, match="run the cell again"):
        again.read()


@pytest.mark.parametrize("change", [{"sha256": "x"}, {"mime": "text/html"}, {"size": "1"}, {"sha256": None}])
def test_local_file_of_a_forged_record_is_refused(change: dict[str, Any]) -> None:
    """A record that is none is refused."""
    record = {"sha256": "0" * 64, "mime": "image/png", "name": "x.png", "size": 1}
    with pytest.raises((ValueError, TypeError)):
        LocalFile.from_record(record | change)


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("My first frame (1).png", "My-first-frame-1.png"),
        ("../x", "x.png"),
        ("…", "file.png"),
        ("x" * 99, "x" * 60 + ".png"),
    ],
)
def test_file_name_tells_no_folder_and_has_no_odd_letters(original: str, name: str) -> None:
    """Whatever a file was called, its name for a service is plain, short, and tells what is in it."""
    assert file_name(original, "image/png") == name
