"""The player of a video, wherever one stands.

It is described by its ``title``: JupyterLab's sanitizer drops all other descriptions. It drops ``<track>`` too, so
captions are also text below. In the page they are data: one that is opened from a disk may load no file of captions.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from luma_jupyter.languages import gettext as _
from luma_jupyter.views.html import QUIET, escaped
from luma_jupyter.views.text import short

_LONGEST_TITLE = 300  # characters


def player(
    src: str, title: str, *, style: str, preload: str = "metadata", loop: bool = False, captions: str = ""
) -> str:
    """A video's player: ``title`` says what is to be seen, ``captions`` are WebVTT, shown at once."""
    track = ""
    if captions:
        data = b64encode(captions.encode()).decode()
        label = escaped(_("Captions"))
        track = f'<track kind="captions" label="{label}" default src="data:text/vtt;charset=utf-8;base64,{data}">'
    return (
        f'<video src="{escaped(src)}" controls{" loop" if loop else ""} playsinline preload="{preload}" '
        f'title="{escaped(short(title, _LONGEST_TITLE))}" style="{style}">{track}</video>'
    )


def captions_text(lines: Sequence[str]) -> str:
    """Captions as text that one can fold out; nothing where there are none."""
    if not lines:
        return ""
    shown = "".join(f'<div dir="auto">{escaped(line)}</div>' for line in lines)
    return f'<details style="{QUIET}margin-bottom:6px"><summary>{escaped(_("Captions"))}</summary>{shown}</details>'
