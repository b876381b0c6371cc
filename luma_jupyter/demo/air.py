"""What is in the air between the camera and the picture: fog, and all that drifts, falls or flashes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from luma_jupyter.demo.palette import Look
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


class Air:
    """What is in the air of a look, over pictures of one size; ``pace`` is how fast it moves."""

    def __init__(self, look: Look, size: tuple[int, int], pace: float = 1.0) -> None:
        self.width, self.height = size
        self._pace = pace
        self._look = look
        rng = np.random.default_rng(look.seed + 1)
        kinds = sorted(look.air & KINDS.keys())
        self._kinds = {kind: rng.uniform(0, 1, (5, KINDS[kind][0])) for kind in kinds}
        self._fog = _draw_fog(rng, size) if "fog" in look.air else None
        self._fog_colour = tuple(int(channel) for channel in 0.6 * look.horizon + 0.4 * 255)

    def fill(self, frame: Image.Image, t: float, strength: float = 1.0) -> Pixels:
        """A picture with what is in the air at moment t, 0..1; ``strength`` 0..1."""
        if self._fog and strength:
            left = round(t * self._pace % 1 * self.width)
            thick = self._fog.crop((left, 0, left + self.width, self.height))
            if strength < 1:
                thick = thick.point([round(level * strength) for level in range(256)])
            frame.paste(self._fog_colour, (0, 0), thick)
        if "storm" in self._kinds and strength and any(0 <= t - flash < FLASH for flash in FLASHES):
            frame = frame.point([min(255, round(level * (1 + strength) + 25 * strength)) for level in range(256)] * 3)
        pixels = np.array(frame)
        for kind, particles in self._kinds.items():
            self._draw(pixels, kind, particles, t * self._pace, strength)
        return pixels

    def _draw(self, pixels: Pixels, kind: str, particles: NDArray[np.float64], t: float, strength: float) -> None:
        x, y, size, drift, speed = particles
        _, fall, across, pixel = KINDS[kind]
        # Whole turns, so that what leaves the picture comes in again, and a loop closes.
        turns = np.round(fall * (0.75 + 0.5 * speed)) if abs(fall) >= 1 else 0.0
        swing = np.sin(2 * math.pi * (t + drift))
        sideways = np.round(across * (0.75 + 0.5 * speed)) if across >= 1 else 0.0
        y = y + turns * t + (fall if abs(fall) < 1 else 0.03) * swing
        x = x + sideways * t + 0.03 * swing
        unit = min(self.width, self.height) / 360
        length = max(round(STREAK.get(kind, 0) * unit), 1)
        radius = np.maximum(pixel * unit * (0.5 + size**2), 0.6)
        cover = strength * (0.55 if length > 1 else 0.9) * (0.5 + 0.5 * speed)
        near = 1 if length > 1 else min(math.ceil(2.2 * pixel * unit), 6)
        dy, dx = np.mgrid[-near : near + length, -near : near + 1].reshape(2, -1, 1)
        slant = across / fall if length > 1 else 0.0
        outside = np.maximum(np.maximum(-dy, dy - length + 1), 0)
        spot = np.exp(-((dx - slant * dy) ** 2 + outside**2) / (2 * radius**2)) * cover
        column = np.round(x % 1 * self.width).astype(int) + dx
        row = np.round(y % 1 * (self.height + length)).astype(int) - length + dy
        inside = (column >= 0) & (column < self.width) & (row >= 0) & (row < self.height)
        row, column, spot = row[inside], column[inside], spot[inside][:, None]
        before = pixels[row, column]
        pixels[row, column] = (before + (self._colour(kind) - before) * spot).astype(np.uint8)

    def _colour(self, kind: str) -> NDArray[np.float64]:
        if kind == "embers":
            return np.array([255.0, 170.0, 70.0])
        if kind == "leaves":
            return np.array([214.0, 104.0, 32.0])
        if kind == "petals":
            return np.array([255.0, 196.0, 214.0])
        return 0.4 * self._look.light + 0.6 * 255


def _draw_fog(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Where fog is, and how thick: once around, and a picture's width more."""
    width, height = size
    p = rng.uniform(0, 2 * np.pi, 6)
    y, x = np.mgrid[0:24, 0:64] * np.array([2 * np.pi / 24, 2 * np.pi / 64])[:, None, None]
    banks = np.sin(x + 1.1 * np.sin(0.7 * y + p[0]) + p[1]) + 0.6 * np.sin(3 * x + 1.4 * np.sin(y + p[2]) + p[3])
    density = (0.4 + 0.6 * np.sin(y / 2.4)) * (0.62 + 0.22 * banks).clip(0, 1) * FOG
    twice = Image.fromarray((255 * np.hstack([density, density]).clip(0, 1)).astype(np.uint8))
    return twice.resize((2 * width, height), Image.Resampling.BICUBIC)
