"""Pictures go out as they look: each kind of picture against what Pillow itself shows of it."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from luma_jupyter.domain.media import LARGEST_PREVIEW, LocalFile
from luma_jupyter.engine.local_files import as_image
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.video import pictures
from luma_jupyter.video.pictures import PictureLimits, encode_png, picture_of, read_picture

pytestmark = pytest.mark.slow

SIZE = (24, 16)
MODES = (
    *("1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "LA", "La", "PA"),
    *("I", "I;16", "I;16B", "F"),
)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LIMITS = PictureLimits(20_000_000, LARGEST_PREVIEW)
LARGEST_DIFFERENCE = 3.0  # of 255, on average
ORIENTATION = 0x0112

# Pictures.


def colours() -> Image.Image:
    width, height = SIZE
    return Image.fromarray(
        np.array([[(x * 10, y * 15, x * y % 256) for x in range(width)] for y in range(height)], np.uint8)
    )


def picture(mode: str) -> Image.Image:
    """A picture of a mode, with all degrees of transparency where it has an alpha channel."""
    image = colours()
    if mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        image.putalpha(Image.frombytes("L", SIZE, bytes(index * 11 % 256 for index in range(SIZE[0] * SIZE[1]))))
        return image.convert("LA").convert("La") if mode == "La" else image if mode == "RGBA" else image.convert(mode)
    if mode.startswith("I;16"):
        order = ">" if mode.endswith("B") else "<"
        values = np.asarray(image.convert("L")).astype(f"{order}u2") * 257
        return Image.frombytes(mode, SIZE, values.astype(f"{order}u2").tobytes())
    return image.convert(mode)


def turned(image: Image.Image, orientation: int) -> Image.Exif:
    exif = image.getexif()
    exif[ORIENTATION] = orientation
    return exif


def as_file(image: Image.Image, kind: str, orientation: int = 1) -> bytes | None:
    """A picture as a file; None where Pillow writes no such file."""
    file = io.BytesIO()
    exif = {} if kind in ("GIF", "BMP") else {"exif": turned(image, orientation)}
    try:
        image.save(file, kind, **exif)
    except (OSError, ValueError, KeyError):
        return None
    return file.getvalue()


# What Pillow shows.


def shown(image: Image.Image) -> Image.Image:
    """What Pillow shows: upright, over white, in RGB; 16 bits by their range, which Pillow cuts off at 255."""
    image.load()  # a TIFF turns itself
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        image = image.convert("I").convert("F").point(lambda value: value / 257 + 0.5).convert("L")
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures of one size, of 255."""
    assert one.size == other.size
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean())


def opened(file: LocalFile) -> Image.Image:
    """What is sent, as those see it who know neither orientation, alpha nor profiles."""
    image = Image.open(io.BytesIO(file.to_send.read()))
    assert image.getexif().get(ORIENTATION, 1) == 1
    return image.convert("RGB")


def taken(value: Any) -> LocalFile:
    file = as_image("start_image", value)
    assert isinstance(file, LocalFile)
    return file


# Each against Pillow.


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", MODES)
def test_pil_image_goes_out_as_pillow_shows_it(mode: str, orientation: int) -> None:
    """Each mode in each orientation; what is sent has 8 bits, no alpha, and is upright."""
    image = picture(mode)
    image.info["exif"] = turned(image, orientation).tobytes()
    image = image.copy()  # an image remembers the EXIF that it was asked for
    assert difference(opened(taken(image)), shown(image)) <= LARGEST_DIFFERENCE


WRITABLE = [(mode, kind) for mode in MODES for kind in FORMATS if as_file(picture(mode), kind)]


