"""What a video is made from, as the user names it: a clip, a video id, a URL, or the path of a video."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.cut import Cut
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import VideoRef
from luma_jupyter.domain.urls import shown_url
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.local_files import as_video, parse_video
from luma_jupyter.errors import InvalidRequest


@dataclass(frozen=True)
class Source:
    """A source that was read: ``video`` where that is known now, else ``after``, the task that makes it."""

    video: VideoRef | LocalFile | None
    after: Handle | None
    label: str


def read_source(source: object) -> Source:
    """Read a source. Raises InvalidRequest for anything else, and for a file that cannot be sent."""
    if isinstance(source, Clip):
        return Source(None, source.handle, source.source_label)
    if isinstance(source, PathLike):
        file = as_video(source)
        return Source(file, None, file.name)
    if isinstance(source, Cut):
        raise InvalidRequest(
            f"{source.label} is a part of a clip, and the source must be a whole one: make a clip of it first, with "
            "%luma film or luma_jupyter.film."
        )
    if not isinstance(source, str):
        raise InvalidRequest(
            f"The source must be a clip, a video id, a URL or a video's path, not {type(source).__name__}."
        )
    video = parse_video(source.strip())
    return Source(video, None, video.name if isinstance(video, LocalFile) else shown_url(source.strip()))
