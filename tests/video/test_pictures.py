"""Pictures as a notebook has them, encoded to be sent; and what is no picture, refused in one line."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.video.pictures import PictureLimits, encode_png, read_picture

ARRAY = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def pixels(png: bytes) -> Any:
    """What a PNG shows."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1"])
def test_encode_png_takes_pil_images_of_any_mode(mode: str) -> None:
    """Whatever mode an image has, a PNG comes of it."""
    assert pixels(encode_png("start_image", Image.fromarray(ARRAY).convert(mode))).shape == ARRAY.shape


@pytest.mark.parametrize("value", [ARRAY, Image.fromarray(ARRAY)], ids=["numpy frame", "PIL image"])
def test_encode_png_keeps_each_pixel(value: Any) -> None:
    """An array and the image of it give the same picture, without a loss."""
    assert (pixels(encode_png("start_image", value)) == ARRAY).all()


def test_encode_png_takes_gray_arrays_and_arrays_with_alpha() -> None:
    """A frame may be gray, or have a fourth channel."""
    assert pixels(encode_png("start_image", ARRAY[:, :, 0])).shape == ARRAY.shape
    assert pixels(encode_png("start_image", np.dstack([ARRAY, ARRAY[:, :, 0]]))).shape == ARRAY.shape


def test_encode_png_of_a_clip_says_how_to_take_a_frame() -> None:
    """Who gives a clip is told how a frame is taken of it."""
    clip = type("Clip", (), {})()
    with pytest.raises(InvalidRequest, match=r"clip\.at\('last'\)"):
        encode_png("start_image", clip)


def test_encode_png_refuses_a_closed_image() -> None:
    """An image that was closed, as behind a ``with`` block, is refused in one line."""
    with Image.open(io.BytesIO(encode_png("start_image", ARRAY))) as image:
        pass
    with pytest.raises(InvalidRequest, match="start_image: the image cannot be read"):
        encode_png("start_image", image)


def test_encode_png_without_pillow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A numpy frame needs Pillow."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InvalidRequest, match=r"pip install 'luma-jupyter\[media\]'"):
        encode_png("start_image", ARRAY)


def test_read_picture_refuses_a_damaged_picture() -> None:
    """A picture that is cut off is refused before it is sent, by the name that the user gave it."""
    whole = encode_png("start_image", ARRAY)
    limits = PictureLimits(10_000, 10_000)
    assert read_picture("start_image", whole, limits).sent == whole
    with pytest.raises(InvalidRequest, match="start_image: the picture cannot be read"):
        read_picture("start_image", whole[:50], limits)
