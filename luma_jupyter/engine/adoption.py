"""Tasks that were made elsewhere, or lost here: found at a service by their id, and by what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import KINDS, LONGEST_PROMPT, GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.task import ListedTask, Task
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.domain.vocabulary import Action, Provider, Status
from luma_jupyter.engine.library.sidecars import video_file_name
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.errors import InvalidRequest, LumaError, NotFound
from luma_jupyter.languages import N_
from luma_jupyter.providers.protocol import ProviderClient
from luma_jupyter.settings import Settings

UNKNOWN_PROMPT = N_("A video that was made elsewhere")
_FIELDS = {
    **{name: name for name in ("aspect_ratio", "loop", "enhancement", "watermark", "callback_url")},
    **{name: f"{name}_url" for name in ("start_image", "end_image")},
}


# An action for each API of a service.
_ACTIONS: Mapping[Provider, Sequence[Action]] = {
    "acedata": ("generate",),
    "runapi": ("modify",),
    "demo": ("generate", "modify"),
}


@dataclass(frozen=True)
class FoundTask:
    """A task as a service knows it: ``request`` as far as its answer tells, ``whole`` where that is all of it.

    ``gateway``: a class gateway was asked.
    """

    provider: Provider
    base_url: str
    listed: ListedTask
    request: Request
    whole: bool
    gateway: bool

    def new_task(self, intent: str, now: Settings) -> Task:
        """The task of a clip of its own, which is under way at its service, and was paid for elsewhere."""
        listed = self.listed
        return Task(
            intent=intent,
            request=self.request,
            provider=self.provider,
            status=Status.RUNNING,
            created_at=listed.created_at,
            filename=video_file_name(self.request.prompt, intent[:8]),
            fingerprint=fingerprint(self.request, None) if self.whole else intent,
            media=now.media_folder,
            folder=now.folder,
            submitted_at=listed.created_at,
            sent_at=listed.created_at,
            task_id=listed.task_id,
            base_url=self.base_url,
            price=0.0,
            trace_id=listed.trace_id,
            gateway=self.gateway,
        )


async def find_task(task_id: str, providers: Sequence[Provider], pool: ProviderPool) -> FoundTask:
    """Look a task up at services, one after the other; free. Raises InvalidRequest where none knows it."""
    reasons = []
    for provider, action in [(name, action) for name in providers for action in _ACTIONS[name]]:
        try:
            client = pool.client(provider, action)
            listed = await client.find_task(task_id)
        except NotFound:
            listed = None
        except LumaError as error:
            reasons.append(str(error))
            continue
        if listed:
            request, whole = read_request(listed, client, action)
            return FoundTask(provider, client.base_url, listed, request, whole, client.gateway)
    reason = " ".join(reasons)
    raise InvalidRequest(
        f"No service whose key is set knows a task {task_id!r} ({reason}). Nothing was sent but the question."
        if reasons
        else f"No service whose key is set knows a task {task_id!r}. Nothing was sent but the question."
    )


def read_request(listed: ListedTask, client: ProviderClient, action: Action) -> tuple[Request, bool]:
    """The request that a task's echo tells of, and whether it would be sent just so again.

    ``action``: one of those that its API does, for an echo that names none.
    """
    echo = listed.request
    try:
        kind = KINDS[str(echo.get("action", action))]
        names = kind.__dataclass_fields__
        parameters: dict[str, Any] = {name: echo[key] for name, key in _FIELDS.items() if key in echo and name in names}
        if "source" in names:
            parameters["source"] = VideoRef(echo.get("video_id"), echo.get("video_url") or echo.get("source_video_url"))
        request = kind(prompt=echo["prompt"], **parameters)
        return request, client.payload(request) == echo
    except (LumaError, KeyError, TypeError, AssertionError):
        prompt = echo.get("prompt")
        if not (isinstance(prompt, str) and has_visible(prompt) and len(prompt) <= LONGEST_PROMPT):
            prompt = UNKNOWN_PROMPT
        if action != "modify":
            return GenerateRequest(prompt=prompt), False
        source = (
            VideoRef(url=listed.state.video.url) if listed.state.video else VideoRef(url="https://unknown.invalid/")
        )
        return ModifyRequest(prompt=prompt, source=source), False


def is_same_request(task: Task, found: FoundTask, client: ProviderClient) -> bool:
    """Whether what a service has was asked for by this task."""
    try:  # what was sent, if it has been: files have addresses there
        payload = client.payload(task.request) if task.payload is None else task.payload
        return task.provider == found.provider and payload == found.listed.request
    except (LumaError, AssertionError):
        return False
