"""The way in: whoever may not ask is refused by the headers alone, and not a byte of what is sent is kept.

A socket on loopback is open to every program of the machine, and to every page in its users' browsers. What a handler
refuses by headers (host, origin, key, room) is known here before the body arrives, which is then read and dropped. Read
it must be: somebody who is still sending would see a broken connection instead of the answer.
"""

from collections.abc import Awaitable
from typing import Any

from tornado.httputil import HTTPHeaders as Headers
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest, RequestStartLine, ResponseStartLine
from tornado.routing import Router
from tornado.web import Application

from luma_jupyter.demo.handlers import Handler
from luma_jupyter.demo.refusals import Refusal


class Doors(Router):
    """Leads each request to the application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:
        """Return what takes the request, or only its headers where its handler will refuse it."""
        found = self._application.find_handler(request)
        assert issubclass(found.handler_class, Handler)
        try:
            found.handler_class.check(self._application.settings["context"], request)
        except Refusal:
            return _HeadersOnly(found)
        return found


class _HeadersOnly(HTTPMessageDelegate):
    """Passes a request on without its body."""

    def __init__(self, delegate: HTTPMessageDelegate) -> None:
        self._delegate = delegate

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: Headers
    ) -> Awaitable[None] | None:
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> None:
        """Drop a piece of the body."""

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
