"""Sound through FFmpeg's filters, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.filter import Graph

from luma_jupyter.films.sound_files import RATE, Samples, samples_of

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.filter.context import FilterContext

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

    def push(self, *blocks: Samples) -> Iterator[Samples]:
        """What comes out when one block, of the same length each, goes into each input."""
        for source, block in zip(self._sources, blocks, strict=True):
            source.push(_sound_frame(block, self._pushed))
        self._pushed += blocks[0].shape[1]
        return map(samples_of, pulled(self._sink))

    def end(self) -> Iterator[Samples]:
        """What is left in the filters."""
        for source in self._sources:
            source.push(None)
        return map(samples_of, pulled(self._sink))


def pulled(sink: FilterContext) -> Iterator[Any]:
    """The frames that a filter has ready."""
    while True:
        try:
            yield sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):  # nothing now, and nothing more
            return


def sound_frames(blocks: Iterable[Samples]) -> Iterator[AudioFrame]:
    """Sound as PyAV takes it."""
    at = 0
    for block in blocks:
        yield _sound_frame(block, at)
        at += block.shape[1]


def _sound_frame(block: Samples, at: int) -> AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
    frame.sample_rate, frame.time_base, frame.pts = RATE, _TIME_BASE, at
    return frame


def through(blocks: Iterable[Samples], *chain: tuple[str, str]) -> Iterator[Samples]:
    """Yield a sound as a chain of filters leaves it."""
    sound_filter = SoundFilter(*chain)
    for block in blocks:
        yield from sound_filter.push(block)
    yield from sound_filter.end()
