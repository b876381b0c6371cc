"""Exports: each suffix gives a file of that format, judged by decoding it; nothing else is left behind."""

from __future__ import annotations

import dataclasses
import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films import excerpts, exports
from luma_jupyter.films.exports import export
from tests.support.shots import shot
from tests.support.sounds import RATE, rms, sound_frame, tone, write_film, write_sound

GREYS = range(40, 240, 10)  # two seconds, ten frames each


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 64 × 32 pixels, which go from dark to bright, with a tone."""
    return write_film(tmp_path_factory.mktemp("films") / "film.mp4", GREYS, tone(2))


def decoded(path: Path) -> dict[str, Any]:
    """What a video file is: its format, codecs, length, size, the greys of its frames, its sound."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        codecs = [stream.codec_context.name for stream in container.streams]
        assert container.duration
        found = {
            "format": container.format.name,
            "codecs": codecs,
            "length": container.duration / av.time_base,
            "size": (frames[0].width, frames[0].height),
            "greys": [int(frame.to_ndarray(format="gray")[8:24, 8:56].mean()) for frame in frames],
            "times": [frame.time for frame in frames],
        }
    with av.open(str(path)) as container:
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)] if container.streams.audio else []
    return found | {"sound": np.concatenate(sound, axis=1) if sound else None}


def animation(path: Path) -> dict[str, Any]:
    """What an animation is, as Pillow reads it."""
    with Image.open(path) as image:
        greys, lengths = [], []
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            greys.append(round(float(np.asarray(image.convert("L")).mean())))
            lengths.append(image.info["duration"])
        size, loop = image.size, image.info["loop"]
        return {"format": image.format, "size": size, "loop": loop, "greys": greys, "length": sum(lengths) / 1000}


def test_mp4_that_is_to_stay_as_it_is_is_copied(tmp_path: Path, film: Path) -> None:
    """An MP4 with nothing changed has the very bytes of the clip, whatever the case of its suffix."""
    for name in ("copy.mp4", "COPY.MP4"):
        export(film, tmp_path / name)
        assert (tmp_path / name).read_bytes() == film.read_bytes()


def test_mp4_is_the_stretch_the_size_and_the_rate_that_are_wanted(tmp_path: Path, film: Path) -> None:
    """A changed MP4 has H.264 and AAC, the frames from start to end, in the width and at the rate that was said."""
    export(film, tmp_path / "part.mp4", width=32, fps=20, start=0.5, end=1.5)
    found = decoded(tmp_path / "part.mp4")
    assert (found["codecs"], found["size"]) == (["h264", "aac"], (32, 16))
    assert found["length"] == pytest.approx(1, abs=0.05)
    expected = [grey for grey in GREYS[5:15] for _ in range(2)]
    assert found["greys"] == pytest.approx(expected, abs=5)
    assert found["times"] == pytest.approx([number / 20 for number in range(20)], abs=0.001)
    assert found["sound"].shape[1] == pytest.approx(RATE, abs=2100)
    assert rms(found["sound"][:, 4800:43_200]) == pytest.approx(-15, abs=1)


def test_webm_is_vp9_with_opus(tmp_path: Path, film: Path) -> None:
    """A WebM has VP9 and Opus, with all frames and the sound."""
    export(film, tmp_path / "film.webm")
    found = decoded(tmp_path / "film.webm")
    assert (found["format"], found["codecs"], found["size"]) == ("matroska,webm", ["vp9", "opus"], (64, 32))
    assert found["greys"] == pytest.approx(list(GREYS), abs=6)
    assert found["length"] == pytest.approx(2, abs=0.1)
    assert rms(found["sound"][:, 4800:86_400]) == pytest.approx(-15, abs=1)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animation_plays_again_and_again(tmp_path: Path, film: Path, suffix: str) -> None:
    """GIF and WebP have the frames, the length and the size of the clip, and go on for ever."""
    export(film, tmp_path / f"film{suffix}")
    found = animation(tmp_path / f"film{suffix}")
    assert (found["format"], found["size"], found["loop"]) == (suffix[1:].upper(), (64, 32), 0)
    assert found["greys"] == pytest.approx(list(GREYS), abs=6)
    assert found["length"] == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animation_is_small_unless_it_is_said_otherwise(tmp_path: Path, suffix: str) -> None:
    """Of a large film it is 480 pixels wide; width, fps and a stretch can be said."""
    film = write_film(tmp_path / "large.mp4", GREYS[:10], size=(960, 544))
    export(film, tmp_path / f"film{suffix}")
    assert animation(tmp_path / f"film{suffix}")["size"] == (480, 272)
    export(film, tmp_path / f"film{suffix}", width=101, fps=4, start=0.5)
    found = animation(tmp_path / f"film{suffix}")
    assert (found["size"], len(found["greys"]), found["length"]) == ((101, 57), 2, 0.5)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animation_of_a_fast_film_has_twelve_frames_a_second(tmp_path: Path, suffix: str) -> None:
    """A film of more frames a second loses some of them, and none of its length."""
    film = write_film(tmp_path / "fast.mp4", range(40, 220, 3), rate=30)
    export(film, tmp_path / f"film{suffix}")
    found = animation(tmp_path / f"film{suffix}")
    assert 20 <= len(found["greys"]) <= 24  # the encoder of WebP makes one of two that are nearly equal
    assert found["length"] == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize(("start", "grey"), [(0.0, 40), (0.55, 90), (1.99, 230)])
