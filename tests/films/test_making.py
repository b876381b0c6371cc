"""Films as they come out: judged by decoding them."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from luma_jupyter.films.making import film_poster, plan_film
from luma_jupyter.films.spec import Cue, FilmSpec
from luma_jupyter.video.pictures import count_pictures
from tests.support.shots import (
    BLACK,
    BLUE,
    GREEN,
    RATE,
    RED,
    SIZE,
    WHITE,
    Shown,
    animation,
    film,
    is_near,
    part,
    picture,
    shot,
)


def greys(shown: Shown) -> list[int]:
    """How bright each frame is."""
    return [shown.colour(number)[0] for number in range(len(shown.times))]


def test_equal_shots_are_copied(tmp_path: Path) -> None:
    """Shots of one encoder are joined without any loss: each frame is the very same as in its file."""
    red, green = shot(tmp_path / "red.mp4", RED), shot(tmp_path / "green.mp4", GREEN)
    plan, shown = film(tmp_path / "film.mp4", part(red), part(green), part(red))
    assert plan.encoded is None
    singles = [film(tmp_path / "one.mp4", part(path))[1] for path in (red, green)]
    wanted = [*singles[0].pixels, *singles[1].pixels, *singles[0].pixels]
    assert all(np.array_equal(one, other) for one, other in zip(shown.pixels, wanted, strict=True))
    assert shown.length == plan.length == Fraction(36, RATE)
    assert shown.times == tuple(Fraction(number, RATE) for number in range(36))


def test_shots_without_b_frames_are_copied_before_ones_with_them(tmp_path: Path) -> None:
    """What is decoded earlier than it is shown does not collide with what came before: decoding times only grow."""
    options = {"x264-params": "bframes=2:b-adapt=0:scenecut=0:open-gop=0", "preset": "medium"}
    still = shot(tmp_path / "one.mp4", RED, frames=1, options=options)
    moving = shot(tmp_path / "many.mp4", counted=True, options=options)
    plan, shown = film(tmp_path / "film.mp4", part(still), part(moving), part(still), part(moving))
    assert plan.encoded is None
    assert len({place.source.delay for place in plan.places}) == 2
    assert all(before < after for before, after in pairwise(decoded for decoded, _ in shown.packets))
    assert len(shown.times) == 26


@pytest.mark.parametrize("fade", [0.0, 0.25])
def test_film_is_as_long_as_its_parts_less_the_fades(tmp_path: Path, fade: float) -> None:
    """Three halves of a second, with and without two fades."""
    paths = [shot(tmp_path / f"{number}.mp4", colour) for number, colour in enumerate((RED, GREEN, BLUE))]
    plan, shown = film(tmp_path / "film.mp4", *map(part, paths), fade=fade)
    assert plan.length == shown.length == Fraction(3, 2) - 2 * Fraction(fade)
    assert len(shown.times) == plan.frames


def test_fade_goes_from_one_shot_to_the_next(tmp_path: Path) -> None:
    """Before the transition there is the one, after it the other, and in between both, in equal steps."""
    red, blue = shot(tmp_path / "red.mp4", RED), shot(tmp_path / "blue.mp4", BLUE)
    plan, shown = film(tmp_path / "film.mp4", part(red), part(blue), fade=0.25)
    assert plan.encoded == "for the fades"
    for number in range(18):
        share = min(max(number - 5, 0), 7) / 7
        wanted = tuple(round(a + (b - a) * share) for a, b in zip(RED, BLUE, strict=True))
        assert is_near(shown.colour(number), wanted), number


def test_fade_is_half_of_the_shorter_neighbour_at_most(tmp_path: Path) -> None:
    """A long transition between short shots is shortened, so that each is still seen."""
    long, short = shot(tmp_path / "long.mp4", RED, 24), shot(tmp_path / "short.mp4", BLUE, 4)
    plan, _ = film(tmp_path / "film.mp4", part(long), part(short), part(long), fade=9.0)
    assert [place.fade_in * RATE for place in plan.places] == [0, 2, 2]
    assert plan.length == Fraction(24 + 4 + 24 - 4, RATE)
    assert plan.summary.endswith(
        "for the fades, without sound. Note: fades take 0.1 s at most, half of the shorter part."
    )
    plan, _ = film(tmp_path / "film.mp4", part(long), part(long), fade=0.25)
    assert plan.shortened == ""


@pytest.mark.parametrize(
    ("start", "end", "first", "count"), [(0.25, None, 6, 6), (0.0, 0.25, 0, 6), (1 / 6, 0.375, 4, 5), (0.3, 0.34, 7, 1)]
)
def test_cut_is_half_open_and_exact(tmp_path: Path, start: float, end: float | None, first: int, count: int) -> None:
    """A stretch has the frames from the one that is seen at its start to the last one before its end."""
    path = shot(tmp_path / "shot.mp4", counted=True, options={"x264-params": "keyint=4"})
    plan, shown = film(tmp_path / "film.mp4", part(path, start=start, end=end))
    assert plan.encoded == "because shot is cut"
    assert len(shown.times) == count
    assert greys(shown) == pytest.approx(greys(Shown.of(path))[first : first + count], abs=1)


OPEN_GOP = {"x264-params": "open-gop=1:keyint=6:bframes=3:b-adapt=0:scenecut=0", "preset": "medium"}
HEVC = {"x265-params": "keyint=6:bframes=3:scenecut=0:log-level=none"}


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize(("codec", "options"), [("libx264", OPEN_GOP), ("libx265", HEVC)])
def test_cut_begins_anywhere(tmp_path: Path, codec: str, options: dict[str, str], kind: str) -> None:
    """Also where frames before a key frame are shown after it, each cut has the frames that the whole shot has."""
    path = shot(tmp_path / f"shot.{kind}", frames=24, counted=True, codec=codec, options=options)
    whole = greys(film(tmp_path / "whole.mp4", part(path), size=(64, 64))[1])
    assert len(whole) == 24
    for first in range(24):
        _, shown = film(tmp_path / "film.mp4", part(path, start=first / 24), size=(64, 64))
        assert greys(shown) == pytest.approx(whole[first:], abs=2), first


def trimmed(path: Path, source: Path, frames: int) -> Path:
    """A copy of a video whose first frames are in the file, and not shown, as phones trim."""
    tick = Fraction(1, 24 * 512)
    with av.open(str(source)) as before, av.open(str(path), "w", format="mp4") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = ((at or 0) - round(frames / 24 / tick) for at in (packet.pts, packet.dts))
                packet.stream = stream
                after.mux(packet)
    return path


@pytest.mark.parametrize("start", [0.0, 0.25])
def test_trimmed_shot_begins_where_it_is_shown(tmp_path: Path, start: float) -> None:
    """Frames that a file has, and does not show, are not in the film; so it cannot be copied."""
    whole = shot(tmp_path / "whole.mp4", frames=24, counted=True)
    path = trimmed(tmp_path / "phone.mp4", whole, 7)
    plan, shown = film(tmp_path / "film.mp4", part(path, start=start))
    assert plan.places[0].source.uncopied == "it has frames that are not shown"
    assert greys(shown) == pytest.approx(greys(Shown.of(whole))[7 + round(start * 24) :], abs=1)


def test_speed_shows_fewer_or_more_frames(tmp_path: Path) -> None:
    """Twice as fast shows every second frame; half as fast each one twice."""
    path = shot(tmp_path / "shot.mp4", counted=True)
    _, fast = film(tmp_path / "fast.mp4", part(path, speed=2.0))
    _, slow = film(tmp_path / "slow.mp4", part(path, speed=0.5))
    whole = greys(Shown.of(path))
    assert greys(fast) == pytest.approx(whole[::2], abs=1)
    assert greys(slow)[::2] == pytest.approx(whole, abs=1)
    assert greys(slow)[1::2] == pytest.approx(whole, abs=1)


def test_crop_keeps_the_middle(tmp_path: Path) -> None:
    """The film of a cropped shot has the crop's size, and no bars."""
    path = shot(tmp_path / "wide.mp4", GREEN)
    plan, shown = film(tmp_path / "film.mp4", part(path, crop="1:1"))
    assert plan.size == (36, 36)
    assert shown.pixels[0].shape == (36, 36, 3)
    assert is_near(shown.colour(0, 0, 0), GREEN)


