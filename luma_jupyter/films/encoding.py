"""Frames and sound to packets: H.264 and AAC. On one machine and version, equal frames give equal bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from av import AudioFrame, Packet, VideoFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.films.sound_files import RATE as SOUND_RATE
from luma_jupyter.operating_system import processor
from luma_jupyter.video.codec import AAC_OPTIONS

_SOUND_BITS = 160_000  # a second
_BT709, _LIMITED = 1, 1  # as ISO/IEC 23091-2 numbers them; FFmpeg's own number for the range
_PRESET, _CRF = "veryfast", "23"
_THREADS = 2  # another count gives other bytes


def add_video(container: OutputContainer, plan: FilmPlan) -> VideoStream:
    """A stream of H.264 in a new file, tagged as BT.709."""
    stream = container.add_stream("libx264", rate=plan.rate, options=_options())
    stream.width, stream.height = plan.size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / plan.rate
    context.color_range = _LIMITED
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    return stream


def video_packets(stream: VideoStream, frames: Iterable[VideoFrame], rate: Fraction) -> Iterator[Packet[Any]]:
    """Encode frames, one each 1/``rate`` seconds."""
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, 1 / rate
        frame.pict_type = 0  # else x264 makes of a frame what it was in its file
        yield from stream.encode(frame)
    yield from stream.encode(None)


def add_sound(container: OutputContainer) -> AudioStream:
    """A stream of AAC in a new file, stereo."""
    stream = container.add_stream("aac", rate=SOUND_RATE, layout="stereo", options=AAC_OPTIONS)
    stream.bit_rate = _SOUND_BITS
    return stream


def sound_packets(stream: AudioStream, blocks: Iterable[NDArray[np.float32]]) -> Iterator[Packet[Any]]:
    """Encode blocks of sound, each (2, samples)."""
    count = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE, Fraction(1, SOUND_RATE), count
        count += block.shape[1]
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _options() -> dict[str, str]:
    options = {"preset": _PRESET, "crf": _CRF, "threads": str(_THREADS)}
    if processor() == "x86_64" and _has_avx512():
        options["x264-params"] = "asm=AVX2"  # with AVX-512, films differ from run to run at several sizes
    return options


def _has_avx512() -> bool:
    """Whether this processor has AVX-512, by what numpy has found."""
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])  # left out where it found none
    return any(name.startswith("AVX512") or name == "X86_V4" for name in found)
