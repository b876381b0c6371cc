"""What media hosts send: the least that is a whole video or thumbnail, and what may come in its place.

A video is an MP4 or MOV file whose index lists a track, and nothing that one could see.
"""

from __future__ import annotations

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
PAGE = "<!DOCTYPE html><html><body>Bad gateway</body></html>"


def box(kind: bytes, content: bytes = b"") -> bytes:
    """A box of an MP4 file."""
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def track(handler: bytes = b"vide", samples: int = 5) -> bytes:
    """A track of an index, of pictures or (``b"soun"``) of sound, that lists so many samples."""
    sizes = box(b"stsz", bytes(8) + samples.to_bytes(4, "big"))
    media = box(b"hdlr", bytes(8) + handler + bytes(12)) + box(b"minf", box(b"stbl", sizes))
    return box(b"trak", box(b"tkhd", bytes(12) + b"\0\0\0\1") + box(b"mdia", media))


def film(handler: bytes = b"vide", content: int = 900, brand: bytes = b"isom") -> bytes:
    """A whole file with one track, and so many bytes of content."""
    return box(b"ftyp", brand) + box(b"moov", track(handler)) + box(b"mdat", bytes(content))
