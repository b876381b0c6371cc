"""Shots for films: tiny videos and pictures of one colour each; and what a film shows, by decoding it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from luma_jupyter.films.making import FilmPlan, make_film, plan_film
from luma_jupyter.films.spec import FilmPart, FilmSpec

Pixels = NDArray[np.uint8]  # (height, width, 3)
Colour = tuple[int, int, int]
RED, GREEN, BLUE, WHITE, BLACK = (200, 30, 30), (30, 180, 30), (30, 30, 200), (235, 235, 235), (0, 0, 0)
SIZE, RATE = (64, 36), 24
_NEAR = 14  # of 255: what encoding and converting may change of a colour


def shot(
    path: Path,
    colour: Colour = RED,
    frames: int = 12,
    *,
    size: tuple[int, int] = SIZE,
    rate: Fraction | int = RATE,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    sound: bool = False,
    counted: bool = False,
    times: Sequence[int] | None = None,
    **stream_settings: object,
) -> Path:
    """A video of one colour; its container is the one of the suffix.

    ``counted``: frame n is grey, 16 + 4n, instead. ``times`` are those of its frames in milliseconds, where they are
    not even. ``sound``: with a tone.
    """
    kind = {".mkv": "matroska", ".webm": "webm"}.get(path.suffix, "mp4")
    settings = {"crf": "12", "threads": "1", "preset": "ultrafast"} if codec == "libx264" else {}
    movflags = {"movflags": "+faststart"} if kind == "mp4" else {}
    with av.open(str(path), "w", format=kind, options=movflags) as container:
        stream = container.add_stream(codec, rate=rate, options=settings | (options or {}))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for name, value in stream_settings.items():
            setattr(stream, name, value)
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
        pixels = np.full((size[1], size[0], 3), colour, np.uint8)
        for number in range(frames):
            if counted:
                pixels[:] = 16 + 4 * number
            frame = av.VideoFrame.from_ndarray(pixels)
            if times:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone:
            moments = np.arange(round(48_000 * frames / rate)) / 48_000
            wave = (0.3 * np.sin(2 * np.pi * 440 * moments)).astype(np.float32)
            samples = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            samples.sample_rate = 48_000
            container.mux(tone.encode(samples))
            container.mux(tone.encode(None))
    return path


def picture(path: Path, colour: Colour = GREEN, size: tuple[int, int] = SIZE) -> Path:
    """A picture of one colour."""
    Image.new("RGB", size, colour).save(path)
    return path


def animation(path: Path, colours: Sequence[Colour] = (RED, BLUE), milliseconds: int = 250) -> Path:
    """A GIF or WebP that shows one colour after the other."""
    first, *rest = (Image.new("RGB", SIZE, colour) for colour in colours)
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return path


def part(path: Path, **options: object) -> FilmPart:
    """A part of a film, called like its file."""
    return FilmPart(path=path, label=path.stem, **options)  # type: ignore[arg-type]


def film(target: Path, *parts: FilmPart, **options: object) -> tuple[FilmPlan, Shown]:
    """Plan and make a film of some parts, and decode it."""
    plan = plan_film(FilmSpec(parts=parts, **options))  # type: ignore[arg-type]
    make_film(plan, target, lambda share: None)
    return plan, Shown.of(target)


@dataclass(frozen=True)
class Shown:
    """What a film shows: each frame's time in seconds, its middle's colour, and its pixels; and of its packets, when
    they are decoded and shown."""

    times: tuple[Fraction, ...]
    pixels: tuple[Pixels, ...]
    packets: tuple[tuple[Fraction, Fraction], ...]
    length: Fraction
    samples: int

    @classmethod
    def of(cls, path: Path) -> Shown:
        """Decode all of a film."""
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            tick = Fraction(stream.time_base)
            assert stream.duration
            length = stream.duration * tick
            reformatter = VideoReformatter()  # one for all: to set it up takes ten times as long as a small frame
            frames = [(frame.pts * tick, _as_seen(frame, reformatter)) for frame in container.decode(stream)]
        with av.open(str(path)) as container:
            packets = [(p.dts * tick, p.pts * tick) for p in container.demux(video=0) if p.dts is not None]
        with av.open(str(path)) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0)) if container.streams.audio else 0
        return cls(
            tuple(time for time, _ in frames), tuple(pixels for _, pixels in frames), tuple(packets), length, samples
        )

    def colour(self, number: int, row: int | None = None, column: int | None = None) -> Colour:
        """The colour of a frame, in its middle or elsewhere."""
        height, width, _ = self.pixels[number].shape
        place = height // 2 if row is None else row, width // 2 if column is None else column
        red, green, blue = (int(value) for value in self.pixels[number][place])
        return red, green, blue


def _as_seen(frame: av.VideoFrame, reformatter: VideoReformatter) -> Pixels:
    """A frame as players show it: BT.709 where it says so, else BT.601."""
    matrix = Colorspace.ITU709 if frame.colorspace == 1 else Colorspace.ITU601
    return reformatter.reformat(frame, format="rgb24", src_colorspace=matrix).to_ndarray()


def is_near(one: Colour, other: Colour) -> bool:
    """Whether two colours are the same but for what encoding changes."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _NEAR
