"""Sounds and small films for tests: written with PyAV, and measured with FFmpeg's own meter."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

RATE = 48_000
Sound = NDArray[np.float32]


def tone(seconds: float, hz: float = 440, level: float = 0.25, channels: int = 2, rate: int = RATE) -> Sound:
    """A sine of a level, -1 to 1: (channels, samples)."""
    moments = np.arange(round(seconds * rate)) / rate
    return np.tile((level * np.sin(2 * np.pi * hz * moments)).astype(np.float32), (channels, 1))


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Sound:
    """White noise, in stereo."""
    values = np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))
    return (level * values).clip(-1, 1).astype(np.float32)


def silence(seconds: float) -> Sound:
    """Nothing, in stereo."""
    return np.zeros((2, round(seconds * RATE)), np.float32)


def write_sound(
    path: Path, sound: Sound, codec: str = "pcm_f32le", rate: int = RATE, layout: str = "stereo", format: str = ""
) -> Path:
    """Write a sound file; its suffix says the format where nothing else does."""
    with av.open(str(path), "w", format=format or None) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        container.mux([*stream.encode(sound_frame(sound, rate, layout)), *stream.encode(None)])
    return path


def sound_frame(sound: Sound, rate: int = RATE, layout: str = "stereo", at: int = 0) -> av.AudioFrame:
    """A sound as PyAV takes it, from a sample on."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), format="fltp", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
    return frame


def write_film(
    path: Path,
    greys: Iterable[int],
    sound: Sound | None = None,
    *,
    late: float = 0.0,
    begin: float = 0.0,
    size: tuple[int, int] = (64, 32),
    rate: int = 10,
) -> Path:
    """Write an MP4 of ten frames a second, one of each grey, and a sound, which begin at ``begin`` and ``late``."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "qp": "0", "g": "10"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="stereo") if sound is not None else None
        for number, grey in enumerate(greys):
            pixels = np.full((size[1], size[0], 3), grey, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = round(begin * rate) + number, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio and sound is not None:
            container.mux([*audio.encode(sound_frame(sound, at=round(late * RATE))), *audio.encode(None)])
    return path


def rms(sound: Sound) -> float:
    """How strong a sound is, in decibels of what is possible; silence is -200."""
    return float(20 * np.log10(np.sqrt(np.mean(sound.astype(np.float64) ** 2)) + 1e-10))


def strength(sound: Sound, hz: float) -> float:
    """How strong one frequency is in a sound, in decibels."""
    moments = np.arange(sound.shape[1]) / RATE
    window = np.hanning(sound.shape[1])
    return float(
        20 * np.log10(abs(np.sum(sound[0] * window * np.exp(-2j * np.pi * hz * moments))) / window.sum() + 1e-10)
    )


def metered(sound: Sound) -> dict[str, float]:
    """What FFmpeg's meter says of a sound: ``loudness`` in LUFS, ``peak`` as the true peak in decibels."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE))
    sink = graph.add("abuffersink")
    graph.link_nodes(source, graph.add("ebur128", "metadata=1:peak=true"), sink).configure()
    source.push(sound_frame(sound))
    source.push(None)
    found: dict[str, str] = {}
    for frame in _pulled(sink):
        found |= frame.metadata
    peaks = (float(found.get(f"lavfi.r128.true_peaks_ch{channel}", 0)) for channel in (0, 1))
    return {"loudness": float(found.get("lavfi.r128.I", -70)), "peak": 20 * np.log10(max(*peaks, 1e-10))}


def _pulled(sink: Any) -> Iterable[Any]:
    while True:
        try:
            yield sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
