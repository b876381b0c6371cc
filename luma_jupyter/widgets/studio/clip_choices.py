"""The clips that a form offers: each by the word that a cell would use for it, with its picture."""

from __future__ import annotations

from typing import Any, TypeAlias

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.session import Session
from luma_jupyter.display.environment import Environment
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.views.host import EMBED_LIMIT
from luma_jupyter.views.text import short
from luma_jupyter.widgets.posters import poster_src

ClipChoice: TypeAlias = dict[str, Any]
MOST = 60  # clips; more than anybody looks through in a form, where the gallery is better
_USABLE = frozenset(Status) - {Status.FAILED, Status.CANCELLED, Status.UNCONFIRMED}


def clip_choices(session: Session, environment: Environment) -> list[ClipChoice]:
    """The newest clips of this folder, newest first: ``word``, ``prompt``, ``done``, and ``poster`` (an address).

    Nothing is watched for it: what another kernel makes stays that kernel's.
    """
    newest = session.newest_tasks(MOST, _USABLE)
    return [_choice(session.clip_for_task(task), session, environment) for task in newest]


def _choice(clip: Clip, session: Session, environment: Environment) -> ClipChoice:
    done = clip.task.status is Status.COMPLETED
    poster = poster_src(clip.state, environment.host_of(clip.task, clip.embed), EMBED_LIMIT) or ""
    return {"word": session.find_word(clip), "prompt": short(clip.prompt, 120), "done": done, "poster": poster}
