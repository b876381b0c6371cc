"""What a kernel has one of: the engine, and the list of its clips."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from os import PathLike
from pathlib import Path

from IPython import get_ipython

from luma_jupyter import settings
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.glance import may_be_unfinished
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import InvalidRequest, LumaError
from luma_jupyter.models import Status, Task
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


def clip_by_key(key: str) -> Clip:
    """The clip of a key, as tables and file names show it, made here or in this folder. Raises InvalidRequest."""
    for clip in _clips.values():
        if clip._task.key == key:
            return clip
    for task in past(None, None):
        if task.key == key:
            return clip_of(_handle(task))
    raise InvalidRequest(f"There is no clip {key!r} in this folder: `luma_jupyter.clips()` shows them.")


def follow_again(clip: Clip) -> None:
    """Follow a clip that nobody follows any more, and put it into its variable. Raises as `Engine.resume` does."""
    clip._follow(engine().resume(clip._task.intent))
    bind(clip)


def unfinished_clips() -> list[Clip]:
    """The clips of this kernel and of this folder that have not ended, or that nobody follows, oldest first."""
    own = [clip for clip in own_clips() if not clip._task.status.ended]
    clips = {clip._task.intent: clip for clip in [*own, *left_over()]}
    return sorted(clips.values(), key=lambda clip: clip._task.created_at)


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
