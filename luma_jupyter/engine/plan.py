"""What submitting a spec comes to: where it would go, what would be sent, at what price, and what stands against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Price
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, ModifyRequest, VideoRef, take_name
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Action, Provider, Status
from luma_jupyter.engine.budget import Budget
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.provider_pool import choose_provider
from luma_jupyter.engine.run.submission import with_source
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ConfigError, LumaError
from luma_jupyter.languages import N_
from luma_jupyter.providers.protocol import ProviderClient
from luma_jupyter.settings import Settings
from luma_jupyter.video.frames import check_readable

ONE_PER_REQUEST = "‹one per request›"  # stands for an idempotency key
ClientFor: TypeAlias = Callable[[Provider, Action], ProviderClient]


@dataclass(frozen=True)
class Preview:
    """A request as it would be sent: ``headers`` without the key; ``price`` as far as it is known.

    ``gateway``: it would go through a class gateway.
    """

    provider: Provider
    url: str
    headers: dict[str, str]
    payload: dict[str, Any]
    price: Price
    gateway: bool = False


@dataclass(frozen=True)
class Plan:
    """A spec, looked at once under the settings of a moment.

    ``provider`` is where it would go, None where a key is missing. Exactly one of ``sendable`` and ``refusal`` is
    there: the request as it would be sent, or why it cannot be. An earlier task may answer it all the same:
    ``earlier``, where it was looked for.

    ``read`` is the spec with frames of clips as pictures, as far as those were read. That is how versions before frames
    were steps asked for them, so what they made answers it too.
    """

    spec: TaskSpec
    settings: Settings
    provider: Provider | None
    sendable: Preview | None = None
    refusal: LumaError | None = None
    earlier: Entry | None = None
    read: TaskSpec | None = None

    @property
    def asked(self) -> list[TaskSpec]:
        """The spec in all forms in which it may have been asked for before."""
        return [self.spec, *([self.read] if self.read else [])]

    @property
    def preview(self) -> Preview:
        """The request as it would be sent. Raises the refusal: InvalidRequest or ConfigError."""
        if self.sendable is None:
            raise self.refusal or ConfigError("No service is set up: say %luma doctor.")
        return self.sendable

    def new_task(self, intent: str, price: Price, created_at: float) -> Task:
        """The task that begins with it, queued; raises as `preview` does."""
        spec = self.spec
        return Task(
            intent=intent,
            request=spec.request,
            provider=self.preview.provider,
            status=Status.QUEUED,
            created_at=created_at,
            filename=sidecars.video_file_name(spec.request.prompt, intent[:8]),
            fingerprint=spec.fingerprint,
            media=self.settings.media_folder,
            folder=self.settings.folder,
            source_label=spec.label,
            source_intent=spec.source_intent,
            name=spec.name,
            price=price.usd,
            gateway=self.preview.gateway,
        )


def make_plan(spec: TaskSpec, now: Settings, client_for: ClientFor, budget: Budget) -> Plan:
    """Check a spec as far as is possible before sending it.

    Raises InvalidRequest for a service that there is not, or that cannot do the action.
    """
    if isinstance(spec.request, FilmRequest):
        return _film_plan(spec, now, budget)
    source = spec.label or N_("the source")
    try:
        provider = choose_provider(spec.request.action, spec.provider, spec.source_provider, source, now)
    except ConfigError as error:
        return Plan(spec, now, None, refusal=error)
    try:
        return Plan(spec, now, provider, _preview(spec, provider, now, client_for, budget))
    except LumaError as error:
        return Plan(spec, now, provider, refusal=error)


def _preview(spec: TaskSpec, provider: Provider, now: Settings, client_for: ClientFor, budget: Budget) -> Preview:
    """What would be sent. The source of a clip that is not done yet is shown by name."""
    if spec.frames:
        check_readable()
    client = client_for(provider, spec.request.action)
    request = spec.request
    source = spec.after.task if spec.after else None
    if source and source.video and source.status.ended:
        request = with_source(request, source, provider, client.base_url)
    elif spec.after and isinstance(request, ExtendRequest | ModifyRequest):
        request = replace(request, source=_unknown_source(spec.after.task.provider, spec.label or "the source"))
    price = budget.known_price(provider, request.action, now)
    headers = client.headers(ONE_PER_REQUEST, take_name(request.take))
    return Preview(provider, client.submit_url, headers, client.payload(request), price, client.gateway)


def _unknown_source(provider: Provider, name: str) -> VideoRef | LocalFile:
    """What stands for the video of a clip that is not done yet: an address, or a film's file."""
    if provider == "local":
        return LocalFile("0" * 64, "video/mp4", name, 0, label=name)
    return VideoRef(url=f"‹video of {name}, when it is done›")


def _film_plan(spec: TaskSpec, now: Settings, budget: Budget) -> Plan:
    """A film goes nowhere; whether it can be made of its files, these say."""
    try:
        check_readable()
    except ConfigError as error:
        return Plan(spec, now, "local", refusal=error)
    return Plan(spec, now, "local", Preview("local", "", {}, {}, budget.known_price("local", "film", now)))
