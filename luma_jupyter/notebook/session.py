"""The public functions, and what a kernel has one of: the engine, the list of its clips, its way to show them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from os import PathLike
from typing import Any, NoReturn

from IPython import get_ipython

from luma_jupyter import settings
from luma_jupyter.engine.engine import DEFAULT_TIMEOUT, Engine, Preview
from luma_jupyter.errors import InvalidRequest, NotYet
from luma_jupyter.models import ExtendRequest, GenerateRequest, ModifyRequest, Request, VideoRef, parse_video
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.render import plain, progress_line

LAST_CLIP = "_luma"

_engine: Engine | None = None
_clips: list[Clip] = []


def engine() -> Engine:
    """The kernel's engine, made when first needed."""
    global _engine
    _engine = _engine or Engine()
    return _engine


def clips() -> list[Clip]:
    """All clips that were asked for in this kernel, oldest first."""
    return list(_clips)


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

    @property
    def _to_engine(self) -> dict[str, Any]:
        source = self.source
        label = source._called or f"clip {source._task.key}" if isinstance(source, Clip) else source
        after = source._handle if isinstance(source, Clip) else None
        return {"provider": self.provider, "after": after, "source_label": label}

    def preview(self) -> Preview:
        """What would be sent. Raises as `place` does."""
        return engine().preview(self.request, **self._to_engine)

    def place(self, name: str | None = None) -> Clip:
        """Send it, and return the clip at once. Raises InvalidRequest or ConfigError; then nothing was sent."""
        timeout = DEFAULT_TIMEOUT if self.timeout is None else self.timeout
        handle = engine().submit(self.request, timeout=timeout, **self._to_engine)
        clip = Clip(handle, engine().typical_seconds(handle.task.provider), name=name, source=self.source)
        _clips.append(clip)
        if shell := get_ipython():
            shell.user_ns[LAST_CLIP] = clip
        return clip


def read_source(source: object) -> tuple[VideoRef | None, Clip | str]:
    """A source as (what is known of its video now, what the user named). Raises InvalidRequest, NotYet for files."""
    if isinstance(source, Clip):
        return None, source
    if isinstance(source, PathLike):
        raise NotYet(f"{source}: local files as a source are not available yet; give a clip, a video id or a URL.")
    if not isinstance(source, str):
        raise InvalidRequest(f"The source must be a clip, a video id or a URL, not {type(source).__name__}.")
    return parse_video(source.strip()), source.strip()


def generate(
    prompt: str,
    *,
    aspect_ratio: str = "16:9",
    loop: bool = False,
    enhancement: bool = True,
    start_image: str | None = None,
    end_image: str | None = None,
    callback_url: str | None = None,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
) -> Clip:
    """Make a video from a prompt, and from a first and last frame where given; returns the clip at once.

    ``aspect_ratio`` is 16:9, 9:16, 1:1, 4:3, 3:4, 21:9 or 9:21; ``loop`` joins the end to the start; ``enhancement``
    lets the service improve the prompt; images are http(s) URLs; ``callback_url`` is passed to the service; ``timeout``
    is how many seconds to follow the task (900). Raises InvalidRequest or ConfigError; then nothing was sent.
    """
    if again:
        not_yet("again")
    request = GenerateRequest(
        prompt=prompt,
        aspect_ratio=aspect_ratio,
        loop=loop,
        enhancement=enhancement,
        start_image=start_image,
        end_image=end_image,
        callback_url=callback_url,
    )
    return Order(request=request, provider=provider, timeout=timeout).place()


def extend(
    source: Clip | str,
    prompt: str,
    *,
    end_image: str | None = None,
    callback_url: str | None = None,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
) -> Clip:
    """Continue a video: a clip (queued until it is done), a video id or a URL; returns the new clip at once.

    Further arguments and errors as for `generate`.
    """
    if again:
        not_yet("again")
    video, named = read_source(source)
    request = ExtendRequest(prompt=prompt, source=video, end_image=end_image, callback_url=callback_url)
    return Order(request=request, source=named, provider=provider, timeout=timeout).place()


def modify(
    source: Clip | str,
    prompt: str,
    *,
    watermark: bool | str | None = None,
    callback_url: str | None = None,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
) -> Clip:
    """Re-render a video from a prompt: a clip (queued until it is done) or a URL; returns the new clip at once.

    ``watermark`` is True, False or a watermark id. Further arguments and errors as for `generate`.
    """
    if again:
        not_yet("again")
    video, named = read_source(source)
    request = ModifyRequest(prompt=prompt, source=video, watermark=watermark, callback_url=callback_url)
    return Order(request=request, source=named, provider=provider, timeout=timeout).place()


def Studio() -> NoReturn:
    """The widget forms; not in this version."""
    not_yet("Studio")


def in_kernel() -> bool:
    """Whether a Jupyter kernel runs this code (else: a terminal, or a plain script)."""
    return getattr(get_ipython(), "kernel", None) is not None


def show(clip: Clip) -> None:
    """Show a clip where the user is: its card in a notebook, its text elsewhere."""
    if not in_kernel():
        print(plain(clip._look(), here=True))
        return
    from luma_jupyter.notebook.card import Card

    if clip._card is None:
        clip._card = Card(clip._handle, clip._look)
    clip._card.show(live=not settings.current().wait)


def wait_in_terminal(clip: Clip) -> None:
    """Wait with one line that keeps itself up to date, then print where the video is. Raises as `Clip.wait` does."""
    interactive = sys.stdout.isatty()

    def tick() -> None:
        if interactive:
            print(f"\r\x1b[2K{progress_line(clip._look())}", end="", flush=True)

    try:
        clip._wait(tick=tick)
    finally:
        if interactive:
            print("\r\x1b[2K", end="", flush=True)
    print(plain(clip._look(), here=True))
