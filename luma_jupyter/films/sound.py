"""The sound of a film: that of its parts, in order, with music under and a voice over it; made block by block.

* Parts that overlap are cross-faded with equal power. A part without sound is silent.
* Music begins with the film, is repeated until the film's end, and is faded out there. A voice begins with the film, is
  heard once, and ends with the film at the latest.
* Music and voice are first made equally loud, whatever their files are; then the music is lower wherever there is voice
  or sound of the parts. The whole has −16 LUFS (EBU R128) and true peaks of at most −1 dB. What is silent, or shorter
  than 0.4 s, is not made louder.
* Without music and voice, parts are as loud as they are.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from luma_jupyter.films.loudness import SILENCE, decibels, measure
from luma_jupyter.films.sound_files import RATE, Samples, check_sound, decode_sound, without_sound
from luma_jupyter.films.sound_filters import SoundFilter, through
from luma_jupyter.films.spec import Report, SoundPart

LOUDNESS = -16.0  # LUFS, of a film with music or voice
_VOICE_LOUDNESS = -16.0  # LUFS, of each alone, before they are put together
_MUSIC_LOUDNESS = -20.0
_MUSIC_FADE = 2  # seconds; half of a film that is shorter than two of them
# From −34 dB of voice and parts on, music is lower by three quarters of what they are above that.
_DUCKING = ("sidechaincompress", "threshold=0.02:ratio=4:attack=50:release=600")
_HIGHEST = decibels(-2)  # what is between the samples may be 0.7 dB above twice as many of them (ITU-R BS.1770)
_LIMITER = (
    ("aresample", f"{2 * RATE}"),
    ("alimiter", f"limit={_HIGHEST:.4f}:level=0:latency=1"),
    ("aresample", f"{RATE}"),
)
_NEAR = 0.3  # LU: this near to `LOUDNESS` is near enough
_MOST_PASSES = 3  # in which the loudness is looked for where peaks are limited
_MOST_LIMITED = decibels(20)  # by which peaks are held down; with more, the limiter lets some through


class FilmSound:
    """The sound of a film of ``length`` seconds, of parts that say where in it they are.

    Raises InvalidRequest at once for music and voice that are no sound files; for damaged ones, and for parts, when the
    blocks are made.
    """

    def __init__(
        self, parts: Sequence[SoundPart], length: Fraction, music: Path | None = None, voice: Path | None = None
    ) -> None:
        for name, path in (("music", music), ("voice", voice)):
            if path:
                check_sound(name, path)
        self._parts = sorted((part for part in parts if part.path), key=lambda part: part.at)
        self._count = round(length * RATE)
        self._music = music
        self._voice = voice

    def blocks(self, report: Report | None = None) -> Iterator[Samples]:
        """Yield (2, n), float32, at 48 kHz, in blocks of a second; together round(length · 48000) samples.

        ``report`` is told how much is measured, before the first block: only a film with music or voice needs that.
        """
        if not (self._music or self._voice):
            return self._own()
        return self._levelled(_Progress(report, self._count * (1 + bool(self._music) + bool(self._voice))))

    def _levelled(self, progress: _Progress) -> Iterator[Samples]:
        voice, music = self._voice_factor(progress), self._music_factor(progress)
        factor = _factor_to_loudness(lambda: progress.of(self._mixed(voice, music)))
        yield from _in_seconds(_limited(self._mixed(voice, music), factor), self._count)

    def _mixed(self, voice_factor: float, music_factor: float) -> Iterator[Samples]:
        """All of it, neither normalised nor limited."""
        ducking = SoundFilter(_DUCKING, inputs=2)
        for own, voice, music in zip(self._own(), self._voice_blocks(), self._music_blocks(), strict=True):
            over = own + voice_factor * voice
            under = np.concatenate(list(ducking.push(music_factor * music, over)), axis=1)
            yield over + under

    def _own(self) -> Iterator[Samples]:
        """The parts, cross-faded."""
        waiting = deque(self._parts)
        playing: list[_Playing] = []
        for begin, end in _seconds(self._count):
            while waiting and round(waiting[0].at * RATE) < end:
                playing.append(_Playing(waiting.popleft()))
            block = np.zeros((2, end - begin), np.float32)
            for part in playing:
                part.add_to(block, begin)
            playing = [part for part in playing if part.end > end]
            yield block

    def _voice_blocks(self) -> Iterator[Samples]:
        return _in_seconds(decode_sound(self._voice, name="voice") if self._voice else (), self._count)

    def _voice_factor(self, progress: _Progress) -> float:
        return _factor(progress.of(self._voice_blocks()), _VOICE_LOUDNESS) if self._voice else 1.0

    def _music_blocks(self) -> Iterator[Samples]:
        """The music, repeated, with its end faded out."""
        fade = min(_MUSIC_FADE * RATE, self._count // 2)
        begin = 0
        for block in _in_seconds(_repeated("music", self._music) if self._music else (), self._count):
            end = begin + block.shape[1]
            yield block * _fade(self._count - np.arange(begin, end), fade)
            begin = end

    def _music_factor(self, progress: _Progress) -> float:
        return _factor(progress.of(self._music_blocks()), _MUSIC_LOUDNESS) if self._music else 1.0


class _Playing:
    """A part that is heard: from which sample of the film to which, and what of it comes next."""

    def __init__(self, part: SoundPart) -> None:
        assert part.path
        self._begin = round(part.at * RATE)
        self.end = round((part.at + part.length) * RATE)
        self._rising = round((part.at + part.fade_in) * RATE) - self._begin
        self._falling = self.end - round((part.at + part.length - part.fade_out) * RATE)
        pieces = decode_sound(part.path, part.start)
        self._reader = _Reader(pieces if part.speed == 1 else _at_speed(pieces, part.speed))

    def add_to(self, block: Samples, at: int) -> None:
        """Add what is heard of it from a sample of the film on."""
        begin, end = max(at, self._begin), min(at + block.shape[1], self.end)
        moments = np.arange(begin, end)
        gain = _fade(moments - self._begin + 1, self._rising) * _fade(self.end - moments, self._falling)
        block[:, begin - at : end - at] += self._reader.take(end - begin) * gain


class _Reader:
    """Pieces of sound, of any length, as blocks of the length that is wanted; after their end, silence."""

    def __init__(self, pieces: Iterable[Samples]) -> None:
        self._pieces = iter(pieces)
        self._left = np.zeros((2, 0), np.float32)

    def take(self, count: int) -> Samples:
        found, held = [self._left], self._left.shape[1]
        while held < count and (piece := next(self._pieces, None)) is not None:
            found.append(piece)
            held += piece.shape[1]
        found.append(np.zeros((2, max(count - held, 0)), np.float32))
        whole = np.concatenate(found, axis=1)
        self._left = whole[:, count:]
        return whole[:, :count]


class _Progress:
    """Tells how many of so many samples are done; more may come than were thought of."""

    def __init__(self, report: Report | None, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0

    def of(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self._done += block.shape[1]
            if self._report:
                self._report(min(self._done / self._total, 1.0))
            yield block


def _seconds(count: int) -> Iterator[tuple[int, int]]:
    """So many samples as seconds: from which to which; the last is what is left."""
    return ((begin, min(begin + RATE, count)) for begin in range(0, count, RATE))


def _in_seconds(pieces: Iterable[Samples], count: int) -> Iterator[Samples]:
    """Blocks of a second, of so many samples in all: cut, or filled up with silence."""
    reader = _Reader(pieces)
    return (reader.take(end - begin) for begin, end in _seconds(count))


def _fade(steps: NDArray[np.int_], length: int) -> Samples:
    """The factors of a fade at steps 1 to ``length`` from its silent side; 1 beyond it."""
    if min(steps[0], steps[-1]) > length:
        return np.ones(1, np.float32)
    return np.sin(np.pi / 2 * np.clip((steps - 0.5) / length, 0, 1)).astype(np.float32)


def _repeated(name: str, path: Path) -> Iterator[Samples]:
    while True:
        empty = True
        for piece in decode_sound(path, name=name):
            empty = False
            yield piece
        if empty:  # it was not when it was checked
            raise without_sound(name, path)


def _at_speed(pieces: Iterable[Samples], speed: float) -> Iterator[Samples]:
    """A sound that is faster, at the same pitch. The filter is best from half to twice, and keeps its last bit back."""
    chain = []
    while not 0.5 <= speed <= 2:
        step = 2.0 if speed > 2 else 0.5
        chain.append(("atempo", str(step)))
        speed /= step
    return through(itertools.chain(pieces, [np.zeros((2, RATE), np.float32)]), *chain, ("atempo", str(speed)))


def _limited(blocks: Iterable[Samples], factor: float) -> Iterator[Samples]:
    """A sound that is louder by a factor, with its peaks held down."""
    return through((block * np.float32(factor) for block in blocks), *_LIMITER)


def _factor(blocks: Iterable[Samples], loudness: float) -> float:
    """What makes a sound so loud, in LUFS; 1 for silence."""
    found, _ = measure(blocks)
    return 1.0 if found <= SILENCE else decibels(loudness - found)


def _factor_to_loudness(blocks: Callable[[], Iterator[Samples]]) -> float:
    """What makes a sound `LOUDNESS` once its peaks are limited, which takes from it; or as near as can be."""
    found, peak = measure(blocks())
    if found <= SILENCE:
        return 1.0
    most = _HIGHEST * _MOST_LIMITED / peak
    factor = min(decibels(LOUDNESS - found), most)
    for _ in range(_MOST_PASSES):
        if factor * peak <= _HIGHEST:
            break
        found, _peak = measure(_limited(blocks(), factor))
        if abs(found - LOUDNESS) <= _NEAR or factor == most:
            break
        factor = min(factor * decibels(LOUDNESS - found), most)
    return factor
