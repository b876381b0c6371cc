"""A saved video: its length, single frames, and what is said where it cannot be read."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from luma_jupyter.engine.library.thumbnails import thumbnail
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.video.frames import duration, evenly_spaced_frames, frame_at
from tests.support.misbehaving.server import video as playable
from tests.support.shots import shot
from tests.support.sounds import tone, write_sound

COUNT, RATE = 50, 25
KEY_FRAMES_APART = 10


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds that go from black to white, step by step."""
    return written(tmp_path_factory.mktemp("films") / "film.mp4")


def written(path: Path, **options: str) -> Path:
    """The film in a file; the options are those of its container."""
    with av.open(str(path), "w", options=options) as video:
        stream = video.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        stream.options = {"x264-params": f"keyint={KEY_FRAMES_APART}:scenecut=0"}
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


@pytest.mark.parametrize("options", [{"use_editlist": "0"}, {"movflags": "empty_moov+frag_keyframe"}])
def test_time_begins_with_the_first_frame(tmp_path: Path, options: dict[str, str]) -> None:
    """Also where a file counts from 0.08 s on, as one with B-frames and without an edit list does."""
    film = written(tmp_path / "late.mp4", **options)
    with av.open(str(film)) as video:
        assert video.streams.video[0].start_time
    assert [number_of(frame_at(film, number / RATE)) for number in range(COUNT)] == list(range(COUNT))
    assert [number_of(frame) for frame in evenly_spaced_frames(film, 3)] == [0, 25, COUNT - 1]


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


@dataclass(eq=False)
class Frame:
    """A decoded frame, of which it can be told whether anybody holds it."""

    frame: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frame, name)


class Decoder:
    """Counts the frames that are decoded, and the most that are held at once; none comes of the first ``barren``
    looks into a file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, barren: int = 0) -> None:
        self.decoded = self.most_held = 0
        self._held: weakref.WeakSet[Frame] = weakref.WeakSet()
        self._barren = barren
        self._open = av.open
        monkeypatch.setattr(av, "open", self.open)

    @contextmanager
    def open(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with self._open(*arguments, **options) as video:
            self._video = video
            self.streams, self.duration, self.seek = video.streams, video.duration, video.seek
            yield self

    def decode(self, stream: Any) -> Iterator[Frame]:
        self._barren -= 1
        for frame in self._video.decode(stream) if self._barren < 0 else ():
            watched = Frame(frame)
            self._held.add(watched)
            self.decoded += 1
            self.most_held = max(self.most_held, len(self._held))
            yield watched
            del watched


def test_last_frame_is_decoded_from_the_last_key_frame_and_alone(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last frame of a long film costs no more than that of a short one: a few are decoded, and one is kept."""
    decoder = Decoder(monkeypatch)
    assert number_of(frame_at(film, "last")) == COUNT - 1
    assert decoder.decoded <= KEY_FRAMES_APART
    assert decoder.most_held <= 2  # this one and the next


def test_last_frame_is_found_where_no_key_frame_is(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of whose end nothing can be decoded by itself is decoded from its beginning."""
    decoder = Decoder(monkeypatch, barren=1)
    assert number_of(frame_at(film, "last")) == COUNT - 1
    assert (decoder.decoded, decoder.most_held) == (COUNT, 2)


def test_frames_are_decoded_one_at_a_time(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many frames take the memory of the array that they are put into, not that of the decoded ones beside it."""
    decoder = Decoder(monkeypatch)
    assert [number_of(frame) for frame in evenly_spaced_frames(film, COUNT + 1)][::10] == [0, 10, 20, 30, 40, 49]
    assert decoder.most_held <= 4  # the first, the one that is put there, the one on the screen, and the next


def test_frames_without_times_are_seen_when_they_come(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders give such frames where a file has no times for them."""
    Decoder(monkeypatch)
    for time in ("pts", "time"):
        monkeypatch.setattr(Frame, time, None, raising=False)
    assert number_of(frame_at(film, 1.0)) == COUNT - 1


@pytest.mark.parametrize("ask", [lambda film: frame_at(film, "last"), lambda film: frame_at(film, 1.0)])
def test_film_without_frames_is_named(film: Path, monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
    """A track of which nothing can be decoded is no bug of ours."""
    Decoder(monkeypatch, barren=2)
    with pytest.raises(InvalidRequest, match=r"film\.mp4 cannot be read as a video \(there is no frame in it\)"):
        ask(film)


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


def test_more_frames_than_memory_are_refused(tmp_path: Path) -> None:
    """Before any is asked for: how many there may be depends on how large they are."""
    large = shot(tmp_path / "large.mp4", frames=1, size=(1920, 1080))
    with pytest.raises(InvalidRequest) as raised:
        evenly_spaced_frames(large, 10_000)
    assert str(raised.value) == "10,000 frames of 1920 × 1080 pixels take 62.2 GB of memory: ask for up to 643."
    assert len(evenly_spaced_frames(large, 3)) == 3


def test_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    """A file that cannot be decoded is named."""
    (tmp_path / "notes.mp4").write_text("notes")
    with pytest.raises(InvalidRequest, match=r"notes\.mp4 cannot be read as a video"):
        duration(tmp_path / "notes.mp4")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("notes", "Invalid data found when processing input"),
        ("ffconcat version 1.0\nfile film.mp4\n", "Invalid argument"),  # which opens another file
    ],
)
def test_reason_is_ffmpegs_without_number_and_path(film: Path, content: str, reason: str) -> None:
    """Whatever is asked of a file that is no video."""
    path = film.with_name("other.mp4")
    path.write_text(content)
    for ask in (duration, lambda path: frame_at(path, "first"), lambda path: evenly_spaced_frames(path, 2)):
        with pytest.raises(InvalidRequest) as raised:
            ask(path)
        assert str(raised.value) == f"other.mp4 cannot be read as a video ({reason})."


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    """It is said what is missing."""
    path = write_sound(tmp_path / "song.mp4", tone(1))
    with pytest.raises(InvalidRequest, match=r"^song\.mp4 cannot be read as a video \(there is no picture in it\)\.$"):
        duration(path)


def test_video_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """Not that it cannot be read."""
    with pytest.raises(InvalidRequest, match=r"^There is no file '.*gone\.mp4'\.$"):
        duration(tmp_path / "gone.mp4")


def test_video_of_a_codec_that_nobody_has_is_named(tmp_path: Path) -> None:
    """PyAV then raises an error that is no OSError; nobody sees that, and the video has no picture."""
    path = tmp_path / "film.mp4"
    path.write_bytes(playable("film"))
    with pytest.raises(InvalidRequest, match=r"film\.mp4 cannot be read as a video"):
        frame_at(path, "first")
    assert thumbnail(path) is None


def test_missing_pyav_says_what_to_install(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV it is said what to install."""
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"\(av\): pip install 'luma-jupyter\[media\]'"):
        frame_at(film, "last")
