"""Where vendors say that something has happened: a hint to look now. Nothing that it says is believed."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from typing import Any

from tornado.web import HTTPError

from luma_jupyter.gateway.bodies import callback_token
from luma_jupyter.gateway.handler import Handler
from luma_jupyter.gateway.looks import LookTable
from luma_jupyter.gateway.records import Vendor
from luma_jupyter.gateway.settings import GatewaySettings

CALLBACK_PATH = r"/callbacks/([0-9a-f]{1,64})"
LARGEST = 256_000  # bytes, also of a page's form
MOST_IDS = 10
_VENDORS: tuple[Vendor, ...] = ("acedata", "runapi")


class CallbackHandler(Handler):
    """``POST <prefix>/callbacks/<what only the vendor knows>``."""

    def initialize(self, settings: GatewaySettings, table: LookTable) -> None:
        """Take what handlers of one application share."""
        self.gateway_settings = settings
        self.table = table

    async def post(self, token: str) -> None:
        """Have the task looked at that the body names."""
        vendor = next((vendor for vendor in _VENDORS if self._is_from(vendor, token)), None)
        if vendor is None or len(self.request.body) > LARGEST:
            raise HTTPError(404)
        try:
            ids = list(dict.fromkeys(_ids(json.loads(self.request.body))))[:MOST_IDS]
        except (ValueError, RecursionError):
            raise HTTPError(400) from None
        await self.table.hint(vendor, ids)
        self.set_status(204)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say no more than the status."""
        self.finish()

    def _is_from(self, vendor: Vendor, token: str) -> bool:
        return hmac.compare_digest(callback_token(self.gateway_settings, vendor), token)


def _ids(body: object) -> Iterator[str]:
    """What may be the id of a task in a callback's body."""
    if isinstance(body, dict):
        for name in ("task_id", "id"):
            if isinstance(body.get(name), str) and "\0" not in body[name]:
                yield body[name]
        for name in ("response", "data", "task"):
            yield from _ids(body.get(name))
