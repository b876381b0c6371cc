"""A small picture, as people have pictures: an image of Pillow's, and a file's bytes."""

from __future__ import annotations

import io

from PIL import Image

PICTURE = Image.new("RGB", (16, 9), (200, 30, 30))


def encoded(picture: Image.Image = PICTURE, kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file's bytes; ``options`` are those of Pillow's ``save``."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
