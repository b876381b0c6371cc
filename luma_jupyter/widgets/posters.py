"""Where a page finds the poster of a clip."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

from luma_jupyter.engine.library.thumbnails import thumbnail
from luma_jupyter.views.clip_state import ClipState, relative_url
from luma_jupyter.views.host import Host


def poster_src(state: ClipState, host: Host, room: int) -> str | None:
    """The poster of a clip, as `file_poster_src` gives it."""
    return file_poster_src(state.task.path, state.file, host, room)


def file_poster_src(video: Path | None, shown: str | None, host: Host, room: int) -> str | None:
    """Where a host finds the poster of a saved video, whose path relative to the notebook is ``shown``.

    A relative address; the picture itself, up to ``room`` bytes, where the host embeds; None where there is none.
    """
    picture = thumbnail(video)
    if picture is None:
        return None
    if host.how != "embed":
        return relative_url(f"{os.path.splitext(shown)[0]}.jpg") if host.serves and shown else None
    try:
        data = picture.read_bytes()
    except OSError:  # gone meanwhile
        return None
    return f"data:image/jpeg;base64,{b64encode(data).decode()}" if len(data) <= room else None


def embedded_size(src: str | None) -> int:
    """How many bytes of pictures and videos are in the notebook by this address."""
    return len(src) * 3 // 4 if src and src.startswith("data:") else 0
