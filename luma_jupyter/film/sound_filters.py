"""Sound through FFmpeg's filters, block by block; and how loud it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.filter import Graph

from luma_jupyter.film.sound_files import RATE, Samples, samples_of

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

SILENCE = -70.0  # LUFS, which EBU R128 reads where there is nothing, or less than 0.4 s
_TIME_BASE = Fraction(1, RATE)


class SoundFilter:
    """A chain of filters, each a name and its options; the first may take several sounds."""

    def __init__(self, *chain: tuple[str, str], inputs: int = 1) -> None:
        self._graph = Graph()  # its parts do not keep it alive
        self._sources = [
            self._graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo", time_base=_TIME_BASE)
            for _ in range(inputs)
        ]
        nodes = [self._graph.add(name, options) for name, options in chain]
        nodes.append(self._graph.add("aformat", f"sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo"))
        self._sink = self._graph.add("abuffersink")
        for number, source in enumerate(self._sources):
            source.link_to(nodes[0], 0, number)
        self._graph.link_nodes(*nodes, self._sink)
        self._graph.configure()
        self._pushed = 0

    def push(self, *blocks: Samples) -> Iterator[AudioFrame]:
        """What comes out when one block, of the same length each, goes into each input."""
        for source, block in zip(self._sources, blocks, strict=True):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base, frame.pts = RATE, _TIME_BASE, self._pushed
            source.push(frame)
        self._pushed += blocks[0].shape[1]
        return self._pulled()

    def end(self) -> Iterator[AudioFrame]:
        """What is left in the filters."""
        for source in self._sources:
            source.push(None)
        return self._pulled()

    def _pulled(self) -> Iterator[AudioFrame]:
        while True:
            try:
                frame = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):  # nothing now, and nothing more
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame


def through(blocks: Iterable[Samples], *chain: tuple[str, str]) -> Iterator[Samples]:
    """Yield a sound as a chain of filters leaves it."""
    sound_filter = SoundFilter(*chain)
    for block in blocks:
        for frame in sound_filter.push(block):
            yield samples_of(frame)
    for frame in sound_filter.end():
        yield samples_of(frame)


def measure(blocks: Iterable[Samples]) -> tuple[float, float]:
    """How loud a sound is in LUFS (EBU R128, integrated), `SILENCE` at least; and its highest sample."""
    meter = SoundFilter(("ebur128", "metadata=1"))
    loudness, peak = SILENCE, 0.0
    for block in blocks:
        peak = max(peak, float(np.abs(block).max(initial=0)))
        for frame in meter.push(block):
            loudness = float(frame.metadata.get("lavfi.r128.I", loudness))
    for frame in meter.end():
        loudness = float(frame.metadata.get("lavfi.r128.I", loudness))
    return max(loudness, SILENCE), peak


def decibels(level: float) -> float:
    """The factor that so many decibels are."""
    return float(10 ** (level / 20))
