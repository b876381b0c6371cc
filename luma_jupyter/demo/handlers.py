"""What both APIs share: the key, JSON errors whatever happens, callbacks, and the hook for injected faults."""

import asyncio
import hmac
import json
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler, StaticFileHandler

from luma_jupyter.demo.bodies import BadRequest, Json, parse_json
from luma_jupyter.demo.faults import LOST, Hook, RequestInfo
from luma_jupyter.demo.jobs import FileOrUrl, Job, Jobs
from luma_jupyter.demo.keys import Keys
from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.demo.takes import Take
from luma_jupyter.demo.uploads import MIME_TYPES, UploadStore
from luma_jupyter.demo.usage import UsageLog

T = TypeVar("T")
ERROR_CODES = {404: "not_found", 405: "method_not_allowed"}
CALLBACK_SECONDS = 10


@dataclass
class Context:
    """What the handlers of one service have in common.

    `idempotent_jobs` are those with an Idempotency-Key, `usage` the calls that the platform's statement lists.
    """

    keys: Keys
    url: str
    jobs: Jobs
    hook: Hook | None
    film_seconds: float
    uploads: UploadStore
    usage: UsageLog = field(default_factory=UsageLog)
    idempotent_jobs: dict[str, tuple[Json, Job]] = field(default_factory=dict)
    callbacks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def hosts(self) -> tuple[str, str]:
        """What a request to this service names as its host; a page whose own name leads here names another one."""
        port = urlsplit(self.url).port
        return f"127.0.0.1:{port}", f"localhost:{port}"

    def media_url(self, file: Path) -> str:
        """Return where a file of this service is served."""
        return f"{self.url}/media/{file.name}"

    def file_or_url(self, url: str | None) -> FileOrUrl | None:
        """Return the file behind a media URL of this very service; any other URL as it is."""
        if url and url.startswith(f"{self.url}/media/"):
            return self.jobs.folder / Path(url).name
        return url


class Handler(RequestHandler):
    """A handler that answers errors as JSON and logs nothing.

    What speaks against a request is found by `check`, once before its body is taken (`doors`) and once before it is
    answered.
    """

    answer_is_lost = False

    @classmethod
    def check(cls, context: Context, request: HTTPServerRequest) -> None:
        """Raise `Refusal` where the headers alone speak against a request: this is for programs, and for no page."""
        cls.check_host(context, request)
        if "Origin" in request.headers:
            raise Refusal(403, "foreign_origin", "A page in a browser may not ask this service.")

    @classmethod
    def check_host(cls, context: Context, request: HTTPServerRequest) -> None:
        """Raise `Refusal` for another host's name: a page could have it point to this machine."""
        if request.headers.get("Host", "").lower() not in context.hosts:
            raise Refusal(421, "wrong_host", "This service is not at the host that the request names.")

    @property
    def context(self) -> Context:
        """What this service's handlers share."""
        context: Context = self.settings["context"]
        return context

    def prepare(self) -> None:
        """Let the hook answer first, then check the headers."""
        if self.context.hook:
            self._ask(self.context.hook)
        if not self._finished:
            self.check(self.context, self.request)

    def _ask(self, hook: Hook) -> None:
        request = self.request
        reply = hook(RequestInfo(str(request.method), request.path, dict(request.headers), request.body))
        self.answer_is_lost = reply is LOST
        if reply and not self.answer_is_lost:
            self.set_status(reply.status)
            for name, value in reply.headers.items():
                self.set_header(name, value)
            self.finish(reply.body)

    def finish(self, chunk: str | bytes | dict[Any, Any] | None = None) -> "asyncio.Future[None]":
        """Send the answer, or drop the connection instead of it."""
        if not self.answer_is_lost:
            return super().finish(chunk)
        self.detach().close()
        self.on_finish()
        finished: asyncio.Future[None] = asyncio.Future()
        finished.set_result(None)
        return finished

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send the body of any error answer."""
        error = kwargs["exc_info"][1]
        if isinstance(error, Refusal):
            self.finish(self.error_body(error.code, error.message))
        else:
            code = ERROR_CODES.get(status_code, "api_error" if status_code >= 500 else "bad_request")
            self.finish(self.error_body(code, self._reason))

    def error_body(self, code: str, message: str) -> dict[str, Any]:
        """Return an error in AceDataCloud's shape, which is also the one for paths that belong to no API."""
        return {"success": False, "error": {"code": code, "message": message}, "trace_id": str(uuid.uuid4())}

    def log_exception(self, *exception: Any) -> None:
        """Log nothing: a notebook is no place for a server's log."""


