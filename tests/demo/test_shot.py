"""Shots of given pictures: a picture stays what the film shows, however camera, light and weather change."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from luma_jupyter.demo.camera import Camera, Canvas, Pose
from luma_jupyter.demo.light import Light
from luma_jupyter.demo.palette import Look
from luma_jupyter.demo.shot import Shot

SIZE = (320, 180)
LIKE = 0.85  # correlation of brightness
FILMS = (
    *("in the snow at night, pan right", "in a storm, dolly in", "in the fog, orbit", "in autumn, handheld"),
    *("at sunset, dolly out", "in the rain, black and white, pan left", "watercolour, tilt up", "cartoon, spring"),
    *("at noon, tilt down, vivid", "pastel, time lapse, wind", "vintage, slow motion"),
)


def character(sky: tuple[int, int, int] = (150, 190, 220)) -> Image.Image:
    """A fox, more or less."""
    picture = Image.new("RGB", (640, 360), sky)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 260, 640, 360), fill=(110, 140, 80))
    draw.ellipse((240, 170, 420, 300), fill=(220, 110, 40))
    draw.ellipse((360, 110, 460, 200), fill=(220, 110, 40))
    draw.polygon([(370, 130), (380, 80), (410, 120)], fill=(220, 110, 40))
    draw.polygon([(250, 250), (150, 200), (180, 280)], fill=(240, 240, 240))
    draw.ellipse((390, 140, 402, 152), fill=(20, 20, 20))
    return picture.resize(SIZE)


def unmoved(frame: NDArray[np.uint8], pose: Pose) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A frame as it was before the camera moved, and where it is known."""
    a, b, c, d, e, f = pose.coefficients(SIZE)
    area = a * e - b * d
    back = (e / area, -b / area, (b * f - e * c) / area, -d / area, a / area, (d * c - a * f) / area)
    image = Image.fromarray(frame).convert("L").transform(SIZE, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    known = Image.new("L", SIZE, 255).transform(SIZE, Image.Transform.AFFINE, back)
    return np.asarray(image, float), np.asarray(known) > 0


def likeness(frame: NDArray[np.uint8], pose: Pose, picture: Image.Image) -> float:
    """How far a frame shows a picture: 1 is all of it."""
    seen, known = unmoved(frame, pose)
    return float(np.corrcoef(seen[known], np.asarray(picture.convert("L"), float)[known])[0, 1])


@pytest.mark.parametrize("which", ["start", "end"])
@pytest.mark.parametrize("prompt", FILMS)
def test_given_picture_stays_through_the_film(prompt: str, which: str) -> None:
    """The given frame is exactly the picture, and at each second the film still shows it, moved and lit otherwise."""
    fox = character()
    shot = Shot(prompt, Look.of(prompt), SIZE, **{which: fox})
    frames = [shot.frame(second / 5) for second in range(6)]
    poses = [shot.camera.pose(second / 5) for second in range(6)]
    if which == "end":
        poses = [pose.until(poses[-1]) for pose in poses]
    assert np.array_equal(frames[0 if which == "start" else -1], np.asarray(fox))
    assert min(likeness(frame, pose, fox) for frame, pose in zip(frames, poses, strict=True)) >= LIKE
    far = frames[-1 if which == "start" else 0].astype(float)
    assert np.abs(far - np.asarray(fox)).mean() > 8


def test_one_picture_becomes_the_other() -> None:
    """Between two pictures the film begins with exactly the one, ends with exactly the other, and is both between."""
    one = character()
    other = one.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    shot = Shot("dolly in", Look.of("dolly in"), SIZE, start=one, end=other)
    poses = [shot.camera.pose(t) for t in (0.0, 0.5, 1.0)]
    first, middle, last = (shot.frame(t) for t in (0.0, 0.5, 1.0))
    assert np.array_equal(first, np.asarray(one))
    assert np.array_equal(last, np.asarray(other))
    assert likeness(middle, poses[1], one) > 0.4
    assert likeness(middle, poses[1].until(poses[2]), other) > 0.4


def test_light_comes_over_a_picture_once() -> None:
    """A picture that has the light of a night already is not made darker by another night: shots can follow shots."""
    shot = Shot("at night, static", Look.of("at night, static"), SIZE, start=character())
    first = Image.fromarray(shot.frame(1.0))
    later = first
    for _ in range(4):
        later = Image.fromarray(Shot("at night, static", Look.of("x"), SIZE, start=later).frame(1.0))
    assert np.asarray(first, float).mean() < 0.75 * np.asarray(character(), float).mean()
    assert np.asarray(later, float).mean() > 0.6 * np.asarray(first, float).mean()


def test_picture_without_words_keeps_its_colours() -> None:
    """Where no word says a light, a picture keeps its own; another take gives it another."""
    fox = character()
    plain, other = (
        np.asarray(Light([], Look.of("x", number).tint).look_at(fox).on(fox, 1.0), float) for number in (0, 3)
    )
    assert np.array_equal(plain, np.asarray(fox, float))
    assert np.abs(other - plain).mean() > 5


def test_canvas_shows_the_very_picture_from_no_pose() -> None:
    """Where the camera has not moved there is nothing of a scaling to be seen; beyond the edges there is a mirror."""
    fox = character()
    canvas = Canvas(fox)
    assert np.array_equal(np.asarray(canvas.seen(Pose())), np.asarray(fox))
    wide = np.asarray(canvas.seen(Pose(zoom=0.74)), float)
    assert wide.min(axis=(0, 1)).max() > 0  # black corners would be nothing


def test_handheld_camera_shakes_and_others_do_not() -> None:
    """A camera in somebody's hand changes its direction all the time."""

    def turns(move: str) -> int:
        across = np.diff([Camera((move,)).pose(t).x for t in np.linspace(0, 1, 121)])
        return int((np.sign(across[1:]) != np.sign(across[:-1])).sum())

    assert turns("handheld") > 10
    assert turns("pan left") < 3
