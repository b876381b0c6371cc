"""Pictures as a notebook has them: checked, and encoded to be sent. Pillow is loaded when first used."""

from __future__ import annotations

import io
from typing import Any

from luma_jupyter.errors import InvalidRequest


def check_decodes(name: str, data: bytes) -> None:
    """Refuse a picture that is cut off or damaged, where Pillow is there to tell. Raises InvalidRequest."""
    try:
        from PIL import Image  # optional: without it the service is the one that refuses
    except ImportError:
        return
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception as error:  # Pillow raises whatever a decoder raises
        raise InvalidRequest(f"{name}: the picture cannot be read ({error}).") from None


def encode_png(name: str, value: object) -> bytes:
    """A PIL image, a numpy frame (height, width, 3) of uint8, or a matplotlib figure as PNG.

    ``name`` is what the user calls it, for errors. Raises InvalidRequest for anything else.
    """
    file = io.BytesIO()
    if hasattr(value, "savefig"):  # a matplotlib figure; its version does not belong into the bytes
        value.savefig(file, format="png", metadata={"Software": None})
    elif hasattr(value, "save") and hasattr(value, "getbands"):  # a PIL image
        try:
            _as_rgb(value).save(file, format="PNG")
        except Exception as error:  # such as: it was closed, or its file is damaged
            raise InvalidRequest(f"{name}: the image cannot be read ({error}).") from None
    elif hasattr(value, "__array_interface__"):
        _from_array(name, value).save(file, format="PNG")
    else:
        hint = " Of a clip, take a frame: clip.frame('last')." if type(value).__name__ == "Clip" else ""
        raise InvalidRequest(
            f"{name} takes an http(s) URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure, "
            f"not {type(value).__name__}.{hint}"
        )
    return file.getvalue()


def _as_rgb(image: Any) -> Any:
    return image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")


def _from_array(name: str, array: Any) -> Any:
    shape, kind = tuple(array.shape), str(array.dtype)
    if kind != "uint8" or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))) or 0 in shape:
        raise InvalidRequest(
            f"{name}: a numpy frame has shape (height, width, 3) and type uint8, not {shape} and {kind}."
        )
    try:
        from PIL import Image  # optional
    except ImportError:
        raise InvalidRequest(f"{name}: a numpy frame needs Pillow: pip install 'luma-jupyter[media]'.") from None
    return Image.fromarray(array)
