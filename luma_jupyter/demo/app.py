"""The two APIs and the media files as one tornado application, on a loopback socket and an event loop of its own."""

import asyncio
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import PathMatches
from tornado.web import Application

from luma_jupyter.demo import acedata, runapi, runapi_files
from luma_jupyter.demo.faults import Hook
from luma_jupyter.demo.handlers import Context, Media, NotFound
from luma_jupyter.demo.jobs import Jobs
from luma_jupyter.demo.uploads import Uploads


class AceDataUpload(PathMatches):
    """Tells the two APIs' uploads apart, which on one host differ by a slash and by what they send.

    A form is AceDataCloud's, JSON is RunAPI's, whatever the slash, as users and proxies add and drop it; without
    either, the slash is all there is to go by.
    """

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Whether a request is AceDataCloud's."""
        kind = request.headers.get("Content-Type", "").lower()
        form, json = kind.startswith("multipart/"), kind.startswith("application/json")
        return super().match(request) if form or (request.path.endswith("/") and not json) else None


class App:
    """Listens from its construction on; `run` and `jobs.run` are the bodies of its two threads."""

    def __init__(self, token: str, seconds: float, folder: Path, hook: Hook | None, film_seconds: float) -> None:
        self._sockets = bind_sockets(0, "127.0.0.1")
        # A selector loop, as tornado wants it, whatever policy the notebook has set.
        self._loop = asyncio.SelectorEventLoop()
        # Handlers that a stop cancels are no news, and neither are slow ones to somebody who debugs a notebook.
        self._loop.set_exception_handler(lambda loop, context: None)
        self._loop.set_debug(False)
        self._stop = asyncio.Event()
        self.url = f"http://127.0.0.1:{self._sockets[0].getsockname()[1]}"
        self.jobs = Jobs(self._loop, folder, seconds)
        self._application = Application(
            [
                (r"/luma/videos", acedata.Videos),
                (r"/luma/tasks", acedata.Tasks),
                (r"/api/v1/luma/modify_video", runapi.ModifyVideo),
                (r"/api/v1/luma/modify_video/([^/]+)", runapi.ModifyVideoTask),
                (r"/api/v1/me/balance", runapi.Balance),
                (r"/api/v1/price_quotes", runapi.PriceQuotes),
                (AceDataUpload(r"/api/v1/files/?"), acedata.Files),
                (r"/api/v1/files/?", runapi_files.Files),
                (r"/api/v1/files/prepare", runapi_files.Prepare),
                (r"/api/v1/files/confirm", runapi_files.Confirm),
                (r"/storage/([^/]+)", runapi_files.Storage),
                (r"/media/([^/]+)", Media, {"path": str(folder)}),
            ],
            default_handler_class=NotFound,
            log_function=lambda handler: None,
            context=Context(token, self.url, self.jobs, hook, film_seconds, Uploads(folder)),
        )

    def run(self) -> None:
        """Serve until `stop`: the body of the server's thread."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        """End both threads soon; from any thread."""
        self.jobs.stop()
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        server = HTTPServer(self._application)
        server.add_sockets(self._sockets)
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()
