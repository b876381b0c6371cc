"""Pictures and animations as files have them, through Pillow: PyAV cannot decode animated WebP."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import VideoFrame
from PIL import Image, UnidentifiedImageError

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films.plan import Source
from luma_jupyter.films.troubles import damaged, gone
from luma_jupyter.video.appearance import as_seen, in_8_bits
from luma_jupyter.video.pictures import FILE_FORMATS, MAX_PIXELS, frames_of

_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # an EXIF tag, and its values for pictures that lie


def read_picture(label: str, path: Path, mark: str) -> Source:
    """What a picture or an animation is. Raises InvalidRequest."""
    with _opened(label, path) as image:
        turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
        width, height = map(Fraction, image.size)
        size = (height, width) if turned else (width, height)
        seconds = [_go_to(image, number) for number in range(frames_of(image))]
    return Source(path=path, mark=mark, size=size, length=sum(seconds, Fraction(0)) if len(seconds) > 1 else None)


def picture_frames(label: str, path: Path) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The frames of an animation, again and again, with the moments at which they come; of a still picture, one."""
    at = Fraction(0)
    with _opened(label, path) as image:
        count = frames_of(image)
        while True:
            for number in range(count):
                length = _go_to(image, number)
                seen, _ = as_seen(in_8_bits(label, image)[0])
                yield at, VideoFrame.from_ndarray(np.asarray(seen.convert("RGB")))
                at += length
            if count == 1:
                return


@contextmanager
def _opened(label: str, path: Path) -> Iterator[Image.Image]:
    """A picture or an animation. Raises InvalidRequest, also for what Pillow finds while it is read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is a lower one
            image = Image.open(path, formats=FILE_FORMATS)
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_large(label)
            yield image
    except InvalidRequest:
        raise
    except FileNotFoundError as error:
        raise gone(label, error) from None
    except Image.DecompressionBombError:
        raise _too_large(label) from None
    except UnidentifiedImageError:
        raise InvalidRequest(
            f"{label} is no video or picture: films are made of MP4, MOV, WebM and image files."
        ) from None
    except Exception:  # Pillow raises whatever a decoder raises
        raise damaged(label) from None


def _too_large(label: str) -> InvalidRequest:
    return InvalidRequest(f"{label} has too many pixels: up to {MAX_PIXELS / 1e6:.0f} million. Make it smaller.")


def _go_to(image: Image.Image, number: int) -> Fraction:
    """Go to a frame, and return how long it is shown, in seconds: where it does not tell, as long as in browsers."""
    image.seek(number)
    image.load()
    milliseconds = round(image.info.get("duration", 0))
    return Fraction(milliseconds if milliseconds > 10 else 100, 1000)
