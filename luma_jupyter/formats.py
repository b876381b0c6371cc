"""Whether a file is what it should be, by its bytes and not by its name or what a server calls it."""

from __future__ import annotations

from typing import BinaryIO

_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8")


def is_whole_video(file: BinaryIO, size: int) -> bool:
    """Whether ``file`` of ``size`` bytes is an MP4 or MOV with a movie in it, and none of it is missing.

    Walks the top-level boxes (ISO/IEC 14496-12, section 4.2): they must cover the file exactly. Boxes of unknown types
    are skipped, as the standard demands.
    """
    position, seen = 0, set()
    while position < size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8:
            return False
        seen.add(kind)
        position += length
    return position == size and b"moov" in seen and bool(seen & {b"mdat", b"moof"})


def is_image(file: BinaryIO, size: int) -> bool:
    """Whether ``file`` starts as a JPEG, PNG, WebP or GIF does."""
    file.seek(0)
    return file.read(8).startswith(_IMAGE_STARTS)
