"""The frozen values that the layers hand each other: requests, what a service says of a task, and a task's snapshot.

No I/O, no clock, no HTML. A request checks itself when it is built, so a bad one never travels further than the line
that made it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, TypeAlias

from luma_jupyter.choices import ASPECT_RATIOS, Action, Provider
from luma_jupyter.errors import InvalidRequest, LumaError, ServiceError
from luma_jupyter.files import LocalFile, as_image, as_video, looks_like_path
from luma_jupyter.urls import is_web_url

MOST_TAKES = 999


@dataclass(frozen=True, slots=True)
class VideoRef:
    """A video that exists at a service: its id, its URL, or both."""

    video_id: str | None = None
    url: str | None = None

    def __str__(self) -> str:
        return self.video_id or self.url or "?"


_VIDEO_ID = re.compile(r"(?=.{16})(?=.*\d)[0-9A-Za-z]+(-[0-9A-Za-z]+)+|[0-9a-fA-F]{32}")


def parse_video(text: str) -> VideoRef | LocalFile:
    """Read a source given as text: an http(s) URL, a UUID-like video id, else the path of a video.

    Raises InvalidRequest for anything else, and for a file that cannot be sent.
    """
    if is_web_url(text):
        return VideoRef(url=text)
    if _VIDEO_ID.fullmatch(text):
        return VideoRef(video_id=text)
    if looks_like_path(text):
        return as_video(text)
    raise InvalidRequest(f"{_shown(text)} is neither a clip, a video id, an http(s) URL nor a video's path.")


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 100 else f"{shown[:99]}…"  # a data URI can be megabytes


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
    return text


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} must be True or False, not {value!r}.")


def _check_url(name: str, url: object) -> None:
    if url is not None and not is_web_url(_check_text(name, url)):
        raise InvalidRequest(f"{name} must be an http(s) URL, not {_shown(url)}.")


def check_takes(name: str, value: object) -> None:
    """Refuse what is not the number of a take, or of takes."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_TAKES:
        raise InvalidRequest(f"{name} must be a whole number from 1 to {MOST_TAKES}, not {_shown(value)}.")


def _read_image(request: object, name: str) -> None:
    """Put what was given as an image in its checked form."""
    image = getattr(request, name)
    if image is not None and not isinstance(image, LocalFile):
        object.__setattr__(request, name, as_image(name, image))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What all requests have. ``take`` is ours alone: further takes of one wish are requests of their own."""

    prompt: str
    callback_url: str | None = None
    take: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", _checked_prompt(self.prompt))
        _check_url("callback_url", self.callback_url)
        check_takes("take", self.take)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest(_Request):
    """Make a video from a prompt, and from a first and last frame where given: a URL, or whatever `files` reads.

    ``enhancement`` lets the service improve the prompt; ``loop`` joins the end to the start.
    Fields, defaults and ratios: AceDataCloud, ``POST /luma/videos``.
    """

    action: ClassVar[Action] = "generate"
    aspect_ratio: str = "16:9"
    loop: bool = False
    enhancement: bool = True
    start_image: str | LocalFile | None = None
    end_image: str | LocalFile | None = None

    def __post_init__(self) -> None:
        _Request.__post_init__(self)
        if self.aspect_ratio not in ASPECT_RATIOS:
            raise InvalidRequest(f"aspect_ratio must be one of {', '.join(ASPECT_RATIOS)}, not {self.aspect_ratio!r}.")
        _check_flag("loop", self.loop)
        _check_flag("enhancement", self.enhancement)
        _read_image(self, "start_image")
        _read_image(self, "end_image")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendRequest(_Request):
    """Continue a video. ``source`` None: the video of the task that this one comes after."""

    action: ClassVar[Action] = "extend"
    source: VideoRef | LocalFile | None = None
    end_image: str | LocalFile | None = None

    def __post_init__(self) -> None:
        _Request.__post_init__(self)
        _read_image(self, "end_image")


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
        if not (self.watermark is None or isinstance(self.watermark, bool | str)):
            raise InvalidRequest(f"watermark must be True, False or a watermark id, not {self.watermark!r}.")
        if self.watermark == "":
            raise InvalidRequest("The watermark id is empty.")


Request: TypeAlias = GenerateRequest | ExtendRequest | ModifyRequest
KINDS: Mapping[str, type[GenerateRequest | ExtendRequest | ModifyRequest]] = {
    kind.action: kind for kind in (GenerateRequest, ExtendRequest, ModifyRequest)
}


@dataclass(frozen=True, slots=True)
class Video:
    """A finished video as its service reports it; sizes in pixels, None where the service says nothing."""

    url: str
    video_id: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail_url: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has left and has spent, in USD; None where the service does not say."""

    left: float | None
    spent_today: float | None = None
    spent_in_all: float | None = None


