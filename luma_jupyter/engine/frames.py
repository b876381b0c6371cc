"""Frames of clips as input: read from a saved video once its clip is done, as pictures that can be uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import FrameRef, Request, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.local_files import as_image
from luma_jupyter.errors import InvalidRequest, with_message
from luma_jupyter.operating_system import file_mark
from luma_jupyter.video.frames import frame_at


def read_frames(request: Request, clips: Mapping[str, Task]) -> Request:
    """The request with the frames of those clips that are completed as pictures; ``clips`` by the field.

    Reads files, which takes some 50 ms a frame. Raises InvalidRequest where a file is gone, or has no such moment,
    ConfigError without PyAV.
    """
    files: dict[str, Any] = {
        field: _read_frame(clips[field], ref)
        for field, ref in frames_in(request).items()
        if clips[field].status is Status.COMPLETED
    }
    return replace(request, **files)


def name_frames(read: Request, asked: Request) -> Request:
    """A request with pictures that were frames of clips named as they were ``asked`` for, with what they look like."""
    frames: dict[str, Any] = {
        field: replace(ref, preview=getattr(read, field).preview) for field, ref in frames_in(asked).items()
    }
    return replace(read, **frames)


def _read_frame(clip: Task, ref: FrameRef) -> LocalFile:
    if clip.path is None or not clip.path.exists():
        name, remedy = ref.label, clip.file_remedy(ref.label)
        raise InvalidRequest(f"The file of {name} is not here: {remedy}.")
    try:
        file = _read(clip.path, file_mark(clip.path.stat()), ref.when)
    except InvalidRequest as error:
        raise with_message(error, f"{ref}: {error}") from None
    return replace(file, label=str(ref))


@lru_cache(maxsize=8)  # a form asks for the same one after each change
def _read(video: Path, mark: str, when: float | str) -> LocalFile:
    """A frame of a file as it is, which ``mark`` stands for."""
    image = as_image(f"{video.stem}-{when}", frame_at(video, when))
    assert isinstance(image, LocalFile)
    return image
