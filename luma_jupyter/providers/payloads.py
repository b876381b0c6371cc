"""What the payloads of both APIs have in common: the addresses of pictures and videos, and which are not sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import FrameRef, VideoRef
from luma_jupyter.domain.urls import is_local_url, origin, shown_url
from luma_jupyter.errors import InvalidRequest

Media: TypeAlias = str | LocalFile | FrameRef | VideoRef | None


def media_url(media: Media) -> str | None:
    """Where a service finds a picture or a video; for what is not uploaded yet, words in its place."""
    if isinstance(media, LocalFile):
        return f"‹{media}, uploaded first›"
    if isinstance(media, FrameRef):
        return f"‹{media}, when it is done›"
    return media.url if isinstance(media, VideoRef) else media


def take_header(take: str) -> dict[str, str]:
    """What says which take it is, where it is not the first: a service that makes each one anew need not know."""
    return {"X-Luma-Take": take} if take else {}


def lesson_header(lesson: bool) -> dict[str, str]:
    """What says that a request belongs to a lesson: a class gateway may answer it with a classmate's video."""
    return {"X-Luma-Lesson": "1"} if lesson else {}


def check_reachable(service: str, base_url: str, media: Mapping[str, str | None], callback_url: str | None) -> None:
    """Refuse URLs that the service could not reach, or that would show it what is on the user's own network.

    ``media``: the URLs by the payload's field. Where the API itself is on loopback (the demo service, a test), media of
    that same origin is fine, and so is a local callback. Raises InvalidRequest.
    """
    for name, url in media.items():
        if url and is_local_url(url) and origin(url) != origin(base_url):
            raise InvalidRequest(
                f"{name}: {service} cannot reach {shown_url(url)}, which is on your own machine or network."
            )
    if callback_url and is_local_url(callback_url) and not is_local_url(base_url):
        name = "callback_url"
        raise InvalidRequest(f"{name}: {service} cannot reach {shown_url(callback_url)}, which is on your own network.")