@pytest.mark.parametrize(("mode", "kind"), WRITABLE)
def test_file_goes_out_as_pillow_shows_it(mode: str, kind: str, tmp_path: Path) -> None:
    """Each mode in each format and orientation, as a path and as bytes, which give the same file."""
    for orientation in range(1, 9):
        data = as_file(picture(mode), kind, orientation)
        assert data
        path = tmp_path / "picture.bin"
        path.write_bytes(data)
        file = taken(path)
        assert difference(opened(file), shown(Image.open(io.BytesIO(data)))) <= LARGEST_DIFFERENCE
        assert (file, file.to_send.read()) == (taken(data), taken(data).to_send.read())
        assert file.to_send.mime in ("image/png", "image/jpeg", "image/webp")


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_transparent_colour_becomes_white(mode: str) -> None:
    """One colour of a PNG that counts as transparent, in a gray, a palette and a colour picture, and in a GIF."""
    image = Image.new("RGB", (8, 8), (200, 0, 0)).convert(mode)
    transparent: Any = image.getpixel((0, 0))
    image.putpixel((4, 4), 0 if mode != "RGB" else (0, 0, 0))
    for kind in ("PNG", "GIF") if mode == "P" else ("PNG",):
        file = io.BytesIO()
        image.save(file, kind, transparency=transparent)
        sent = opened(taken(file.getvalue()))
        assert sent.getpixel((0, 0)) == (255, 255, 255)
        assert sent.getpixel((4, 4)) != (255, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animation_sends_its_first_picture(kind: str) -> None:
    """Of an animated GIF, WebP or PNG the first picture is sent, as one picture."""
    file = io.BytesIO()
    first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    options = {"lossless": True} if kind == "WEBP" else {}
    first.save(file, kind, save_all=True, append_images=[second], duration=100, **options)
    sent = taken(file.getvalue()).to_send
    image = Image.open(io.BytesIO(sent.read()))
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((3, 3)) == (255, 0, 0)


def test_profile_becomes_srgb() -> None:
    """Colours in another profile are sent as sRGB, from an image and a file; a damaged profile counts for nothing."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")  # red is blue
    image = picture("RGB")
    wide = io.BytesIO()
    image.save(wide, "PNG", icc_profile=swapped)
    expected = ImageCms.applyTransform(
        image, ImageCms.buildTransform(io.BytesIO(swapped), ImageCms.createProfile("sRGB"), "RGB", "RGB")
    )
    assert difference(expected, image) > LARGEST_DIFFERENCE
    for value in (wide.getvalue(), Image.open(wide)):
        sent = taken(value).to_send
        assert difference(opened(taken(value)), expected) <= LARGEST_DIFFERENCE
        assert "icc_profile" not in Image.open(io.BytesIO(sent.read())).info
    damaged = io.BytesIO()
    image.save(damaged, "PNG", icc_profile=b"no profile")
    assert difference(opened(taken(damaged.getvalue())), image) == 0


def test_srgb_by_name_changes_nothing() -> None:
    """A photo whose profile is sRGB, as most phones write it, is sent as the very file that it is."""
    file = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture("RGB").save(file, "JPEG", icc_profile=profile)
    assert taken(file.getvalue()).sent is None


# Which file is sent.


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_file_that_looks_right_is_sent_as_it_is(kind: str) -> None:
    """The very same bytes are sent where nothing has to be changed."""
    data = as_file(picture("RGB"), kind)
    assert data
    file = taken(data)
    assert (file.sent, file.read(), file.to_send) == (None, data, file)


def test_photo_is_sent_as_the_very_jpeg_that_it_is() -> None:
    """A photo of 24 million pixels is not written anew."""
    file = io.BytesIO()
    Image.effect_noise((6000, 4000), 20).save(file, "JPEG", quality=50)
    picture_ = read_picture("start_image", file.getvalue(), LIMITS)
    assert picture_.sent is picture_.given
    assert picture_.mime == "image/jpeg"


def test_turned_photo_stays_a_jpeg() -> None:
    """A photo that is turned upright is written as JPEG of good quality, a turned PNG as PNG."""
    photo, drawing = as_file(picture("RGB"), "JPEG", 6), as_file(picture("RGB"), "PNG", 6)
    assert (taken(photo).to_send.mime, taken(photo).to_send.name) == ("image/jpeg", "start_image.jpg")
    assert taken(drawing).to_send.mime == "image/png"


def test_picture_over_the_limit_goes_out_as_jpeg() -> None:
    """Where a PNG would be too large a JPEG is sent, of an image, of an array and of a turned file; known as before."""
    noise = np.random.default_rng(7).integers(0, 256, (64, 64, 3), np.uint8)
    png = encode_png("start_image", noise)
    limits = PictureLimits(len(png) - 1, LARGEST_PREVIEW)
    for value in (Image.fromarray(noise), noise):
        sent = picture_of("start_image", value, limits)
        assert (sent.mime, sent.given) == ("image/jpeg", png)
        assert len(sent.sent) < len(png)
    with pytest.raises(InvalidRequest, match=r"start_image: 0 MB are too much, even as JPEG: up to 0 MB\."):
        picture_of("start_image", noise, PictureLimits(1000, LARGEST_PREVIEW))


def test_too_many_pixels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would fill the memory is refused in one line, before its pixels are read."""
    bomb = as_file(Image.new("1", (20_000, 20_000)), "PNG")
    assert bomb
    large = as_file(Image.new("1", (9000, 9000)), "PNG")
    assert large
    for value in (bomb, large, large[:300], Image.open(io.BytesIO(large[:300]))):  # without most of their pixels
        with pytest.raises(InvalidRequest, match=r"start_image: .*pixels are too many: up to 64 million\.$"):
            taken(value)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    for given in (picture("RGB"), np.zeros((16, 24, 3), np.uint8)):
        with pytest.raises(InvalidRequest, match="24 × 16 pixels are too many"):
            taken(given)


def test_damaged_picture_is_refused_in_one_line() -> None:
    """What cannot be read says so, and nothing of where it is in memory."""
    for kind in FORMATS:
        data = as_file(picture("P" if kind == "GIF" else "RGB"), kind)
        assert data
        with pytest.raises(InvalidRequest) as caught:
            taken(data[: len(data) // 3])
        assert "cannot be read" in str(caught.value) or "is not a picture in PNG, JPEG or WebP" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "object at" not in str(caught.value)


# Bits.


def test_scaled_values_keep_their_tones() -> None:
    """16 bits, floats from 0 to 1 and 8 bits of the same picture are sent alike, as images and as arrays."""
    gray = np.asarray(colours().convert("L"))
    for array in (gray, gray.astype(np.uint16) * 257, gray / 255, (gray / 255).astype(np.float32)):
        assert difference(opened(taken(array)), Image.fromarray(gray)) <= 1
    colour = np.asarray(colours())
    for array in (colour.astype(">u2") * np.uint16(257), colour / 255):
        assert difference(opened(taken(array)), colours()) <= 1
    for image in (Image.fromarray((gray / 255).astype(np.float32)), Image.fromarray(gray.astype(np.int32) * 257)):
        assert difference(opened(taken(image)), Image.fromarray(gray)) <= 1


def test_scaled_pictures_are_told_apart() -> None:
    """Two pictures of 16 bits or of floats are two, though version 0.1.0 sent both as the same white or black."""
    for one in (np.full((4, 4), 0.2, np.float32), np.full((4, 4), 9000, np.uint16)):
        assert taken(Image.fromarray(one)) != taken(Image.fromarray(one + one))
        assert taken(one) != taken(one + one)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Image.fromarray(np.array([[0, 70_000]], np.int32)), "its values go from 0 to 70000; whole numbers are from 0"),
        (Image.fromarray(np.array([[-1, 255]], np.int32)), "its values go from -1 to 255"),
        (Image.fromarray(np.array([[0, 1.5]], np.float32)), "its values go from 0 to 1.5; floats are from 0 to 1"),
        (Image.fromarray(np.array([[0, 1000]], np.float32)), "floats are from 0 to 1"),
        (Image.fromarray(np.array([[0.5, math.nan]], np.float32)), "its values go from nan to nan"),
        (np.array([[0.5, math.nan]]), "its values go from nan to nan"),
        (np.array([[0.5, math.inf]]), "floats are from 0 to 1"),
        (np.array([[-1.0, 1.0]]), "its values go from -1 to 1"),
        (np.zeros((4, 4, 3), np.int64), "has shape (height, width, 3) and type uint8, not (4, 4, 3) and int64"),
        (np.zeros((4, 4), bool), "not (4, 4) and bool"),
        (np.zeros((0, 4)), "has shape (height, width, 3)"),
    ],
)
def test_values_that_nobody_can_tell_are_refused(value: Any, words: str) -> None:
    """Where nobody can tell what is black and what is white, a line says what the values are."""
    with pytest.raises(InvalidRequest) as caught:
        taken(value)
    assert words in str(caught.value)


