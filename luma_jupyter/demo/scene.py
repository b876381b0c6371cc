"""A prompt as a moving picture: sky, sun, clouds, and ridges that pass each other as the camera moves.

Sky and clouds are drawn once, larger than the picture; a frame has a part of each. They are far away: the camera comes
no nearer to them. A ridge is its skyline, drawn anew for each frame, down to where the next one covers it. Everything
is a function of the moment t in 0..1: in a looped scene t = 1 is t = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from luma_jupyter.demo.camera import Pose, view
from luma_jupyter.demo.palette import Colour, Look

Curve = NDArray[np.float64]
DEPTHS = (0.25, 0.5, 0.75, 1.0)  # of the ridges, from far, hazy and slow to near, dark and fast
TRAVEL = 6.5  # how much farther the nearest ridge moves than a flat picture would
ORBITED = 0.6  # how deep the middle is around which the camera orbits: what is behind it goes the other way
MARGIN = 0.15  # how far the sky goes on beyond the picture, in units of the shorter side
REACH = 1.4  # how far clouds and ridges go on to the left and to the right, in the same units
RISE = 0.12  # how far the sun moves, as a part of the height
HIDDEN_BY = {"rain", "storm", "snow"}  # there is no sun behind them, only its light
GRID = 5  # pixels: soft things are drawn on a coarse grid and made larger


@dataclass(frozen=True)
class Ridge:
    """A part of the scene: how far down its skyline is in each column, and how blurred, in pixels; the colours of its
    rows, as wide as the picture; where there are windows.
    """

    depth: float
    line: Curve
    blur: Curve
    colours: Image.Image
    windows: Image.Image | None


class Edge(NamedTuple):
    """Where a ridge is seen: its pixels begin at ``left`` and ``top``, ``1 / scale`` large; its line and how blurred
    that is, in each column; the row from which on it covers all.
    """

    left: float
    top: float
    scale: float
    line: NDArray[np.float32]
    blur: NDArray[np.float32]
    solid: int


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
        self._light = Image.new("RGB", size, _channels(look.light))
        self._window = Image.new("RGB", size, _channels((look.light + look.ground) / 2))

    def frame(self, t: float, pose: Pose) -> Image.Image:
        """The picture at moment t, 0..1, from where the camera is."""
        phase = 2 * math.pi * t
        swing = math.sin(phase) if self._loop else t
        rise = (0.5 - 0.5 * swing) * RISE * self.height / self.unit
        across = self._drift * (0.12 * math.sin(phase) if self._loop else 0.5 * t)
        edges = [self._edge(ridge, phase, pose) for ridge in self._ridges]
        nearer = (1 - 1 / pose.zoom) * self.height / self.unit / 4  # the sky goes up as what is half way up in it would
        frame = self._part(self._sky, 0.5 * pose.x, pose.y + nearer + rise, self.height)
        clouds = self._part(self._clouds, 0.5 * pose.x + across, pose.y + nearer, edges[0].solid)
        frame.paste(self._light.crop((0, 0, *clouds.size)), (0, 0), clouds)
        ends = [*(edge.solid for edge in edges[1:]), self.height]
        for ridge, edge, end in zip(self._ridges, edges, ends, strict=True):
            self._paste(frame, ridge, edge, end)
        return frame

    def _edge(self, ridge: Ridge, phase: float, pose: Pose) -> Edge:
        """Where a ridge is seen: the nearer it is, the farther it moves."""
        x, y = TRAVEL * pose.x * (ridge.depth**1.6 - self._centre), pose.y
        if self._look.skyline == "waves":
            x += 0.05 * math.sin(phase + 5 * ridge.depth)
            y -= 0.008 * math.sin(phase * 2 + 9 * ridge.depth)
        left = x * self.unit + (1 - 1 / pose.zoom) * self.width / 2
        top = y * self.unit + (1 - 1 / pose.zoom) * self.height / 2
        column = np.arange(self.width)
        place = column / pose.zoom + left + self._reach
        line = (np.interp(place, np.arange(len(ridge.line)), ridge.line) - top) * pose.zoom
        line += math.tan(math.radians(pose.roll)) * (column - self.width / 2)
        blur = np.interp(place, np.arange(len(ridge.line)), ridge.blur)
        solid = min(max(math.ceil((line + blur).max()), 1), self.height)
        return Edge(left, top, 1 / pose.zoom, line.astype(np.float32), blur.astype(np.float32), solid)

    def _paste(self, frame: Image.Image, ridge: Ridge, edge: Edge, end: int) -> None:
        """Draw a ridge down to a row, from which on the next one covers it."""
        top, solid = max(math.floor((edge.line - edge.blur).min()), 0), min(edge.solid, end)
        if top < solid:
            rows = np.arange(top, solid, dtype=np.float32)[:, None]
            cover = ((rows - edge.line) * (127.5 / edge.blur) + 127.5).clip(0, 255).astype(np.uint8)
            frame.paste(ridge.colours.crop((0, top, self.width, solid)), (0, top), Image.fromarray(cover))
        if solid < end:
            frame.paste(ridge.colours.crop((0, solid, self.width, end)), (0, solid))
        if ridge.windows and top < end:
            place = (edge.scale, 0.0, edge.left + self._reach, 0.0, edge.scale, edge.top + edge.scale * top)
            lit = view(ridge.windows, place, (self.width, end - top))
            frame.paste(self._window.crop((0, 0, *lit.size)), (0, top), lit)

    def _part(self, layer: Image.Image, x: float, y: float, height: int) -> Image.Image:
        """So many rows of a layer, where the camera is at ``x`` and ``y``."""
        left = min(max(round((layer.width - self.width) / 2 + x * self.unit), 0), layer.width - self.width)
        top = max(round((MARGIN + y) * self.unit), 0)
        return layer.crop((left, top, left + self.width, top + height))

    def _grid(self, beside: float, height: float) -> tuple[Curve, Curve]:
        """x and y of a coarse grid over a layer that goes so far beyond the picture; 0, 0 is the picture's corner."""
        x = np.arange(-beside, self.width / self.unit + beside, GRID / self.unit)
        y = np.arange(-MARGIN, height, GRID / self.unit)
        return x[None], y[:, None]

    def _draw_sky(self, vivid: bool) -> Image.Image:
        """From sky to horizon, with the sun or moon, its glow, and stars."""
        look = self._look
        x, y = self._grid(MARGIN, (1.1 + RISE) * self.height / self.unit + MARGIN)
        down = np.clip(y * self.unit / self.height / 0.72, 0, 1)[..., None] ** 0.85
        place = self._rng.uniform(0.25, 0.75)
        sun = place * self.width / self.unit, (0.3 + RISE / 2) * self.height / self.unit
        distance = (x - sun[0]) ** 2 + (y - sun[1]) ** 2
        glow = 0.55 * np.exp(-distance / 0.02) + (0.42 if vivid else 0.3) * np.exp(-distance / 0.16)
        sky = look.sky + (look.horizon - look.sky) * down
        image = _large(sky + (look.light - sky) * glow[..., None])
        draw = ImageDraw.Draw(image)
        if "stars" in look.air:
            self._draw_stars(draw, image.size)
        if look.air & HIDDEN_BY:
            return image
        radius = (0.05 if look.is_dark else 0.07) * self.unit
        centre = (sun[0] + MARGIN) * self.unit, (sun[1] + MARGIN) * self.unit
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        draw.ellipse(box, fill=_channels(0.35 * look.light + 0.65 * 255))
        return image

    def _draw_stars(self, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
        for x, y, bright in self._rng.uniform(0, 1, (120, 3)):
            near = round(0.4 + bright * self.unit / 300)
            left, top = x * size[0], 0.75 * y * size[1]
            fill = _channels(self._look.light * (0.45 + 0.55 * bright))
            draw.rectangle((left, top, left + near, top + near), fill=fill)

    def _draw_clouds(self, vivid: bool) -> Image.Image:
        """Where clouds are, and how thick."""
        p = self._phases
        x, y = self._grid(REACH, 0.6 * self.height / self.unit)
        u = 1.9 * x + 0.5 * np.sin(3.1 * y + p[0])
        v = 5.3 * y + 0.8 * np.sin(1.7 * x + p[1])
        clouds = (0.5 + 0.5 * np.sin(u + 1.3 * np.sin(v + p[2]) + p[3])) ** 3
        fading = np.clip(2.2 - 2.2 * y / y.max(), 0, 1)
        return _large(255 * (0.34 if vivid else 0.24) * clouds * fading)

    def _draw_ridge(self, depth: float) -> Ridge:
        """A ridge, whose colours fade into the haze further down."""
        look = self._look
        colour = look.horizon + (look.ground - look.horizon) * (0.25 + 0.75 * depth)
        down = np.linspace(0, 1, self.height)[:, None, None]
        haze = np.clip((down - 0.35 - 0.3 * depth) / 0.55, 0, 1) * (0.5 - 0.42 * depth)
        rows = Image.fromarray((colour + (look.horizon - colour) * haze).clip(0, 255).astype(np.uint8))
        x = np.arange(-self._reach, self.width + self._reach) / self.unit
        height = self._skyline_height(x + 9 * depth, depth)
        if look.skyline == "planet":
            height = 2.2 - 3.2 * (x - self.width / self.unit / 2) ** 2
        line = self.height * (0.5 + 0.3 * depth) - height * self.unit * (0.06 + 0.1 * depth)
        blur = np.abs(np.gradient(line)).clip(1, 4) / 2  # the steeper, the more: so there are no steps
        windows = self._draw_windows(line, depth) if look.skyline == "city" else None
        return Ridge(depth, line, blur, rows.resize(self.size, Image.Resampling.NEAREST), windows)

    def _draw_windows(self, line: Curve, depth: float) -> Image.Image:
        image = Image.new("L", (len(line), round(1.4 * self.height)))
        draw = ImageDraw.Draw(image)
        step = max(round(0.03 * self.unit), 4)
        for left in range(0, image.width - step, step):
            first = int(line[left : left + step].max()) + step
            for top in range(first, first + 9 * step, step):
                if self._rng.uniform() < 0.3 * depth:
                    draw.rectangle((left, top, left + step // 3, top + step // 2), fill=255)
        return image

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


def _large(levels: Curve) -> Image.Image:
    small = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    return small.resize((GRID * small.width, GRID * small.height), Image.Resampling.BILINEAR)


def _channels(colour: Colour) -> tuple[int, ...]:
    return tuple(int(channel) for channel in colour)


def _zigzag(x: Curve) -> Curve:
    """From 1 down to 0 and up again, with period 2."""
    return np.asarray(np.abs(x % 2 - 1))
