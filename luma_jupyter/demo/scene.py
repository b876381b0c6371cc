"""A prompt as a moving picture: sky, light, ridges in parallax, drifting particles.

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

Array = NDArray[np.float32]
Curve = NDArray[np.float64]
COARSE = 5
DEPTHS = (0.25, 0.5, 0.75, 1.0)


class Mood(NamedTuple):
    """What some words mean: colours of the upper sky, horizon, light and foreground; a skyline; a weather."""

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
class Look:
    """What a prompt decides: four colours, the skyline, the weather, and random numbers of its own."""

    high: Array
    low: Array
    light: Array
    dark: Array
    skyline: str
    weather: frozenset[str]
    seed: int

    @classmethod
    def of(cls, prompt: str) -> "Look":
        """Read a prompt; equal prompts look equal on every machine."""
        seed = int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:8], "big")
        moods = [mood for mood in MOODS if re.search(mood.words, prompt.lower())]
        if moods:
            colours = np.mean([[_rgb(code) for code in mood.colours.split()] for mood in moods], axis=0)
        else:
            hue = seed % 360
            parts = ((hue, 0.75, 0.42), (hue + 40, 0.5, 0.95), (hue + 60, 0.2, 1.0), (hue - 15, 0.7, 0.13))
            colours = np.array([_hsv(*part) for part in parts])
        high, low, light, dark = colours.astype(np.float32)
        skyline = next((mood.skyline for mood in moods if mood.skyline), SKYLINES[seed // 360 % len(SKYLINES)])
        weather = frozenset(mood.weather for mood in moods if mood.weather)
        return cls(high, low, light, dark, skyline, weather or frozenset({"motes"}), seed)


class Scene:
    """The moving picture for one prompt at one size (width, height in pixels)."""

    def __init__(self, look: Look, size: tuple[int, int], loop: bool = False, vivid: bool = True) -> None:
        self.look, self.size, self.loop, self.vivid = look, size, loop, vivid
        self.width, self.height = size
        rng = np.random.default_rng(look.seed)
        self.phases = rng.uniform(0, 2 * np.pi, 16)
        self.particles = rng.uniform(0, 1, (5, 160 if "stars" in look.weather else 60))
        self.light_x = rng.uniform(0.3, 0.7)
        self.towers = rng.uniform(0.15, 1, 64)
        self.unit = min(size)
        self.x = np.arange(self.width) / self.unit
        self.coarse_y, self.coarse_x = np.mgrid[0 : self.height : COARSE, 0 : self.width : COARSE] / self.unit
        self.shades = {depth: self._shade(depth) for depth in DEPTHS}
        self.veil = Veil(look, size) if "fog" in look.weather else None

    def frame(self, t: float) -> Array:
        """The picture at moment t, 0..1."""
        phase = 2 * np.pi * t
        camera = 0.5 * np.sin(phase) if self.loop else 1.2 * t
        rise = 0.04 * np.sin(phase) if self.loop else 0.16 * t - 0.05
        sun = self.light_x * self.width / self.unit, (0.34 - rise) * self.height / self.unit
        frame = self._sky(phase, sun)
        self._disc(frame, sun)
        if "stars" in self.look.weather:
            self._particles(frame, phase, "stars")
        for depth in DEPTHS:
            self._ridge(frame, phase, camera, depth)
        for weather in sorted(self.look.weather & {"embers", "snow", "motes"}):
            self._particles(frame, phase, weather)
        if self.veil:
            self.veil.over(frame, t, 0.5)
        return frame

    def _sky(self, phase: float, sun: tuple[float, float]) -> Array:
        look, p = self.look, self.phases
        x, y = self.coarse_x, self.coarse_y
        down = np.clip(y * self.unit / self.height / 0.72, 0, 1)[..., None] ** 0.85
        sky = look.high + (look.low - look.high) * down
        u = 1.9 * x + 0.5 * np.sin(3.1 * y + phase + p[0])
        v = 5.3 * y + 0.8 * np.sin(1.7 * x - phase + p[1])
        clouds = (0.5 + 0.5 * np.sin(u + 1.3 * np.sin(v + p[2]) + p[3])) ** 3
        sky += (look.light - sky) * (0.28 if self.vivid else 0.2) * clouds[..., None]
        far = (x - sun[0]) ** 2 + (y - sun[1]) ** 2
        glow = 0.55 * np.exp(-far / 0.02) + (0.42 if self.vivid else 0.3) * np.exp(-far / 0.16)
        sky += (look.light - sky) * glow[..., None]
        small = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
        return np.asarray(small.resize(self.size, Image.Resampling.BILINEAR)).astype(np.float32)

    def _disc(self, frame: Array, sun: tuple[float, float]) -> None:
        radius = 0.07 * self.unit
        left, top = (round(self.unit * at - radius) - 2 for at in sun)
        box = frame[max(top, 0) : top + round(2 * radius) + 5, max(left, 0) : left + round(2 * radius) + 5]
        y, x = np.mgrid[0 : box.shape[0], 0 : box.shape[1]]
        far = np.hypot(x + max(left, 0) - self.unit * sun[0], y + max(top, 0) - self.unit * sun[1])
        blend(box, 0.35 * self.look.light + 0.65 * 255, np.clip(radius - far, 0, 1)[..., None])

    def _ridge(self, frame: Array, phase: float, camera: float, depth: float) -> None:
        """One silhouette; depth runs from 0 (far, hazy, slow) to 1 (near, dark, fast)."""
        index = round(depth * 4)
        crest = self._crest(self.x + camera * depth**1.6, phase, index)
        top = (self.height * (0.5 + 0.3 * depth) - crest * self.unit * (0.06 + 0.1 * depth)).astype(np.float32)
        first, last = max(int(top.min()), 0), min(int(top.max()) + 2, self.height)
        rows = np.arange(first, last, dtype=np.float32)[:, None]
        blend(frame[first:last], self.shades[depth][first:last], np.clip(rows - top + 0.5, 0, 1)[..., None])
        frame[last:] = self.shades[depth][last:]

    def _shade(self, depth: float) -> Array:
        """The colours of a ridge as if it filled the picture: into the haze below."""
        look = self.look
        colour = look.low + (look.dark - look.low) * (0.25 + 0.75 * depth)
        down = np.linspace(0, 1, self.height, dtype=np.float32)[:, None, None]
        haze = np.clip((down - 0.35 - 0.3 * depth) / 0.55, 0, 1) * (0.5 - 0.42 * depth)
        return _filled(colour + (look.low - colour) * haze, self.size)

    def _crest(self, x: Curve, phase: float, index: int) -> Curve:
        """The skyline's height over x, about -1..2."""
        p, skyline = self.phases[index:], self.look.skyline
        crest: Curve = np.sin(2.1 * x + p[0]) + 0.5 * np.sin(5.3 * x + p[1]) + 0.2 * np.sin(11.7 * x + p[2])
        if skyline == "peaks":
            crest = 1.9 * _tent(0.9 * x + p[0]) + 0.8 * _tent(2.3 * x + p[1]) + 0.25 * _tent(6.1 * x + p[2]) - 0.8
        elif skyline == "waves":
            crest = 0.35 * np.sin(4.1 * x + phase + p[0]) + 0.2 * np.sin(9.7 * x - 2 * phase + p[1]) - 0.2
            crest += 0.1 * np.sin(23 * x + 3 * phase + p[2])
        elif skyline == "trees":
            firs = _tent(11 * x + p[3]) * (0.6 + 0.4 * np.sin(7 * x + p[4])) ** 2
            crest = 0.35 * crest + (0.5 + 0.15 * index) * firs + 0.4
        elif skyline == "city":
            block = np.floor(7 * x + p[0] * 9).astype(int)
            crest = 2 * self.towers[block % len(self.towers)] - 0.3
        return crest

    def _particles(self, frame: Array, phase: float, kind: str) -> None:
        x, y, size, drift, speed = self.particles
        turn, swing = phase / (2 * np.pi), np.sin(phase + 2 * np.pi * drift)
        shine = 0.35 + 0.65 * (0.5 + 0.5 * np.sin(phase * np.round(1 + 2 * speed) + 6.28 * drift))
        if kind == "stars":
            y = 0.65 * y
        elif kind == "embers":
            x, y = x + 0.03 * swing, y - turn
        elif kind == "snow":
            x, y, shine = x + 0.02 * swing, y + turn * np.round(1 + speed), np.ones_like(x)
        else:
            x, y, shine = x + 0.03 * swing, y + 0.04 * np.cos(phase + 6.28 * drift), 0.6 * shine
        column = np.round(x % 1 * (self.width - 9)).astype(int) + 4
        row = np.round(y % 1 * (self.height - 9)).astype(int) + 4
        radius = 0.7 + (0.3 if kind == "stars" else 0.9) * size**2
        dy, dx = np.mgrid[-2:3, -2:3].reshape(2, -1, 1)
        cover = shine * np.exp(-(dx * dx + dy * dy) / (2 * radius**2))
        at = frame[row + dy, column + dx]
        frame[row + dy, column + dx] = at + (self.look.light - at) * cover[..., None].astype(np.float32)


