"""What is asked for.

A request checks itself when it is built, so a bad one never travels further than the line that made it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.urls import is_web_url, shown_url
from luma_jupyter.domain.values import as_python, read_flag, read_number
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.domain.vocabulary import ASPECT_RATIOS, Action
from luma_jupyter.errors import InvalidRequest, shown

MOST_TAKES = 999
LONGEST_PROMPT = 2_000_000  # characters; the services publish no limit, so this is ours: sidecars are bounded by it


@dataclass(frozen=True, slots=True)
class VideoRef:
    """A video that exists at a service: its id, its URL, or both."""

    video_id: str | None = None
    url: str | None = None

    def __str__(self) -> str:
        return self.video_id or self.url or "?"


@dataclass(frozen=True, slots=True)
class FrameRef:
    """A frame of a clip that need not be done yet: ``when`` is first, last, or so many seconds from its beginning.

    ``intent`` is the clip's, ``label`` how the user named it; ``preview`` is a small picture of the frame as a data
    URI, once it was read. The last two do not count. Raises InvalidRequest for a moment that no video has.
    """

    intent: str
    when: float | str
    label: str = field(default="", compare=False)
    preview: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", read_moment(self.when))

    def __str__(self) -> str:
        return f"{self.label or 'a clip'}@{str(self.when).removesuffix('.0')}"


def read_moment(when: object) -> float | str:
    """Read a moment of a video: first, last, or seconds; 0 is first. Raises InvalidRequest for what is none."""
    moment = as_python(when)
    if isinstance(moment, str) and moment in ("first", "last"):
        return moment
    seconds = read_number(moment)
    if not 0 <= seconds < math.inf:
        raise InvalidRequest(f"A frame is 'first', 'last' or a number of seconds from 0 on, not {shown(when)}.")
    return seconds or "first"


StillImage: TypeAlias = str | LocalFile | FrameRef  # an address, a file, or what a clip that may not be done shows

_VIDEO_ID = re.compile(r"(?=.{16})(?=.*\d)[0-9A-Za-z]+(-[0-9A-Za-z]+)+|[0-9a-fA-F]{32}")


def parse_video_ref(text: str) -> VideoRef | None:
    """The video that an http(s) URL or a UUID-like video id names; None for any other text."""
    if is_web_url(text):
        return VideoRef(url=text)
    return VideoRef(video_id=text) if _VIDEO_ID.fullmatch(text) else None


def _check_text(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise InvalidRequest(f"{name} must be text, not {type(text).__name__}.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(f"{name} has half a character (a lone surrogate): type it again.")
    return text


def _checked_prompt(prompt: object) -> str:
    text = _check_text("The prompt", prompt).strip()
    if not text:
        raise InvalidRequest("The prompt is empty: say what the video should show.")
    if len(text) > LONGEST_PROMPT:
        raise InvalidRequest(f"The prompt has {len(text):,} characters; it can have {LONGEST_PROMPT:,}.")
    if not has_visible(text):
        raise InvalidRequest(
            "The prompt is empty, but for characters that nobody can see: say what the video should show."
        )
    return text


def _check_url(name: str, url: object) -> None:
    if url is not None and not is_web_url(_check_text(name, url)):
        raise InvalidRequest(f"{name} must be an http(s) URL, not {shown(url)}.")


def take_name(take: int, again: int = 0) -> str:
    """A take of a request in short: empty for the first, ``2``, or ``2.1`` where the second was made again once."""
    return f"{take}.{again}" if again else str(take) if take > 1 else ""


def check_takes(name: str, value: object) -> None:
    """Refuse what is not the number of a take, or of takes."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_TAKES:
        raise InvalidRequest(f"{name} must be a whole number from 1 to {MOST_TAKES}, not {shown(value)}.")


