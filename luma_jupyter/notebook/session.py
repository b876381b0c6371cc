"""The public functions, and what a kernel has one of: the engine, and the list of its clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from IPython import get_ipython

from luma_jupyter import settings
from luma_jupyter.engine.engine import DEFAULT_TIMEOUT, Engine
from luma_jupyter.engine.glance import may_be_unfinished
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.previews import Preview
from luma_jupyter.engine.records import fingerprint
from luma_jupyter.errors import InvalidRequest, LumaError, NotYet
from luma_jupyter.files import LocalFile, as_video
from luma_jupyter.models import (
    ExtendRequest,
    GenerateRequest,
    ModifyRequest,
    Request,
    Status,
    Task,
    VideoRef,
    check_takes,
    parse_video,
)
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips

LAST_CLIP = "_luma"

_engine: Engine | None = None
_clips: dict[str, Clip] = {}  # by intent


def engine() -> Engine:
    """The kernel's engine, made when first needed."""
    global _engine
    _engine = _engine or Engine()
    return _engine


def clip_of(handle: Handle, name: str | None = None, source: Clip | str | None = None) -> Clip:
    """The clip that stands for a task in this kernel; one for each intent."""
    task = handle.task
    clip = _clips.get(task.intent)
    if clip is None:
        source = source or _clips.get(task.source_intent or "") or task.source_label
        clip = Clip(handle, name=task.name, source=source)
        _clips[task.intent] = clip
    clip._name = name or clip._name
    clip._follow(handle)
    return clip


def clip_for(task: Task) -> Clip:
    """The clip of a task that nobody here need follow: the one that is there, or a new one."""
    return _clips.get(task.intent) or clip_of(Handle(task))


def bind(clip: Clip) -> None:
    """Put a clip of an earlier kernel into its variable, unless that is in use; into `_luma` in any case."""
    if shell := get_ipython():
        shell.user_ns[LAST_CLIP] = clip
        if clip._name and clip._name.isidentifier():
            shell.user_ns.setdefault(clip._name, clip)


def own_clips() -> list[Clip]:
    """The clips that were asked for in this kernel, oldest first."""
    return list(_clips.values())


def clips(*, folder: str | PathLike[str] | None = None, day: str | date | None = None) -> Clips:
    """The clips of this notebook's folder, of earlier kernels too, oldest first: a list that is shown as one table.

    ``folder`` names another one, or is ``"all"``; ``day`` is a date, ``"2026-11-22"`` or ``"today"``. Raises
    InvalidRequest for a day that is none, ConfigError where the journal cannot be read.
    """
    return Clips(_clips.get(task.intent) or clip_of(_handle(task)) for task in past(folder, day))


def _handle(task: Task) -> Handle:
    """A handle on a task of another kernel; one that is followed there is watched, so that a wait for it ends."""
    return Handle(task) if task.status.ended else engine().resume(task.intent)


def past(folder: str | PathLike[str] | None, day: str | date | None) -> list[Task]:
    """The tasks that `clips` shows."""
    where = settings.current().folder if folder is None else Path(folder).expanduser().absolute()
    since, until = _span(day)
    try:
        return engine().archive.history(folder=None if folder == "all" else where, since=since, until=until)
    finally:
        tell_notices()


def _span(day: str | date | None) -> tuple[float, float]:
    """From when to when, in Unix seconds."""
    if day is None:
        return 0.0, 1e12
    if day == "today":
        day = date.today()
    try:
        start = date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        raise InvalidRequest(f"{day!r} is not a day: write it as 2026-11-22, or today.") from None
    return tuple(datetime.combine(d, time.min).timestamp() for d in (start, start + timedelta(days=1)))  # type: ignore[return-value]


def tell_notices() -> None:
    """Print what the engine wants to be read once."""
    while _engine and _engine.notices:
        print(f"luma_jupyter: {_engine.notices.pop(0)}")


def left_over() -> list[Clip]:
    """The unfinished clips of this folder that nobody follows, oldest first."""
    return [clip_for(task) for task in _unfinished()]


def left_by_others() -> list[Clip]:
    """Those of them that this kernel never followed."""
    return [clip for clip in left_over() if clip._task.intent not in engine().handles]


def _unfinished() -> list[Task]:
    """The unfinished tasks of this folder; none where the journal cannot be read."""
    now = settings.current()
    if not may_be_unfinished(now.home_folder, now.folder):
        return []
    try:
        return engine().archive.unfinished(now.folder)
    except LumaError:
        return []  # told before anything is paid
    finally:
        tell_notices()


def greeting() -> str | None:
    """One line at loading, where clips of this folder are unfinished."""
    tasks = _unfinished()
    if not tasks:
        return None
    doubtful = sum(task.status is Status.UNCONFIRMED for task in tasks)
    doubt = f" ({doubtful} unconfirmed)" if doubtful else ""
    clips, them = ("clip", "is") if len(tasks) == 1 else ("clips", "are")
    follow = "follows it further" if len(tasks) == 1 else "follows them further"
    return f"luma_jupyter: {len(tasks)} {clips} of this folder {them} unfinished{doubt}; %luma resume {follow}."


