"""What is inside the notebook of the files beside it: the video, read when the finished card is drawn, and a film's
captions."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.engine.library.folder import captions_path
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.host import Host
from luma_jupyter.views.text import file_size

LARGEST_CAPTIONS = 50_000  # bytes; a notebook has several films, and this is the text of some hours


def with_captions(state: ClipState) -> ClipState:
    """The state with a film's captions in it, which lie beside its video; without, where they cannot be read."""
    request, path = state.task.request, state.task.path
    if not isinstance(request, FilmRequest) or path is None or state.gone:
        return state
    try:
        data = captions_path(path).read_bytes()
        return replace(state, captions=data.decode()) if len(data) <= LARGEST_CAPTIONS else state
    except (OSError, UnicodeDecodeError):
        return state


def with_video(state: ClipState, host: Host) -> ClipState:
    """The state with its video in it, where the host wants that; else with a remark that says why it is not.

    A remark says, too, why it is in the notebook where it usually is not.
    """
    path = state.task.path
    if host.how == "remote" and state.file and not state.remote:
        return replace(
            state, remark=_("This page cannot reach the saved file; --embed puts the video into the notebook.")
        )
    if host.how != "embed" or path is None or state.gone:
        return state
    try:
        if (bytes_ := size_of(path)) > host.limit:
            text = _("The video is too large to be in the notebook ({size}; up to {limit} here).")
            trouble = text.format(size=file_size(bytes_), limit=file_size(host.limit))
            return replace(state, remark=_sentences(host.remark, trouble, _instead(state)))
        data = path.read_bytes()
    except OSError as error:
        trouble = _("The saved file cannot be read ({reason}).").format(reason=error.strerror or error)
        return replace(state, remark=_sentences(host.remark, trouble, _instead(state)))
    inside = _sentences(host.remark, _("So the video is in the notebook itself.")) if host.remark else ""
    return replace(state, data=_data_uri(data), remark=inside)


def _sentences(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def video_src(path: Path, host: Host) -> str | None:
    """A video of which nothing is known but its file, as a data URI up to the host's limit; None where it is larger."""
    try:
        data = path.read_bytes() if path.stat().st_size <= host.limit else b""
    except OSError:  # gone meanwhile
        data = b""
    return _data_uri(data) if data else None


def _data_uri(data: bytes) -> str:
    return f"data:video/mp4;base64,{b64encode(data).decode()}"


def _instead(state: ClipState) -> str:
    """What plays a video that is not in the notebook; empty where its file does."""
    if state.file and state.served:
        return ""
    if state.remote:
        return _("It plays from the service as long as its address there works.")
    return _("Nothing here can play it.")