# What a picture is known by.


KNOWN: dict[str, Callable[[], Any]] = {
    **{mode: lambda mode=mode: picture(mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LA", "I")},
    "array": lambda: np.asarray(colours()),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_picture_is_known_by_what_0_1_0_made_of_it(kind: str) -> None:
    """A picture from the notebook is found again by the PNG that it always was, however it is sent."""
    value = KNOWN[kind]()
    image = Image.fromarray(value) if isinstance(value, np.ndarray) else value
    made = io.BytesIO()
    (image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")).save(made, "PNG")
    assert taken(value) == LocalFile.of(made.getvalue(), "image/png", "start_image")


def test_file_is_known_by_its_bytes() -> None:
    """A file is known by its own bytes and kind, also where it is turned, or is made another one."""
    turned_photo = as_file(picture("RGB"), "JPEG", 8)
    assert turned_photo
    file = taken(turned_photo)
    assert file.sent is not None
    assert file == LocalFile.of(turned_photo, "image/jpeg", "photo")
    assert (file.data, file.sent.sha256 != file.sha256) == (None, True)
    gif = as_file(picture("P"), "GIF")
    assert gif
    assert (taken(gif).sha256, taken(gif).mime) == (LocalFile.of(gif, "image/png", "x").sha256, "image/png")


# Previews.


@pytest.mark.parametrize("size", [(1, 1), (24, 16), (2000, 1500), (5000, 3), (3, 5000)])
def test_preview_is_small_and_shows_what_is_sent(size: tuple[int, int]) -> None:
    """The preview of any picture, also of noise, is a small JPEG of what is sent."""
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    preview = taken(noise).preview
    assert preview
    assert preview.startswith("data:image/jpeg;base64,")
    assert len(preview) <= LARGEST_PREVIEW
    seen = Image.open(io.BytesIO(base64.b64decode(preview.partition(",")[2])))
    sent = Image.fromarray(noise).resize(seen.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(seen, float) - np.asarray(sent, float)).mean() < 60  # where black has more than 120
