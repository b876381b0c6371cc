"""How a picture looks: what Pillow's pixels become in a viewer, so that just this is sent.

One rule for each thing that services read differently, or not at all:

* more than 8 bits a channel: 16-bit values count from 0 to 65535, floats from 0 to 1 (or to 255, as Pillow has them);
  other values are refused, since nobody can tell what is black and what is white;
* the orientation of a photo (EXIF, tag 274) is applied;
* transparent parts become white;
* colours in a profile become sRGB; a profile that cannot be used counts for nothing, as where Pillow has no ImageCms;
* CMYK, YCbCr, HSV and LAB become RGB.

Each step makes at most one new picture, and none where there is nothing to do.
"""

from __future__ import annotations

import io
import itertools
import math
from typing import TYPE_CHECKING, Any

from luma_jupyter.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

_ORIENTATION = 0x0112
_PLAIN = ("1", "L", "P", "RGB", "LA", "RGBA")  # those with an alpha channel only while they are opaque
_WHITE_16 = 65535
_ROUNDING = 0.001  # by which a float may miss 0 and 1
_DARKEST = 2.0  # the maximum of floats up to 255; below it, nobody can tell them from floats up to 1
_SAME_COLOURS = 3  # of 255: what a profile may change and still be sRGB, which each maker writes a little differently


def as_seen(image: Image) -> tuple[Image, bool]:
    """A picture of 8 bits as viewers show it, and whether that is another one than it was."""
    changed = False
    for step in (_upright, _on_white, _in_srgb, _in_plain_colours):
        if (result := step(image)) is not None:
            image, changed = result, True
    return image, changed


# Bits.


def in_8_bits(name: str, image: Image) -> tuple[Image, bool]:
    """A picture with 8 bits a channel; and whether its values had to be scaled for that.

    ``name`` is what the user calls it. Raises InvalidRequest where nobody can tell what is black and what is white.
    """
    if image.mode[0] not in "IF":
        return image, False
    if image.mode == "F":
        factor = _float_factor(name, *_range_of_floats(image))
    else:
        deep = image.mode.startswith("I;16") or image.format == "PNG"  # Pillow before 11 has only "I" for both
        image = image.convert("I")
        factor = _whole_number_factor(name, deep, *image.getextrema())
    scaled = image.convert("F").point(lambda value: value * factor + 0.5).convert("L")
    scaled.info.pop("transparency", None)  # it counts in the other values
    return scaled, factor != 1.0


def array_in_8_bits(name: str, array: Any) -> Any:
    """A numpy frame of uint16 or of floats as uint8; any other as it is. Raises InvalidRequest as `in_8_bits` does."""
    kind = array.dtype
    if kind.kind == "f" and array.size:
        return _floats_in_8_bits(name, array)
    return (array // 257).astype("uint8") if kind.kind == "u" and kind.itemsize == 2 else array


def _floats_in_8_bits(name: str, array: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    import numpy  # it is there: the array is one of its own

    factor = _float_factor(name, float(array.min()), float(array.max()))
    scaled = numpy.multiply(array, factor, dtype=numpy.float32, casting="same_kind")
    scaled += 0.5
    eight_bits: numpy.ndarray[Any, Any] = numpy.clip(scaled, 0, 255, out=scaled).astype(numpy.uint8)
    return eight_bits


def _whole_number_factor(name: str, deep: bool, low: int, high: int) -> float:
    if not 0 <= low <= high <= _WHITE_16:
        raise InvalidRequest(f"{name}: its values go from {low} to {high}; whole numbers are from 0 to {_WHITE_16}.")
    return 255 / _WHITE_16 if deep or high > 255 else 1.0


def _float_factor(name: str, low: float, high: float) -> float:
    if low >= -_ROUNDING and high <= 1 + _ROUNDING:
        return 255.0
    if low >= -_ROUNDING and _DARKEST <= high <= 255.5:
        return 1.0
    raise InvalidRequest(f"{name}: its values go from {low:g} to {high:g}; floats are from 0 to 1.")


def _range_of_floats(image: Image) -> tuple[float, float]:
    """The lowest and the highest value; not a number, where any of them is none, which Pillow passes over."""
    low, high = image.getextrema()
    total = sum(memoryview(image.tobytes()).cast("f"))
    return (math.nan, math.nan) if math.isnan(total) else (low, high)  # type: ignore[return-value]


# Looks.


def _upright(image: Image) -> Image | None:
    from PIL import ImageOps

    return ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION, 1) in range(2, 9) else None


def _on_white(image: Image) -> Image | None:
    from PIL import Image as images

    if image.mode not in ("LA", "PA", "La", "RGBA", "RGBa") and "transparency" not in image.info:
        return None
    gray = image.mode in ("L", "LA", "La")
    seen = image.convert("LA" if gray else "RGBA") if image.mode not in ("LA", "RGBA") else image
    alpha = seen.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return None
    white = images.new("L" if gray else "RGB", image.size, "white")
    white.paste(seen.convert("L") if gray else seen, mask=alpha)
    white.info = {name: value for name, value in image.info.items() if name == "icc_profile"}
    return white


def _in_srgb(image: Image) -> Image | None:
    profile = image.info.get("icc_profile")
    mode = image.mode if image.mode in ("L", "CMYK", "LAB") else "RGB"
    transform = _to_srgb(profile, mode) if profile else None
    if transform is None or _changes_nothing(transform, mode):
        return None
    from PIL import ImageCms

    return ImageCms.applyTransform(image if image.mode == mode else image.convert(mode), transform)


def _to_srgb(profile: bytes, mode: str) -> Any:
    """How colours in a profile become sRGB; None where the profile is none for this mode, or nobody can tell."""
    try:
        from PIL import ImageCms

        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # Pillow was built without it, or the profile is damaged: then viewers pass over it too
        return None


def _changes_nothing(transform: Any, mode: str) -> bool:
    """Whether a profile is sRGB by another name: seen by what becomes of a chart of colours."""
    from PIL import Image as images
    from PIL import ImageChops, ImageCms

    if mode not in ("L", "RGB"):
        return False
    chart = images.new(mode, (216, 1))
    tones = range(0, 256, 51)
    chart.putdata(list(itertools.product(tones, tones, tones)) if mode == "RGB" else list(range(20, 236)))
    converted = ImageCms.applyTransform(chart, transform)
    assert converted is not None  # only a change in place gives none
    difference = ImageChops.difference(chart.convert("RGB"), converted)
    return max(difference.tobytes()) <= _SAME_COLOURS


def _in_plain_colours(image: Image) -> Image | None:
    if image.mode in _PLAIN:
        return None
    return image.convert("LA").convert("L") if image.mode == "La" else image.convert("RGB")
