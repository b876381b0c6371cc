"""The colours of a film, and which of its looks it has: by the prompt's words, and by a number for all that they leave
open. Equal prompts with equal numbers look alike on every machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luma_jupyter.demo.camera import CHOICES
from luma_jupyter.demo.words import Direction

Colour = NDArray[np.float64]  # red, green, blue, 0..255
SKYLINES = ("hills", "peaks", "waves", "trees")
BRIGHTER = (0.55, 1.35)  # how much darker or brighter another look of a prompt is
WARMER, WARM = 0.2, np.array([1.0, 0.1, -1.2])  # and how much warmer or colder
DAYTIMES = ("sunrise", "noon", "sunset")
DARK = 70.0  # of 255: a scene that is darker has room for smaller differences only


class Mood(NamedTuple):
    """What a word looks like: four codes in hex for sky, horizon, light and ground; a skyline; what is in the air."""

    colours: str = ""
    skyline: str = ""
    air: str = ""


MOODS = {
    "volcano": Mood("1b0d24 d8432a ffb347 16080b", skyline="peaks", air="embers"),
    "city": Mood("141233 c8488f 7df9ff 0a0a1a", skyline="city"),
    "sea": Mood("0f4c81 8fd3e8 f3fbff 06283d", skyline="waves"),
    "forest": Mood("5f8f8b d7e8b0 fff7c9 0f2a1d", skyline="trees"),
    "mountains": Mood("4d7fb3 d9e4ee fff3d9 1f2b3d", skyline="peaks"),
    "desert": Mood("d98e4a f7d9a3 fff6dd 6b3417", skyline="hills"),
    "meadow": Mood("6fb7e0 d5ecf5 fff9e0 2d6a34", skyline="hills"),
    "space": Mood("060312 4b2a7b f0e6ff 08040f", skyline="planet", air="stars"),
    "sunrise": Mood("6f9fc6 ffd08a fff4d6 4a3420"),
    "noon": Mood("4d9be6 cfe8f7 ffffff 3d5a3a"),
    "sunset": Mood("2b2d6e ff8c5a ffe29a 1d1233"),
    "night": Mood("050a24 27407a eef2ff 04060f", air="stars"),
    "snow": Mood("7fa6d1 e6f0fa ffffff 5d7690", air="snow"),
    "rain": Mood("55687a 93a5b3 dfe9f0 27333d", air="rain"),
    "storm": Mood("2a3340 5d6b7a e6efff 12181f", air="storm"),
    "fog": Mood("8e9ca6 dfe5e6 ffffff 4d5a60", air="fog"),
    "wind": Mood("", air="wind"),
    "autumn": Mood("b98a5c f0a04b ffe6b3 4b2415", air="leaves"),
    "spring": Mood("8fc0e6 f6d5e5 fff4f8 4a6a44", air="petals"),
}


@dataclass(frozen=True, eq=False)
class Look:
    """What a film of a prompt looks like: colours of sky, horizon, light and ground; a skyline; what is in the air; the
    camera's moves; the ``tint`` of pictures that are given, for each channel; a ``seed`` for all that is random.
    """

    sky: Colour
    horizon: Colour
    light: Colour
    ground: Colour
    skyline: str
    air: frozenset[str]
    moves: tuple[str, ...]
    tint: Colour
    seed: int

    @classmethod
    def of(cls, prompt: str, number: int = 0) -> Look:
        """The look of a prompt with this number: another number is another look."""
        direction = Direction.of(prompt)
        # By the rest of the prompt, so that another word changes what it says, and nothing else.
        digest = hashlib.sha256(f"{direction.rest_of(prompt)}\n{number}".encode("utf-8", "replace")).digest()
        seed = int.from_bytes(digest[:8], "big")
        rng = np.random.default_rng(seed)
        # Light and weather count twice: a night is dark wherever it is.
        said = colours_of(direction, "place") + 2 * colours_of(direction, "time", "weather")
        if number and said and not direction.names("time"):  # then another time of day is another look
            said += [_four(MOODS[rng.choice(DAYTIMES)].colours)]
        colours = np.mean(said, axis=0) if said else _any(seed)
        tint = np.ones(3)
        if number:
            tint = rng.uniform(*BRIGHTER) * (1 + rng.uniform(-WARMER, WARMER) * WARM)
        sky, horizon, light, ground = (colours * tint).clip(0, 255)
        moods = [MOODS[word.name] for word in direction.words if word.name in MOODS]
        skyline = next((mood.skyline for mood in moods if mood.skyline), None)
        return cls(
            sky,
            horizon,
            light,
            ground,
            skyline or SKYLINES[seed // 360 % len(SKYLINES)],
            frozenset(mood.air for mood in moods if mood.air) or frozenset({"dust"}),
            direction.names("camera") or (CHOICES[seed // 1440 % len(CHOICES)],),
            tint,
            seed,
        )

    @property
    def is_dark(self) -> bool:
        """Whether it is a night, or as dark as one."""
        return float(np.mean([self.sky, self.horizon, self.ground])) < DARK


def colours_of(direction: Direction, *kinds: str) -> list[Colour]:
    """The colours of all that a prompt says of these kinds, four of each: sky, horizon, light and ground."""
    names = [word.name for word in direction.words if word.kind in kinds]
    return [_four(MOODS[name].colours) for name in names if MOODS[name].colours]


def _any(seed: int) -> Colour:
    """Colours that go together, where no word says any."""
    hue = seed % 360
    parts = ((hue, 0.75, 0.42), (hue + 40, 0.5, 0.95), (hue + 60, 0.2, 1.0), (hue - 15, 0.7, 0.13))
    return np.array([_rgb_from_hsv(*part) for part in parts])


def _four(codes: str) -> Colour:
    return np.array([list(bytes.fromhex(code)) for code in codes.split()], float)


def _rgb_from_hsv(hue: float, saturation: float, value: float) -> tuple[float, ...]:
    """Red, green and blue, 0..255, for a hue in degrees and the others in 0..1."""
    channels = []
    for offset in (5, 3, 1):
        k = (offset + hue / 60) % 6
        channels.append(255 * (value * (1 - saturation * max(0, min(k, 4 - k, 1)))))
    return tuple(channels)