class NotFoundHandler(Handler):
    """Every path that is not served."""

    @classmethod
    def check(cls, context: Context, request: HTTPServerRequest) -> None:
        """Answer 404, whoever asks."""
        super().check(context, request)
        raise Refusal(404, "not_found", "Not Found")


class MediaHandler(Handler, StaticFileHandler):
    """Films, thumbnails and uploads: no key, as on a CDN, but names that cannot be guessed.

    Pages may show them; none may read them, as nothing here says so to a browser.
    """

    @classmethod
    def check(cls, context: Context, request: HTTPServerRequest) -> None:
        """Look at the host alone, and take nothing."""
        cls.check_host(context, request)
        if request.method not in ("GET", "HEAD"):
            raise Refusal(405, "method_not_allowed", "Method Not Allowed")

    def get_content_type(self) -> str:
        """Return the type that an upload was taken for; not every machine's own table knows all of them."""
        return MIME_TYPES.get(Path(str(self.absolute_path)).suffix) or super().get_content_type()

    def set_extra_headers(self, path: str) -> None:
        """Keep browsers from taking mere bytes for a page."""
        self.set_header("X-Content-Type-Options", "nosniff")


class ApiHandler(Handler):
    """An endpoint that wants the key; without, it answers 401 with one of these codes and messages."""

    missing_key: ClassVar[tuple[str, str]]
    wrong_key: ClassVar[tuple[str, str]]

    @classmethod
    def check(cls, context: Context, request: HTTPServerRequest) -> None:
        """Check the key too."""
        super().check(context, request)
        cls.check_key(context.keys, request.headers.get("Authorization", ""))

    @classmethod
    def check_key(cls, keys: Keys, authorization: str) -> None:
        """Refuse a request without the key, or with another."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refusal(401, *cls.missing_key)
        if not hmac.compare_digest(token.strip().encode(), cls.expected_key(keys).encode()):
            raise Refusal(401, *cls.wrong_key)

    @classmethod
    def expected_key(cls, keys: Keys) -> str:
        """The key that this endpoint wants."""
        return keys.token

    def parse_body(self, parse: Callable[[Json], T]) -> tuple[Json, T]:
        """Return the body as JSON, and parsed and checked."""
        try:
            body = parse_json(self.request.body)
            return body, parse(body)
        except BadRequest as error:
            raise Refusal(400, "bad_request", str(error)) from error

    @property
    def take(self) -> Take:
        """Which take of its request a client asks for."""
        return Take.parse(self.request.headers.get("X-Luma-Take", ""))

    def call_back(self, url: str | None, job: Job, result: Callable[[Job], Json]) -> None:
        """POST a job's result to a URL once it has ended; nobody hears of a callback that fails."""

        async def notify() -> None:
            await job.ended.wait()
            headers = {"Content-Type": "application/json"}
            client = AsyncHTTPClient(force_instance=True)
            with suppress(Exception), closing(client):
                body = json.dumps(result(job))
                await client.fetch(
                    str(url), method="POST", headers=headers, body=body, request_timeout=CALLBACK_SECONDS
                )

        if url:
            task = asyncio.create_task(notify())
            self.context.callbacks.add(task)
            task.add_done_callback(self.context.callbacks.discard)
