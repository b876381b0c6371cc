"""`ClipState`: all that a drawing of a clip needs, and where a page finds its video."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from luma_jupyter.domain.duration_model import DurationModel
from luma_jupyter.domain.identifiers import KEY_PREFIX
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, ModifyRequest, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.urls import is_local_url, is_web_url, may_have_secret
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated


@dataclass(frozen=True)
class ClipState:
    """All that a drawing of a clip needs.

    ``task`` is the snapshot, ``name`` the variable's, ``now`` in Unix seconds, ``model`` how long such tasks take;
    ``media`` is where the video is or will be, relative to the notebook (None: not reachable that way). ``reused``: the
    clip had ended before it was asked for. ``served``: whether the page can play files beside the notebook. ``gone``:
    the video was saved, and its file is not there any more.

    ``data`` is the video itself as a data URI, where it goes into the HTML; ``remark`` says why it does not, though it
    was to. ``captions`` are those of a film, as WebVTT.
    """

    task: Task
    name: str | None
    now: float
    model: DurationModel
    media: str | None = None
    reused: bool = False
    served: bool = True
    gone: bool = False
    data: str | None = None
    remark: str = ""
    captions: str = ""

    @property
    def elapsed(self) -> float:
        """Seconds since it was submitted, until now or its end."""
        return self.task.elapsed(self.now)

    @property
    def label(self) -> str:
        """The variable's name, else the clip's key."""
        return self.name or self.task.key

    @property
    def word(self) -> str:
        """By which a line can name it: the variable, else the clip's key."""
        return self.name or f"{KEY_PREFIX}{self.task.key}"

    @property
    def moving(self) -> bool:
        """Whether its bar moves by itself: a film's is where it was told to be."""
        return self.task.status in (Status.RUNNING, Status.SAVING) and self.task.provider != "local"

    @property
    def share(self) -> float:
        """How far its bar is, from 0 to 1."""
        return self.model.progress(self.elapsed) if self.moving else self.task.progress or 0.0

    @property
    def curve(self) -> Sequence[tuple[float, float]]:
        """Along what its bar goes on from the kernel's last word: points (seconds, share); none: there is no bar."""
        told = self.task.progress
        return self.model.curve if self.moving else [] if told is None else [(0.0, told)]

    @property
    def waits_for(self) -> list[str]:
        """What it cannot be begun without: the clips that it is made from, as the user named them."""
        request = self.task.request
        if self.task.status is not Status.QUEUED or self.task.sent_at:
            return []
        if isinstance(request, FilmRequest):
            return list(dict.fromkeys(part.source_label for part in request.parts if part.intent))
        follows = isinstance(request, ExtendRequest | ModifyRequest) and request.source is None
        source = [self.task.source_label or _("its source")] if follows else []
        return list(dict.fromkeys([*source, *(ref.label or _("a clip") for ref in frames_in(request).values())]))

    @property
    def timed(self) -> bool:
        """Whether it takes its usual time from when it began."""
        return not (self.task.status.ended or self.task.upload or self.waits_for or self.task.provider == "local")

    @property
    def file(self) -> str | None:
        """The video's relative path, where the file is there."""
        return self.media if self.task.path and not self.gone else None

    @property
    def loss(self) -> str:
        """That its file is gone, and what helps; empty where it is there."""
        return _("Its file is gone: {remedy}.").format(remedy=translated(self.remedy)) if self.gone else ""

    @property
    def remedy(self) -> str:
        """How a lost file comes back."""
        return self.task.file_remedy(self.word)

    @property
    def remote(self) -> str | None:
        """The video's address at the service, where it may be in a saved notebook."""
        return public_url(self.task.video.url if self.task.video else None)

    @property
    def address(self) -> str | None:
        """Where the page finds the video, if it is not in the page itself."""
        return relative_url(self.file) if self.file and self.served else self.remote


def public_url(url: str | None) -> str | None:
    """``url`` where it may be a link in a saved notebook: of the web, on no local network, and with no secret in it."""
    return url if url and is_web_url(url) and not is_local_url(url) and not may_have_secret(url) else None


def relative_url(path: str) -> str:
    """A relative path as a URL that cannot be taken for one with a scheme or a host."""
    return quote(os.fsencode(path.replace("\\", "/"))).lstrip("/")
