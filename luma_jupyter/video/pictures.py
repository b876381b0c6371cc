"""Pictures as a notebook has them: checked, and made ready to be sent as they look. Pillow is loaded when first used.

What a picture is known by (`Picture.given`) is not always what is sent (`Picture.sent`): the first stays what version
0.1.0 made of it, so that what was asked for then is found again.
"""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.languages import N_
from luma_jupyter.video.appearance import array_in_8_bits, as_seen, in_8_bits

if TYPE_CHECKING:
    from PIL.Image import Image

_MILLIONS = 64
MAX_PIXELS = _MILLIONS * 1_000_000  # of RGB these are 192 MB; the photos of most phones have 12 to 50 million
FILE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # as Pillow calls those that are read
_SENT_FORMATS = ("PNG", "JPEG", "MPO", "WEBP")  # MPO: a JPEG with further pictures behind it, as phones make them
_PHOTOS = ("JPEG", "MPO")
_OF_MORE_PICTURES = ("MPO", "TIFF")
_QUALITIES = (95, 92)  # of JPEGs; the second where the first is too large
_PREVIEW_SIDE = 128  # pixels, the longer one
_PREVIEW_QUALITIES = (80, 60, 40, 20)


@dataclass(frozen=True)
class Picture:
    """A picture that was checked: ``given`` is what it is known by, ``sent`` what goes out, with its MIME type.

    ``preview`` is a small JPEG of it as a data URI; None where none was small enough.
    """

    given: bytes
    sent: bytes
    mime: str
    preview: str | None


@dataclass(frozen=True)
class PictureLimits:
    """How large what is sent may be, and its preview: in bytes, and in characters of its data URI."""

    sent: int
    preview: int


def has_pillow() -> bool:
    """Whether Pillow is there. Without it, files go out as they are, and the service is the one that refuses."""
    try:
        import PIL  # noqa: F401  # optional
    except ImportError:
        return False
    return True


def frames_of(image: Image) -> int:
    """How many frames an opened picture has: one, but for animations.

    What phones put behind a photo, and the pages of a TIFF, are pictures of their own.
    """
    return 1 if image.format in _OF_MORE_PICTURES else getattr(image, "n_frames", 1)


def count_pictures(path: Path) -> int:
    """How many pictures are in a picture's file: more than one in an animation; one where nobody can tell."""
    try:
        from PIL import Image  # optional

        with Image.open(path, formats=FILE_FORMATS) as image:
            return frames_of(image)
    except Exception:  # Pillow raises whatever a decoder raises; what is wrong is told where it is read
        return 1


def read_picture(name: str, data: bytes, limits: PictureLimits) -> Picture:
    """A picture's file as it will be sent: the very same where it looks right everywhere. Needs Pillow.

    Of an animation, the first picture. ``name`` is what the user calls it, for errors. Raises InvalidRequest where it
    is damaged, has too many pixels, or is too large however it is written.
    """
    try:
        image = _opened(name, data)
        photo = image.format in _PHOTOS
        rewritten = _is_rewritten(image, data)
        image, _ = in_8_bits(name, image)
        image, changed = as_seen(image)
        if changed or rewritten:
            sent, mime = _encoded(name, image, photo, limits.sent)
        else:
            sent, mime = _as_it_is(name, image, data, limits.sent)
        return Picture(data, sent, mime, _preview(image, limits.preview))
    except InvalidRequest:
        raise
    except Exception as error:  # Pillow raises whatever a decoder raises
        raise InvalidRequest(f"{name}: the picture cannot be read ({_reason(error)}).") from None


def picture_of(name: str, value: object, limits: PictureLimits) -> Picture:
    """A PIL image, a numpy frame or a matplotlib figure as it will be sent. Raises InvalidRequest for anything else."""
    if not _is_image(value):
        if hasattr(value, "__array_interface__"):
            value = array_in_8_bits(name, _as_array(name, value))
        data = encode_png(name, value)
        return read_picture(name, data, limits) if has_pillow() else Picture(data, data, "image/png", None)
    try:
        return _picture_of_image(name, value, limits)
    except InvalidRequest:
        raise
    except Exception as error:  # such as: it was closed, or its file is damaged
        raise InvalidRequest(f"{name}: the image cannot be read ({_reason(error)}).") from None


def is_picture_object(value: object) -> bool:
    """Whether something is a picture as notebooks have them: a PIL image, an array, a matplotlib figure."""
    return _is_image(value) or hasattr(value, "__array_interface__") or hasattr(value, "savefig")


def encode_png(name: str, value: object) -> bytes:
    """A PIL image, a numpy frame (height, width, 3) of uint8, or a matplotlib figure as PNG.

    Pictures are known by these bytes since version 0.1.0, so they stay as they are; for PIL images they are not always
    what is sent. ``name`` is what the user calls it, for errors. Raises InvalidRequest for anything else.
    """
    file = io.BytesIO()
    if hasattr(value, "savefig"):  # a matplotlib figure; its version does not belong into the bytes
        try:
            value.savefig(file, format="png", metadata={"Software": None})
        except Exception as error:  # such as: a formula in it cannot be read
            raise InvalidRequest(f"{name}: the figure cannot be drawn ({_reason(error)}).") from None
    elif _is_image(value):
        try:
            _as_rgb(value).save(file, format="PNG")
        except Exception as error:  # such as: it was closed, or its file is damaged
            raise InvalidRequest(f"{name}: the image cannot be read ({error}).") from None
    elif hasattr(value, "__array_interface__"):
        _from_array(name, value).save(file, format="PNG")
    else:
        if type(value).__name__ in ("Clip", "Cut"):
            raise InvalidRequest(f"{name} takes a picture. Of a clip, take a frame: clip.at('last').")
        raise InvalidRequest(
            f"{name} takes an http(s) URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure, "
            f"not {type(value).__name__}."
        )
    return file.getvalue()


