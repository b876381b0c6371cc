"""Twelve shots joined to a film, by ours and by moviepy, one after the other: plain, with cross-fades, with music.

Each film is made in a process of its own (`joiners`); memory is that of all its processes together. How good the
pictures are is SSIM of the brightness, against the frames of the shots, cross-faded without any loss.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import av
import numpy as np
import psutil
from av.filter import Graph
from numpy.typing import NDArray

from luma_jupyter.films.planes import planes
from luma_jupyter.films.sound_files import RATE as SOUND_RATE
from tests.benchmarks.environment import ROOT, environment
from tests.benchmarks.report import Report, say

SHOTS, SECONDS, RATE, SIZE, BITS = 12, 5, 24, (1280, 720), 4_000_000
MANY = 120  # shots in one film, of which only the memory counts
FADE = 0.5
MOST_MEMORY = 250.0  # MB
LEAST_TIMES = {"plain": 20.0, "fades": 2.0, "music": 10.0, "fades, music": 2.0}  # faster than moviepy
LESS_SSIM, MORE_BYTES = 0.02, 1.15
EACH = 12  # of so many frames one is compared

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Made:
    """A film that was made: in so many seconds, and so many of all processors, with so many bytes of memory at most."""

    film: Path
    seconds: float
    processor: float
    memory: float

    @property
    def size(self) -> int:
        """In bytes."""
        return self.film.stat().st_size

    @property
    def figures(self) -> dict[str, object]:
        """What a table has of it."""
        return {
            "time (s)": self.seconds,
            "processor (s)": self.processor,
            "peak memory (MB)": self.memory / 1e6,
            "size (MB)": self.size / 1e6,
        }


def run(report: Report, peer: str) -> None:
    """Make all films, and compare; ``peer`` is a Python that has moviepy."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        say(f"joins: {SHOTS} shots are made, then joined by ours and by moviepy, about ten minutes")
        shots = [make_shot(folder / f"shot{number}.mp4", number) for number in range(SHOTS)]
        music = make_sound(folder / "music.m4a", 30)
        _compare(report, _Joiner(peer, folder, shots, music))
        _count(report, _Joiner(peer, folder, [shots[number % SHOTS] for number in range(MANY)], music))


def _compare(report: Report, joiner: _Joiner) -> None:
    rows: list[dict[str, object]] = []
    for kind, least in LEAST_TIMES.items():
        fade = round(FADE * RATE) if "fades" in kind else 0
        made = {client: joiner.join(client, kind) for client in ("ours", "moviepy")}
        ours, theirs = made["ours"], made["moviepy"]
        likeness = {client: ssim(one.film, ideal(joiner.shots, fade)) for client, one in made.items()}
        rows += [
            {"client": client, "kind": kind, **one.figures, "SSIM": round(likeness[client], 4)}
            for client, one in made.items()
        ]
        report.check(f"{kind}: share of moviepy's time", ours.seconds / theirs.seconds, 1 / least, "")
        report.check(f"{kind}: peak memory", ours.memory / 1e6, MOST_MEMORY, "MB")
        report.check(f"{kind}: SSIM below moviepy's", likeness["moviepy"] - likeness["ours"], LESS_SSIM, "")
        if fade:  # else the video is the shots' own
            report.check(f"{kind}: size, of moviepy's", ours.size / theirs.size, MORE_BYTES, "")
    report.table(f"{SHOTS} shots of {SECONDS} s, {SIZE[0]} × {SIZE[1]}, joined", rows)


def _count(report: Report, joiner: _Joiner) -> None:
    rows = []
    for kind in ("plain", "fades, music"):
        made = joiner.join("ours", kind)
        rows.append({"kind": kind, **made.figures})
        report.check(f"{MANY} shots, {kind}: peak memory", made.memory / 1e6, MOST_MEMORY, "MB")
    report.table(f"{MANY} shots", rows)