def test_other_shapes_are_padded_and_never_stretched(tmp_path: Path) -> None:
    """A portrait shot in a landscape film has black at its sides, and its own ratio."""
    wide, tall = shot(tmp_path / "wide.mp4", RED), shot(tmp_path / "tall.mp4", WHITE, size=(36, 64))
    plan, shown = film(tmp_path / "film.mp4", part(wide), part(tall))
    assert plan.size == (64, 36)
    assert plan.encoded == "because tall and wide differ in size"
    bright = shown.pixels[-1][18, :, 0] > 128
    assert 18 <= bright.sum() <= 22  # 36 × 36/64 = 20.25
    assert is_near(shown.colour(-1, 18, 2), BLACK)
    assert abs(int(np.flatnonzero(bright)[0]) - (63 - int(np.flatnonzero(bright)[-1]))) <= 1  # in the middle


def test_size_and_rate_are_as_asked_for(tmp_path: Path) -> None:
    """``size`` and ``fps`` decide, whatever the parts have."""
    path = shot(tmp_path / "shot.mp4", RED)
    plan, shown = film(tmp_path / "film.mp4", part(path), size=(48, 48), fps=12.0)
    assert plan.encoded == "for the size"
    assert shown.pixels[0].shape == (48, 48, 3)
    assert len(shown.times) == 6
    assert film(tmp_path / "film.mp4", part(path), fps=12.0)[0].encoded == "for the frame rate"
    assert film(tmp_path / "film.mp4", part(path), size=(64, 36), fps=24.0)[0].encoded is None


