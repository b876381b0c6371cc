"""One shot: a scene or given pictures, seen by a moving camera, in the light, the air and the style of a prompt.

A picture that is given stays what the film shows: the camera moves over it, and light and weather come over it. The
first frame is exactly the picture that a film begins with, the last one exactly the picture that it ends with; between
two of them one becomes the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from PIL import Image

from luma_jupyter.demo.air import Air
from luma_jupyter.demo.camera import Camera, Canvas, Pose
from luma_jupyter.demo.light import Light, Repaint, in_style
from luma_jupyter.demo.palette import Look, colours_of
from luma_jupyter.demo.scene import Scene
from luma_jupyter.demo.words import Direction
from luma_jupyter.video.codec import Pixels

EASE = 0.25  # of a film, in which light, weather and style come over a picture
MORPH = (0.2, 0.8)  # of a film, between which one picture becomes the other
STRONG, WEAK = 0.6, 0.3  # how much of a modified film has the prompt's colours; with no words for colours, less
PACES = {"slow motion": 0.4, "time lapse": 3.0}
EXTENTS = {"slow motion": 0.55, "time lapse": 1.2}


@dataclass(frozen=True)
class Shot:
    """A shot of a prompt in one of its looks, at one size.

    ``start`` and ``end`` are the pictures that it begins and ends with; ``vivid``: scenes have more light.
    """

    prompt: str
    look: Look
    size: tuple[int, int]
    loop: bool = False
    vivid: bool = True
    start: Image.Image | None = None
    end: Image.Image | None = None

    def frame(self, t: float) -> Pixels:
        """The picture at moment t, 0..1."""
        pose = self.camera.pose(t)
        if self.start is None and self.end is None:
            return self._air.fill(
                in_style(self._scene.frame(t, replace(pose, zoom=pose.zoom * self._nearer)), self._styles), t
            )
        strength = self._strength(t)
        picture = in_style(self._light.on(self._picture_at(t, pose), strength), self._styles, strength)
        return self._air.fill(picture, t, strength)

    def modified(self, pixels: Pixels, t: float) -> Pixels:
        """A frame of another film, at moment t, in the colours, light, weather and style of this shot."""
        picture = Image.fromarray(pixels)
        strength = STRONG if colours_of(self._direction, "place", "time", "weather") else WEAK
        picture = self._light.on(self._repaint.paint(picture, strength), 1.0)
        return self._air.fill(in_style(picture, self._styles), t)

    @cached_property
    def camera(self) -> Camera:
        """How the camera moves."""
        pace = next(iter(self._direction.names("pace")), "")
        return Camera(self.look.moves, self.loop, EXTENTS.get(pace, 1.0), self.look.seed % 628 / 100)

    @cached_property
    def _nearer(self) -> float:
        """How much nearer the camera is to a scene than to a picture, so that it never goes back from its sky."""
        return 1 / min(self.camera.pose(step / 8).zoom for step in range(9))

    def _picture_at(self, t: float, pose: Pose) -> Image.Image:
        if self._end is None:
            assert self._start
            return self._start.seen(pose)
        arriving = pose.until(self.camera.pose(1.0))
        morph = 1.0 if self._start is None else _ease((t - MORPH[0]) / (MORPH[1] - MORPH[0]))
        if morph >= 1:
            return self._end.seen(arriving)
        assert self._start
        leaving = self._start.seen(pose)
        return Image.blend(leaving, self._end.seen(arriving), morph) if morph > 0 else leaving

    def _strength(self, t: float) -> float:
        """How much of the prompt's light and weather is over the pictures: none where they are just as given."""
        begun = _ease(t / EASE) if self.start or self.loop else 1.0
        return min(begun, _ease((1 - t) / EASE) if self.end or self.loop else 1.0)

    @cached_property
    def _direction(self) -> Direction:
        return Direction.of(self.prompt)

    @cached_property
    def _styles(self) -> tuple[str, ...]:
        return self._direction.names("style")

    @cached_property
    def _pace(self) -> float:
        paces = [PACES[name] for name in self._direction.names("pace")]
        return paces[0] if paces and not self.loop else 1.0

    @cached_property
    def _scene(self) -> Scene:
        drift = self._pace * (3.0 if "wind" in self.look.air else 1.0)
        return Scene(self.look, self.size, self.loop, self.vivid, drift)

    @cached_property
    def _air(self) -> Air:
        return Air(self.look, self.size, self._pace)

    @cached_property
    def _light(self) -> Light:
        said = 2 * colours_of(self._direction, "time") + colours_of(self._direction, "weather")
        light = Light(said, self.look.tint)
        given = self.start or self.end
        return light.look_at(given) if given else light

    @cached_property
    def _repaint(self) -> Repaint:
        return Repaint(self.look)

    @cached_property
    def _start(self) -> Canvas | None:
        return Canvas(self.start) if self.start else None

    @cached_property
    def _end(self) -> Canvas | None:
        return Canvas(self.end) if self.end else None


def _ease(x: float) -> float:
    """0 for x <= 0, 1 for x >= 1, and a smooth curve between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)
