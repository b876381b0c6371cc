"""What is seen, frame by frame: a generated scene, a continued film, a modified one.

`render` is a function of its `FilmSpec` alone: equal specs give equal bytes. Each action is a generator of frames;
the encoder pulls them one by one, so a long source is never in memory as a whole, and a stop takes effect at once.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from luma_jupyter.demo.footage import Footage, UnreadableImage, save_jpeg, still, write
from luma_jupyter.demo.lettering import caption, caption_height, mark, watermark
from luma_jupyter.demo.scene import Array, Look, Scene, Veil

SIZES = {
    "16:9": (640, 360),
    "9:16": (360, 640),
    "1:1": (480, 480),
    "4:3": (560, 420),
    "3:4": (420, 560),
    "21:9": (728, 312),
    "9:21": (312, 728),
}
RATE = Fraction(24)
FADE_SECONDS = 1.0
THUMBNAIL_SECONDS = 1.5
LONGEST_SOURCE_SECONDS = 60


class Stopped(Exception):
    """Rendering was called off."""


class UnusableImage(Exception):
    """An image cannot be had or read; the text is a sentence that says which one and why."""

    def __init__(self, which: str, reason: object) -> None:
        super().__init__(f"The {which} image cannot be used: {reason}.")


@dataclass(frozen=True)
class FilmSpec:
    """Everything that a film depends on; images and the source are whole files in bytes.

    Without a source the film is generated; with one it is extended by `seconds`, or modified where `modify` is set.
    """

    prompt: str
    aspect_ratio: str = "16:9"
    seconds: float = 5.0
    loop: bool = False
    enhancement: bool = True
    start_image: bytes | None = None
    end_image: bytes | None = None
    source: bytes | None = None
    modify: bool = False
    watermark: str | None = None


@dataclass(frozen=True)
class Film:
    """A finished film: files on disk, size in pixels."""

    video: Path
    thumbnail: Path
    width: int
    height: int


def render(spec: FilmSpec, folder: Path, name: str, stop: Callable[[], bool] = lambda: False) -> Film:
    """Render `name`.mp4 and `name`.jpg into a folder.

    Raises `Stopped` as soon as `stop()` is true (it is asked before every frame), `UnusableImage`, and
    `footage.UnreadableSource`; the files are gone then.
    """
    video, thumbnail = folder / f"{name}.mp4", folder / f"{name}.jpg"
    try:
        with ExitStack() as stack:
            if spec.source is None:
                size, rate = SIZES[spec.aspect_ratio], RATE
                film = _generate(spec, size, rate)
            else:
                source = stack.enter_context(Footage(spec.source))
                frames = stack.enter_context(closing(source.frames()))
                size, rate = source.size, source.rate
                known = islice(frames, round(LONGEST_SOURCE_SECONDS * rate))
                film = (_modify if spec.modify else _extend)(spec, known, size, rate)
            write(video, _finish(film, size, rate, thumbnail, stop), size, rate, spec.prompt)
    except BaseException:
        video.unlink(missing_ok=True)
        thumbnail.unlink(missing_ok=True)
        raise
    return Film(video, thumbnail, *size)


def _finish(
    film: Iterator[Array], size: tuple[int, int], rate: Fraction, thumbnail: Path, stop: Callable[[], bool]
) -> Iterator[Array]:
    """Mark every frame, and keep an early one as the thumbnail."""
    plate = mark(size)
    for index, frame in enumerate(film):
        if stop():
            raise Stopped
        plate.stamp(frame)
        if index in (0, round(THUMBNAIL_SECONDS * rate)):
            save_jpeg(thumbnail, frame)
        yield frame


def _generate(spec: FilmSpec, size: tuple[int, int], rate: Fraction) -> Iterator[Array]:
    start, end = _still("start", spec.start_image, size), _still("end", spec.end_image, size)
    if spec.loop and end is None:
        end = start
    words = caption(spec.prompt, size)
    for frame in _new_frames(spec, start, end, size, rate):
        words.stamp(frame)
        yield frame


def _extend(spec: FilmSpec, source: Iterator[Array], size: tuple[int, int], rate: Fraction) -> Iterator[Array]:
    last, end = np.zeros((*size[::-1], 3), np.float32), _still("end", spec.end_image, size)
    for frame in source:
        last = frame.copy()
        yield frame
    words, (_, fade) = caption(spec.prompt, size), _lengths(spec, rate)
    for index, frame in enumerate(_new_frames(spec, last, end, size, rate), 1):
        words.stamp(frame, _ease(2 * index / fade - 1))  # once the old caption has faded
        yield frame


def _new_frames(
    spec: FilmSpec, start: Array | None, end: Array | None, size: tuple[int, int], rate: Fraction
) -> Iterator[Array]:
    """The prompt's scene, cross-faded from the start picture and into the end picture where there are any."""
    scene = Scene(Look.of(spec.prompt), size, spec.loop, spec.enhancement)
    count, fade = _lengths(spec, rate)
    for index in range(count):
        frame = scene.frame(index / count)
        if start is not None:
            frame += (start - frame) * (1 - _ease(index / fade))
        if end is not None:
            frame += (end - frame) * (1 - _ease((count - 1 - index) / fade))
        yield frame


