"""The web application: which address is answered by what, and all that its handlers share."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches
from tornado.web import Application, RequestHandler

from luma_jupyter.gateway import acedata_api, pages, runapi_api
from luma_jupyter.gateway.api import Gateway, NotFoundHandler
from luma_jupyter.gateway.bodies import Bodies
from luma_jupyter.gateway.callbacks import CALLBACK_PATH, CallbackHandler
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.identity import Identity
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.looks import LookTable
from luma_jupyter.gateway.media import Media
from luma_jupyter.gateway.media_handler import MEDIA_PATH, MediaHandler
from luma_jupyter.gateway.monitoring import HealthHandler, MetricsHandler
from luma_jupyter.gateway.seen import Seen
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.submissions import Submissions
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.gateway.turns import Turns
from luma_jupyter.gateway.uploads import Uploads
from luma_jupyter.gateway.vendors import Vendors

log = logging.getLogger(__name__)


class FormPath(PathMatches):
    """AceDataCloud's uploads, whose path differs from RunAPI's by a slash that users and proxies add and drop.

    A form is AceDataCloud's, JSON is RunAPI's.
    """

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return a match where a request brings a form."""
        is_form = request.headers.get("Content-Type", "").lower().startswith("multipart/")
        return super().match(request) if is_form else None


def application(gateway: Gateway) -> Application:
    """The application, below the path that the Hub's proxy passes on."""
    prefix = re.escape(gateway.settings.service_prefix)
    table = LookTable(gateway.database, gateway.ledger)
    monitored = {"settings": gateway.settings, "database": gateway.database, "requests": gateway.requests}
    routes: list[tuple[Any, ...]] = [
        (r"/luma/videos", acedata_api.VideosHandler),
        (r"/luma/tasks", acedata_api.TasksHandler),
        (r"/api/v1/apis/?", acedata_api.ApisHandler),
        (r"/api/v1/services/?", acedata_api.ServicesHandler),
        (r"/api/v1/applications/?", acedata_api.ApplicationsHandler),
        (r"/api/v1/usage/apis/?", acedata_api.UsageHandler),
        (r"/api/v1/luma/modify_video", runapi_api.ModifyVideoHandler),
        (r"/api/v1/luma/modify_video/([^/]+)", runapi_api.ModifyVideoTaskHandler),
        (r"/api/v1/me/balance", runapi_api.BalanceHandler),
        (r"/api/v1/price_quotes", runapi_api.PriceQuotesHandler),
        (r"/api/v1/files/?", runapi_api.FilesHandler),
        (r"/api/v1/files/prepare", runapi_api.PrepareHandler),
        (r"/api/v1/files/confirm", runapi_api.ConfirmHandler),
        (r"/storage/([^/]+)", runapi_api.StorageHandler),
        (MEDIA_PATH, MediaHandler, {"media": gateway.uploads.media}),
        (CALLBACK_PATH, CallbackHandler, {"settings": gateway.settings, "table": table}),
        (r"/health", HealthHandler, {"database": gateway.database}),
        (r"/metrics", MetricsHandler, monitored),
        *pages.ROUTES,
    ]
    files = (FormPath(f"{prefix}/api/v1/files/?"), acedata_api.FilesHandler)
    return Application(
        [files, *[(prefix + path, *rest) for path, *rest in routes]],
        default_handler_class=NotFoundHandler,
        log_function=log_request,
        gateway=gateway,
        **pages.application_settings(gateway.settings),
    )


def log_request(handler: RequestHandler) -> None:
    """Count and log what was answered and how long it took: no address, since some of them are secrets."""
    handler.settings["gateway"].requests.note(handler)
    facts = {
        "method": handler.request.method,
        "handler": type(handler).__name__,
        "status": handler.get_status(),
        "milliseconds": round(1000 * handler.request.request_time()),
    }
    log.info("%s %s %d %d ms", *facts.values(), extra=facts)


@asynccontextmanager
async def open_gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """All that the handlers of one process share, as long as the context lasts."""
    async with Database(settings.database) as database:
        vendors = Vendors(settings, Troubles(database))
        uploads = Uploads(vendors, Media(settings, database))
        ledger = Ledger(database)
        turns = Turns(database, settings.per_student, settings.under_way)
        identity = Identity(settings, database)
        try:
            yield Gateway(
                settings=settings,
                database=database,
                identity=identity,
                ledger=ledger,
                submissions=Submissions(ledger, turns, vendors, vendors.closing),
                vendors=vendors,
                bodies=Bodies(vendors, uploads),
                uploads=uploads,
                seen=Seen(database),
            )
        finally:
            identity.close()
            await vendors.aclose()
