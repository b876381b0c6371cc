"""A prompt as a moving picture: sky, sun, ridges in parallax, drifting particles, fog.

Words such as "volcano" or "fog" choose colours, skyline and weather from `MOODS`; what the words leave open, a hash of
the prompt decides, so the same prompt always looks the same. Everything moves as a function of t in 0..1: in a looped
scene by whole periods, so that t = 1 is t = 0; otherwise the camera and the light travel on.

Frames are float32 arrays (height, width, 3), 0..255. Soft things are drawn on a coarse grid and scaled up, which
keeps a frame at a few milliseconds.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from luma_jupyter.video.codec import Array

Curve = NDArray[np.float64]
GRID_PIXELS = 5  # the coarse grid's step
DEPTHS = (0.25, 0.5, 0.75, 1.0)


class Mood(NamedTuple):
    """What some words mean: colours of the sky, horizon, light and foreground; a skyline; a weather.

    `words` is a regular expression for prompts in lower case, `colours` are four codes in hex.
    """

    words: str
    colours: str
    skyline: str = ""
    weather: str = ""


MOODS = (
    Mood(r"\b(volcan\w*|lava|fire|erupt\w*)\b|火山", "1b0d24 d8432a ffb347 16080b", "peaks", "embers"),
    Mood(r"\b(city|street|skyline|neon)\b|城", "141233 c8488f 7df9ff 0a0a1a", "city"),
    Mood(r"\b(oceans?|seas?|water|rivers?|beach|waves?|ships?)\b|海", "0f4c81 8fd3e8 f3fbff 06283d", "waves"),
    Mood(r"\b(forests?|jungle|trees?|woods?)\b|森林", "5f8f8b d7e8b0 fff7c9 0f2a1d", "trees"),
    Mood(r"\b(mountains?|alps|cliffs?)\b|山", "4d7fb3 d9e4ee fff3d9 1f2b3d", "peaks"),
    Mood(r"\b(deserts?|sand|dunes?)\b|沙漠", "d98e4a f7d9a3 fff6dd 6b3417", "hills"),
    Mood(r"\b(snow\w*|winter|ice|icy)\b|雪", "7fa6d1 e6f0fa ffffff 34506b", "", "snow"),
    Mood(r"\b(space|astronauts?|galax\w+|planets?|cosm\w+)\b|宇宙|太空", "060312 4b2a7b f0e6ff 08040f", "", "stars"),
    Mood(r"\b(night|moon\w*|stars?|starry)\b|夜|月", "050a24 27407a eef2ff 04060f", "", "stars"),
    Mood(r"\b(fog\w*|mist\w*|clouds?|haze|hazy)\b|雾|霧", "8e9ca6 dfe5e6 ffffff 4d5a60", "", "fog"),
    Mood(r"\b(sunset|dusk|evening)\b|日落|黄昏", "2b2d6e ff8c5a ffe29a 1d1233"),
    Mood(r"\b(sunrise|dawn|morning|gold|golden)\b|清晨|早晨|金", "6f9fc6 ffd08a fff4d6 4a3420"),
    Mood(r"\b(autumn|leaves)\b|秋", "b98a5c f0a04b ffe6b3 4b2415", "trees"),
    Mood(r"\b(spring|flowers?|garden|meadow|grass)\b|春|花", "6fb7e0 f6d5e5 fff9e0 2d5a34", "hills"),
)
SKYLINES = ("hills", "peaks", "waves", "trees")


@dataclass(frozen=True)
class SceneStyle:
    """What a prompt decides: four colours, the skyline, the weather, and a seed for random numbers."""

    sky: Array
    horizon: Array
    light: Array
    foreground: Array
    skyline: str
    weather: frozenset[str]
    seed: int

    @classmethod
    def from_prompt(cls, prompt: str) -> "SceneStyle":
        """Read a prompt; equal prompts look equal on every machine."""
        seed = int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:8], "big")
        moods = [mood for mood in MOODS if re.search(mood.words, prompt.lower())]
        if moods:
            colours = np.mean([[_rgb_from_hex(code) for code in mood.colours.split()] for mood in moods], axis=0)
        else:
            hue = seed % 360
            parts = ((hue, 0.75, 0.42), (hue + 40, 0.5, 0.95), (hue + 60, 0.2, 1.0), (hue - 15, 0.7, 0.13))
            colours = np.array([_rgb_from_hsv(*part) for part in parts])
        sky, horizon, light, foreground = colours.astype(np.float32)
        skyline = next((mood.skyline for mood in moods if mood.skyline), SKYLINES[seed // 360 % len(SKYLINES)])
        weather = frozenset(mood.weather for mood in moods if mood.weather)
        return cls(sky, horizon, light, foreground, skyline, weather or frozenset({"dust"}), seed)


class Scene:
    """The moving picture for one prompt at one size (width, height in pixels).

    Lengths are in units of the shorter side, so that a scene looks alike in every size.
    """

    def __init__(self, style: SceneStyle, size: tuple[int, int], loop: bool = False, vivid: bool = True) -> None:
        self.style, self.size, self.loop, self.vivid = style, size, loop, vivid
        self.width, self.height = size
        rng = np.random.default_rng(style.seed)
        self.phases = rng.uniform(0, 2 * np.pi, 16)
        self.particles = rng.uniform(0, 1, (5, 160 if "stars" in style.weather else 60))
        self.sun_x = rng.uniform(0.3, 0.7)
        self.building_heights = rng.uniform(0.15, 1, 64)
        self.unit = min(size)
        self.x = np.arange(self.width) / self.unit
        self.grid_y, self.grid_x = np.mgrid[0 : self.height : GRID_PIXELS, 0 : self.width : GRID_PIXELS] / self.unit
        self.ridge_colours = {depth: self._ridge_colours(depth) for depth in DEPTHS}
        self.fog = Fog(style, size) if "fog" in style.weather else None

    def frame(self, t: float) -> Array:
        """Return the picture at moment t, 0..1."""
        phase = 2 * np.pi * t
        if self.loop:
            camera, sun_rise = 0.5 * np.sin(phase), 0.04 * np.sin(phase)
        else:
            camera, sun_rise = 1.2 * t, 0.16 * t - 0.05
        sun = self.sun_x * self.width / self.unit, (0.34 - sun_rise) * self.height / self.unit
        frame = self._sky(phase, sun)
        self._draw_sun(frame, sun)
        if "stars" in self.style.weather:
            self._draw_particles(frame, phase, "stars")
        for depth in DEPTHS:
            self._draw_ridge(frame, phase, camera, depth)
        for kind in sorted(self.style.weather & {"embers", "snow", "dust"}):
            self._draw_particles(frame, phase, kind)
        if self.fog:
            self.fog.draw(frame, t, 0.5)
        return frame

    def _sky(self, phase: float, sun: tuple[float, float]) -> Array:
        """Return a new picture: a gradient from sky to horizon, clouds, and the glow around the sun."""
        style, p = self.style, self.phases
        x, y = self.grid_x, self.grid_y
        down = np.clip(y * self.unit / self.height / 0.72, 0, 1)[..., None] ** 0.85
        sky = style.sky + (style.horizon - style.sky) * down
        u = 1.9 * x + 0.5 * np.sin(3.1 * y + phase + p[0])
        v = 5.3 * y + 0.8 * np.sin(1.7 * x - phase + p[1])
        clouds = (0.5 + 0.5 * np.sin(u + 1.3 * np.sin(v + p[2]) + p[3])) ** 3
        sky += (style.light - sky) * (0.28 if self.vivid else 0.2) * clouds[..., None]
        squared_distance = (x - sun[0]) ** 2 + (y - sun[1]) ** 2
        glow = 0.55 * np.exp(-squared_distance / 0.02)
        glow += (0.42 if self.vivid else 0.3) * np.exp(-squared_distance / 0.16)
        sky += (style.light - sky) * glow[..., None]
        small = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
        return np.asarray(small.resize(self.size, Image.Resampling.BILINEAR)).astype(np.float32)

    def _draw_sun(self, frame: Array, sun: tuple[float, float]) -> None:
        radius = 0.07 * self.unit
        left, top = (round(self.unit * centre - radius) - 2 for centre in sun)
        box = frame[max(top, 0) : top + round(2 * radius) + 5, max(left, 0) : left + round(2 * radius) + 5]
        y, x = np.mgrid[0 : box.shape[0], 0 : box.shape[1]]
        distance = np.hypot(x + max(left, 0) - self.unit * sun[0], y + max(top, 0) - self.unit * sun[1])
        blend(box, 0.35 * self.style.light + 0.65 * 255, np.clip(radius - distance, 0, 1)[..., None])

    def _draw_ridge(self, frame: Array, phase: float, camera: float, depth: float) -> None:
        """Draw one silhouette; depth runs from 0 (far, hazy, slow) to 1 (near, dark, fast)."""
        index = round(depth * 4)
        height = self._skyline_height(self.x + camera * depth**1.6, phase, index)
        top = (self.height * (0.5 + 0.3 * depth) - height * self.unit * (0.06 + 0.1 * depth)).astype(np.float32)
        first, last = max(int(top.min()), 0), min(int(top.max()) + 2, self.height)
        rows = np.arange(first, last, dtype=np.float32)[:, None]
        colours = self.ridge_colours[depth]
        blend(frame[first:last], colours[first:last], np.clip(rows - top + 0.5, 0, 1)[..., None])
        frame[last:] = colours[last:]

    def _ridge_colours(self, depth: float) -> Array:
        """Return the colours of a ridge as if it filled the picture: they fade into the haze further down."""
        style = self.style
        colour = style.horizon + (style.foreground - style.horizon) * (0.25 + 0.75 * depth)
        down = np.linspace(0, 1, self.height, dtype=np.float32)[:, None, None]
        haze = np.clip((down - 0.35 - 0.3 * depth) / 0.55, 0, 1) * (0.5 - 0.42 * depth)
        return _filled(colour + (style.horizon - colour) * haze, self.size)

    def _skyline_height(self, x: Curve, phase: float, index: int) -> Curve:
        """Return the skyline's height over x, about -1..2."""
        p, skyline = self.phases[index:], self.style.skyline
        height: Curve = np.sin(2.1 * x + p[0]) + 0.5 * np.sin(5.3 * x + p[1]) + 0.2 * np.sin(11.7 * x + p[2])
        if skyline == "peaks":
            height = 1.9 * _triangle_wave(0.9 * x + p[0]) + 0.8 * _triangle_wave(2.3 * x + p[1])
            height = height + 0.25 * _triangle_wave(6.1 * x + p[2]) - 0.8
        elif skyline == "waves":
            height = 0.35 * np.sin(4.1 * x + phase + p[0]) + 0.2 * np.sin(9.7 * x - 2 * phase + p[1]) - 0.2
            height += 0.1 * np.sin(23 * x + 3 * phase + p[2])
        elif skyline == "trees":
            trees = _triangle_wave(11 * x + p[3]) * (0.6 + 0.4 * np.sin(7 * x + p[4])) ** 2
            height = 0.35 * height + (0.5 + 0.15 * index) * trees + 0.4
        elif skyline == "city":
            building = np.floor(7 * x + p[0] * 9).astype(int)
            height = 2 * self.building_heights[building % len(self.building_heights)] - 0.3
        return height

    def _draw_particles(self, frame: Array, phase: float, kind: str) -> None:
        """Draw stars, embers, snow or dust."""
        x, y, size, drift, speed = self.particles
        turn, swing = phase / (2 * np.pi), np.sin(phase + 2 * np.pi * drift)
        brightness = 0.35 + 0.65 * (0.5 + 0.5 * np.sin(phase * np.round(1 + 2 * speed) + 6.28 * drift))
        if kind == "stars":
            y = 0.65 * y
        elif kind == "embers":
            x, y = x + 0.03 * swing, y - turn
        elif kind == "snow":
            x, y = x + 0.02 * swing, y + turn * np.round(1 + speed)
            brightness = np.ones_like(x)
        else:
            x, y = x + 0.03 * swing, y + 0.04 * np.cos(phase + 6.28 * drift)
            brightness = 0.6 * brightness
        column = np.round(x % 1 * (self.width - 9)).astype(int) + 4
        row = np.round(y % 1 * (self.height - 9)).astype(int) + 4
        radius = 0.7 + (0.3 if kind == "stars" else 0.9) * size**2
        dy, dx = np.mgrid[-2:3, -2:3].reshape(2, -1, 1)
        cover = brightness * np.exp(-(dx * dx + dy * dy) / (2 * radius**2))
        pixels = frame[row + dy, column + dx]
        frame[row + dy, column + dx] = pixels + (self.style.light - pixels) * cover[..., None].astype(np.float32)


