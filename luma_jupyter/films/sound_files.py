"""Sound files and the sound of videos, decoded: any rate, layout and sample format becomes stereo at 48 kHz."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.languages import N_

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

Samples: TypeAlias = NDArray[np.float32]  # (2, n): left and right, -1 to 1
RATE = 48_000  # samples a second

# FFmpeg's demuxers that read one file and nothing else: a playlist could make it open other files and addresses.
_DEMUXERS = (
    *("aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "eac3", "flac", "flv", "gif", "m4a", "matroska"),
    *("mov", "mp3", "mpeg", "mpegts", "ogg", "tta", "w64", "wav", "webm", "wv"),
)
_OPTIONS = {"format_whitelist": ",".join(_DEMUXERS), "protocol_whitelist": "file"}
_PREROLL = 0.25  # seconds: decoders need what was before a moment, to be right at that moment
_JITTER = RATE // 20  # samples by which time stamps may be off, as those of Matroska, which count milliseconds
_MOST_LOST = 1.0  # seconds of a file that cannot be decoded, and are silent; with more it counts as damaged


def check_sound(name: str, path: Path) -> None:
    """Refuse a file that is not there, cannot be read as sound, or has none; ``name`` is what the user calls it.

    Raises InvalidRequest.
    """
    with closing(decode_sound(path, name=name)) as pieces:
        if next(pieces, None) is None:
            raise without_sound(name, path)


def without_sound(name: str, path: Path) -> InvalidRequest:
    """The error of a file that has no sound."""
    return _refused(name, path, N_("it has no sound in it"))


def decode_sound(path: Path, start: float | None = None, *, name: str | None = None) -> Generator[Samples, None, None]:
    """Yield the sound of a file up to its end; nothing where it has none.

    ``start`` is a moment in the file's own time, in seconds; without one, it begins with the first sample. While the
    file has no sound, there is silence. ``name`` is what the user calls a file that was given for its sound alone.
    Raises InvalidRequest for a file that cannot be read, or is damaged.
    """
    with _opened(name, path) as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            return
        if start is None:
            start = (stream.start_time or 0) * _tick(stream)
        elif start > _PREROLL:
            container.seek(int((start - _PREROLL) / _tick(stream)), stream=stream)
        yield from _placed(_resampled(_frames(name, path, container, stream)), start)


@contextmanager
def _opened(name: str | None, path: Path) -> Iterator[InputContainer]:
    if not path.is_file():
        what = name or N_("A part")
        raise InvalidRequest(f"{what}: there is no file {str(path)!r}.")
    try:
        # "file:", or a colon in a name would be one of FFmpeg's protocols.
        with av.open(f"file:{path}", "r", options=dict(_OPTIONS)) as container:
            yield container
    except av.error.FFmpegError as error:
        raise _refused(name, path, N_(f"it cannot be read as sound ({error.strerror})")) from None


def _refused(name: str | None, path: Path, reason: str) -> InvalidRequest:
    file = path.name
    if name is None:
        return InvalidRequest(f"The sound of {file} cannot be used: {reason}. Download or save it again.")
    return InvalidRequest(
        f"{name}: {file} cannot be used: {reason}. Give an mp3, m4a, wav, ogg or flac file, or a video with sound."
    )


def _tick(stream: AudioStream) -> float:
    """What a stream counts its time in, in seconds."""
    assert stream.time_base  # of a file that was opened
    return float(stream.time_base)


def _frames(name: str | None, path: Path, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """The decoded frames; a few that cannot be decoded are left out."""
    lost = 0.0
    for packet in container.demux(stream):
        frames: list[AudioFrame] = []
        try:
            frames = packet.decode()
        except av.error.FFmpegError:  # decoders have many
            lost += float(packet.duration or 0) * _tick(stream)
        if packet.is_corrupt or lost > _MOST_LOST:
            raise _refused(name, path, N_("it is damaged or not whole"))
        yield from frames


def _resampled(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    """Frames as stereo at `RATE`, also where a file changes its kind of sound in the middle."""
    resampler, kind = av.AudioResampler("fltp", "stereo", RATE), None
    for frame in frames:
        if kind not in (None, new := (frame.format.name, frame.layout.name, frame.sample_rate)):
            yield from resampler.resample(None)
            resampler = av.AudioResampler("fltp", "stereo", RATE)
        kind = new
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _placed(frames: Iterable[AudioFrame], start: float) -> Iterator[Samples]:
    """The samples from a moment on, each where its time stamp says: gaps are silence, what comes twice is dropped."""
    reached = 0
    for frame in frames:
        samples = samples_of(frame)
        off = 0 if frame.time is None else round((frame.time - start) * RATE) - reached
        if reached and abs(off) <= _JITTER:
            off = 0
        yield from _silence(max(off, 0))
        samples = samples[:, max(-off, 0) :]
        if samples.shape[1]:
            yield samples
        reached += max(off, 0) + samples.shape[1]


def samples_of(frame: AudioFrame) -> Samples:
    """The samples of a frame that is stereo and float already."""
    return np.asarray(frame.to_ndarray(), np.float32)


def _silence(count: int) -> Iterator[Samples]:
    """So many silent samples, at most a second at once."""
    while count > 0:
        yield np.zeros((2, min(count, RATE)), np.float32)
        count -= RATE
