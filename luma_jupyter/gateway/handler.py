"""What all handlers of the gateway have in common: what their log may not have."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.logs import new_request_id

log = logging.getLogger(__name__)


class Handler(RequestHandler):
    """Answers requests whose addresses and bodies are nobody else's business; ``request_id`` is theirs in the log."""

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        self.request_id = new_request_id()
        super().__init__(application, request, **kwargs)

    def set_default_headers(self) -> None:
        """Say which request it is, and nothing of the server; let nobody guess what an answer is."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Request-Id", self.request_id)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what nobody foresaw: where it happened, but not its words, which may have a prompt or a key."""
        if not isinstance(value, HTTPError | LumaError):
            place = "".join(traceback.format_tb(tb))
            log.error("%s failed: %s\n%s", type(self).__name__, typ.__name__ if typ else "?", place)
