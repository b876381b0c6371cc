"""A saved video: its length, single frames, and what is said where it cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.video.frames import duration, evenly_spaced_frames, frame_at

COUNT, RATE = 50, 25


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds that go from black to white, step by step."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for number in range(COUNT):
            grey = np.full((32, 64, 3), grey_of(number), np.uint8)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(grey)))
        video.mux(stream.encode())
    return path


def grey_of(number: int) -> int:
    return 20 + 4 * number


def number_of(frame: Any) -> int:
    """Which frame this is."""
    return round((float(np.asarray(frame).mean()) - 20) / 4)


def test_duration_is_in_seconds(film: Path) -> None:
    """The length is in seconds."""
    assert duration(film) == pytest.approx(COUNT / RATE)


@pytest.mark.parametrize(
    ("when", "number"),
    [("first", 0), ("last", COUNT - 1), (0, 0), (0.02, 0), (0.05, 1), (1.0, 25), (1.99, 49), (2.0, 49)],
)
def test_frame_at_gives_the_frame_on_the_screen(film: Path, when: float | str, number: int) -> None:
    """A frame is the one on the screen at that moment, an image in the film's size."""
    frame = frame_at(film, when)
    assert (frame.size, frame.mode) == ((64, 32), "RGB")
    assert number_of(frame) == number


@pytest.mark.parametrize("count", [1, 2, np.int64(5), 50, 70])
def test_evenly_spaced_frames_go_from_first_to_last(film: Path, count: int) -> None:
    """Frames go from the first to the last, evenly, as one array; more than there are repeat some."""
    frames = evenly_spaced_frames(film, count)
    assert (frames.shape, frames.dtype) == ((count, 32, 64, 3), np.uint8)
    numbers = [number_of(frame) for frame in frames]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert count == 1 or numbers[-1] == COUNT - 1
    assert numbers == pytest.approx([index * COUNT / max(count - 1, 1) for index in range(count)], abs=1.01)


@pytest.mark.parametrize("when", [-0.1, 2.1, float("nan"), "middle", True, None])
def test_moment_outside_of_the_video_is_refused(film: Path, when: Any) -> None:
    """A moment that the film does not have is refused in one line."""
    with pytest.raises(InvalidRequest, match=r"no frame at|A frame is 'first', 'last' or a number"):
        frame_at(film, when)


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "5", 10_001, 10**12])
def test_wrong_number_of_frames_is_refused(film: Path, count: Any) -> None:
    """A number of frames that is none is refused in one line."""
    with pytest.raises(InvalidRequest, match="must be a whole number from 1 to 10,000"):
        evenly_spaced_frames(film, count)


def test_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    """A file that cannot be decoded is named."""
    (tmp_path / "notes.mp4").write_text("notes")
    with pytest.raises(InvalidRequest, match=r"notes\.mp4 cannot be read as a video"):
        duration(tmp_path / "notes.mp4")


def test_missing_pyav_says_what_to_install(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV it is said what to install."""
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"\(av\): pip install 'luma-jupyter\[media\]'"):
        frame_at(film, "last")