def not_yet(what: str) -> NoReturn:
    """Answer a word that belongs to a later version."""
    raise NotYet(f"{what} is not available yet; it comes in a later version.")


@dataclass(frozen=True, kw_only=True)
class Order:
    """A checked request and all that goes with it; ``source`` is what the user named: a clip, a video id or a URL."""

    request: Request
    source: Clip | str | None = None
    provider: str | None = None
    timeout: float | None = None
    again: bool = False

    @property
    def _to_engine(self) -> dict[str, Any]:
        source = self.source
        label = source._called or f"clip {source._task.key}" if isinstance(source, Clip) else source
        after = source._handle if isinstance(source, Clip) else None
        return {"provider": self.provider, "after": after, "source_label": label}

    @property
    def mark(self) -> str:
        """What equal orders have in common, as `records.fingerprint` says."""
        return fingerprint(self.request, self.source._task.intent if isinstance(self.source, Clip) else None)

    def takes(self, count: int) -> list[Order]:
        """This order so many times, each as a take of its own: the first is this very one. Raises InvalidRequest."""
        check_takes("takes", count)
        return [replace(self, request=replace(self.request, take=take)) for take in range(1, count + 1)]

    def preview(self) -> Preview:
        """What would be sent. Raises as `place` does."""
        return engine().preview(self.request, **self._to_engine)

    def earlier(self) -> Task | None:
        """What an equal request came to, where that answers this one."""
        return None if self.again else engine().earlier(self.request, **self._to_engine)

    def place(self, name: str | None = None) -> Clip:
        """Send it, or find what an equal request came to; returns the clip at once, for the variable ``name``.

        Raises InvalidRequest, ConfigError or OverBudget; then nothing was sent.
        """
        timeout = DEFAULT_TIMEOUT if self.timeout is None else self.timeout
        try:
            handle = engine().submit(self.request, timeout=timeout, again=self.again, name=name, **self._to_engine)
        finally:
            tell_notices()
        clip = clip_of(handle, name, self.source)
        if shell := get_ipython():
            shell.user_ns[LAST_CLIP] = clip
        return clip


def read_source(source: object) -> tuple[VideoRef | LocalFile | None, Clip | str]:
    """A source as (what is known of its video now, what the user named). Raises InvalidRequest."""
    if isinstance(source, Clip):
        return None, source
    if isinstance(source, PathLike):
        video: VideoRef | LocalFile = as_video(source)
        return video, str(video)
    if not isinstance(source, str):
        raise InvalidRequest(
            f"The source must be a clip, a video id, a URL or a video's path, not {type(source).__name__}."
        )
    video = parse_video(source.strip())
    return video, video.name if isinstance(video, LocalFile) else source.strip()


def generate(
    prompt: str,
    *,
    aspect_ratio: str = "16:9",
    loop: bool = False,
    enhancement: bool = True,
    start_image: Any = None,
    end_image: Any = None,
    callback_url: str | None = None,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
) -> Clip:
    """Make a video from a prompt, and from a first and last frame where given; returns the clip at once.

    ``aspect_ratio`` is 16:9, 9:16, 1:1, 4:3, 3:4, 21:9 or 9:21; ``loop`` joins the end to the start; ``enhancement``
    lets the service improve the prompt. An image is an http(s) URL, or uploaded first: a path, bytes, a PIL image, a
    numpy frame (height, width, 3) of uint8, a matplotlib figure. ``callback_url`` is passed to the service; ``timeout``
    is how many seconds to follow the task (900). A request that was made before is answered by what came of it, unless
    ``again``. Raises InvalidRequest, ConfigError or OverBudget; then nothing was sent.
    """
    request = GenerateRequest(
        prompt=prompt,
        aspect_ratio=aspect_ratio,
        loop=loop,
        enhancement=enhancement,
        start_image=start_image,
        end_image=end_image,
        callback_url=callback_url,
    )
    return Order(request=request, provider=provider, timeout=timeout, again=again).place()


def extend(
    source: Clip | str | PathLike[str],
    prompt: str,
    *,
    end_image: Any = None,
    callback_url: str | None = None,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
) -> Clip:
    """Continue a video: a clip (queued until it is done), a video id, a URL, or the path of a video, to be uploaded.

    Further arguments and errors as for `generate`.
    """
    video, named = read_source(source)
    request = ExtendRequest(prompt=prompt, source=video, end_image=end_image, callback_url=callback_url)
    return Order(request=request, source=named, provider=provider, timeout=timeout, again=again).place()


def modify(
    source: Clip | str | PathLike[str],
    prompt: str,
    *,
    watermark: bool | str | None = None,
    callback_url: str | None = None,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
) -> Clip:
    """Re-render a video from a prompt: a clip (queued until it is done), a URL, or a video's path.

    ``watermark`` is True, False or a watermark id. Further arguments and errors as for `generate`.
    """
    video, named = read_source(source)
    request = ModifyRequest(prompt=prompt, source=video, watermark=watermark, callback_url=callback_url)
    return Order(request=request, source=named, provider=provider, timeout=timeout, again=again).place()


def Studio() -> NoReturn:
    """The widget forms; not in this version."""
    not_yet("Studio")
