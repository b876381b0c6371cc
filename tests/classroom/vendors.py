"""The demo service in the vendors' place, which takes money: a demo sells nothing, and no cap would ever bind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from luma_jupyter.demo.server import DemoService, InjectedReply, RequestInfo, start

PRICE, CAP = 0.3, 0.5  # US dollars: a student's second clip is refused
SERVICE = "luma"
# What AceDataCloud's platform says of prices, and that it has charged nothing else so far.
ANSWERS: Mapping[str, list[dict[str, Any]]] = {
    "/api/v1/apis": [{"id": SERVICE, "path": "/luma/videos", "service_id": SERVICE, "cost": PRICE}],
    "/api/v1/services": [
        {"id": SERVICE, "alias": "luma", "unit": "USD", "free_amount": 0, "packages": [{"price": 1, "amount": 1}]}
    ],
    "/api/v1/usage/apis": [],
}


def priced_demo(seconds: float, film_seconds: float) -> DemoService:
    """A demo service whose clips cost `PRICE`; ``seconds`` is about how long a task takes."""
    return start(seconds, hook=_charge, film_seconds=film_seconds)


def _charge(request: RequestInfo) -> InjectedReply | None:
    items = ANSWERS.get(request.path.partition("?")[0].rstrip("/"))
    if items is None:
        return None
    body = json.dumps({"count": len(items), "items": items}).encode()
    return InjectedReply(200, body, {"Content-Type": "application/json"})
