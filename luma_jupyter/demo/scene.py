"""A prompt as a moving picture: sky, sun, clouds, and ridges that pass each other as the camera moves.

All is drawn once, as layers wider than the picture; a frame is made of a part of each. Everything is a function of the
moment t in 0..1: in a looped scene t = 1 is t = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from luma_jupyter.demo.camera import Pose
from luma_jupyter.demo.palette import Colour, Look

Curve = NDArray[np.float64]
DEPTHS = (0.25, 0.5, 0.75, 1.0)  # of the ridges, from far, hazy and slow to near, dark and fast
TRAVEL = 6.5  # how much farther the nearest ridge moves than a flat picture would
ORBITED = 0.6  # how deep the middle is around which the camera orbits: what is behind it goes the other way
REACH = 1.1  # how far a layer goes on beyond either side of the picture, in units of the shorter side
RISE = 0.12  # how far the sun moves, as a part of the height
HIDDEN_BY = {"rain", "storm", "snow"}  # there is no sun behind them, only its light
GRID = 5  # pixels: soft things are drawn on a coarse grid and made larger


@dataclass(frozen=True)
class Layer:
    """A part of the scene: its colours, and where it covers what is behind it; ``top`` is its place in the picture."""

    colours: Image.Image
    cover: Image.Image
    top: int
    depth: float


class Scene:
    """The scene of a look at one size (width, height in pixels).

    ``vivid``: with more light; ``drift`` is how fast clouds go. Lengths are in units of the shorter side, so that a
    scene looks alike in every size.
    """

    def __init__(
        self, look: Look, size: tuple[int, int], loop: bool = False, vivid: bool = True, drift: float = 1.0
    ) -> None:
        self.size, self._look, self._loop, self._drift = size, look, loop, drift
        self.width, self.height = size
        self.unit = min(size)
        self._reach = round(REACH * self.unit)
        self._rng = np.random.default_rng(look.seed)
        self._phases = self._rng.uniform(0, 2 * np.pi, 16)
        self._sky = self._draw_sky(vivid)
        self._clouds = self._draw_clouds(vivid)
        depths = DEPTHS[-1:] if look.skyline == "planet" else DEPTHS
        self._centre = ORBITED**1.6 if "orbit" in look.moves else 0.0
        self._ridges = [self._draw_ridge(depth) for depth in depths]
        self._light = tuple(int(channel) for channel in look.light)

    def frame(self, t: float, pose: Pose) -> Image.Image:
        """The picture at moment t, 0..1, where the camera has moved so far sideways."""
        phase = 2 * math.pi * t
        swing = math.sin(phase) if self._loop else t
        frame = self._part(self._sky, 0.12 * pose.x, round((0.5 - 0.5 * swing) * RISE * self.height))
        across = self._drift * (0.12 * math.sin(phase) if self._loop else 0.5 * t)
        frame.paste(self._light, (0, 0), self._part(self._clouds, 0.3 * pose.x + across))
        for layer in self._ridges:
            bob = round(0.008 * self.unit * math.sin(phase * 2 + 9 * layer.depth)) if self._is_water else 0
            sway = 0.05 * math.sin(phase + 5 * layer.depth) if self._is_water else 0.0
            x = TRAVEL * pose.x * (layer.depth**1.6 - self._centre) + sway
            frame.paste(self._part(layer.colours, x), (0, layer.top + bob), self._part(layer.cover, x))
        return frame

    @property
    def _is_water(self) -> bool:
        return self._look.skyline == "waves"

    def _part(self, layer: Image.Image, x: float, top: int = 0) -> Image.Image:
        """What of a layer is in the picture, where the camera is at ``x``."""
        left = min(max(round(self._reach + x * self.unit), 0), layer.width - self.width)
        height = min(layer.height - top, self.height)
        return layer.crop((left, top, left + self.width, top + height))

    def _grid(self, height: int) -> tuple[Curve, Curve]:
        """x and y of a coarse grid over a layer; 0, 0 is the picture's corner."""
        wide = self.width + 2 * self._reach
        y, x = np.mgrid[0:height:GRID, 0:wide:GRID].astype(float)
        return (x - self._reach) / self.unit, y / self.unit

    def _draw_sky(self, vivid: bool) -> Image.Image:
        """From sky to horizon, with the sun or moon, its glow, and stars."""
        look = self._look
        height = round((1 + RISE) * self.height)
        x, y = self._grid(height)
        down = np.clip(y * self.unit / self.height / 0.72, 0, 1)[..., None] ** 0.85
        sky = look.sky + (look.horizon - look.sky) * down
        place = self._rng.uniform(0.25, 0.75)
        sun = place * self.width / self.unit, (0.3 + RISE / 2) * self.height / self.unit
        distance = (x - sun[0]) ** 2 + (y - sun[1]) ** 2
        glow = 0.55 * np.exp(-distance / 0.02) + (0.42 if vivid else 0.3) * np.exp(-distance / 0.16)
        sky += (look.light - sky) * glow[..., None]
        image = _large(sky, (self.width + 2 * self._reach, height))
        draw = ImageDraw.Draw(image)
        if "stars" in look.air:
            self._draw_stars(draw, image.size)
        if look.air & HIDDEN_BY:
            return image
        radius = (0.05 if look.is_dark else 0.07) * self.unit
        centre = sun[0] * self.unit + self._reach, sun[1] * self.unit
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        draw.ellipse(box, fill=tuple(int(channel) for channel in 0.35 * look.light + 0.65 * 255))
        return image

    def _draw_stars(self, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
        for x, y, bright in self._rng.uniform(0, 1, (220, 3)):
            near = round(0.4 + bright * self.unit / 300)
            left, top = x * size[0], 0.75 * y * size[1]
            fill = tuple(int(channel * (0.45 + 0.55 * bright)) for channel in self._look.light)
            draw.rectangle((left, top, left + near, top + near), fill=fill)

    def _draw_clouds(self, vivid: bool) -> Image.Image:
        """Where clouds are, and how thick."""
        p = self._phases
        x, y = self._grid(round(0.6 * self.height))
        u = 1.9 * x + 0.5 * np.sin(3.1 * y + p[0])
        v = 5.3 * y + 0.8 * np.sin(1.7 * x + p[1])
        clouds = (0.5 + 0.5 * np.sin(u + 1.3 * np.sin(v + p[2]) + p[3])) ** 3
        fading = np.clip(2.2 - 2.2 * y / y.max(), 0, 1)
        cover = 255 * (0.34 if vivid else 0.24) * clouds * fading
        size = self.width + 2 * self._reach, round(0.6 * self.height)
        return Image.fromarray(cover.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)

    def _draw_ridge(self, depth: float) -> Layer:
        x = (np.arange(self.width + 2 * self._reach) - self._reach) / self.unit
        height = self._skyline_height(x + 9 * depth, depth)
        if self._look.skyline == "planet":
            height = 2.2 - 3.2 * (x - self.width / self.unit / 2) ** 2
        line = self.height * (0.5 + 0.3 * depth) - height * self.unit * (0.06 + 0.1 * depth)
        top = max(int(line.min()) - 1, 0)
        rows = np.arange(top, self.height + 8, dtype=np.float32)[:, None]
        cover = np.clip(rows - line.astype(np.float32) + 0.5, 0, 1)
        colours = np.broadcast_to(self._ridge_colours(depth, rows), (*cover.shape, 3))
        image = Image.fromarray(colours.clip(0, 255).astype(np.uint8))
        if self._look.skyline == "city":
            self._light_windows(image, line - top, depth)
        return Layer(image, Image.fromarray((255 * cover).astype(np.uint8)), top, depth)

    def _ridge_colours(self, depth: float, rows: NDArray[np.float32]) -> Colour:
        """The colour of each row of a ridge: it fades into the haze further down."""
        look = self._look
        colour = look.horizon + (look.ground - look.horizon) * (0.25 + 0.75 * depth)
        down = rows[..., None] / self.height
        haze = np.clip((down - 0.35 - 0.3 * depth) / 0.55, 0, 1) * (0.5 - 0.42 * depth)
        return np.asarray(colour + (look.horizon - colour) * haze)

    def _light_windows(self, image: Image.Image, line: Curve, depth: float) -> None:
        draw = ImageDraw.Draw(image)
        step = max(round(0.03 * self.unit), 4)
        fill = tuple(int(channel) for channel in (self._look.light + self._look.ground) / 2)
        for left in range(0, image.width - step, step):
            first = int(line[left : left + step].max()) + step
            for top in range(first, min(first + 9 * step, image.height), step):
                if self._rng.uniform() < 0.3 * depth:
                    draw.rectangle((left, top, left + step // 3, top + step // 2), fill=fill)

    def _skyline_height(self, x: Curve, depth: float) -> Curve:
        """The skyline's height over x, about -1..2."""
        index = round(depth * 4)
        p, skyline = self._phases[index:], self._look.skyline
        height: Curve = np.sin(2.1 * x + p[0]) + 0.5 * np.sin(5.3 * x + p[1]) + 0.2 * np.sin(11.7 * x + p[2])
        if skyline == "peaks":
            height = 1.9 * _zigzag(0.9 * x + p[0]) + 0.8 * _zigzag(2.3 * x + p[1]) + 0.25 * _zigzag(6.1 * x) - 0.8
        elif skyline == "waves":
            height = 0.2 * np.sin(4.1 * x + p[0]) + 0.12 * np.sin(9.7 * x + p[1]) + 0.07 * np.sin(23 * x + p[2])
            height = height * depth**1.5 - 0.3  # far away, water is flat
        elif skyline == "trees":
            trees = _zigzag(19 * x + p[3]) * (0.7 + 0.3 * np.sin(31 * x + p[4])) + 0.3 * _zigzag(57 * x + p[5])
            height = 0.3 * height + (0.9 + 0.2 * index) * trees + 0.2
        elif skyline == "city":
            heights = np.random.default_rng(self._look.seed + index).uniform(0, 2, 64)
            height = heights[np.floor(7 * x + p[0] * 9).astype(int) % len(heights)]
        return height


def _large(colours: Colour, size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(colours.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)


def _zigzag(x: Curve) -> Curve:
    """From 1 down to 0 and up again, with period 2."""
    return np.asarray(np.abs(x % 2 - 1))
