"""Films, frame by frame: a generated scene, an extended film, a modified one.

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

from luma_jupyter.demo.overlays import caption, caption_height, simulated_label, watermark
from luma_jupyter.demo.scene import Fog, Scene, SceneStyle
from luma_jupyter.operating_system import discard
from luma_jupyter.video.codec import Array, UnreadableImage, VideoReader, save_jpeg, still, write

SIZES = {
    "16:9": (640, 360),
    "9:16": (360, 640),
    "1:1": (480, 480),
    "4:3": (560, 420),
    "3:4": (420, 560),
    "21:9": (728, 312),
    "9:21": (312, 728),
}
FRAME_RATE = Fraction(24)
FADE_SECONDS = 1.0
THUMBNAIL_SECONDS = 1.5
MAX_SOURCE_SECONDS = 60
COMMENT = "Simulated by the demo service of luma_jupyter"


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
    `UnreadableVideo`; the files are gone then.
    """
    video, thumbnail = folder / f"{name}.mp4", folder / f"{name}.jpg"
    try:
        with ExitStack() as stack:
            if spec.source is None:
                size, rate = SIZES[spec.aspect_ratio], FRAME_RATE
                frames = _generate(spec, size, rate)
            else:
                reader = stack.enter_context(VideoReader(spec.source))
                size, rate = reader.size, reader.rate
                source = stack.enter_context(closing(reader.frames()))
                beginning = islice(source, round(MAX_SOURCE_SECONDS * rate))
                change = _modify if spec.modify else _extend
                frames = change(spec, beginning, size, rate)
            labelled = _label(frames, size, rate, thumbnail, stop)
            write(video, labelled, size, rate, {"title": spec.prompt, "comment": COMMENT})
    except BaseException:
        discard(video)
        discard(thumbnail)
        raise
    return Film(video, thumbnail, *size)


def _label(
    frames: Iterator[Array], size: tuple[int, int], rate: Fraction, thumbnail: Path, stop: Callable[[], bool]
) -> Iterator[Array]:
    """Label every frame as simulated, and save an early one as the thumbnail."""
    label = simulated_label(size)
    for index, frame in enumerate(frames):
        if stop():
            raise Stopped
        label.stamp(frame)
        # The first frame is the thumbnail of a film that is too short to have a later one.
        if index in (0, round(THUMBNAIL_SECONDS * rate)):
            save_jpeg(thumbnail, frame)
        yield frame


def _generate(spec: FilmSpec, size: tuple[int, int], rate: Fraction) -> Iterator[Array]:
    start = _read_image("start", spec.start_image, size)
    end = _read_image("end", spec.end_image, size)
    if spec.loop and end is None:
        end = start
    prompt_caption = caption(spec.prompt, size)
    for frame in _new_frames(spec, start, end, size, rate):
        prompt_caption.stamp(frame)
        yield frame


def _extend(spec: FilmSpec, source: Iterator[Array], size: tuple[int, int], rate: Fraction) -> Iterator[Array]:
    last = np.zeros((size[1], size[0], 3), np.float32)
    end = _read_image("end", spec.end_image, size)
    for frame in source:
        last = frame.copy()
        yield frame
    prompt_caption = caption(spec.prompt, size)
    _, fade = _frame_counts(spec, rate)
    for index, frame in enumerate(_new_frames(spec, last, end, size, rate), 1):
        prompt_caption.stamp(frame, _smoothstep(2 * index / fade - 1))  # once the old caption has faded
        yield frame


def _new_frames(
    spec: FilmSpec, start: Array | None, end: Array | None, size: tuple[int, int], rate: Fraction
) -> Iterator[Array]:
    """Yield the prompt's scene, cross-faded from the start picture and into the end picture where there are any."""
    scene = Scene(SceneStyle.from_prompt(spec.prompt), size, spec.loop, spec.enhancement)
    count, fade = _frame_counts(spec, rate)
    for index in range(count):
        frame = scene.frame(index / count)
        if start is not None:
            frame += (start - frame) * (1 - _smoothstep(index / fade))
        if end is not None:
            frame += (end - frame) * (1 - _smoothstep((count - 1 - index) / fade))
        yield frame


def _frame_counts(spec: FilmSpec, rate: Fraction) -> tuple[int, float]:
    """Return how many frames are new, and over how many a picture fades: never so many that it reaches the far end."""
    count = max(round(spec.seconds * rate), 1)
    return count, float(min(FADE_SECONDS * rate, max(count - 1, 1)))


def _modify(spec: FilmSpec, source: Iterator[Array], size: tuple[int, int], rate: Fraction) -> Iterator[Array]:
    """Yield the source in the colours, light and weather of the prompt."""
    style = SceneStyle.from_prompt(spec.prompt)
    colours = _colours_by_brightness(style)
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / min(size)
    sunbeam = (0.6 * np.exp(-(x**2 + 1.6 * y**2) / 0.5))[..., None].astype(np.float32) * (style.light - 50)
    fog = Fog(style, size)
    fog_strength = 0.7 if "fog" in style.weather else 0.2
    overlays = [caption(spec.prompt, size)]
    if spec.watermark:
        overlays.append(watermark(spec.watermark, size))
    for index, frame in enumerate(source):
        seconds = float(index / rate)
        _erase_caption(frame, size)
        # Integers, as a float product may round differently from run to run; the weights are those of BT.601.
        red, green, blue = np.moveaxis(frame.astype(np.uint16), 2, 0)
        recoloured = colours[(77 * red + 150 * green + 29 * blue) >> 8]
        frame += (recoloured - frame) * 0.75
        frame += sunbeam * np.float32(0.85 + 0.15 * np.sin(seconds))
        fog.draw(frame, seconds / 16, fog_strength)
        for overlay in overlays:
            overlay.stamp(frame)
        yield frame


def _read_image(which: str, data: bytes | None, size: tuple[int, int]) -> Array | None:
    """Return the picture that a film begins or ends with, where one was given."""
    if data is None:
        return None
    try:
        return still(data, size)
    except UnreadableImage as error:
        raise UnusableImage(which, error) from error


def _colours_by_brightness(style: SceneStyle) -> Array:
    """Return a colour for each of the 256 levels of brightness, dark to light."""
    steps = np.array([style.foreground * 0.8, style.sky, (style.sky + style.horizon) / 2, style.light])
    channels = [np.interp(range(256), (0, 100, 165, 245), steps[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def _erase_caption(frame: Array, size: tuple[int, int]) -> None:
    """Paint over the source's own caption, which the new one would be drawn over, with the colours above it."""
    band = caption_height(size)
    above = Image.fromarray(frame[-band - 12 : -band].astype(np.uint8)).resize((6, 1), Image.Resampling.BOX)
    frame[-band:] = np.asarray(above.resize((size[0], band), Image.Resampling.BICUBIC))


def _smoothstep(x: float) -> float:
    """Return 0 for x <= 0, 1 for x >= 1, and a smooth curve between."""
    x = min(max(float(x), 0.0), 1.0)
    return x * x * (3 - 2 * x)
