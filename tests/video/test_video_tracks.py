"""A video is a file with a picture in it: real MP4, MOV and M4A files, whole, damaged, and arbitrary bytes."""

from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.media import Flaw, check_video
from luma_jupyter.domain.mp4 import LONGEST_FIELD, MOST_BOXES, SOUND, VIDEO, read_movie
from luma_jupyter.engine.local_files import as_video
from luma_jupyter.errors import InvalidRequest


def made(kind: str = "mp4", *, picture: bool = True, sound: bool = False, **options: str) -> bytes:
    """A real file of a third of a second, made by FFmpeg."""
    folder = tempfile.TemporaryDirectory()  # the index is moved to the front only in a real file
    file = Path(folder.name, "film")
    with folder, av.open(str(file), "w", format=kind, options=options) as container:
        video: Any = container.add_stream("libx264", rate=24) if picture else None
        audio: Any = container.add_stream("aac", rate=44100) if sound else None
        if video:
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
            for tone in range(8):
                pixels = np.full((32, 32, 3), 30 * tone, np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(video.encode())
        if audio:
            for index in range(15):
                samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                samples.sample_rate, samples.pts = 44100, 1024 * index
                container.mux(audio.encode(samples))
            container.mux(audio.encode())
        container.close()
        return file.read_bytes()


FILM = made()
FILM_WITH_SOUND = made(sound=True, movflags="+faststart")
MANY_FRAGMENTS = made(movflags="frag_every_frame+empty_moov+default_base_moof")
FRAGMENTED = made(movflags="frag_keyframe+empty_moov+default_base_moof", sound=True)
QUICKTIME = made("mov")
VOICE = made("ipod", picture=False, sound=True)  # what an .m4a is
SOUND_MP4 = made(picture=False, sound=True)
FRAGMENTED_SOUND = made(picture=False, sound=True, movflags="frag_keyframe+empty_moov+default_base_moof")
WHOLE = {"MP4": FILM, "index first": FILM_WITH_SOUND, "fragmented": FRAGMENTED, "MOV": QUICKTIME}
SOUNDS = {"M4A": VOICE, "MP4": SOUND_MP4, "fragmented": FRAGMENTED_SOUND}


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def flaw(data: bytes) -> Flaw | None:
    return check_video(io.BytesIO(data), len(data)).flaw


class CountingFile(io.BytesIO):
    """A file that counts what is read of it."""

    reads = 0
    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.reads += 1
        self.bytes_read += len(content)
        return content


@pytest.mark.parametrize("name", WHOLE)
def test_film_is_whole(name: str) -> None:
    """A film has a track with a picture in it, wherever its index is, and in pieces."""
    assert flaw(WHOLE[name]) is None
    assert read_movie(io.BytesIO(WHOLE[name]), len(WHOLE[name])).samples(VIDEO)


def test_tracks_are_those_of_the_file() -> None:
    """The tracks are read with their kind and the number of their samples."""
    movie = read_movie(io.BytesIO(FILM_WITH_SOUND), len(FILM_WITH_SOUND))
    assert {track.handler: track.samples > 0 for track in movie.tracks} == {VIDEO: True, SOUND: True}
    assert next(track.samples for track in movie.tracks if track.handler == VIDEO) == 8


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_is_no_source(name: str, tmp_path: Path) -> None:
    """A file with sound alone is refused before it is uploaded and paid for, in words that say what it is."""
    path = tmp_path / "voice.m4a"
    path.write_bytes(SOUNDS[name])
    with pytest.raises(InvalidRequest, match=r"^The source: voice\.m4a cannot be used: it has sound but no picture\.$"):
        as_video(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat", bytes(99)), "neither picture nor sound in its index"),
        (FILM[: len(FILM) // 2], "MP4 or MOV file"),
        (FILM_WITH_SOUND[:-20], "its end is missing"),
        (FRAGMENTED[: FRAGMENTED.rindex(b"mdat") + 20], "its end is missing"),
        (b"notes", "it is no MP4 or MOV file, or not a whole one"),
    ],
)
def test_what_is_no_whole_film_is_no_source(data: bytes, words: str, tmp_path: Path) -> None:
    """An empty index, a film that is cut off, and any other file are refused."""
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest, match=words):
        as_video(path)


def test_track_without_a_picture_in_it_is_told() -> None:
    """A track for a picture without samples is none that anybody could play."""
    at = FILM.index(b"stsz") + 12
    assert flaw(FILM[:at] + bytes(4) + FILM[at + 4 :]) is Flaw.NO_SAMPLES


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "tail",
    [b"\0", bytes(5000), b"garbage that is no box", box(b"free", bytes(50))[:-20], box(b"uuid", bytes(900))[:20]],
    ids=["a byte", "zeros", "garbage", "free, cut", "unknown, cut"],
)
def test_film_with_something_behind_it_is_whole(name: str, tail: bytes) -> None:
    """What players pass over behind a film takes nothing from it."""
    assert flaw(WHOLE[name] + tail) is None


@pytest.mark.parametrize("name", WHOLE)
def test_film_that_is_cut_off_is_never_whole(name: str) -> None:
    """Wherever a film is cut off within a needed box, it is doubtful, and kept; it is never taken for whole."""
    film = WHOLE[name]
    last = max(film.rindex(b"mdat"), film.rindex(b"moov"))
    for end in [16, 40, *range(last + 8, max(len(film) - 1, last + 9), 97)]:
        cut = film[:end]
        needed = read_movie(io.BytesIO(film), len(film)).kinds[-1] in (b"mdat", b"moov")
        if end < last or needed:
            assert check_video(io.BytesIO(cut), len(cut)).doubtful


def test_film_that_is_cut_off_in_its_last_fragment_is_not_whole() -> None:
    """The index of each fragment is needed, also where others are there."""
    assert flaw(MANY_FRAGMENTS) is None
    cut = MANY_FRAGMENTS[: MANY_FRAGMENTS.rindex(b"moof") + 20]
    assert flaw(cut) is Flaw.CUT_OFF


def _read_within_bounds(data: bytes) -> None:
    file = CountingFile(data)
    check_video(file, len(data))
    assert file.reads <= 12 * MOST_BOXES
    assert file.bytes_read <= file.reads * LONGEST_FIELD


@settings(max_examples=300)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_harm(data: bytes) -> None:
    """No bytes make the reader fail, or read without end."""
    _read_within_bounds(data)


@settings(max_examples=300)
@given(st.sampled_from([*WHOLE.values(), *SOUNDS.values()]), st.randoms(use_true_random=False), st.integers(1, 30))
def test_damaged_films_are_read_without_harm(film: bytes, random_: random.Random, count: int) -> None:
    """Neither do real files in which bytes, lengths and whole parts are other ones."""
    data = bytearray(film)
    for _ in range(count):
        at = random_.randrange(len(data))
        match random_.randrange(4):
            case 0:
                data[at] = random_.randrange(256)
            case 1:
                data[at : at + 4] = random_.choice([0, 1, 7, 8, 2**31, 2**32 - 1]).to_bytes(4, "big")
            case 2:
                del data[at : at + random_.randrange(1, 40)]
            case _:
                data[at:at] = data[: random_.randrange(1, 60)]
        if not data:
            return
    _read_within_bounds(bytes(data))


def test_reads_of_endless_boxes_are_bounded() -> None:
    """A forged file of nothing but headers, at the top or within its index, is not read to its end."""
    for data in (box(b"moof") * 200_000, box(b"moov", box(b"trak") * 200_000), box(b"moov") + box(b"trak") * 200_000):
        _read_within_bounds(data)
