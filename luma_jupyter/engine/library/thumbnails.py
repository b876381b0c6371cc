"""A picture of each saved video: the thumbnail beside it, made of its first frame where the service gave none."""

from __future__ import annotations

from pathlib import Path

from luma_jupyter.engine.library.whole_files import replacing
from luma_jupyter.errors import LumaError
from luma_jupyter.video.frames import frame_at

LONGEST_SIDE = 480  # pixels


def thumbnail(video: Path | None) -> Path | None:
    """The JPEG beside a saved video; None where there is no video, or no picture of it can be made or kept."""
    if video is None:
        return None
    picture = video.with_suffix(".jpg")
    if picture.is_file():
        return picture
    try:
        image = frame_at(video, "first")
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        with replacing(picture) as file:
            image.save(file, "JPEG", quality=80)
    except (LumaError, OSError):
        return None
    return picture