def test_other_frame_rates_become_the_first_ones(tmp_path: Path) -> None:
    """A shot of 30 frames a second in a film of 24 takes as long as before."""
    one, other = shot(tmp_path / "one.mp4", RED), shot(tmp_path / "other.mp4", BLUE, 15, rate=30)
    plan, shown = film(tmp_path / "film.mp4", part(one), part(other))
    assert plan.encoded == "because other and one differ in frame rate"
    assert len(shown.times) == 24
    assert set(shown.times) == {Fraction(number, 24) for number in range(24)}


def test_uneven_frames_become_even(tmp_path: Path) -> None:
    """Of a shot without a constant frame rate, each moment shows what it showed."""
    path = shot(tmp_path / "phone.mp4", frames=6, counted=True, times=[0, 100, 150, 400, 420, 500])
    plan, shown = film(tmp_path / "film.mp4", part(path), fps=20.0)
    assert plan.places[0].source.uncopied == "it has no constant frame rate"
    whole = greys(Shown.of(path))
    assert greys(shown) == pytest.approx([whole[number] for number in (0, 0, 1, 2, 2, 2, 2, 2, 3, 4, 5)], abs=1)


@pytest.mark.parametrize("kind", ["shot.mkv", "shot.webm", "shot.mov"])
def test_other_containers_are_read(tmp_path: Path, kind: str) -> None:
    """Matroska, WebM and MOV are as good as MP4, and have their whole length."""
    codec = "libvpx-vp9" if kind.endswith("webm") else "libx264"
    paths = [shot(tmp_path / f"{number}{kind}", GREEN, codec=codec) for number in range(3)]
    plan, shown = film(tmp_path / "film.mp4", *map(part, paths))
    assert (plan.encoded is None) == kind.endswith("mov")
    assert len(shown.times) == 36
    assert is_near(shown.colour(-1), GREEN)


def test_hevc_is_encoded_as_what_browsers_play(tmp_path: Path) -> None:
    """A codec that not every browser has does not reach the film."""
    path = shot(tmp_path / "phone.mp4", BLUE, codec="libx265", options={"x265-params": "log-level=none"})
    plan, shown = film(tmp_path / "film.mp4", part(path))
    assert plan.encoded == "because of phone: it is HEVC, which not every browser plays"
    assert is_near(shown.colour(0), BLUE)


