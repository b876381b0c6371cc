"""What the index of a video says of its length."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from luma_jupyter.demo.film import FilmSpec, render
from luma_jupyter.domain.mp4 import read_movie
from luma_jupyter.video.frames import duration
from tests.support.films import box, film


def seconds(data: bytes) -> float:
    """The length that a file tells."""
    return read_movie(io.BytesIO(data), len(data)).seconds


def movie(header: bytes, handler: bytes = b"vide") -> bytes:
    """A movie of one track, whose media header is this."""
    media = box(b"mdhd", header) + box(b"hdlr", bytes(8) + handler + bytes(12))
    return box(b"moov", box(b"trak", box(b"mdia", media)))


def numbers(*values: int, size: int = 4) -> bytes:
    """Numbers as such files have them."""
    return b"".join(value.to_bytes(size, "big") for value in values)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (bytes(12) + numbers(600, 3000) + bytes(4), 5.0),
        (b"\1" + bytes(19) + numbers(90_000) + numbers(450_000, size=8) + bytes(4), 5.0),
        (b"\1" + bytes(19) + numbers(1) + numbers(1 << 33, size=8) + bytes(4), float(1 << 33)),
        (bytes(12) + numbers(0, 3000) + bytes(4), 0.0),
        (bytes(6), 0.0),
        (b"", 0.0),
    ],
)
def test_length_is_that_of_the_media_header(header: bytes, length: float) -> None:
    """In both versions of it; where there is none, or no scale, the length is not known."""
    assert seconds(movie(header)) == length


def test_length_is_that_of_the_pictures() -> None:
    """Sound alone has none, and a file without a header neither."""
    assert seconds(movie(bytes(12) + numbers(600, 3000) + bytes(4), b"soun")) == 0.0
    assert seconds(film()) == 0.0


def test_length_is_what_a_decoder_says(tmp_path: Path) -> None:
    """Of a video as the demo makes them."""
    video = render(FilmSpec("A boat", seconds=2.5), tmp_path, "boat").video
    assert seconds(video.read_bytes()) == pytest.approx(duration(video))
