"""A request as it would be sent: checked as far as is possible before sending, and shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from luma_jupyter.choices import Provider
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.prices import Price, Prices
from luma_jupyter.engine.services import Services
from luma_jupyter.engine.submission import with_source
from luma_jupyter.models import GenerateRequest, Request, VideoRef


@dataclass(frozen=True)
class Preview:
    """A request as it would be sent: ``headers`` without the key; ``price`` as far as it is known."""

    provider: Provider
    url: str
    headers: dict[str, str]
    payload: dict[str, Any]
    price: Price


def preview(
    request: Request, provider: Provider, after: Handle | None, label: str | None, services: Services, prices: Prices
) -> Preview:
    """What would be sent. The source of a clip that is not done yet is shown by name.

    Raises InvalidRequest or ConfigError.
    """
    api = services.api(provider, request.action)
    if after and after.task.video:
        request = with_source(request, after.task, provider, api.base_url)
    elif after and not isinstance(request, GenerateRequest):
        request = replace(request, source=VideoRef(url=f"‹video of {label or 'the source'}, when it is done›"))
    price = prices.known(provider, request.action)
    return Preview(provider, api.submit_url, api.headers("‹one per request›"), api.payload(request), price)