def test_png_is_the_picture_at_the_start(tmp_path: Path, film: Path, start: float, grey: int) -> None:
    """A PNG is the first picture of the clip, or the one that is shown at `start`."""
    export(film, tmp_path / "poster.png", start=start, width=32)
    with Image.open(tmp_path / "poster.png") as image:
        assert (image.format, image.size, image.mode) == ("PNG", (32, 16), "RGB")
        assert float(np.asarray(image).mean()) == pytest.approx(grey, abs=3)


def test_colours_stay_what_they_are(tmp_path: Path) -> None:
    """Red, green and blue are what they were, in each format."""
    path = tmp_path / "colours.mp4"
    pixels = np.zeros((48, 96, 3), np.uint8)
    for number in range(3):
        pixels[:, 32 * number : 32 * number + 32, number] = 200
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"qp": "0"})
        video.width, video.height, video.pix_fmt = 96, 48, "yuv420p"
        for _ in range(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(video.encode(None))
    for suffix in (".gif", ".webp", ".png"):
        export(path, tmp_path / f"colours{suffix}")
        with Image.open(tmp_path / f"colours{suffix}") as image:
            found = np.asarray(image.convert("RGB"))[24, 16::32]
        assert np.abs(found.astype(int) - pixels[24, 16::32]).max() < 12, suffix
    for suffix in (".mp4", ".webm"):
        export(path, tmp_path / f"again{suffix}", fps=5)
        with av.open(str(tmp_path / f"again{suffix}")) as container:
            frame = next(container.decode(video=0))
        assert frame.colorspace == 1, suffix
        found = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()[24, 16::32]
        assert np.abs(found.astype(int) - pixels[24, 16::32]).max() < 12, suffix


def test_a_turned_film_of_oblong_pixels_is_seen_as_players_show_it(tmp_path: Path) -> None:
    """Rotation and sample ratio are applied: what is at the top for players is so, and nothing is squeezed."""
    path = tmp_path / "turned.mp4"
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, 48:] = 255
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"qp": "0"})
        video.width, video.height, video.pix_fmt = 64, 32, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(2)
        for _ in range(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(video.encode(None))
    data = bytearray(path.read_bytes())
    one = (1 << 16).to_bytes(4, "big")
    upright = one + bytes(12) + one + bytes(12) + (1 << 30).to_bytes(4, "big")
    at = data.index(upright, data.index(b"tkhd"))
    turned = bytes(4) + one + bytes(4) + (0xFFFF0000).to_bytes(4, "big") + bytes(16) + (1 << 30).to_bytes(4, "big")
    data[at : at + 36] = turned
    path.write_bytes(data)
    export(path, tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as image:
        seen = np.asarray(image.convert("L")).astype(int)
    assert seen.shape == (128, 32)
    assert seen[112].min() > 200
    assert seen[:80].max() < 60


# What cannot be.


@pytest.mark.parametrize("name", ["film.avi", "film", "film.mp4.txt", ".mp4"])
def test_other_suffixes_are_refused(tmp_path: Path, film: Path, name: str) -> None:
    """A name without a suffix that says a format is refused with a list of those that do; nothing is written."""
    with pytest.raises(
        InvalidRequest, match=r"^A video can be saved as \.mp4, \.webm, \.gif, \.webp or \.png, not as '"
    ):
        export(film, tmp_path / name)
    assert not list(tmp_path.iterdir())


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("x.mp4", {"width": 0}, "width must be a whole number of pixels from 16 to 8192, not 0."),
    ("x.mp4", {"width": 100.5}, "width must be a whole number of pixels from 16 to 8192, not 100.5."),
    ("x.mp4", {"width": True}, "width must be a whole number of pixels from 16 to 8192, not True."),
    ("x.gif", {"width": 10**9}, "width must be a whole number of pixels from 16 to 8192, not 1000000000."),
    ("x.mp4", {"fps": 0}, "fps of a .mp4 must be from 0.1 to 60, not 0."),
    ("x.gif", {"fps": 60}, "fps of a .gif must be from 0.1 to 50, not 60."),
    ("x.mp4", {"fps": "fast"}, "fps of a .mp4 must be from 0.1 to 60, not 'fast'."),
    ("x.mp4", {"fps": math.nan}, "fps of a .mp4 must be from 0.1 to 60, not nan."),
    ("x.webp", {"fps": 10**400}, f"fps of a .webp must be from 0.1 to 60, not {str(10**400)[:99]}…."),
    ("x.mp4", {"start": math.inf}, "start must be from 0 to 2.00, where the video ends, not inf."),
    ("x.png", {"fps": 10}, "A .png is one picture, the one at `start`: leave out fps and end."),
    ("x.png", {"end": 1}, "A .png is one picture, the one at `start`: leave out fps and end."),
    ("x.mp4", {"start": -1}, "start must be from 0 to 2.00, where the video ends, not -1."),
    ("x.mp4", {"start": 2}, "start must be from 0 to 2.00, where the video ends, not 2."),
    ("x.mp4", {"start": None}, "start must be from 0 to 2.00, where the video ends, not None."),
    ("x.mp4", {"start": 1, "end": 1}, "end must be after start (1) and up to 2.00, where the video ends, not 1."),
    ("x.mp4", {"end": 9}, "end must be after start (0) and up to 2.00, where the video ends, not 9."),
]


def test_width_that_makes_it_too_high_is_refused(tmp_path: Path) -> None:
    """Encoders take no more pixels of height than of width."""
    film = write_film(tmp_path / "high.mp4", [50] * 5, size=(36, 84))
    with pytest.raises(InvalidRequest, match=r"^width 8192 makes it 19,115 pixels high: up to 8,192\.$"):
        export(film, tmp_path / "x.webp", width=8192)
    assert [path.name for path in tmp_path.iterdir()] == ["high.mp4"]


@pytest.mark.parametrize(("name", "options", "words"), BAD)
def test_numbers_that_cannot_be_are_refused(
    tmp_path: Path, film: Path, name: str, options: dict[str, Any], words: str
) -> None:
    """Widths, rates and moments that cannot be are refused in one line, before anything is written."""
    with pytest.raises(InvalidRequest) as caught:
        export(film, tmp_path / "new" / name, **options)
    assert str(caught.value) == words
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_are_numbers(tmp_path: Path, film: Path) -> None:
    """Scalars of numpy count as the numbers that they are."""
    export(film, tmp_path / "x.gif", width=np.int64(32), fps=np.float32(5), start=np.float64(1))  # type: ignore[arg-type]
    assert animation(tmp_path / "x.gif")["size"] == (32, 16)


@pytest.mark.parametrize("content", [None, b"", b"no video", b"ffconcat version 1.0\nfile film.mp4\n"])
def test_sources_that_are_no_video_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A source that is missing, empty, or something else than a video is refused by its name."""
    source = tmp_path / "shot.mp4"
    write_film(tmp_path / "film.mp4", [50] * 5)
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"shot\.mp4"):
        export(source, tmp_path / "out" / "x.gif")
    assert not (tmp_path / "out").exists()


def test_sources_without_a_picture_are_refused(tmp_path: Path) -> None:
    """A file of sound alone has nothing to be saved."""
    source = write_sound(tmp_path / "sound.m4a", tone(1), "aac").rename(tmp_path / "sound.mp4")
    with pytest.raises(InvalidRequest, match=r"sound\.mp4 cannot be read as a video"):
        export(source, tmp_path / "x.gif")


def test_sources_without_a_frame_are_refused(tmp_path: Path, film: Path) -> None:
    """A video of which no frame is left is refused when it is looked at, and when its frames are read."""
    source = tmp_path / "shot.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 32, "yuv420p"
        sound = container.add_stream("aac", rate=RATE)
        container.mux([*sound.encode(sound_frame(tone(1))), *sound.encode(None)])
    message = r"^shot\.mkv cannot be read as a video \(there is no frame in it\)\.$"
    with pytest.raises(InvalidRequest, match=message):
        export(source, tmp_path / "x.gif")
    whole = excerpts.read_video(film)
    excerpt = excerpts.Excerpt(
        video=dataclasses.replace(whole, path=source),
        start=whole.start,
        length=whole.length,
        size=whole.size,
        rate=whole.rate,
    )
    with pytest.raises(InvalidRequest, match=message):
        list(excerpts.pictures(excerpt, "rgb24"))


# What is left.


def test_folder_is_made_and_a_file_replaced(tmp_path: Path, film: Path) -> None:
    """A folder that is not there is made, a file that is there is replaced, and nothing else is there."""
    target = tmp_path / "slides" / "new" / f"a:b {'film ' * 48}.gif"
    for width in (32, 48):
        export(film, target, width=width)
    assert animation(target)["size"] == (48, 24)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["x.mp4", "x.webm", "x.gif", "x.webp"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, InvalidRequest, MemoryError])
def test_nothing_is_left_of_what_was_ended(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[BaseException]
) -> None:
    """Whatever ends the writing in the middle: the old file stays as it was, and no other is left."""
    target = tmp_path / name
    target.write_bytes(b"the old one")
    shown_at = excerpts.shown_at

    def ending(*arguments: Any) -> Any:
        for number, frame in enumerate(shown_at(*arguments)):
            if number == 10:
                raise error("in the middle")
            yield frame

    monkeypatch.setattr(excerpts, "shown_at", ending)
    with pytest.raises(error):
        export(film, target, fps=10)
    assert target.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("bytes_lost", [4, 10_000], ids=["some bytes", "whole frames"])
def test_damaged_source_leaves_nothing(tmp_path: Path, bytes_lost: int) -> None:
    """A source that is damaged in the middle is refused by its name when that is reached; no file is left."""
    source = tmp_path / "damaged.mp4"
    random = np.random.default_rng(0)
    with av.open(str(source), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        for _ in range(20):
            pixels = random.integers(0, 255, (64, 64, 3), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(video.encode(None))
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(source.read_bytes())
    for position, size in places[8:12]:
        middle = position + size // 2
        data[middle : min(middle + bytes_lost, position + size)] = bytes(min(bytes_lost, size - size // 2))
    source.write_bytes(data)
    with pytest.raises(InvalidRequest, match=r"^damaged\.mp4 "):
        export(source, tmp_path / "x.webp")
    assert list(tmp_path.iterdir()) == [source]


def test_each_frame_is_there_once_where_a_file_rounds_times(tmp_path: Path) -> None:
    """Matroska counts milliseconds, to which 24 frames a second do not go."""
    export(shot(tmp_path / "rounded.mkv", frames=24, counted=True), tmp_path / "x.mp4")
    greys = decoded(tmp_path / "x.mp4")["greys"]
    assert len(greys) == 24
    assert min(np.diff(greys)) > 0


def test_sound_may_be_longer_than_the_pictures(tmp_path: Path) -> None:
    """A WebM whose sound goes on after its last picture is whole."""
    longer = write_film(tmp_path / "longer.mkv", GREYS, tone(3))
    export(longer, tmp_path / "x.gif", fps=5)
    assert animation(tmp_path / "x.gif")["length"] >= 2


def test_source_that_is_cut_off_leaves_nothing(tmp_path: Path, film: Path) -> None:
    """A source whose end is missing is not saved as one that stands still there."""
    export(film, tmp_path / "index first.mp4", fps=10)
    with av.open(str(tmp_path / "index first.mp4")) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    source = tmp_path / "cut.mp4"
    source.write_bytes((tmp_path / "index first.mp4").read_bytes()[: places[12]])
    with pytest.raises(InvalidRequest, match=r"^cut\.mp4 is damaged or not whole: download or save it again\.$"):
        export(source, tmp_path / "x.webp")
    assert not list(tmp_path.glob("*.webp"))
    assert not list(tmp_path.glob(".*"))


def test_place_that_cannot_be_written_is_an_oserror(tmp_path: Path, film: Path) -> None:
    """Where a folder cannot be made, the error is the system's own, for the caller to put into words."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        export(film, tmp_path / "file" / "x.gif")


def test_what_killed_kernels_left_is_removed(tmp_path: Path, film: Path) -> None:
    """An unfinished file that nobody has written to for an hour is removed; one of today's, and others', stay."""
    stale, fresh = (tmp_path / f".{letter * 16}.luma-export" for letter in "ab")
    others = [tmp_path / name for name in (".my.export", ".database.luma-export", "a.luma-export")]
    for path in (stale, fresh, *others):
        path.write_bytes(b"half of it")
    for path in (stale, *others):
        os.utime(path, (0, 0))
    export(film, tmp_path / "x.png")
    assert {path.name for path in tmp_path.iterdir()} == {fresh.name, "x.png", *(other.name for other in others)}


@pytest.mark.parametrize("name", ["x.mp4", "x.webm", "x.gif", "x.webp", "x.png"])
def test_full_disk_leaves_nothing(tmp_path: Path, film: Path, name: str) -> None:
    """Where there is no room for a file, the error is the system's own, and nothing is left."""
    resource = pytest.importorskip("resource", reason="Windows does not limit files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            export(film, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_kinds_are_written_as_their_names_say() -> None:
    """Each suffix is the name of its format: none is written as another."""
    assert all(suffix == f".{kind.format}" for suffix, kind in exports._KINDS.items())
