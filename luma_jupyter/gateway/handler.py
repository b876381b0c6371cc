"""What all handlers of the gateway have in common: what their log may not have."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

from tornado.web import HTTPError, RequestHandler

from luma_jupyter.errors import LumaError

log = logging.getLogger(__name__)


class Handler(RequestHandler):
    """Answers requests whose addresses and bodies are nobody else's business."""

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
