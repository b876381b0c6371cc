"""Parts that cannot be used: one clear line each, and nothing is left of the film."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.films import making
from luma_jupyter.films.making import make_film, plan_film
from luma_jupyter.films.spec import FilmPart, FilmSpec
from tests.support.shots import BLUE, RED, animation, film, part, picture, shot

NOISE = {"x264-params": "keyint=100:scenecut=0", "crf": "18", "threads": "1", "preset": "veryfast"}


def noisy_shot(path: Path, frames: int = 48, **options: object) -> Path:
    """A shot with many bytes in each frame."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=24, options=NOISE)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        for _ in range(frames):
            pixels = rng.integers(0, 255, (36, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    return path


def cut_off(path: Path) -> Path:
    """A file whose index is at its beginning, and whose end is missing."""
    data = noisy_shot(path).read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5])
    return path


def cut_off_matroska(path: Path) -> Path:
    """A Matroska file whose end is missing."""
    data = shot(path, frames=96, options={"crf": "1", "x264-params": "keyint=1"}).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def without_index(path: Path) -> Path:
    """The first half of a file whose index would be at its end."""
    with av.open(str(noisy_shot(path))) as shot, av.open(str(path.with_name("late.mp4")), "w") as late:
        stream = late.add_stream_from_template(shot.streams.video[0])
        for packet in shot.demux(video=0):
            if packet.size:
                packet.stream = stream
                late.mux(packet)
    data = path.with_name("late.mp4").read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def sound_alone(path: Path) -> Path:
    """A file that has sound, and no picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def without_frames(path: Path) -> Path:
    """A file with a video track of no frames."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "empty_moov+frag_keyframe"}) as container:
        container.add_stream("libx264", rate=24)
        container.start_encoding()
    return path


def hdr(path: Path) -> Path:
    """A file that says that it is HDR."""
    return noisy_shot(path, color_trc=16, color_primaries=9, colorspace=9)


def playlist(path: Path) -> Path:
    """A text that makes FFmpeg open another file."""
    path.write_text(f"ffconcat version 1.0\nfile {shot(path.parent / 'other.mp4')}\n")
    return path


def broken_frame(path: Path) -> Path:
    """A video whose first frame is damaged."""
    data = bytearray(noisy_shot(path, 2).read_bytes())
    begin = data.index(b"mdat") + 1500
    data[begin : begin + 2000] = bytes(2000)
    path.write_bytes(data)
    return path


def far_too_large_picture(path: Path) -> Path:
    """A picture that says that it has 900 million pixels, which Pillow itself refuses."""
    data = bytearray(picture(path.with_suffix(".png")).read_bytes())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def broken_picture(path: Path) -> Path:
    """A picture whose end is missing."""
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (99, 99, 3), dtype=np.uint8)).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:5000])
    return path


def huge_picture(path: Path) -> Path:
    """A picture of more pixels than one can have in memory."""
    Image.new("1", (12_000, 12_000)).save(path, "PNG")
    return path


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (cut_off, r"storm is damaged at \d\.\d s: download or save it again\."),
        (cut_off_matroska, r"storm ends at \d\.\d s, before its own end: download or save it again\."),
        (without_index, r"storm is damaged: download or save it again\."),
        (sound_alone, r"storm has no picture: it cannot be a part of a film\."),
        (without_frames, r"storm has no frames: it cannot be a part of a film\."),
        (hdr, r"storm is HDR \(PQ\), which a film cannot have: save it as SDR first\."),
        (playlist, r"storm is no video or picture: films are made of MP4, MOV, WebM and image files\."),
        (broken_picture, r"storm is damaged: download or save it again\."),
        (broken_frame, r"storm is damaged at 0\.0 s: download or save it again\."),
        (far_too_large_picture, r"storm has too many pixels: up to 64 million\. Make it smaller\."),
        (huge_picture, r"storm has too many pixels: up to 64 million\. Make it smaller\."),
        (lambda path: path, r"storm cannot be read: No such file or directory\."),
        (lambda path: path.mkdir() or path, r"storm cannot be read: Is a directory\."),
        (lambda path: (path.write_bytes(b"") and path) or path, r"storm is no video or picture: .*"),
        (lambda path: picture(path.with_suffix(".png")), r"storm is a picture: say for how many seconds it is shown\."),
    ],
)
def test_bad_part_is_refused_before_anything_is_made(tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    """What is wrong is said in a line that names the part."""
    name = "storm.mkv" if make is cut_off_matroska else "storm.mp4"
    path = make(tmp_path / name)
    with pytest.raises(InvalidRequest) as refusal:
        plan_film(FilmSpec(parts=(FilmPart(path=path, label="storm"),)))
    assert re.fullmatch(words, str(refusal.value)), str(refusal.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": 0.5}, "storm is 0.50 s long: it cannot be cut at 0.5 s."),
        ({"end": 3.0}, "storm is 0.50 s long: it cannot be cut at 3 s."),
        ({"start": 0.3, "end": 0.3}, "storm has no frame between 0.3 and 0.3 s."),
    ],
)
def test_stretch_that_is_not_there_is_refused(tmp_path: Path, options: dict[str, float], words: str) -> None:
    """A cut is within its shot."""
    with pytest.raises(InvalidRequest) as refusal:
        plan_film(FilmSpec(parts=(part(shot(tmp_path / "storm.mp4"), **options),)))
    assert str(refusal.value) == words


