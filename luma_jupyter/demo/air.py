"""What is in the air between the camera and the picture: fog, and all that drifts, falls or flashes."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from luma_jupyter.demo.palette import Colour, Look
from luma_jupyter.video.codec import Pixels

# How many there are of each kind, how far they fall and go sideways in a film, and how large they are, in pixels of a
# picture whose shorter side has 360.
KINDS = {
    "snow": (150, 1.6, 0.25, 1.5),
    "rain": (170, 9.0, 1.2, 0.8),
    "storm": (260, 11.0, 4.0, 0.8),
    "embers": (70, -1.0, 0.2, 1.3),
    "leaves": (34, 1.1, 0.9, 2.6),
    "petals": (46, 0.9, 0.7, 1.9),
    "wind": (60, 0.3, 3.5, 1.1),
    "dust": (50, 0.06, 0.1, 1.1),
}
STREAK = {"rain": 9, "storm": 12}  # how long a drop's trace is, in the same pixels
FLASHES = (0.31, 0.34, 0.72)  # moments of lightning
FLASH = 0.018  # how long one lasts
FOG = 0.62  # how thick fog is
FAINT = 0.01  # what covers less of a pixel is not drawn


class Air:
    """What is in the air of a look, over pictures of one size; ``pace`` is how fast it moves."""

    def __init__(self, look: Look, size: tuple[int, int], pace: float = 1.0) -> None:
        self.width, self.height = size
        self._pace = pace
        rng = np.random.default_rng(look.seed + 1)
        self._particles = [Particles(kind, look, size, rng) for kind in sorted(look.air & KINDS.keys())]
        self._lightning = "storm" in look.air
        self._fog = _draw_fog(rng, size) if "fog" in look.air else None
        self._fog_colour = Image.new("RGB", size, tuple(int(channel) for channel in 0.6 * look.horizon + 0.4 * 255))

    def fill(self, frame: Image.Image, t: float, strength: float = 1.0) -> Pixels:
        """A picture with what is in the air at moment t, 0..1; ``strength`` 0..1."""
        if self._fog and strength:
            left = round(t * self._pace % 1 * self.width)
            thick = self._fog.crop((left, 0, left + self.width, self.height))
            if strength < 1:
                thick = thick.point([round(level * strength) for level in range(256)])
            frame.paste(self._fog_colour, (0, 0), thick)
        if self._lightning and strength and any(0 <= t - flash < FLASH for flash in FLASHES):
            frame = frame.point([min(255, round(level * (1 + strength) + 25 * strength)) for level in range(256)] * 3)
        pixels = np.array(frame)
        for particles in self._particles:
            particles.draw(pixels, t * self._pace, strength)
        return pixels


class Particles:
    """All of one kind, over pictures of one size."""

    def __init__(self, kind: str, look: Look, size: tuple[int, int], rng: np.random.Generator) -> None:
        count, fall, across, pixel = KINDS[kind]
        self._x, self._y, large, self._drift, speed = rng.uniform(0, 1, (5, count))
        self._colour = _colour(kind, look).astype(np.float32)
        # Whole turns, so that what leaves the picture comes in again, and a loop closes.
        self._turns = np.round(fall * (0.75 + 0.5 * speed)) if abs(fall) >= 1 else 0.0
        self._sideways = np.round(across * (0.75 + 0.5 * speed)) if across >= 1 else 0.0
        self._swing = fall if abs(fall) < 1 else 0.03
        unit = min(size) / 360
        self._length = length = max(round(STREAK.get(kind, 0) * unit), 1)
        radius = np.maximum(pixel * unit * (0.5 + large**2), 0.6)
        near = 1 if length > 1 else min(math.ceil(2.2 * pixel * unit), 6)
        dy, dx = np.mgrid[-near : near + length, -near : near + 1].reshape(2, -1, 1)
        slant = across / fall if length > 1 else 0.0
        outside = np.maximum(np.maximum(-dy, dy - length + 1), 0)
        cover = np.exp(-((dx - slant * dy) ** 2 + outside**2) / (2 * radius**2))
        cover *= (0.55 if length > 1 else 0.9) * (0.5 + 0.5 * speed)
        # The pixels of all of them in one row each: whose they are, where from there, and how much of them is covered.
        place, self._which = np.nonzero(cover > FAINT)
        self._dx, self._dy = dx[place, 0], dy[place, 0]
        self._cover = cover[place, self._which].astype(np.float32)

    def draw(self, pixels: Pixels, t: float, strength: float) -> None:
        """Draw them as they are at moment t, 0..1, in place."""
        height, width, _ = pixels.shape
        swing = np.sin(2 * math.pi * (t + self._drift))
        x = (self._x + self._sideways * t + 0.03 * swing) % 1 * width
        y = (self._y + self._turns * t + self._swing * swing) % 1 * (height + self._length)
        column = np.round(x).astype(int)[self._which] + self._dx
        row = np.round(y).astype(int)[self._which] - self._length + self._dy
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        seen = row[inside], column[inside]
        before = pixels[seen]
        pixels[seen] = before + (self._colour - before) * (strength * self._cover[inside])[:, None]


def _colour(kind: str, look: Look) -> Colour:
    if kind == "embers":
        return np.array([255.0, 170.0, 70.0])
    if kind == "leaves":
        return np.array([214.0, 104.0, 32.0])
    if kind == "petals":
        return np.array([255.0, 196.0, 214.0])
    return 0.4 * look.light + 0.6 * 255


def _draw_fog(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Where fog is, and how thick: once around, and a picture's width more."""
    width, height = size
    p = rng.uniform(0, 2 * np.pi, 6)
    y, x = np.mgrid[0:24, 0:64] * np.array([2 * np.pi / 24, 2 * np.pi / 64])[:, None, None]
    banks = np.sin(x + 1.1 * np.sin(0.7 * y + p[0]) + p[1]) + 0.6 * np.sin(3 * x + 1.4 * np.sin(y + p[2]) + p[3])
    density = (0.4 + 0.6 * np.sin(y / 2.4)) * (0.62 + 0.22 * banks).clip(0, 1) * FOG
    twice = Image.fromarray((255 * np.hstack([density, density]).clip(0, 1)).astype(np.uint8))
    return twice.resize((2 * width, height), Image.Resampling.BICUBIC)
