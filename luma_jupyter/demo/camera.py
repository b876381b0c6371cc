"""How the camera moves: a pose for each moment of a film, and a picture as it is seen from there.

A move begins and ends softly, and at its beginning it is nowhere else than where the picture was given from; in a loop
it comes back. Lengths are in units of the picture's shorter side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

MARGIN = 0.3  # of each side, by which a canvas is wider than its picture: it goes on there as in a mirror
Coefficients = tuple[float, float, float, float, float, float]
# How far each move goes until the end: right, down, larger.
MOVES = {
    "pan left": (-0.12, 0.0, 1.2),
    "pan right": (0.12, 0.0, 1.2),
    "tilt up": (0.0, -0.08, 1.2),
    "tilt down": (0.0, 0.08, 1.2),
    "dolly in": (0.0, 0.0, 1.32),
    "dolly out": (0.0, 0.0, 0.78),
    "orbit": (0.13, -0.03, 1.28),
    "handheld": (0.0, 0.0, 1.12),
    "static": (0.0, 0.0, 1.0),
}
CHOICES = ("dolly in", "pan right", "pan left", "dolly out", "orbit", "tilt up")  # where no word says one


@dataclass(frozen=True)
class Pose:
    """Where the camera is: moved right and down, ``zoom`` times nearer, turned by ``roll`` degrees."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    roll: float = 0.0

    def until(self, other: Pose) -> Pose:
        """This pose as seen from another one, which is then no pose at all."""
        return Pose(self.x - other.x, self.y - other.y, self.zoom / other.zoom, self.roll - other.roll)

    def coefficients(self, size: tuple[int, int]) -> Coefficients:
        """Where in a picture of that size each pixel is seen from here: a, b, c, d, e, f of Pillow's AFFINE."""
        (width, height), unit = size, min(size)
        turn, scale = math.radians(self.roll), 1 / self.zoom
        a, b = scale * math.cos(turn), scale * math.sin(turn)
        x, y = width / 2 + self.x * unit, height / 2 + self.y * unit
        return a, b, x - a * width / 2 - b * height / 2, -b, a, y + b * width / 2 - a * height / 2


@dataclass(frozen=True)
class Camera:
    """The moves of a film together; ``loop``: it ends where it began. ``extent`` makes them larger or smaller."""

    moves: Sequence[str]
    loop: bool = False
    extent: float = 1.0
    phase: float = 0.0

    def pose(self, t: float) -> Pose:
        """Where it is at moment t, 0..1."""
        way = self.extent * ((1 - math.cos(2 * math.pi * t)) / 2 if self.loop else t * t * (3 - 2 * t))
        x = y = roll = 0.0
        zoom = 1.0
        for move in self.moves:
            right, down, nearer = MOVES[move]
            x, y = x + way * right, y + way * down
            zoom *= nearer**way
        if "handheld" in self.moves:
            turns, steady = 2 * math.pi * t, min(1.0, 8 * t, 8 * (1 - t) if self.loop else 1.0)
            x += steady * 0.011 * (math.sin(5 * turns + self.phase) + 0.6 * math.sin(11 * turns))
            y += steady * 0.011 * (math.sin(7 * turns) + 0.5 * math.sin(13 * turns + self.phase))
            roll += steady * 0.5 * math.sin(6 * turns)
        return Pose(x, y, zoom, roll)


class Canvas:
    """A picture that a camera moves over; beyond its edges it is mirrored."""

    def __init__(self, picture: Image.Image) -> None:
        self.size = picture.size
        self._picture = picture
        self._border = tuple(round(MARGIN * side) for side in picture.size)
        self._wide = _mirrored(picture, *self._border)

    def seen(self, pose: Pose) -> Image.Image:
        """The picture as it is seen from a pose; from none, it is the very picture."""
        if pose == Pose():
            return self._picture.copy()
        a, b, c, d, e, f = pose.coefficients(self.size)
        left, top = self._border
        return view(self._wide, (a, b, c + left, d, e, f + top), self.size)


def view(picture: Image.Image, coefficients: Coefficients, size: tuple[int, int]) -> Image.Image:
    """What of a picture is seen, at a size: pixels by Pillow's AFFINE, quicker where nothing is turned."""
    a, b, c, _, e, f = coefficients
    box = (c, f, c + a * size[0], f + e * size[1])
    if b == 0.0 and box[0] >= 0 and box[1] >= 0 and box[2] <= picture.width and box[3] <= picture.height:
        return picture.resize(size, Image.Resampling.BILINEAR, box=box)
    return picture.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)


def _mirrored(picture: Image.Image, across: int, down: int) -> Image.Image:
    width, height = picture.size
    wide = Image.new("RGB", (width + 2 * across, height + 2 * down))
    flipped, turned = ImageOps.mirror(picture), ImageOps.flip(picture)
    both = ImageOps.mirror(turned)
    for row, (plain, other) in ((-1, (turned, both)), (0, (picture, flipped)), (1, (turned, both))):
        for column in (-1, 0, 1):
            wide.paste(other if column else plain, (across + column * width, down + row * height))
    return wide
