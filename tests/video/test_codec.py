"""Video and image files: what is read is what was written, and what cannot be read is refused with a reason."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from luma_jupyter.video.codec import (
    SOUND_RATE,
    Pixels,
    UnreadableImage,
    UnreadableVideo,
    VideoReader,
    save_jpeg,
    still,
    write,
)

GREYS = (40, 90, 140, 190)


def grey_frames(size: tuple[int, int]) -> Iterator[Pixels]:
    """Frames of one grey each."""
    for grey in GREYS:
        yield np.full((size[1], size[0], 3), grey, np.uint8)


def written(file: Path, size: tuple[int, int] = (64, 32), rate: int = 10) -> bytes:
    """A video of `GREYS`, as a file."""
    write(file, grey_frames(size), size, Fraction(rate), {"title": "greys", "comment": "four of them"})
    return file.read_bytes()


def test_reader_gives_the_frames_that_were_written(tmp_path: Path) -> None:
    """A video has the size, the rate and the frames that it was written with."""
    with VideoReader(written(tmp_path / "greys.mp4")) as reader:
        assert (reader.size, reader.rate, reader.comment) == ((64, 32), 10, "four of them")
        frames = list(reader.frames())
    assert [frame.shape for frame in frames] == [(32, 64, 3)] * len(GREYS)
    assert [frame.mean() for frame in frames] == pytest.approx(GREYS, abs=3)


def test_writing_is_reproducible_and_keeps_metadata(tmp_path: Path) -> None:
    """Equal frames give equal bytes: an index before the data, and the metadata that was asked for."""
    one, other = written(tmp_path / "one.mp4"), written(tmp_path / "other.mp4")
    assert one == other
    assert 0 < one.index(b"moov") < one.index(b"mdat")
    with av.open(io.BytesIO(one)) as container:
        assert (container.metadata["title"], container.metadata["comment"]) == ("greys", "four of them")


def test_reader_limits_size_and_rate(tmp_path: Path) -> None:
    """A video is read with even sides of at most 1920 pixels, and no more than 60 frames a second."""
    with VideoReader(written(tmp_path / "wide.mp4", (2400, 40), rate=90)) as reader:
        assert (reader.size, reader.rate) == ((1920, 32), 60)
        assert next(reader.frames()).shape == (32, 1920, 3)


def test_reader_refuses_what_is_no_mp4(tmp_path: Path) -> None:
    """Text is refused at once, a video whose data is missing when its frames are read."""
    with pytest.raises(UnreadableVideo, match="it is not an MP4 or MOV file"):
        VideoReader(b"<html>")
    data = written(tmp_path / "greys.mp4")
    start = data.index(b"mdat") + 4
    damaged = data[:start] + bytes(len(data) - start)
    with VideoReader(damaged) as reader, pytest.raises(UnreadableVideo, match=r"^it (is|has) "):
        list(reader.frames())


def test_still_is_cropped_to_the_size(tmp_path: Path) -> None:
    """An image fills the size that is asked for, its middle in the middle."""
    image = Image.new("RGB", (300, 100), (200, 0, 0))
    image.paste((0, 200, 0), (100, 0, 200, 100))
    file = io.BytesIO()
    image.save(file, "PNG")
    frame = still(file.getvalue(), (40, 40))
    assert (frame.size, frame.mode) == ((40, 40), "RGB")
    assert (np.asarray(frame)[:, 5:35] == (0, 200, 0)).all()


@pytest.mark.parametrize("data", [b"", b"GIF89a?", b"<html>"])
def test_still_refuses_what_is_no_image(data: bytes) -> None:
    """Bytes that Pillow cannot read are refused."""
    with pytest.raises(UnreadableImage, match="it is not an image, or damaged"):
        still(data, (40, 40))


def test_save_jpeg_gives_the_frame(tmp_path: Path) -> None:
    """A frame is saved as it is."""
    frame = np.zeros((16, 32, 3), np.uint8)
    frame[:, 16:] = 255
    save_jpeg(tmp_path / "frame.jpg", frame)
    with Image.open(tmp_path / "frame.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (32, 16))
        assert (image.getpixel((2, 8)), image.getpixel((30, 8))) == ((0, 0, 0), (255, 255, 255))


def test_sound_is_as_long_as_its_film_and_as_loud_as_given(tmp_path: Path) -> None:
    """The sound of a video is the one that was given, for as long as the video lasts."""

    def tone(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        t = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
        return (0.25 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)

    write(tmp_path / "loud.mp4", grey_frames((64, 32)), (64, 32), Fraction(4), {"title": "tone"}, tone)
    with av.open(str(tmp_path / "loud.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(heard) == pytest.approx(SOUND_RATE, abs=2100)  # 4 frames at 4 a second, and what AAC adds at its ends
    assert float(np.sqrt(np.mean(heard[4000:40000] ** 2))) == pytest.approx(0.25 / 2**0.5, rel=0.05)
