"""What is asked for: `generate`, `extend`, `modify`, and the checked `Order` that each of them, or a cell, becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from IPython import get_ipython

from luma_jupyter.engine.engine import DEFAULT_TIMEOUT
from luma_jupyter.engine.previews import Preview
from luma_jupyter.engine.records import fingerprint
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.files import LocalFile, as_video
from luma_jupyter.models import (
    ExtendRequest,
    GenerateRequest,
    ModifyRequest,
    Request,
    Task,
    VideoRef,
    check_takes,
    parse_video,
)
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip


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
        label = source._called or f"clip:{source._task.key}" if isinstance(source, Clip) else source
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
        return session.engine().preview(self.request, **self._to_engine)

    def earlier(self) -> Task | None:
        """What an equal request came to, where that answers this one."""
        return None if self.again else session.engine().earlier(self.request, **self._to_engine)

    def place(self, name: str | None = None) -> Clip:
        """Send it, or find what an equal request came to; returns the clip at once, for the variable ``name``.

        Raises InvalidRequest, ConfigError or OverBudget; then nothing was sent.
        """
        timeout = DEFAULT_TIMEOUT if self.timeout is None else self.timeout
        try:
            handle = session.engine().submit(
                self.request, timeout=timeout, again=self.again, name=name, **self._to_engine
            )
        finally:
            session.tell_notices()
        clip = session.clip_of(handle, name, self.source)
        if shell := get_ipython():
            shell.user_ns[session.LAST_CLIP] = clip
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