def test_odd_size_and_no_part_are_refused(tmp_path: Path) -> None:
    """A film has at least one part, and even sides."""
    with pytest.raises(InvalidRequest, match=r"^A film needs at least one part\.$"):
        plan_film(FilmSpec(parts=()))
    with pytest.raises(InvalidRequest, match=r"^size must have even numbers, not 63 × 36\.$"):
        film(tmp_path / "film.mp4", part(shot(tmp_path / "shot.mp4")), size=(63, 36))


@pytest.mark.parametrize("name", ["music", "voice"])
def test_music_that_is_none_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    """What lies under the film is looked at with its parts."""
    path = shot(tmp_path / "shot.mp4")
    with pytest.raises(InvalidRequest, match=f"^{name}: shot.mp4 cannot be used: it has no sound in it"):
        plan_film(FilmSpec(parts=(part(path),), **{name: path}))


def test_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV there is a word on how to get it."""
    monkeypatch.setattr(making, "find_spec", lambda name: None if name == "av" else object())
    with pytest.raises(ConfigError, match=r"not installed \(PyAV\): pip install 'luma-jupyter\[media\]'"):
        plan_film(FilmSpec(parts=(part(tmp_path / "shot.mp4"),)))


def damage(path: Path) -> None:
    """Overwrite bytes in the middle of a file's pictures."""
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)


@pytest.mark.parametrize("fade", [0.0, 0.25])
def test_damage_in_the_middle_ends_the_making(tmp_path: Path, fade: float) -> None:
    """What only decoding can find is found then, and no shorter film is left; what looks damaged is not copied."""
    path = noisy_shot(tmp_path / "storm.mp4")
    damage(path)
    with pytest.raises(InvalidRequest, match=r"^storm is damaged at \d\.\d s: download or save it again\.$"):
        film(tmp_path / "film.mp4", part(path), part(path), fade=fade)
    assert sorted(os.listdir(tmp_path)) == ["storm.mp4"]


@pytest.mark.parametrize("options", [{}, {"fade": 0.25}])
@pytest.mark.parametrize("kind", ["mp4", "gif", "png"])
@pytest.mark.parametrize("what", ["deleted", "overwritten"])
def test_part_that_changes_meanwhile_ends_the_making(
    tmp_path: Path, options: dict[str, float], kind: str, what: str
) -> None:
    """A film is made of what was planned, or not at all."""
    first = noisy_shot(tmp_path / "first.mp4")
    second = tmp_path / f"second.{kind}"
    if kind == "mp4":
        noisy_shot(second)
        spec = FilmSpec(parts=(part(first), part(second)), **options)
    else:
        (animation if kind == "gif" else picture)(second)
        spec = FilmSpec(parts=(part(first), part(second, seconds=1.0)), **options)
    plan = plan_film(spec)
    second.unlink()
    if what == "overwritten":
        shot(second.with_suffix(".mp4"), BLUE).rename(second)
    with pytest.raises(
        InvalidRequest, match=r"^second (cannot be read: No such|was changed while the film was made: )"
    ):
        make_film(plan, tmp_path / "film.mp4", lambda share: None)
    assert not [name for name in os.listdir(tmp_path) if "film" in name]


def test_part_that_changes_while_it_is_read_ends_the_making(tmp_path: Path) -> None:
    """Looking at its beginning is not enough."""
    first, second = noisy_shot(tmp_path / "first.mp4", 96), shot(tmp_path / "second.mp4", RED)
    plan = plan_film(FilmSpec(parts=(part(first), part(second)), fade=0.25))
    told: list[float] = []

    def report(share: float) -> None:
        told.append(share)
        os.utime(first)

    with pytest.raises(InvalidRequest, match=r"^first was changed while the film was made: make the film again\.$"):
        make_film(plan, tmp_path / "film.mp4", report)
    assert told
    assert not [name for name in os.listdir(tmp_path) if "film" in name]


def test_matroska_whose_picture_begins_late_is_whole(tmp_path: Path) -> None:
    """The length that it says counts from 0, and not from its first frame."""
    path = shot(tmp_path / "late.mkv", times=[500 + 100 * number for number in range(20)], frames=20)
    plan, shown = film(tmp_path / "film.mp4", part(path))
    assert plan.places[0].source.start == Fraction(1, 2)
    assert len(shown.times) >= 20


def test_matroska_whose_sound_is_longer_is_whole(tmp_path: Path) -> None:
    """Where nothing tells the length of its picture, that of all of it is not taken for it."""
    path, copy = shot(tmp_path / "shot.mkv", frames=24, sound=True), tmp_path / "longer.mkv"
    data = path.read_bytes()
    assert data.count(b"DURATION") == 2
    copy.write_bytes(data.replace(b"DURATION", b"Duration"))
    with av.open(str(copy)) as container:
        assert "DURATION" not in container.streams.video[0].metadata
    _, shown = film(tmp_path / "film.mp4", part(copy))
    assert len(shown.times) == 24


def test_last_frame_that_stays_is_shown_for_as_long(tmp_path: Path) -> None:
    """Slides, or a video with a frozen end, are as long as they say."""
    path = tmp_path / "slides.mp4"
    with av.open(str(shot(tmp_path / "shot.mp4", frames=12))) as video, av.open(str(path), "w") as slides:
        stream = slides.add_stream_from_template(video.streams.video[0])
        packets = [packet for packet in video.demux(video=0) if packet.size]
        packets[-1].duration *= 24
        for packet in packets:
            packet.stream = stream
            slides.mux(packet)
    plan, shown = film(tmp_path / "film.mp4", part(path))
    assert float(plan.length) == pytest.approx(11 / 24 + 1, abs=0.05)
    assert float(shown.length) == pytest.approx(11 / 24 + 1, abs=0.1)
