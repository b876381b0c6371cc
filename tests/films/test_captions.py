"""Captions: what is read back from the film, and from the file beside it, is what was said, when it was said."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from luma_jupyter.films.captions import add_captions, vtt
from luma_jupyter.films.spec import Cue

CUES = (
    Cue(Fraction(0), Fraction(1, 3), "A storm"),
    Cue(Fraction(1, 3), Fraction(1), "Sea & <sky> --> {\\i1}C:\\new{\\i0}"),
    Cue(Fraction(1), Fraction(2), " \n"),
    Cue(Fraction(3), Fraction(7, 2), "first line\r\n\n  second: 日本\0 "),
)
TEXTS = ["A storm", "Sea & <sky> --> {\\i1}C:\\new{\\i0}", "first line\nsecond: 日本"]


def captioned(path: Path, cues: tuple[Cue, ...], *, first: bool) -> Path:
    """A film of five seconds, into which the captions were put before or after its frames."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 32, "yuv420p"
        packets = add_captions(container, cues)
        frames = [
            p for _ in range(50) for p in video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 64, 3), np.uint8)))
        ]
        frames += video.encode(None)
        container.mux([*packets, *frames] if first else [*frames, *packets])
    return path


def read_back(path: Path) -> list[tuple[float, float, str]]:
    """The captions in a film: from when to when, and their text."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(subtitles=0) if packet.size > 2]
        return [
            (
                float(packet.pts * packet.time_base),
                float((packet.pts + packet.duration) * packet.time_base),
                bytes(packet)[2:].decode(),
            )
            for packet in packets
        ]


@pytest.mark.parametrize("first", [True, False], ids=["captions first", "captions last"])
def test_track_has_the_texts_and_times_of_the_cues(tmp_path: Path, first: bool) -> None:
    """A film's caption track says each cue literally, from its beginning to its end, and nothing between them."""
    found = read_back(captioned(tmp_path / "film.mp4", CUES, first=first))
    assert [text for _, _, text in found] == TEXTS
    assert [begin for begin, _, _ in found] == pytest.approx([0, 1 / 3, 3], abs=0.001)
    assert [end for _, end, _ in found] == pytest.approx([1 / 3, 1, 3.5], abs=0.001)


def test_track_is_one_that_players_decode(tmp_path: Path) -> None:
    """FFmpeg's decoder finds mov_text, and each text in it."""
    with av.open(str(captioned(tmp_path / "film.mp4", CUES, first=True))) as container:
        stream = container.streams.subtitles[0]
        assert stream.codec_context.name == "mov_text"
        texts = [line.ass.decode() for packet in container.demux(stream) for line in packet.decode()]
        assert [text.split(",,0,0,0,,")[1] for text in texts] == [text.replace("\n", "\\N") for text in TEXTS]
        assert container.streams.video[0].frames == 50


def test_too_long_a_text_is_cut(tmp_path: Path) -> None:
    """A text of more bytes than a sample can have is cut between two characters."""
    cue = Cue(Fraction(0), Fraction(1), "海" * 30_000)
    (found,) = read_back(captioned(tmp_path / "film.mp4", (cue,), first=True))
    assert found[2] == "海" * 21_845


def test_vtt_has_escaped_texts_and_no_empty_line_in_a_cue() -> None:
    """WebVTT says each cue with its times; what HTML would take for a tag is escaped, an empty line is left out."""
    assert vtt([*CUES, Cue(Fraction(36_000), Fraction(36_061), "late")]) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:00.333\nA storm\n\n"
        "00:00:00.333 --> 00:00:01.000\nSea &amp; &lt;sky&gt; --&gt; {\\i1}C:\\new{\\i0}\n\n"
        "00:00:03.000 --> 00:00:03.500\nfirst line\nsecond: 日本\n\n"
        "10:00:00.000 --> 10:01:01.000\nlate\n"
    )


def test_no_captions_are_a_file_without_cues() -> None:
    """Without captions there is nothing in the file but its head."""
    assert vtt([]) == "WEBVTT\n"