class TaskPhase(StrEnum):
    """What a look-up says of a task."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TaskState:
    """One look-up's answer: ``video`` with a completed task, ``error`` with a failed one.

    ``retry_after``: seconds that the service asks to wait before the next look. ``cost``: what it reports, in USD.
    ``seconds``: how long the task took from its creation to its end, where the service says so.
    """

    task_id: str
    phase: TaskPhase
    video: Video | None = None
    error: ServiceError | None = None
    retry_after: float | None = None
    cost: float | None = None
    seconds: float | None = None


class Status(StrEnum):
    """A clip's status; the words are part of the public interface."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SAVING = "saving"
    COMPLETED = "completed"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    DETACHED = "detached"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the clip by itself."""
        return self in _ENDS


_ENDS = frozenset({Status.COMPLETED, Status.FAILED, Status.UNCONFIRMED, Status.DETACHED, Status.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A snapshot of one task; each transition makes a new one.

    ``intent`` is ours: 32 hex digits, one for each video that somebody wanted, kept through retries, and RunAPI's
    idempotency key. ``task_id`` is the service's. Equal ``fingerprint``: equal request (`records.fingerprint`).
    ``source_label`` is how the user named the source, ``name`` the variable. ``base_url`` is the API that it went to,
    ``media`` the folder for its file, ``folder`` the notebook's.

    Times are Unix seconds; ``sent_at``: when the request last left, None while it certainly was not accepted. ``price``
    (expected) and ``cost`` (reported) are in USD, None where nobody knows; ``doubts`` counts the earlier sends that
    nobody answered.

    ``upload`` says in words which file is being uploaded, and how far. ``problem`` says why the last look-up failed
    while the task still runs. ``path`` is where the video is (None: it
    could not be saved, and ``problem`` says why); ``file_size`` in bytes.
    """

    intent: str
    request: Request
    provider: Provider
    status: Status
    created_at: float
    filename: str
    fingerprint: str = ""
    media: Path = Path()
    folder: Path = Path()
    source_label: str | None = None
    source_intent: str | None = None
    name: str | None = None
    submitted_at: float | None = None
    sent_at: float | None = None
    ended_at: float | None = None
    task_id: str | None = None
    base_url: str = ""
    video: Video | None = None
    path: Path | None = None
    file_size: int | None = None
    price: float | None = None
    cost: float | None = None
    doubts: int = 0
    error: LumaError | None = None
    problem: str | None = None
    upload: str | None = None

    @property
    def key(self) -> str:
        """The intent in short, as in file names."""
        return self.intent[:8]

    @property
    def real(self) -> bool:
        """Whether a paid service makes it, not a demo service."""
        return self.provider != "demo"

    def elapsed(self, now: float) -> float:
        """Seconds since submission (before it: since creation), up to ``now`` or the end."""
        start = self.submitted_at or self.created_at
        return max(0.0, (self.ended_at or now) - start)

    def evolve(self, **changes: object) -> Task:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """Something happened to a task: its new snapshot, and the time in Unix seconds."""

    task: Task
    at: float


Listener: TypeAlias = Callable[[TaskEvent], None]
