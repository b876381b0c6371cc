"""Films: what is on the frames, read back from the files."""

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from luma_jupyter.demo.film import COMMENT, SIZES, FilmSpec, Stopped, UnusableImage, render
from luma_jupyter.demo.overlays import Overlay, caption, caption_height, simulated_label
from luma_jupyter.video.codec import UnreadableVideo, write
from luma_jupyter.video.fonts import UNDRAWABLE

pytestmark = pytest.mark.slow

SHORT = 0.25
SPOKEN = 1.2  # seconds: long enough for a caption, which comes after the beginning and goes before the end
Array = NDArray[np.float32]
WIDE = SIZES["16:9"]


def frames_of(file: Path) -> Array:
    """All frames of a video: (count, height, width, 3)."""
    with av.open(str(file)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(np.float32)


def make(folder: Path, name: str = "film", **spec: Any) -> Array:
    """Render a film, short unless told otherwise, and read it back."""
    spec = {"prompt": "A quiet valley", "seconds": SHORT, **spec}
    return frames_of(render(FilmSpec(**spec), folder, name).video)


def difference(one: Array, other: Array) -> float:
    """Mean absolute difference, 0..255."""
    return float(np.abs(one - other).mean())


def picture(frame: Array) -> Array:
    """A frame without caption and label: all but the band that they are in."""
    return frame[caption_height((frame.shape[1], frame.shape[0])) + 2 :]


def letters_show(frame: Array, overlay: Overlay) -> bool:
    """Whether an overlay's light letters stand out on a frame from the darker ground around them."""
    light = (overlay.ink.min(axis=2) > 180) & (overlay.alpha[..., 0] > 0.8)
    part = frame[overlay.region].mean(axis=2)
    ground = overlay.ink.max(axis=2) < 5
    return light.sum() > 20 and part[light].mean() > part[ground].mean() + 50


def png(colour: tuple[int, int, int], size: tuple[int, int] = (300, 500)) -> bytes:
    """An image file with a light square in the middle."""
    image = Image.new("RGB", size, colour)
    image.paste((250, 250, 250), (100, 200, 200, 300))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Array]:
    """A source from elsewhere: a white square crosses a dark field, 15 frames at 10 a second, 320x200."""
    file = tmp_path_factory.mktemp("source") / "square.mp4"

    def draw() -> Any:
        for left in range(20, 245, 15):
            frame = np.full((200, 320, 3), 20, np.uint8)
            frame[60:100, left : left + 40] = 235
            yield frame

    write(file, draw(), (320, 200), Fraction(10), {"title": "a square"})
    return file.read_bytes(), frames_of(file)


@pytest.mark.parametrize("ratio", SIZES)
def test_ratio_gives_size_and_format(ratio: str, tmp_path: Path) -> None:
    """Each ratio gives a film of exactly that ratio, even sides, H.264 in yuv420p, and a thumbnail of that size."""
    film = render(FilmSpec("A lighthouse", ratio, seconds=SHORT), tmp_path, "film")
    across, down = map(int, ratio.split(":"))
    assert film.width * down == film.height * across
    assert film.width % 2 == film.height % 2 == 0
    assert 200_000 < film.width * film.height < 260_000
    with av.open(str(film.video)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (film.width, film.height)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    with Image.open(film.thumbnail) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (film.width, film.height))


def test_default_film_length_and_metadata(tmp_path: Path) -> None:
    """A film is 5 s at 24 frames a second, small, its index before its data, and says in its metadata what it is."""
    film = render(FilmSpec("Astronauts shuttle from space to volcano"), tmp_path, "film")
    data = film.video.read_bytes()
    assert len(data) < 1_000_000
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    with av.open(str(film.video)) as container:
        assert container.streams.video[0].average_rate == 24
        assert container.streams.video[0].frames == 120
        assert "Simulated" in container.metadata["comment"]


