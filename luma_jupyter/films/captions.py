"""Captions: a track in the film (mov_text, which players show), and WebVTT beside it, which browsers show.

FFmpeg's encoder takes text for ASS, where ``\\n`` and ``{\\i1}`` mean something. So the samples of the track are
written here, as 3GPP TS 26.245 has them: the number of bytes (16 bits), and the text.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

from luma_jupyter.films.spec import Cue

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.subtitles.stream import SubtitleStream

_TIME_BASE = Fraction(1, 1000)
_MOST_BYTES = 0xFFFF
# What the encoder makes the track's description of: white on black, in the middle at the bottom.
_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def add_captions(container: OutputContainer, cues: Sequence[Cue]) -> list[Packet[Any]]:
    """Add a caption track to an MP4 that is not begun, and return what has to be muxed into it, in any place.

    The cues are in order and do not overlap; those without a text are left out.
    """
    stream: SubtitleStream = container.add_stream("mov_text")
    stream.time_base = _TIME_BASE
    stream.codec_context.subtitle_header = _HEADER
    return [_packet(stream, cue) for cue in cues if _lines(cue)]


def vtt(cues: Sequence[Cue]) -> str:
    """The captions as a WebVTT file."""
    blocks = [
        f"{_clock(cue.start)} --> {_clock(cue.end)}\n{html.escape(_lines(cue), quote=False)}"
        for cue in cues
        if _lines(cue)
    ]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def _packet(stream: SubtitleStream, cue: Cue) -> Packet[Any]:
    text = _lines(cue).encode()[:_MOST_BYTES].decode(errors="ignore").encode()
    packet = av.Packet(len(text).to_bytes(2, "big") + text)
    packet.stream = stream
    packet.time_base = _TIME_BASE
    packet.pts = packet.dts = _milliseconds(cue.start)
    packet.duration = _milliseconds(cue.end) - packet.pts
    return packet


def _lines(cue: Cue) -> str:
    """The text of a cue, without empty lines, which would end it."""
    return "\n".join(line for line in map(str.strip, cue.text.replace("\0", "").splitlines()) if line)


def _milliseconds(moment: Fraction) -> int:
    return round(moment * 1000)


def _clock(moment: Fraction) -> str:
    seconds, milliseconds = divmod(_milliseconds(moment), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
