"""Where a page finds the poster of a clip."""

from __future__ import annotations

import os
from base64 import b64encode

from luma_jupyter.engine.posters import poster
from luma_jupyter.notebook.host import Host
from luma_jupyter.notebook.render import Look, relative


def poster_src(look: Look, host: Host, room: int) -> str | None:
    """A relative address; the picture itself, up to ``room`` bytes, where the host embeds; None where there is none."""
    picture = poster(look.task)
    if picture is None:
        return None
    if host.how != "embed":
        return relative(f"{os.path.splitext(look.file)[0]}.jpg") if host.serves and look.file else None
    try:
        data = picture.read_bytes()
    except OSError:  # gone meanwhile
        return None
    return f"data:image/jpeg;base64,{b64encode(data).decode()}" if len(data) <= room else None


def weight(src: str | None) -> int:
    """How many bytes of pictures and videos are in the notebook by this address."""
    return len(src) * 3 // 4 if src and src.startswith("data:") else 0
