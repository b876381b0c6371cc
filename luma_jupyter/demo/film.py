"""Films, frame by frame: a generated one, an extended one, a modified one.

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

from luma_jupyter.demo.overlays import caption, caption_height, simulated_label, watermark, without_label
from luma_jupyter.demo.palette import Look
from luma_jupyter.demo.shot import Shot
from luma_jupyter.demo.sound import sound
from luma_jupyter.demo.takes import FIRST, Take, look_of
from luma_jupyter.operating_system import discard
from luma_jupyter.video.codec import Pixels, UnreadableImage, VideoReader, save_jpeg, still, write

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
THUMBNAIL_SECONDS = 1.5
CAPTION_GAP, CAPTION_FADE = 0.1, 0.3  # seconds at either end without a caption, and in which it comes and goes
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
    take: Take = FIRST

    @property
    def look(self) -> Look:
        """What all that the prompt leaves open comes to in this take."""
        return look_of(self.prompt, self.take)


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
                frames = _generate(spec, size)
            else:
                reader = stack.enter_context(VideoReader(spec.source))
                size, rate = reader.size, max(reader.rate, Fraction(1, MAX_SOURCE_SECONDS))
                source = stack.enter_context(closing(reader.frames()))
                beginning = islice(source, round(MAX_SOURCE_SECONDS * rate))
                if spec.modify:
                    frames = _modify(spec, beginning, size, rate, reader.comment == COMMENT)
                else:
                    frames = _extend(spec, beginning, size, rate)
            labelled = _label(frames, size, rate, thumbnail, stop)
            texts = {"title": spec.prompt, "comment": COMMENT}
            write(video, labelled, size, rate, texts, lambda seconds: sound(spec.look, seconds))
    except BaseException:
        discard(video)
        discard(thumbnail)
        raise
    return Film(video, thumbnail, *size)


def _label(
    frames: Iterator[Pixels], size: tuple[int, int], rate: Fraction, thumbnail: Path, stop: Callable[[], bool]
) -> Iterator[Pixels]:
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


def _generate(spec: FilmSpec, size: tuple[int, int]) -> Iterator[Pixels]:
    start = _read_image("start", spec.start_image, size)
    end = _read_image("end", spec.end_image, size)
    if spec.loop and start and not end:
        end = start
    shot = Shot(spec.prompt, spec.look, size, spec.loop, spec.enhancement, start, end)
    count = _count(spec, FRAME_RATE)
    steps = count if spec.loop and not (start or end) else max(count - 1, 1)  # a loop's last frame is not its first
    return _with_caption(spec, size, FRAME_RATE, count, (shot.frame(index / steps) for index in range(count)))


def _extend(spec: FilmSpec, source: Iterator[Pixels], size: tuple[int, int], rate: Fraction) -> Iterator[Pixels]:
    """Yield the source, then a shot of what is on its last frame."""
    end = _read_image("end", spec.end_image, size)
    last = np.zeros((size[1], size[0], 3), np.uint8)
    for frame in source:
        last = frame.copy()
        yield frame
    start = without_label(Image.fromarray(last))
    shot = Shot(spec.prompt, spec.look, size, vivid=spec.enhancement, start=start, end=end)
    count = _count(spec, rate)
    yield from _with_caption(spec, size, rate, count, (shot.frame(index / count) for index in range(1, count + 1)))


def _modify(
    spec: FilmSpec, source: Iterator[Pixels], size: tuple[int, int], rate: Fraction, ours: bool
) -> Iterator[Pixels]:
    """Yield the source in the prompt's colours, light and weather; ``ours``: it has a caption, which goes."""
    shot = Shot(spec.prompt, spec.look, size)
    overlays = [caption(spec.prompt, size)]
    if spec.watermark:
        overlays.append(watermark(spec.watermark, size))
    for index, frame in enumerate(source):
        if ours:
            _erase_caption(frame, size)
        changed = shot.modified(frame, float(index / rate) / spec.seconds)
        for overlay in overlays:
            overlay.stamp(changed)
        yield changed


def _with_caption(
    spec: FilmSpec, size: tuple[int, int], rate: Fraction, count: int, frames: Iterator[Pixels]
) -> Iterator[Pixels]:
    """Yield frames with the prompt over them, but for the first and the last ones, which others begin and end with."""
    overlay = caption(spec.prompt, size)
    for index, frame in enumerate(frames):
        seconds = float(min(index, count - 1 - index) / rate)
        overlay.stamp(frame, min(max((seconds - CAPTION_GAP) / CAPTION_FADE, 0.0), 1.0))
        yield frame


def _count(spec: FilmSpec, rate: Fraction) -> int:
    """Return how many frames are new."""
    return max(round(spec.seconds * rate), 1)


def _read_image(which: str, data: bytes | None, size: tuple[int, int]) -> Image.Image | None:
    """Return the picture that a film begins or ends with, where one was given."""
    if data is None:
        return None
    try:
        return without_label(still(data, size))
    except UnreadableImage as error:
        raise UnusableImage(which, error) from error


def _erase_caption(frame: Pixels, size: tuple[int, int]) -> None:
    """Paint over the source's own caption, which the new one would be drawn over, with the colours below it."""
    band = caption_height(size)
    below = Image.fromarray(frame[band : band + 12]).resize((6, 1), Image.Resampling.BOX)
    frame[:band] = np.asarray(below.resize((size[0], band), Image.Resampling.BICUBIC))
