"""The clips that a form offers: each by the word that a cell would use for it, with its picture."""

from __future__ import annotations

from typing import Any, TypeAlias

from luma_jupyter.models import Status
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.host import EMBED_LIMIT, here
from luma_jupyter.notebook.posters import poster_src
from luma_jupyter.notebook.render import short
from luma_jupyter.notebook.variables import word_for

Pick: TypeAlias = dict[str, Any]
MOST = 60  # clips; more than anybody looks through in a form, where the gallery is better
_USABLE = frozenset(Status) - {Status.FAILED, Status.CANCELLED, Status.UNCONFIRMED}


def picks() -> list[Pick]:
    """The newest clips of this folder, newest first: ``word``, ``prompt``, ``done``, and ``poster`` (an address)."""
    usable = [clip for clip in session.clips() if clip._task.status in _USABLE]
    return [_pick(clip) for clip in usable[: -MOST - 1 : -1]]


def _pick(clip: Clip) -> Pick:
    done = clip._task.status is Status.COMPLETED
    poster = poster_src(clip._look(), here(clip._embed), EMBED_LIMIT) or ""
    return {"word": word_for(clip), "prompt": short(clip.prompt, 120), "done": done, "poster": poster}