def _check_image(name: str, image: object) -> None:
    """Refuse an image in any other form than a URL, a file that was checked, or a frame of a clip."""
    if image is not None and not isinstance(image, LocalFile | FrameRef):
        _check_url(name, image)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What all requests have. ``take`` is ours alone: further takes of one wish are requests of their own."""

    prompt: str
    callback_url: str | None = None
    take: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", _checked_prompt(self.prompt))
        _check_url("callback_url", self.callback_url)
        object.__setattr__(self, "take", as_python(self.take))
        check_takes("take", self.take)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest(_Request):
    """Make a video from a prompt, and from a first and last frame where given.

    ``enhancement`` lets the service improve the prompt; ``loop`` joins the end to the start.
    Fields, defaults and ratios: AceDataCloud, ``POST /luma/videos``.
    """

    action: ClassVar[Action] = "generate"
    aspect_ratio: str = "16:9"
    loop: bool = False
    enhancement: bool = True
    start_image: StillImage | None = None
    end_image: StillImage | None = None

    def __post_init__(self) -> None:
        _Request.__post_init__(self)
        ratio = self.aspect_ratio
        if not isinstance(ratio, str) or ratio not in ASPECT_RATIOS:
            raise InvalidRequest(f"aspect_ratio must be one of {', '.join(ASPECT_RATIOS)}, not {shown(ratio)}.")
        object.__setattr__(self, "loop", read_flag("loop", self.loop))
        object.__setattr__(self, "enhancement", read_flag("enhancement", self.enhancement))
        _check_image("start_image", self.start_image)
        _check_image("end_image", self.end_image)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendRequest(_Request):
    """Continue a video. ``source`` None: the video of the task that this one comes after."""

    action: ClassVar[Action] = "extend"
    source: VideoRef | LocalFile | None = None
    end_image: StillImage | None = None

    def __post_init__(self) -> None:
        _Request.__post_init__(self)
        _check_image("end_image", self.end_image)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyRequest(_Request):
    """Re-render a video from a prompt. ``source`` None: the video of the task that this one comes after.

    ``watermark`` is True, False, a watermark id, or None for the service's default (RunAPI's page says boolean, its
    clients a string).
    """

    action: ClassVar[Action] = "modify"
    source: VideoRef | LocalFile | None = None
    watermark: bool | str | None = None

    def __post_init__(self) -> None:
        _Request.__post_init__(self)
        if isinstance(self.source, VideoRef) and self.source.url is None:
            raise InvalidRequest(f"modify needs a URL or a clip: a video id alone ({self.source}) is not enough.")
        object.__setattr__(self, "watermark", as_python(self.watermark))
        if not (self.watermark is None or isinstance(self.watermark, bool | str)):
            raise InvalidRequest(f"watermark must be True, False or a watermark id, not {shown(self.watermark)}.")
        if self.watermark == "":
            raise InvalidRequest("The watermark id is empty.")


Request: TypeAlias = GenerateRequest | ExtendRequest | ModifyRequest
KINDS: Mapping[str, type[GenerateRequest | ExtendRequest | ModifyRequest]] = {
    kind.action: kind for kind in (GenerateRequest, ExtendRequest, ModifyRequest)
}


def frames_in(request: Request) -> dict[str, FrameRef]:
    """The frames of clips in a request, by the field."""
    images = {name: getattr(request, name, None) for name in ("start_image", "end_image")}
    return {name: image for name, image in images.items() if isinstance(image, FrameRef)}


def addresses_in(request: Request) -> dict[str, str]:
    """The addresses of pictures and of the source in a request, by the field."""
    values = {name: getattr(request, name, None) for name in ("start_image", "end_image", "source")}
    urls = {name: value.url if isinstance(value, VideoRef) else value for name, value in values.items()}
    return {name: url for name, url in urls.items() if isinstance(url, str)}


def shown_request(request: Request) -> Request:
    """The request as others may see it: without its callback, and its addresses as `shown_url` gives them."""
    changes: dict[str, Any] = {name: shown_url(url) for name, url in addresses_in(request).items()}
    if "source" in changes and not isinstance(request, GenerateRequest) and isinstance(request.source, VideoRef):
        changes["source"] = replace(request.source, url=changes["source"])
    return replace(request, callback_url=None, **changes)


# Which actions take a parameter, beside the prompt, the source and the number of the take.
ACTIONS_WITH: Mapping[str, tuple[Action, ...]] = {
    name: tuple(kind.action for kind in KINDS.values() if name in kind.__dataclass_fields__)
    for kind in KINDS.values()
    for name in kind.__dataclass_fields__
    if name not in ("prompt", "source", "take")
}