def test_film_has_a_quiet_sound_of_its_length(tmp_path: Path) -> None:
    """Every kind of film can be heard, all along and softly, and sounds otherwise for another prompt."""
    calm = render(FilmSpec("A calm lake", seconds=SPOKEN), tmp_path, "calm").video
    source = calm.read_bytes()
    films = [
        calm,
        render(FilmSpec("A storm", seconds=SPOKEN), tmp_path, "storm").video,
        render(FilmSpec("It goes on", seconds=SPOKEN, source=source), tmp_path, "longer").video,
        render(FilmSpec("A storm", source=source, modify=True), tmp_path, "modified").video,
    ]
    tracks = []
    for film in films:
        with av.open(str(film)) as container:
            video = container.streams.video[0]
            length = float(video.duration * video.time_base)
            tracks.append(np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)]))
        assert len(tracks[-1]) / 44_100 == pytest.approx(length, abs=0.06)
        assert 0.02 < float(np.sqrt(np.mean(tracks[-1] ** 2))) < 0.08
        assert np.abs(tracks[-1]).max() < 0.5
    assert np.abs(tracks[0] - tracks[1][: len(tracks[0])]).mean() > 0.01


def test_same_request_same_bytes(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """Equal specs give equal bytes, whatever was rendered in between; other prompts give other films."""
    for extra in ({}, {"source": square[0]}, {"source": square[0], "modify": True}):
        one, other, again = (
            render(FilmSpec(prompt, seconds=SHORT, **extra), tmp_path, str(index)).video.read_bytes()
            for index, prompt in enumerate(("Fog over the sea", "A city at night", "Fog over the sea"))
        )
        assert one == again
        assert one != other


def test_loop_ends_where_it_begins(tmp_path: Path) -> None:
    """In a loop, the step from the last frame to the first is as small as any other; without, it is a jump."""
    for loop in (True, False):
        frames = make(tmp_path, prompt="Ocean waves", seconds=1, loop=loop)
        steps = [difference(a, b) for a, b in pairwise(frames)]
        assert (difference(frames[-1], frames[0]) < 1.5 * max(steps)) is loop


def test_start_and_end_image_are_first_and_last_frame(tmp_path: Path) -> None:
    """The first frame is the start image, cropped to fill, the last one the end image, and neither is in between."""
    start, end = png((200, 40, 30)), png((20, 60, 210), (800, 300))
    frames = make(tmp_path, seconds=2.5, start_image=start, end_image=end)
    expected = []
    for data, index in ((start, 0), (end, -1)):
        image = ImageOps.fit(Image.open(io.BytesIO(data)).convert("RGB"), WIDE)
        expected.append(picture(np.asarray(image).astype(np.float32)))
        assert difference(picture(frames[index]), expected[-1]) < 4
        assert difference(picture(frames[len(frames) // 2]), expected[-1]) > 20


def test_loop_returns_to_its_start_image(tmp_path: Path) -> None:
    """A loop that starts with an image returns to it."""
    frames = make(tmp_path, start_image=png((200, 40, 30)), loop=True)
    assert difference(frames[0], frames[-1]) < 3


def test_short_film_keeps_both_images(tmp_path: Path) -> None:
    """In a film shorter than a fade, neither image shows through the other on the first and the last frame."""
    start, end = png((200, 40, 30)), png((20, 60, 210))
    both, one, other = (
        make(tmp_path, start_image=first, end_image=last) for first, last in ((start, end), (start, start), (end, end))
    )
    assert difference(picture(both[0]), picture(one[0])) < 3
    assert difference(picture(both[-1]), picture(other[-1])) < 3
    assert difference(picture(both[0]), picture(both[-1])) > 20


@pytest.mark.parametrize("data", [b"", b"GIF89a?", b"<html>", png((200, 40, 30))[:-200]])
@pytest.mark.parametrize("which", ["start", "end"])
def test_unreadable_image_is_refused(which: str, data: bytes, tmp_path: Path) -> None:
    """An image that cannot be read is refused in a sentence that says which one, and leaves no files."""
    with pytest.raises(UnusableImage, match=rf"^The {which} image cannot be used: it is not an image, or damaged\.$"):
        make(tmp_path, **{f"{which}_image": data})
    assert list(tmp_path.iterdir()) == []


def test_extend_refuses_an_unreadable_end_image_only(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """An extension refuses an end image that cannot be read, and takes no notice of a start image."""
    with pytest.raises(UnusableImage, match="end image"):
        make(tmp_path, source=square[0], end_image=b"<html>")
    assert len(make(tmp_path, source=square[0], start_image=b"<html>")) > 15


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0)])
def test_every_frame_has_the_label_and_all_but_the_ends_the_caption(
    background: tuple[int, int, int], tmp_path: Path
) -> None:
    """SIMULATED is legible on every frame of every kind of film, on white and on black, and so is the prompt on all
    but the first and the last, which other films begin and end with."""
    image = png(background)
    first = render(FilmSpec("Boats", seconds=SPOKEN, start_image=image, end_image=image), tmp_path, "first")
    source = first.video.read_bytes()
    label, prompt = simulated_label(WIDE), caption("Boats", WIDE)
    films = {
        "generate": frames_of(first.video),
        "extend": make(tmp_path, prompt="Boats", source=source, seconds=SPOKEN),
        "modify": make(tmp_path, prompt="Boats", source=source, modify=True),
    }
    for name, frames in films.items():
        assert all(letters_show(frame, label) for frame in frames), name
        spoken = frames if name == "modify" else frames[-len(films["generate"]) :][10:-10]
        assert all(letters_show(frame, prompt) for frame in spoken), name
        assert letters_show(frames[-1], prompt) == (name == "modify"), name
    assert not letters_show(films["generate"][0], prompt)


def test_captions_and_labels_do_not_print_over_each_other(tmp_path: Path) -> None:
    """A film that begins with another one's last frame is as if it had begun with the bare picture."""
    bare = Image.new("RGB", WIDE, (120, 130, 140))
    data = io.BytesIO()
    bare.save(data, "PNG")
    first = render(FilmSpec("Boats, static", seconds=SPOKEN, start_image=data.getvalue()), tmp_path, "first")
    handed_on = io.BytesIO()
    Image.fromarray(frames_of(first.video)[-1].astype(np.uint8)).save(handed_on, "PNG")
    films = [
        make(tmp_path, prompt="Waves, dolly in", seconds=SPOKEN, start_image=image.getvalue())
        for image in (data, handed_on)
    ]
    top = slice(0, caption_height(WIDE))
    assert all(difference(one[top], other[top]) < 4 for one, other in zip(*films, strict=True))


@pytest.mark.parametrize("size", SIZES.values())
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "A small paper boat. " * 60,
        "word" * 100,
        "宇航员从太空飞往火山" * 20,
        "Une idée très étrange",
        "Лодка",
        "😀 boat",
    ],
)
def test_caption_fits(text: str, size: tuple[int, int]) -> None:
    """A caption of any length and script has letters, within its band, off its edges and left of the label."""
    overlay = caption(text, size)
    letters = overlay.ink.max(axis=2) > 60
    rows, columns = np.flatnonzero(letters.any(axis=1)), np.flatnonzero(letters.any(axis=0))
    assert overlay.region[0].start == overlay.region[1].start == 0
    assert overlay.region[0].stop <= caption_height(size)
    assert columns[-1] < simulated_label(size).region[1].start
    assert letters.sum() > 5
    assert 0 < rows[0] <= rows[-1] < caption_height(size) - 1
    assert columns[0] > 5