class Fog:
    """Fog that drifts across a picture of one size, once around in t = 0..1."""

    def __init__(self, style: SceneStyle, size: tuple[int, int]) -> None:
        self.width, height = size
        p = np.random.default_rng(style.seed).uniform(0, 2 * np.pi, 6)
        y, x = np.mgrid[0:24, 0:64] * np.array([2 * np.pi / 24, 2 * np.pi / 64])[:, None, None]
        banks = np.sin(x + 1.1 * np.sin(0.7 * y + p[0]) + p[1]) + 0.6 * np.sin(3 * x + 1.4 * np.sin(y + p[2]) + p[3])
        banks += 0.35 * np.sin(5 * x + 2 * y + p[4])
        density = (0.35 + 0.65 * np.sin(y / 2.4)) * (0.62 + 0.22 * banks).clip(0, 1)
        three_times = Image.fromarray((255 * np.hstack([density] * 3).clip(0, 1)).astype(np.uint8))
        wide = np.asarray(three_times.resize((6 * self.width, height), Image.Resampling.BICUBIC), np.float32) / 255
        self.density = wide[:, self.width : 5 * self.width, None]
        self.colour = _filled(0.6 * style.horizon + 0.4 * 255, size)

    def draw(self, frame: Array, t: float, strength: float) -> None:
        """Lay the fog over a frame, in place; strength 0..1."""
        left = round(t % 1 * 2 * self.width)
        blend(frame, self.colour, strength * self.density[:, left : left + self.width])


def blend(frame: Array, colour: Array, cover: NDArray[np.floating]) -> None:
    """Paint colour over frame in place, as opaque as cover (0..1) says."""
    frame += (colour - frame) * np.repeat(cover.astype(np.float32), 3, axis=2)


def _filled(colour: Array, size: tuple[int, int]) -> Array:
    """Return a whole picture of a colour: broadcasting it at every blend costs NumPy several times as much."""
    return np.broadcast_to(colour, (size[1], size[0], 3)).astype(np.float32)


def _triangle_wave(x: Curve) -> Curve:
    """Return a zigzag from 1 down to 0 and up again, with period 2."""
    wave: Curve = np.abs(x % 2 - 1)
    return wave


def _rgb_from_hex(code: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(code))


def _rgb_from_hsv(hue: float, saturation: float, value: float) -> tuple[float, ...]:
    """Return red, green and blue, 0..255, for a hue in degrees and the others in 0..1."""
    channels = []
    for offset in (5, 3, 1):
        k = (offset + hue / 60) % 6
        channels.append(255 * (value * (1 - saturation * max(0, min(k, 4 - k, 1)))))
    return tuple(channels)
