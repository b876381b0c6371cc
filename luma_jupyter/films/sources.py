"""What files are, and whether they are whole: each is read once from end to end before a film is planned.

Videos are MP4, MOV, Matroska and WebM; pictures and animations what Pillow reads. Others are refused by their first
bytes: FFmpeg's playlists, for instance, open other files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films.packets import fraction, survey
from luma_jupyter.films.plan import Source, VideoFormat
from luma_jupyter.films.planes import quarter_turns, seen_size
from luma_jupyter.films.stills import read_picture
from luma_jupyter.films.troubles import damage_told, gone
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import file_mark

_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # the boxes that such files begin with
_MP4_READER, _MATROSKA_READER = "mov", "matroska"  # as FFmpeg calls them
_MATROSKA = b"\x1a\x45\xdf\xa3"
_STILL_BRANDS = (b"avif", b"heic", b"heix", b"mif1")  # of pictures in MP4's clothes
_HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics, as ISO/IEC 23091-2 numbers them


def read_source(label: str, path: Path) -> Source:
    """What a file is; ``label`` is what the user calls it. Raises InvalidRequest."""
    mark = _mark(label, path)
    return _read_video(label, path, mark) if _demuxer(label, path) else read_picture(label, path, mark)


def check_unchanged(label: str, source: Source) -> None:
    """Refuse a file that is not any more what it was when the film was planned. Raises InvalidRequest."""
    if _mark(label, source.path) != source.mark:
        raise InvalidRequest(f"{label} was changed while the film was made: make the film again.")


@contextmanager
def opened(label: str, path: Path, *, decoding: bool = True) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video file to be read, and its picture; where it is not for decoding all frames, in an eighth of the time.

    Raises InvalidRequest, also for what FFmpeg finds while it is read.
    """
    options = {} if decoding else {"skip_frame": "all"}  # else FFmpeg decodes some frames, to tell what they are like
    whole = str(path.absolute())  # FFmpeg takes "x:y" for a protocol
    with damage_told(label), av.open(whole, "r", _demuxer(label, path) or _MP4_READER, options) as container:
        covers = Disposition.attached_pic
        stream = next((one for one in container.streams.video if not one.disposition & covers), None)
        if stream is None:
            raise InvalidRequest(f"{label} has no picture: it cannot be a part of a film.")
        if stream.codec_context is None:
            raise InvalidRequest(f"{label} cannot be decoded by PyAV: save it as MP4 (H.264).")
        stream.thread_count = 1
        yield container, stream


def _mark(label: str, path: Path) -> str:
    try:
        return file_mark(path.stat())
    except OSError as error:
        raise gone(label, error) from None


def _demuxer(label: str, path: Path) -> str | None:
    """FFmpeg's name for what reads a video file; None for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise gone(label, error) from None
    if head[4:8] in _MP4 and head[8:12] not in _STILL_BRANDS:
        return _MP4_READER
    return _MATROSKA_READER if head.startswith(_MATROSKA) else None


def _read_video(label: str, path: Path, mark: str) -> Source:
    with opened(label, path, decoding=False) as (container, stream):
        packets = survey(label, container, stream)
        frame = packets.first_frame
        decoder = stream.codec_context
        if kind := _HDR.get(decoder.color_trc):
            raise InvalidRequest(f"{label} is HDR ({kind}), which a film cannot have: save it as SDR first.")
        rotation = quarter_turns(frame) * 90
        told = stream.sample_aspect_ratio or decoder.sample_aspect_ratio
        sample_ratio = fraction(told) or Fraction(1)
        size = frame.width, frame.height
        format = VideoFormat(
            codec=decoder.name,
            profile=stream.profile,
            size=size,
            pixels=frame.format.name,
            sample_ratio=sample_ratio,
            colours=(decoder.color_range, decoder.color_primaries, decoder.color_trc, decoder.colorspace),
            rotation=rotation,
            rate=packets.rate,
            extradata=bytes(decoder.extradata or b""),
        )
        return Source(
            path=path,
            mark=mark,
            size=seen_size(size, sample_ratio, rotation),
            length=packets.length,
            start=packets.start,
            delay=packets.delay,
            rate=packets.rate,
            has_sound=bool(container.streams.audio),
            format=format,
            uncopied=_why_not_copied(container, format) or packets.uncopied,
        )


def _why_not_copied(container: InputContainer, format: VideoFormat) -> str | None:
    """Why packets go into no film as they are, in words."""
    if container.format.name != _MP4_READER:
        return N_("it is not an MP4 file")  # others round times
    if format.codec != "h264":
        codec = format.codec.upper()
        return N_(f"it is {codec}, which not every browser plays")
    if format.pixels != "yuv420p":
        return N_(f"it is {format.pixels}, which not every browser plays")
    return N_("it is turned when it is shown") if format.rotation else None