@dataclass(frozen=True)
class _Joiner:
    """Joins shots in a process of its own, and looks how long that takes, and how much memory."""

    peer: str
    folder: Path
    shots: Sequence[Path]
    music: Path

    def join(self, client: str, kind: str) -> Made:
        """A film of a kind, by a client."""
        film = self.folder / f"{client}-{len(self.shots)}-{kind}.mp4"
        python = self.peer if client == "moviepy" else sys.executable
        options = ["--fade", str(FADE)] if "fades" in kind else []
        options += ["--music", str(self.music)] if "music" in kind else []
        command = [python, "-m", "tests.benchmarks.joiners", client, str(film), *options, *map(str, self.shots)]
        begun, used = time.perf_counter(), _processor_seconds()
        process = subprocess.Popen(command, cwd=ROOT, env=environment("http://127.0.0.1:9", str(self.folder)))
        most = 0
        while process.poll() is None:
            most = max(most, _memory(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        if process.returncode:
            raise RuntimeError(f"{client} made no film; --peers is a Python that has moviepy")
        say(f"joins: {client}, {kind}: {seconds:.1f} s")
        return Made(film, seconds, _processor_seconds() - used, most)


def _processor_seconds() -> float:
    """What all processes have used that were started here, and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _memory(pid: int) -> int:
    """What a process and all that it started have in memory, in bytes."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


# Shots.


def make_shot(path: Path, number: int) -> Path:
    """A shot with moving shapes and grain, as a camera has it; every second one without sound.

    The sound ends a little before the pictures, since moviepy takes the longer of both for a shot's length.
    """
    rng = np.random.default_rng(number)
    width, height = SIZE
    rows, columns = np.ogrid[0:height, 0:width]
    grains = rng.normal(0, 6, (8, height, width)).astype(np.float32)
    colours = rng.integers(90, 166, (2, 2))
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", BITS
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="stereo") if number % 2 else None
        for index in range(SECONDS * RATE):
            waves = np.sin(columns / 90 + index / 20 + number) + np.sin(rows / 60 - index / 15)
            disc = (rows - height / 2) ** 2 + (columns - 340 - 8 * index) ** 2 < 140**2
            brightness = np.where(disc, 180, 110 + 35 * waves).astype(np.float32) + grains[rng.integers(8)]
            frame = av.VideoFrame(width, height, "yuv420p")
            luma, *chroma = planes(frame)
            luma[:] = np.clip(brightness, 16, 235)
            for plane, (inside, outside) in zip(chroma, colours, strict=True):
                plane[:] = np.where(disc[::2, ::2], inside, outside)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio:
            _encode_tone(container, audio, SECONDS - 0.1, 220 + 30 * number)
    return path


def make_sound(path: Path, seconds: float) -> Path:
    """A file of music, so to say."""
    with av.open(str(path), "w", format="mp4") as container:
        _encode_tone(container, container.add_stream("aac", rate=SOUND_RATE, layout="stereo"), seconds, 110)
    return path


def _encode_tone(container: Any, stream: Any, seconds: float, pitch: float) -> None:
    moments = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    tone = 0.2 * np.sin(2 * np.pi * pitch * moments) * (1 + np.sin(2 * np.pi * 2 * moments)) / 2
    frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]).astype(np.float32), format="fltp", layout="stereo")
    frame.sample_rate = SOUND_RATE
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


# Likeness.


def brightness(path: Path) -> Iterator[Frame]:
    """The brightness of all frames of a film."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield planes(frame)[0].copy()


def ideal(shots: Sequence[Path], fade: int) -> Iterator[Frame]:
    """The brightness of all frames that the film should have; each fade takes so many frames."""
    leaving: list[Frame] = []
    for number, shot in enumerate(shots):
        frames = brightness(shot)
        for index, (before, after) in enumerate(zip(leaving, islice(frames, len(leaving)), strict=True)):
            share = Fraction(index + 1, fade + 1)
            yield np.rint(before + (after.astype(np.float32) - before) * float(share)).astype(np.uint8)
        rest = list(frames)
        keep = fade if number + 1 < len(shots) else 0
        yield from rest[: len(rest) - keep]
        leaving = rest[len(rest) - keep :]


def ssim(film: Path, wanted: Iterator[Frame]) -> float:
    """How alike a film's frames are to what they should be, on average; 1 is equal."""
    graph = Graph()
    inputs = [
        graph.add("buffer", video_size=f"{SIZE[0]}x{SIZE[1]}", pix_fmt="gray", time_base="1/24", pixel_aspect="1/1")
        for _ in range(2)
    ]
    compare, sink = graph.add("ssim"), graph.add("buffersink")
    for index, source in enumerate(inputs):
        source.link_to(compare, 0, index)
    compare.link_to(sink)
    graph.configure()
    values = []
    for number, pair in enumerate(zip(brightness(film), wanted, strict=False)):
        if number % EACH:
            continue
        for source, plane in zip(inputs, pair, strict=True):
            frame = av.VideoFrame.from_ndarray(plane, format="gray")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            source.push(frame)
        values.append(float(sink.pull().metadata["lavfi.ssim.Y"]))
    return mean(values)
