"""Names of files, and what counts as a whole video or an image."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from fake_service import JPEG, PAGE, VIDEO, box

from luma_jupyter.engine.sidecars import file_name
from luma_jupyter.formats import is_image, is_whole_video

KEY = "3f9c2a1b"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Astronauts shuttle from space to volcano", "astronauts-shuttle"),
        ("A red fox", "a-red-fox"),
        ("  The ship\n\n lands!  ", "the-ship-lands"),
        ("Élan vital: naïve café", "élan-vital-naïve"),
        ("E\u0301lan", "élan"),
        ("宇航员从太空飞向火山", "宇航员从太空飞向火山"),
        ("🦊🔥", "clip"),
        ("…", "clip"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\system32", "c-windows-system32"),
        ("a/b\\c", "a-b-c"),
        ("CON", "con"),
        ('<>:"|?*', "clip"),
        ("snake_case_prompt", "snake-case-prompt"),
        ("nul\0byte", "nul-byte"),
        ("Donaudampfschifffahrtsgesellschaft", "donaudampfschifffahr"),
        ("x" * 10_000, "x" * 20),
        ("word " * 2_000, "word-word-word-word"),
    ],
)
def test_names_are_readable(prompt: str, name: str) -> None:
    """A file is named after the first words of its prompt, whatever they are, and its key."""
    assert file_name(prompt, KEY) == f"{name}-{KEY}.mp4"


@pytest.mark.parametrize("code", range(0, 0x11000, 0x400))
def test_names_are_safe(code: int) -> None:
    """Whatever characters a prompt has, its file name is one short path component without dots, spaces or controls."""
    for start in range(code, code + 0x400, 16):
        prompt = "".join(chr(point) for point in range(start, start + 16)) + ".."
        name = file_name(prompt, KEY)
        assert re.fullmatch(r"[^\W_]+(-[^\W_]+)*\.mp4", name), (prompt, name)
        assert len(os.fsencode(name)) < 120
        assert Path(name).name == name


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (VIDEO, True),
        (box(b"ftyp") + box(b"mdat", 99) + box(b"moov", 33), True),
        (box(b"ftyp") + box(b"moov") + box(b"moof", 50) + box(b"mdat", 90), True),
        (VIDEO + box(b"uuid", 40) + box(b"C2PA", 40), True),
        (box(b"moov") + (1).to_bytes(4, "big") + b"mdat" + (116).to_bytes(8, "big") + bytes(100), True),
        (box(b"moov") + bytes(4) + b"mdat" + bytes(1000), True),
        (b"", False),
        (VIDEO[:-1], False),
        (VIDEO[: len(VIDEO) // 2], False),
        (VIDEO[:132], False),
        (VIDEO + b"\0\0\0", False),
        (box(b"ftyp") + box(b"mdat", 99), False),
        (box(b"ftyp") + box(b"moov", 99), False),
        (box(b"moov") + (3).to_bytes(4, "big") + b"mdat" + bytes(100), False),
        (PAGE.encode(), False),
        (b'{"error": "expired"}', False),
        (JPEG, False),
        (os.urandom(5000), False),
    ],
)
def test_only_whole_videos_are_videos(content: bytes, whole: bool) -> None:
    """An MP4 or MOV with all of its boxes is a video; a part of one, or anything else, is not."""
    assert is_whole_video(io.BytesIO(content), len(content)) is whole


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
def test_only_images_are_thumbnails(content: bytes, image: bool) -> None:
    """A thumbnail is told from a page by how it starts."""
    assert is_image(io.BytesIO(content), len(content)) is image