def test_script_without_a_font_is_left_out() -> None:
    """What no font can draw is named, or left out, never shown as boxes."""
    nameless = "\U000f0000" * 5
    assert np.array_equal(caption(nameless, WIDE).ink, caption(UNDRAWABLE, WIDE).ink)
    assert np.array_equal(caption(f"boat{nameless}", WIDE).ink, caption("boat", WIDE).ink)


def test_extend_continues_its_source(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """An extended film is its source, then as much more as asked for: from its last frame, without a jump, and on to
    the end image."""
    data, source = square
    frames = make(tmp_path, source=data, seconds=3, end_image=png((20, 160, 60)))
    assert frames.shape == (15 + 30, 200, 320, 3)
    for before, after in zip(source, frames, strict=False):
        assert difference(picture(before), picture(after)) < 3
    steps = [difference(a, b) for a, b in pairwise(frames[14:])]
    assert steps[0] < 1.5 * max(steps[1:])
    assert difference(picture(frames[15]), picture(source[-1])) < 6
    assert difference(frames[14], frames[40]) > 20
    end = ImageOps.fit(Image.open(io.BytesIO(png((20, 160, 60)))), (320, 200))
    assert difference(picture(frames[-1]), picture(np.asarray(end).astype(np.float32))) < 4


def test_extend_stays_with_what_its_source_shows(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """What the last frame shows is still there at the end, a little moved."""
    data, source = square
    frames = make(tmp_path, prompt="It stands still, static camera", source=data, seconds=2)
    one, other = picture(source[-1]).mean(axis=2), picture(frames[-1]).mean(axis=2)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_modify_keeps_motion_and_changes_colours(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """A modified film has its source's size, rate, frames and motion, in other colours that depend on the prompt."""
    data, source = square
    prompts = ("A foggy autumn morning with golden light", "Space at night")
    golden, night = (make(tmp_path, prompt=prompt, source=data, modify=True) for prompt in prompts)
    assert golden.shape == source.shape
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.streams.video[0].average_rate == 10
    assert difference(golden, source) > 15
    assert difference(golden, night) > 15
    for frame, original in zip(golden, source, strict=True):
        rows = slice(60, 100)
        left = np.argmax(original[rows].mean(axis=(0, 2)) > 128)
        inside = frame[rows, left + 4 : left + 36].mean()
        assert inside > frame[rows, max(left - 30, 0) : left - 4].mean() + 8
        assert inside > frame[rows, left + 44 : left + 70].mean() + 8


def test_modify_replaces_the_caption(tmp_path: Path) -> None:
    """Nothing of the source's caption is left below the new one."""
    one, other = (
        make(
            tmp_path,
            prompt="Fog",
            modify=True,
            source=render(FilmSpec(old, seconds=SPOKEN), tmp_path, old).video.read_bytes(),
        )
        for old in ("A quiet valley", "A quiet valley, and a very long story about all who ever lived in it")
    )
    middle = len(one) // 2
    assert letters_show(one[middle], caption("Fog", WIDE))
    below = slice(caption_height(WIDE) // 2, caption_height(WIDE))
    for frames in (one, other):
        assert np.abs(np.diff(frames[middle, below, 200:500], axis=1)).max() < 20  # no edges, so no letters


def test_modify_leaves_the_top_of_other_videos(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """Only our own films have a caption that goes: what others have at the top stays."""

    def draw() -> Any:
        for _ in range(6):
            frame = np.full((200, 320, 3), 20, np.uint8)
            frame[24:34, 20:200:20] = 240
            yield frame

    write(tmp_path / "bars.mp4", draw(), (320, 200), Fraction(10), {"title": "bars"})
    frames = make(tmp_path, prompt="x", source=(tmp_path / "bars.mp4").read_bytes(), modify=True)
    assert np.ptp(frames[3][29, 20:200].mean(axis=1)) > 40


def test_watermark_shows_in_the_middle(tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """A watermark shows in the middle of each frame, and nowhere else."""
    plain, marked = (
        make(tmp_path, source=square[0], modify=True, watermark=text) for text in (None, "LUMA-2026-0042-a-long-id")
    )
    changed = np.abs(plain - marked).mean(axis=3) > 15
    assert all(frame.sum() > 200 for frame in changed)
    rows = np.flatnonzero(changed.sum(axis=(0, 2)) > len(changed))  # single pixels are the encoder's doing
    assert 50 < rows[0] <= rows[-1] < 150


@pytest.mark.parametrize("modify", [True, False])
@pytest.mark.parametrize("size", [(2, 2), (16, 16), (64, 64), (64, 1920), (1920, 2)])
def test_texts_are_cut_where_a_source_has_no_room_for_them(size: tuple[int, int], modify: bool, tmp_path: Path) -> None:
    """A service cannot choose how large the videos are that it is given."""
    texts = {"title": "small", "comment": COMMENT}
    grey = (np.full((size[1], size[0], 3), 60 * number, np.uint8) for number in range(3))
    write(tmp_path / "small.mp4", grey, size, Fraction(10), texts)
    marked = {"modify": True, "watermark": "LUMA-2026-0042"} if modify else {}
    frames = make(tmp_path, source=(tmp_path / "small.mp4").read_bytes(), **marked)
    assert frames.shape[1:] == (size[1], size[0], 3)


@pytest.mark.parametrize("modify", [True, False])
def test_of_a_very_slow_source_a_minute_is_taken(modify: bool, tmp_path: Path) -> None:
    """One frame at least, though it may be shown for longer than that, with as little sound."""
    frames = (np.full((100, 160, 3), 60 * number, np.uint8) for number in range(3))
    write(tmp_path / "slow.mp4", frames, (160, 100), Fraction(1, 200), {"title": "slow"})
    assert len(make(tmp_path, source=(tmp_path / "slow.mp4").read_bytes(), modify=modify)) == 2 - modify
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.duration
        assert container.duration / av.time_base == pytest.approx(60 * (2 - modify), abs=0.1)


def test_enhancement_is_a_subtle_difference(tmp_path: Path) -> None:
    """Enhancement makes a difference, and a subtle one."""
    assert 0.3 < difference(make(tmp_path), make(tmp_path, "plain", enhancement=False)) < 12


def sound() -> bytes:
    """A file without a picture."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return data.getvalue()


def damaged(video: bytes) -> bytes:
    """A video with zeros for data."""
    start = video.index(b"mdat") + 4
    return video[:start] + bytes(len(video) - start)


@pytest.mark.parametrize("kind", ["text", "sound", "damaged", "cut"])
def test_unreadable_source_is_refused(kind: str, tmp_path: Path, square: tuple[bytes, Array]) -> None:
    """A source that is no video, or a broken one, is refused with a reason, and leaves no files."""
    video = square[0]
    source = {"text": b"<html>", "sound": sound(), "damaged": damaged(video), "cut": video[: video.index(b"mdat") + 4]}
    with pytest.raises(UnreadableVideo, match=r"^it (is|has) "):
        make(tmp_path, source=source[kind], modify=True)
    assert list(tmp_path.iterdir()) == []


def test_stop_ends_rendering_without_files(tmp_path: Path) -> None:
    """A stop is noticed before the next frame, and leaves no files."""
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        render(FilmSpec("Never finished"), tmp_path, "film", stop=lambda: next(asked))
    assert list(tmp_path.iterdir()) == []


def test_long_and_large_sources_are_bounded(tmp_path: Path) -> None:
    """A source counts for its first 60 s and up to 1920 pixels a side."""
    frames = (np.full((40, 2400, 3), 90, np.uint8) for _ in range(65))
    write(tmp_path / "source.mp4", frames, (2400, 40), Fraction(1), {"title": "long"})
    film = make(tmp_path, source=(tmp_path / "source.mp4").read_bytes(), modify=True)
    assert film.shape == (60, 32, 1920, 3)
