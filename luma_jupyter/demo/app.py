"""The two APIs and the media files as one tornado application, on a loopback socket and an event loop of its own."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import PathMatches
from tornado.web import Application

from luma_jupyter.demo import acedata, acedata_platform, runapi, runapi_files
from luma_jupyter.demo.doors import Doors
from luma_jupyter.demo.faults import Hook
from luma_jupyter.demo.handlers import Context, MediaHandler, NotFoundHandler
from luma_jupyter.demo.jobs import RENDER_THREADS, Jobs
from luma_jupyter.demo.keys import Keys
from luma_jupyter.demo.uploads import UploadStore

MAX_HEADER_BYTES = 16_000
MAX_BODY_BYTES = 100_000_000  # of what is held in memory; the longest prompt is 6 MB in JSON, files in base64 are more


class AceDataUploadPath(PathMatches):
    """The path of AceDataCloud's uploads, which on one host differs from RunAPI's by a slash and by what is sent.

    A form is AceDataCloud's, JSON is RunAPI's, whatever the slash, as users and proxies add and drop it; without
    either, the slash is all there is to go by.
    """

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return a match where a request is AceDataCloud's."""
        content_type = request.headers.get("Content-Type", "").lower()
        is_form = content_type.startswith("multipart/")
        is_json = content_type.startswith("application/json")
        if is_form or (request.path.endswith("/") and not is_json):
            return super().match(request)
        return None


class App:
    """The application, listening from its construction on; `threads` are the bodies of its threads."""

    def __init__(self, keys: Keys, seconds: float, folder: Path, hook: Hook | None, film_seconds: float) -> None:
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
                (r"/luma/videos", acedata.VideosHandler),
                (r"/luma/tasks", acedata.TasksHandler),
                (r"/api/v1/luma/modify_video", runapi.ModifyVideoHandler),
                (r"/api/v1/luma/modify_video/([^/]+)", runapi.ModifyVideoTaskHandler),
                (r"/api/v1/me/balance", runapi.BalanceHandler),
                (r"/api/v1/price_quotes", runapi.PriceQuotesHandler),
                (AceDataUploadPath(r"/api/v1/files/?"), acedata_platform.AceDataFilesHandler),
                (r"/api/v1/apis/?", acedata_platform.ApisHandler),
                (r"/api/v1/services/?", acedata_platform.ServicesHandler),
                (r"/api/v1/applications/?", acedata_platform.ApplicationsHandler),
                (r"/api/v1/usage/apis/?", acedata_platform.UsageHandler),
                (r"/api/v1/files/?", runapi_files.RunApiFilesHandler),
                (r"/api/v1/files/prepare", runapi_files.PrepareHandler),
                (r"/api/v1/files/confirm", runapi_files.ConfirmHandler),
                (r"/storage/([^/]+)", runapi_files.StorageHandler),
                (r"/media/([^/]+)", MediaHandler, {"path": str(folder)}),
            ],
            default_handler_class=NotFoundHandler,
            log_function=lambda handler: None,
            context=Context(keys, self.url, self.jobs, hook, film_seconds, UploadStore(folder)),
        )

    def run(self) -> None:
        """Serve until `stop`: the body of the server's thread."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    @property
    def threads(self) -> list[tuple[str, Callable[[], None]]]:
        """What runs in threads of its own, by name."""
        return [("server", self.run), *[("render", self.jobs.run)] * RENDER_THREADS]

    def stop(self) -> None:
        """End all threads soon; from any thread."""
        self.jobs.stop()
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        server = HTTPServer(Doors(self._application), max_header_size=MAX_HEADER_BYTES, max_body_size=MAX_BODY_BYTES)
        server.add_sockets(self._sockets)
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()
