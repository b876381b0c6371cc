"""The table of films: each kind of part, between two plain shots, with each option; judged by decoding the film."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.support.shots import BLUE, GREEN, RED, SIZE, Colour, film, is_near, part, shot
from tests.support.sounds import RATE as SOUND_RATE
from tests.support.sounds import metered, tone, write_sound

pytestmark = pytest.mark.slow

HALF = Fraction(1, 2)  # seconds, of each part
FADE = Fraction(1, 8)
MEDIUM = {"preset": "medium"}
NTSC = Fraction(30_000, 1001)
TIMES = [0, 40, 100, 140, 200, 260, 330, 380, 420, 460]  # milliseconds


def still(path: Path) -> Path:
    """A picture of another shape."""
    Image.new("RGB", (90, 60), GREEN).save(path)
    return path


def loop(path: Path) -> Path:
    """An animation whose frames differ a little, as equal ones become one."""
    first, *rest = (Image.new("RGB", SIZE, (30, 180 + number, 30)) for number in range(5))
    first.save(path, save_all=True, append_images=rest, duration=100, loop=0, lossless=True)
    return path


KINDS: Mapping[str, Callable[[Path], Path]] = {
    "an equal shot": lambda folder: shot(folder / "part.mp4", GREEN),
    "with sound": lambda folder: shot(folder / "part.mp4", GREEN, sound=True),
    "of another encoder": lambda folder: shot(folder / "part.mp4", GREEN, options=MEDIUM),
    "30 frames a second": lambda folder: shot(folder / "part.mp4", GREEN, 15, rate=30),
    "29.97 frames a second": lambda folder: shot(folder / "part.mp4", GREEN, 15, rate=NTSC),
    "uneven frames": lambda folder: shot(folder / "part.mp4", GREEN, 10, times=TIMES),
    "upright": lambda folder: shot(folder / "part.mp4", GREEN, size=(36, 64)),
    "wide pixels": lambda folder: shot(folder / "part.mp4", GREEN, size=(32, 36), sample_aspect_ratio=Fraction(2)),
    "Matroska": lambda folder: shot(folder / "part.mkv", GREEN),
    "WebM": lambda folder: shot(folder / "part.webm", GREEN, codec="libvpx-vp9"),
    "HEVC": lambda folder: shot(folder / "part.mp4", GREEN, codec="libx265", options={"x265-params": "log-level=none"}),
    "10 bits": lambda folder: shot(folder / "part.mp4", GREEN, pix_fmt="yuv420p10le"),
    "GIF": lambda folder: loop(folder / "part.gif"),
    "animated WebP": lambda folder: loop(folder / "part.webp"),
    "a picture": lambda folder: still(folder / "part.png"),
}


@dataclass(frozen=True)
class Option:
    """What is asked of the film, or of the part in its middle; ``takes`` is how long that part is seen then."""

    film: Mapping[str, Any] | None = None
    part: Mapping[str, Any] | None = None
    takes: Fraction = HALF
    music: bool = False


OPTIONS = {
    "plain": Option(),
    "fades": Option(film={"fade": float(FADE)}),
    "a cut": Option(part={"start": 0.125, "end": 0.375}, takes=Fraction(1, 4)),
    "twice as fast": Option(part={"speed": 2.0}, takes=Fraction(1, 4)),
    "cropped": Option(part={"crop": "1:1"}),
    "a title": Option(part={"title": "Night"}),
    "a caption": Option(part={"caption": "The storm"}),
    "music": Option(music=True),
    "a size": Option(film={"size": (48, 48)}),
    "a frame rate": Option(film={"fps": 12.0}),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A file of each kind, the two plain shots, and music."""
    folder = tmp_path_factory.mktemp("kinds")
    plain = {"red": shot(folder / "red.mp4", RED), "blue": shot(folder / "blue.mp4", BLUE)}
    music = {"music": write_sound(folder / "waves.wav", 0.2 * tone(3.0))}
    kinds = {name: make(tmp_path_factory.mktemp("kind")) for name, make in KINDS.items()}
    return plain | music | kinds


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_film_of_each_kind_of_part_with_each_option(
    paths: Mapping[str, Path], tmp_path: Path, kind: str, option: str
) -> None:
    """Its length is right within a frame, its times grow, its colours are those of the parts, before, in and after each
    transition; its sound is as long as it and as loud as it should be; its caption is where its part is."""
    asked, target = OPTIONS[option], tmp_path / "film.mp4"
    options: dict[str, Any] = dict(asked.film or {}) | ({"music": paths["music"]} if asked.music else {})
    middle, takes = dict(asked.part or {}), asked.takes
    if kind == "a picture":
        takes = HALF if middle.keys() & {"start", "speed"} else takes
        middle = {"seconds": float(HALF)} | {
            name: middle[name] for name in middle.keys() & {"title", "caption", "crop"}
        }
    plan, shown = film(target, part(paths["red"]), part(paths[kind], **middle), part(paths["blue"]), **options)

    fades = [min(Fraction(str(options.get("fade", 0))), takes / 2)] * 2
    wanted, frame = HALF + takes + HALF - sum(fades), 1 / plan.rate
    assert abs(shown.length - wanted) <= frame
    assert all(before < after for before, after in pairwise(shown.times))
    assert all(before < after for before, after in pairwise(decoded for decoded, _ in shown.packets))
    begin, end = HALF - fades[0], HALF - fades[0] + takes  # of the part in the middle

    def colour(at: Fraction) -> Colour:
        # The middle of the upper half: a title's band is in the middle.
        return shown.colour(min(round(at * plan.rate), len(shown.times) - 1), row=shown.pixels[0].shape[0] // 3)

    assert is_near(colour(Fraction(0)), RED)
    assert is_near(shown.colour(-1), BLUE)
    if option != "a title":
        assert is_near(colour((begin + end) / 2), GREEN)
    if options.get("fade"):
        between = colour(begin + fades[0] / 2)
        assert all(abs(value - (a + b) / 2) < 40 for value, a, b in zip(between, RED, GREEN, strict=True))
    if plan.has_sound:
        assert 0 <= shown.samples - round(plan.length * SOUND_RATE) <= 2048
    if asked.music:
        assert metered(heard(target))["loudness"] == pytest.approx(-16, abs=1)
    assert told(target) == (["The storm"] if option == "a caption" else [])


def heard(path: Path) -> np.ndarray[Any, Any]:
    """All that is heard of a film: (2, samples)."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def told(path: Path) -> list[str]:
    """The captions of a film."""
    with av.open(str(path)) as container:
        if not container.streams.subtitles:
            return []
        return [bytes(packet)[2:].decode() for packet in container.demux(subtitles=0) if packet.size > 2]