class Veil:
    """Fog that drifts across a picture of one size, once around in t = 0..1."""

    def __init__(self, look: Look, size: tuple[int, int]) -> None:
        self.width, height = size
        p = np.random.default_rng(look.seed).uniform(0, 2 * np.pi, 6)
        y, x = np.mgrid[0:24, 0:64] * np.array([2 * np.pi / 24, 2 * np.pi / 64])[:, None, None]
        banks = np.sin(x + 1.1 * np.sin(0.7 * y + p[0]) + p[1]) + 0.6 * np.sin(3 * x + 1.4 * np.sin(y + p[2]) + p[3])
        banks += 0.35 * np.sin(5 * x + 2 * y + p[4])
        density = (0.35 + 0.65 * np.sin(y / 2.4)) * (0.62 + 0.22 * banks).clip(0, 1)
        around = Image.fromarray((255 * np.hstack([density] * 3).clip(0, 1)).astype(np.uint8))
        wide = np.asarray(around.resize((6 * self.width, height), Image.Resampling.BICUBIC), np.float32) / 255
        self.density = wide[:, self.width : 5 * self.width, None]
        self.colour = _filled(0.6 * look.low + 0.4 * 255, size)

    def over(self, frame: Array, t: float, strength: float) -> None:
        """Lay the fog over a frame, in place; strength 0..1."""
        left = round(t % 1 * 2 * self.width)
        blend(frame, self.colour, strength * self.density[:, left : left + self.width])


def blend(frame: Array, colour: Array, cover: NDArray[np.floating]) -> None:
    """Paint colour over frame in place, as opaque as cover (0..1) says."""
    frame += (colour - frame) * np.repeat(cover.astype(np.float32), 3, axis=2)


def _filled(colour: Array, size: tuple[int, int]) -> Array:
    """A whole picture of it: broadcasting three channels pixel by pixel costs NumPy several times as much."""
    return np.broadcast_to(colour, (size[1], size[0], 3)).astype(np.float32)


def _tent(x: Curve) -> Curve:
    tent: Curve = np.abs(x % 2 - 1)
    return tent


def _rgb(code: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(code))


def _hsv(degrees: float, saturation: float, value: float) -> tuple[float, ...]:
    ramps = ((value * (1 - saturation * max(0, min(k, 4 - k, 1)))) for k in ((n + degrees / 60) % 6 for n in (5, 3, 1)))
    return tuple(255 * ramp for ramp in ramps)