def test_pixels_that_are_not_square_are_scaled(tmp_path: Path) -> None:
    """A shot whose pixels are twice as wide as high is twice as wide in the film."""
    path = shot(tmp_path / "dv.mp4", RED, size=(32, 36), sample_aspect_ratio=Fraction(2, 1))
    plan, shown = film(tmp_path / "film.mp4", part(path), part(shot(tmp_path / "square.mp4", BLUE)))
    assert plan.size == (64, 36)
    assert all(is_near(shown.colour(0, 18, column), RED) for column in (0, 63))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_shot_is_upright(tmp_path: Path, degrees: int) -> None:
    """What a phone says about how it was held is applied."""
    plain = tmp_path / "plain.mp4"
    with av.open(str(plain), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        stream.set_display_rotation(degrees)
        for _ in range(3):
            pixels = np.zeros((36, 64, 3), np.uint8)
            pixels[:8, :8] = 235  # the upper left corner
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    plan, shown = film(tmp_path / "film.mp4", part(plain))
    assert plan.encoded == "because of plain: it is turned when it is shown"
    assert plan.size == ((36, 64) if degrees != 180 else (64, 36))
    pixels = shown.pixels[0][..., 0]
    corners = {"left, bottom": pixels[-4, 4], "right, bottom": pixels[-4, -4], "right, top": pixels[4, -4]}
    where = {90: "left, bottom", 180: "right, bottom", 270: "right, top"}[degrees]
    assert max(corners, key=lambda name: corners[name]) == where


def test_large_pictures_and_high_rates_become_what_players_take(tmp_path: Path) -> None:
    """Where nobody asks for more, a film of photos is 1920 pixels wide, and none has more than 60 frames a second."""
    photo = picture(tmp_path / "photo.png", GREEN, (4000, 3000))
    assert plan_film(FilmSpec(parts=(part(photo, seconds=1.0),))).size == (1920, 1440)
    fast = shot(tmp_path / "fast.mp4", RED, 24, rate=120)
    assert plan_film(FilmSpec(parts=(part(fast, end=0.1),))).rate == 60
    assert plan_film(FilmSpec(parts=(part(fast, end=0.1),), fps=120.0)).rate == 120


def test_picture_stands_as_long_as_asked(tmp_path: Path) -> None:
    """A picture is a part like any other; the film has the size of its first video."""
    still, red = picture(tmp_path / "title.png", GREEN, (300, 300)), shot(tmp_path / "red.mp4", RED)
    plan, shown = film(tmp_path / "film.mp4", part(still, seconds=0.5), part(red))
    assert plan.size == (64, 36)
    assert plan.encoded == "because title is a picture"
    assert is_near(shown.colour(5), GREEN)
    assert is_near(shown.colour(12), RED)
    assert len(shown.times) == 24


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animation_is_played(tmp_path: Path, kind: str) -> None:
    """An animation takes its own time, or is repeated for as long as asked."""
    path = animation(tmp_path / f"loop.{kind}")
    _, once = film(tmp_path / "once.mp4", part(path))
    assert all(is_near(once.colour(number), colour) for number, colour in ((0, RED), (5, RED), (6, BLUE), (11, BLUE)))
    assert len(once.times) == 12
    _, twice = film(tmp_path / "twice.mp4", part(path, seconds=1.0))
    assert is_near(twice.colour(13), RED)
    assert is_near(twice.colour(23), BLUE)


def test_transparent_picture_is_on_white(tmp_path: Path) -> None:
    """What is transparent has no colour of its own: it is white, as in a viewer."""
    Image.new("RGBA", (64, 36), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    _, shown = film(tmp_path / "film.mp4", part(tmp_path / "clear.png", seconds=0.1))
    assert is_near(shown.colour(0), (255, 255, 255))


@pytest.mark.parametrize(("tagged", "size"), [(True, (64, 36)), (False, (64, 36)), (False, (64, 720))])
def test_colours_stay_what_they_were(tmp_path: Path, tagged: bool, size: tuple[int, int]) -> None:
    """The film is tagged as BT.709; what does not tell its colours is BT.709 from 720 lines on, and BT.601 below."""
    path = tmp_path / "shot.mp4"
    matrix = 1 if tagged or size[1] >= 720 else 5
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if tagged:
            stream.codec_context.colorspace = matrix
        pixels = np.full((size[1], size[0], 3), (220, 60, 20), np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels).reformat(format="yuv420p", dst_colorspace=matrix)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    film(tmp_path / "film.mp4", part(path), size=(64, 64))
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
        decoder = container.streams.video[0].codec_context
        assert (decoder.colorspace, decoder.color_primaries, decoder.color_trc, decoder.color_range) == (1, 1, 1, 1)
        seen = frame.to_ndarray(format="rgb24", src_colorspace="ITU709")[32, 32]
    assert is_near(tuple(int(value) for value in seen), (220, 60, 20))


@pytest.mark.parametrize(
    "settings", [{"pix_fmt": "yuvj420p", "color_range": 2}, {"pix_fmt": "yuv420p10le"}, {"pix_fmt": "yuv444p"}]
)
def test_full_range_and_deeper_colours_become_those_of_the_film(tmp_path: Path, settings: dict[str, object]) -> None:
    """Whatever values a colour has in its file, it is the same colour in the film."""
    path = shot(tmp_path / "shot.mp4", WHITE, 2, **settings)
    plan, shown = film(tmp_path / "film.mp4", part(path))
    assert plan.encoded
    assert is_near(shown.colour(0), WHITE)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.format.name, frame.color_range) == ("yuv420p", 1)


def test_captions_are_a_track_of_their_own(tmp_path: Path) -> None:
    """Captions demand no encoding; each stands from the middle of one transition to the middle of the next."""
    red, blue = shot(tmp_path / "red.mp4", RED, 24), shot(tmp_path / "blue.mp4", BLUE, 24)
    plan, shown = film(tmp_path / "film.mp4", part(red, caption="The sea"), part(blue, caption="The night"))
    assert plan.encoded is None
    assert plan.cues == (Cue(Fraction(0), Fraction(1), "The sea"), Cue(Fraction(1), Fraction(2), "The night"))
    with av.open(str(tmp_path / "film.mp4")) as container:
        (captions,) = container.streams.subtitles
        told = [(float(p.pts * captions.time_base), bytes(p)[2:]) for p in container.demux(captions) if p.size > 2]
    assert told == [(0.0, b"The sea"), (1.0, b"The night")]
    assert len(shown.times) == 48
    plan, _ = film(tmp_path / "film.mp4", part(red, caption="The sea"), part(blue, caption="The night"), fade=0.5)
    assert [(cue.start, cue.end) for cue in plan.cues] == [(0, Fraction(3, 4)), (Fraction(3, 4), Fraction(3, 2))]


def test_plan_says_what_is_done(tmp_path: Path) -> None:
    """A line for a dry run: parts, length, size, and what is copied and encoded."""
    red, loud = shot(tmp_path / "red.mp4", RED, 24), shot(tmp_path / "loud.mp4", BLUE, 24, sound=True)
    plan = plan_film(FilmSpec(parts=(part(red),)))
    assert plan.summary == "1 part, 1.0 s, 64 × 36, 24 fps: the video is copied as it is, without sound."
    plan = plan_film(FilmSpec(parts=(part(red), part(loud)), fade=0.5))
    assert plan.summary == (
        "2 parts, 1.5 s, 64 × 36, 24 fps: the video is encoded again for the fades, the sound is encoded."
    )
    assert [(place.label, place.at, place.length) for place in plan.places] == [
        ("red", 0, 1),
        ("loud", Fraction(1, 2), 1),
    ]
    assert [place.sound.path for place in plan.places] == [None, loud]
    assert plan.places[1].sound.fade_in == Fraction(1, 2)


def test_missing_sound_is_silence(tmp_path: Path) -> None:
    """The sound is as long as the film, also where a part has none; where none has any, there is no track."""
    loud, mute = shot(tmp_path / "loud.mp4", RED, sound=True), shot(tmp_path / "mute.mp4", BLUE)
    plan, shown = film(tmp_path / "film.mp4", part(mute), part(loud))
    assert plan.encoded is None
    assert 0 <= shown.samples - 48_000 <= 2048  # a block of AAC is 1024, and a decoder adds up to one
    plan, shown = film(tmp_path / "film.mp4", part(mute))
    assert not plan.has_sound
    assert shown.samples == 0


def test_poster_is_what_is_seen_after_a_second(tmp_path: Path) -> None:
    """The picture that stands for a film is a JPEG of it, from within also where it is short."""
    red, blue = shot(tmp_path / "red.mp4", RED, 20), shot(tmp_path / "blue.mp4", BLUE, 24)
    film(tmp_path / "film.mp4", part(red), part(blue))
    for name, colour in (("red.mp4", RED), ("film.mp4", BLUE)):
        poster = Image.open(io.BytesIO(film_poster(tmp_path / name)))
        assert (poster.format, poster.size) == ("JPEG", (64, 36))
        assert is_near(poster.getpixel((32, 18)), colour)


def test_photo_with_another_picture_behind_it_is_still(tmp_path: Path) -> None:
    """What phones put behind a photo, and the second page of a TIFF, are no animation."""
    for name, kind in (("photo.jpg", "MPO"), ("pages.tif", "TIFF")):
        path = tmp_path / name
        red, blue = (Image.new("RGB", SIZE, colour) for colour in (RED, BLUE))
        red.save(path, kind, save_all=True, append_images=[blue])
        _, shown = film(tmp_path / "film.mp4", part(path, seconds=0.5))
        assert len(shown.times) == 12
        assert all(is_near(shown.colour(number), RED) for number in range(12))
        assert count_pictures(path) == 1


def test_processor_with_few_extensions_makes_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a processor that has none beyond the least, numpy tells none."""
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": {"baseline": ["X86_V2"]}})
    _, shown = film(tmp_path / "film.mp4", part(picture(tmp_path / "a.png"), seconds=0.25))
    assert len(shown.times) == 6
