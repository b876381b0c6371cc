"""What is asked for.

A request checks itself when it is built, so a bad one never travels further than the line that made it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.pieces import FilmFile, Piece, check_number, check_text
from luma_jupyter.domain.urls import is_web_url, shown_url
from luma_jupyter.domain.values import as_list, as_python, read_flag, read_number
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.domain.vocabulary import ACTIONS, ASPECT_RATIOS, Action
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.languages import N_

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


def _checked_prompt(prompt: object) -> str:
    text = check_text(N_("The prompt"), prompt).strip()
    if not text:
        raise InvalidRequest("The prompt is empty: say what the video should show.")
    if len(text) > LONGEST_PROMPT:
        raise InvalidRequest(f"The prompt has {len(text):,} characters, and may have {LONGEST_PROMPT:,}.")
    if not has_visible(text):
        raise InvalidRequest(
            "The prompt is empty, but for characters that nobody can see: say what the video should show."
        )
    return text


def _check_url(name: str, url: object) -> None:
    if url is not None and not is_web_url(check_text(name, url)):
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
        if isinstance(ratio, str):
            ratio = unicodedata.normalize("NFKC", ratio)  # a Chinese keyboard types 16：9
        if not isinstance(ratio, str) or ratio not in ASPECT_RATIOS:
            wrong, choices = shown(ratio).strip("'"), ", ".join(ASPECT_RATIOS)
            raise InvalidRequest(f"There is no ratio {wrong}; choose {choices}.")
        object.__setattr__(self, "aspect_ratio", ratio)
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
            raise InvalidRequest(f"modify needs a clip or a URL: a video id alone ({self.source}) is not enough.")
        object.__setattr__(self, "watermark", as_python(self.watermark))
        if not (self.watermark is None or isinstance(self.watermark, bool | str)):
            name = "watermark"
            raise InvalidRequest(f"{name} must be True, False or a watermark id, not {shown(self.watermark)}.")
        if self.watermark == "":
            raise InvalidRequest("The watermark id is empty: leave it out, or give one.")


FILM_OF = "Film of "  # begins what is shown of a film without a title
MOST_PARTS = 1000
MOST_WORDS = 100_000  # characters of all titles and captions of a film: sidecars are bounded
LARGEST_SIDE = 7680  # pixels: 8K
SMALLEST_SIDE = 16  # pixels
LOWEST_RATE, HIGHEST_RATE = 0.1, 120.0  # frames per second
_NAMED_PARTS = 4  # that are named where a film has no title


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmRequest:
    """Make a film of ``parts``, in their order, on this machine.

    ``prompt`` is derived: the film's first title, else what it is a film of; it does not count, as labels do not.
    ``fade`` is how many seconds each transition takes (0: a hard cut). ``music`` lies under all of it, ``voice`` over
    that. ``size`` is (width, height) in pixels, ``fps`` frames per second: None is as the parts have them.
    """

    action: ClassVar[Action] = "film"
    callback_url: ClassVar[None] = None
    take: ClassVar[int] = 1

    prompt: str = field(default="", compare=False)
    parts: tuple[Piece, ...]
    fade: float = 0.0
    music: FilmFile | None = None
    voice: FilmFile | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        _check_parts(self.parts)
        object.__setattr__(self, "fade", check_number("fade", self.fade, N_("a number of seconds, 0 or more"), 0.0))
        object.__setattr__(self, "size", None if self.size is None else _read_size(self.size))
        if self.fps is not None:
            wanted = N_(f"a number of frames per second, from {LOWEST_RATE:g} to {HIGHEST_RATE:g}")
            object.__setattr__(self, "fps", check_number("fps", self.fps, wanted, LOWEST_RATE, HIGHEST_RATE))
        object.__setattr__(self, "prompt", _checked_prompt(self.prompt or _film_prompt(self.parts)))


def _check_parts(parts: object) -> None:
    if not isinstance(parts, tuple) or not parts:
        raise InvalidRequest("A film needs at least one part: a clip, a cut, a video file or a picture.")
    if len(parts) > MOST_PARTS:
        raise InvalidRequest(f"These are {len(parts):,} parts, and a film may have {MOST_PARTS:,}.")
    words = sum(len(text) for part in parts for text in (part.title, part.caption) if text)
    if words > MOST_WORDS:
        raise InvalidRequest(f"Titles and captions have {words:,} characters, and may have {MOST_WORDS:,}.")


def _read_size(size: object) -> tuple[int, int]:
    """Read (width, height), also as text such as 1280x720. H.264 video has sides of even length."""
    name = "size"
    text = re.fullmatch(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*", size) if isinstance(size, str) else None
    values = list(map(int, text.groups())) if text else [as_python(side) for side in as_list(size) or []]
    whole = len(values) == 2 and all(isinstance(side, int) and not isinstance(side, bool) for side in values)
    if not whole or not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in values):
        raise InvalidRequest(
            f"{name} must be width and height in pixels, from {SMALLEST_SIDE} to {LARGEST_SIDE:,}, "
            f"such as 1280x720, not {shown(size)}."
        )
    width, height = values
    if width % 2 or height % 2:
        even = f"{width + width % 2}x{height + height % 2}"
        raise InvalidRequest(f"{name} must have even numbers: {even} instead of {shown(size)}.")
    return width, height


def _film_prompt(parts: tuple[Piece, ...]) -> str:
    if title := next((part.title for part in parts if part.title), None):
        return title
    names = list(dict.fromkeys(str(part) for part in parts))
    more = len(names) - _NAMED_PARTS
    return FILM_OF + ", ".join(names[:_NAMED_PARTS]) + (f" and {more} more" if more > 0 else "")


Request: TypeAlias = GenerateRequest | ExtendRequest | ModifyRequest | FilmRequest
KINDS: Mapping[str, type[GenerateRequest | ExtendRequest | ModifyRequest | FilmRequest]] = {
    kind.action: kind for kind in (GenerateRequest, ExtendRequest, ModifyRequest, FilmRequest)
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
    if isinstance(request, FilmRequest):
        return request
    changes: dict[str, Any] = {name: shown_url(url) for name, url in addresses_in(request).items()}
    if "source" in changes and not isinstance(request, GenerateRequest) and isinstance(request.source, VideoRef):
        changes["source"] = replace(request.source, url=changes["source"])
    return replace(request, callback_url=None, **changes)


# Which of the actions of services take a parameter, beside the prompt, the source and the number of the take.
ACTIONS_WITH: Mapping[str, tuple[Action, ...]] = {
    name: tuple(action for action in ACTIONS if name in KINDS[action].__dataclass_fields__)
    for action in ACTIONS
    for name in KINDS[action].__dataclass_fields__
    if name not in ("action", "prompt", "source", "take")
}