def _lengths(spec: FilmSpec, rate: Fraction) -> tuple[int, float]:
    """How many frames are new, and over how many a picture fades: never so many that it reaches the far end."""
    count = max(round(spec.seconds * rate), 1)
    return count, float(min(FADE_SECONDS * rate, max(count - 1, 1)))


def _modify(spec: FilmSpec, source: Iterator[Array], size: tuple[int, int], rate: Fraction) -> Iterator[Array]:
    """The source in the colours, light and weather of the prompt."""
    look = Look.of(spec.prompt)
    tones = _tones(look)
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / min(size)
    beam = (0.6 * np.exp(-(x**2 + 1.6 * y**2) / 0.5))[..., None].astype(np.float32) * (look.light - 50)
    veil, strength = Veil(look, size), 0.7 if "fog" in look.weather else 0.2
    overlays = [caption(spec.prompt, size)]
    if spec.watermark:
        overlays.append(watermark(spec.watermark, size))
    for index, frame in enumerate(source):
        seconds = float(index / rate)
        _smear(frame, size)
        # Integers, as a float product may round differently from run to run; the weights are those of BT.601.
        red, green, blue = np.moveaxis(frame.astype(np.uint16), 2, 0)
        tone = tones[(77 * red + 150 * green + 29 * blue) >> 8]
        frame += (tone - frame) * 0.75
        frame += beam * np.float32(0.85 + 0.15 * np.sin(seconds))
        veil.over(frame, seconds / 16, strength)
        for overlay in overlays:
            overlay.stamp(frame)
        yield frame


def _still(which: str, data: bytes | None, size: tuple[int, int]) -> Array | None:
    """The picture that a film begins or ends with, where one was given."""
    try:
        return None if data is None else still(data, size)
    except UnreadableImage as error:
        raise UnusableImage(which, error) from error


def _tones(look: Look) -> Array:
    """A colour for each of the 256 levels of brightness, dark to light."""
    steps = np.array([look.dark * 0.8, look.high, (look.high + look.low) / 2, look.light])
    channels = [np.interp(range(256), (0, 100, 165, 245), steps[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def _smear(frame: Array, size: tuple[int, int]) -> None:
    """Wipe out the source's own caption, which the new one would be drawn over."""
    band = caption_height(size)
    above = Image.fromarray(frame[-band - 12 : -band].astype(np.uint8)).resize((6, 1), Image.Resampling.BOX)
    frame[-band:] = np.asarray(above.resize((size[0], band), Image.Resampling.BICUBIC))


def _ease(x: float) -> float:
    """0 for x <= 0, 1 for x >= 1, smooth between."""
    x = min(max(float(x), 0.0), 1.0)
    return x * x * (3 - 2 * x)