def _is_image(value: object) -> bool:
    return hasattr(value, "save") and hasattr(value, "getbands")


def _as_array(name: str, value: Any) -> Any:
    """What says that it is like an array, as one of numpy's."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return value
    try:
        import numpy  # optional

        return numpy.asarray(value)
    except ImportError:
        raise InvalidRequest(
            f"{name}: {type(value).__name__} needs numpy: pip install 'luma-jupyter[media]'."
        ) from None
    except Exception:  # whatever an interface that does not hold leads to
        raise InvalidRequest(f"{name}: {type(value).__name__} cannot be read as a numpy frame.") from None


def _as_rgb(image: Any) -> Any:
    return image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")


def _from_array(name: str, array: Any) -> Any:
    shape, kind = tuple(array.shape), str(array.dtype)
    if kind != "uint8" or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))) or 0 in shape:
        raise InvalidRequest(
            f"{name}: a numpy frame has shape (height, width, 3) and type uint8, not {shape} and {kind}."
        )
    _check_pixels(name, shape[1], shape[0])
    try:
        from PIL import Image  # optional
    except ImportError:
        raise InvalidRequest(f"{name}: a numpy frame needs Pillow: pip install 'luma-jupyter[media]'.") from None
    return Image.fromarray(array)


def _picture_of_image(name: str, value: Any, limits: PictureLimits) -> Picture:
    _check_pixels(name, *value.size)
    value.load()
    photo = value.format in _PHOTOS
    image, scaled = in_8_bits(name, value)
    # 0.1.0 sent pictures of other values as all white or all black, by which they could not be told apart.
    known = image if scaled else value
    image, changed = as_seen(image)
    try:
        given = encode_png(name, known)
    except InvalidRequest:  # of a mode that 0.1.0 refused
        given, changed = b"", True
    if changed:
        sent, mime = _encoded(name, image, photo, limits.sent)
    else:
        sent, mime = _as_it_is(name, image, given, limits.sent)
    return Picture(given or sent, sent, mime, _preview(image, limits.preview))


# Files.


def _opened(name: str, data: bytes) -> Image:
    """The first picture in a file, read as a whole."""
    from PIL import Image as images

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", images.DecompressionBombWarning)  # the limit here is a lower one
            image = images.open(io.BytesIO(data), formats=FILE_FORMATS)
    except images.DecompressionBombError:
        raise InvalidRequest(f"{name}: its pixels are too many: up to {_MILLIONS} million.") from None
    _check_pixels(name, *image.size)
    image.load()
    return image


def _check_pixels(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InvalidRequest(f"{name}: {width} × {height} pixels are too many: up to {_MILLIONS} million.")


def _is_rewritten(image: Image, data: bytes) -> bool:
    """Whether a file is not sent as it is, whatever it shows: another format, an animation, 16 bits a channel."""
    if image.format not in _SENT_FORMATS:
        return True
    if image.format in _PHOTOS:
        return False
    return getattr(image, "is_animated", False) or (image.format == "PNG" and data[24] == 16)


def _as_it_is(name: str, image: Image, data: bytes, largest: int) -> tuple[bytes, str]:
    """A picture's file itself, with its MIME type; where it is too large, a JPEG of the picture."""
    if len(data) > largest:
        return _encoded(name, image, True, largest)
    return data, {b"\x89": "image/png", b"\xff": "image/jpeg"}.get(data[:1], "image/webp")


def _encoded(name: str, image: Image, photo: bool, largest: int) -> tuple[bytes, str]:
    """A picture without alpha as a file of up to ``largest`` bytes: a photo as JPEG, else PNG while that is small."""
    image = image if image.mode in ("L", "RGB") else image.convert("RGB")
    if not photo:
        data = _saved(image, format="PNG", icc_profile=None, transparency=None)
        if len(data) <= largest:
            return data, "image/png"
    for quality in _QUALITIES:
        data = _saved(image, format="JPEG", quality=quality, subsampling=0)
        if len(data) <= largest:
            return data, "image/jpeg"
    megabytes, most = round(len(data) / 1e6), round(largest / 1e6)
    raise InvalidRequest(f"{name}: {megabytes} MB are too much, even as JPEG: up to {most} MB. Make it smaller.")


def _saved(image: Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def _preview(image: Image, longest: int) -> str | None:
    image = image if image.mode in ("L", "RGB") else image.convert("RGB")
    scale = min(1.0, _PREVIEW_SIDE / max(image.size))
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), reducing_gap=2.0)
    for quality in _PREVIEW_QUALITIES:
        data = _saved(small, format="JPEG", quality=quality)
        uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        if len(uri) <= longest:
            return uri
    return None


def _reason(error: Exception) -> str:
    """Why a picture cannot be read, without what only tells where it is in memory."""
    words = " ".join(str(error).split())
    return N_("it is damaged") if not words or " object at 0x" in words else words[:150]
