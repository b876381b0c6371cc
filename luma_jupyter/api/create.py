"""`generate`, `extend`, `modify`, `batch`: what is asked for becomes a checked `TaskSpec`, and that a clip."""

from __future__ import annotations

from os import PathLike
from typing import Any

from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.confirm import submit_all
from luma_jupyter.clip.grid import read_grid
from luma_jupyter.clip.images import read_images
from luma_jupyter.clip.source import read_source
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest
from luma_jupyter.domain.values import read_flag
from luma_jupyter.domain.vocabulary import PROVIDERS, Provider
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import InvalidRequest, shown


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
    lets the service improve the prompt. An image is an http(s) URL, a frame of a clip, ``clip.at("last")`` (then this
    one is queued until that clip is done), or uploaded first: a path, bytes, a PIL image, a numpy frame (height, width,
    3) of uint8, a matplotlib figure. ``callback_url`` is passed to the service; ``timeout`` is how many seconds to
    watch the task (900). A request that was made before is answered by what came of it, unless ``again``. Raises
    InvalidRequest, ConfigError or OverBudget; then nothing was sent.
    """
    images = read_images(kernel.session.find_name, start_image=start_image, end_image=end_image)
    request = GenerateRequest(
        prompt=prompt,
        aspect_ratio=aspect_ratio,
        loop=loop,
        enhancement=enhancement,
        callback_url=callback_url,
        **images.given,
    )
    return kernel.session.create(
        TaskSpec(request=request, frames=images.frames, provider=provider, timeout=timeout, again=again)
    )


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
    start = read_source(source)
    images = read_images(kernel.session.find_name, end_image=end_image)
    request = ExtendRequest(
        prompt=prompt,
        source=start.video,
        callback_url=callback_url,
        **images.given,
    )
    options: dict[str, Any] = {"provider": provider, "timeout": timeout, "again": again}
    return kernel.session.create(
        TaskSpec(request=request, after=start.after, label=start.label, frames=images.frames, **options)
    )


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
    """Change a video by a prompt: a clip (queued until it is done), a URL, or a video's path.

    ``watermark`` is True, False or a watermark id. Further arguments and errors as for `generate`.
    """
    start = read_source(source)
    request = ModifyRequest(prompt=prompt, source=start.video, watermark=watermark, callback_url=callback_url)
    return kernel.session.create(
        TaskSpec(request=request, after=start.after, label=start.label, provider=provider, timeout=timeout, again=again)
    )


def adopt(task_id: str, *, provider: Provider | None = None) -> Clip:
    """Make a clip of a task that exists at a service: made elsewhere, or lost here; it is watched and saved, free.

    ``provider`` is acedata, runapi or demo; without it those whose key is set are asked. A task that is known here
    gives its own clip, and an unconfirmed clip that was waiting for it goes on. Raises InvalidRequest where no service
    knows it.
    """
    if not isinstance(task_id, str) or not task_id.strip() or not task_id.strip().isprintable():
        raise InvalidRequest(f"A task id is a text, as the service gave it, not {shown(task_id)}.")
    if provider is not None and (not isinstance(provider, str) or provider not in PROVIDERS):
        providers = ", ".join(PROVIDERS)
        raise InvalidRequest(f"There is no provider {shown(provider)}: choose {providers}.")
    return kernel.session.adopt(task_id.strip(), provider)


def batch(
    prompts: object,
    *,
    action: str = "generate",
    source: Any = None,
    takes: int = 1,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
    yes: bool = False,
    **options: Any,
) -> ClipList:
    """Make many videos: ``prompts`` × every option that is a list × ``takes``; returns the list of clips at once.

    ``prompts`` is a text, a list of texts or of dicts, or a DataFrame of any library: a row with the column
    ``prompt``, and others named as the arguments ``action``, ``source`` and ``takes`` and the options of `generate`,
    `extend` and `modify`. An option that is a list makes a video for each of its values. What a row says comes before
    what the call says; None and NaN say nothing. The order is: rows, then ``source``, then options as given, each
    varying faster than the one before, ``takes`` fastest. ``source`` is a clip, a video id, a URL or a path, or a list
    of those; a batch has at most 20,000 videos.

    Number and price are said before; above the settings ``confirm_count`` and ``confirm_usd`` somebody is asked, unless
    ``yes``. All that are new are sent, or none is. A clip that fails is in its place in the list.

    Raises InvalidRequest (NotConfirmed where nobody said yes), ConfigError or OverBudget; then nothing was sent, or the
    error says what was.
    """
    yes = read_flag("yes", yes)
    for_all = {"action": action, "source": source, **options, "takes": takes}
    options = {"provider": provider, "timeout": timeout, "again": again}
    grid = read_grid(prompts, for_all, options, kernel.session.find_name)
    kernel.session.prompt_notices.tell_of_braces(spec.request.prompt for spec in grid.specs)
    return submit_all(kernel.session, grid, yes=yes)
