"""Uploads, prices, the balance and the statement, as AceDataCloud's platform speaks.

The vendor serves it on a host of its own, with a token of its own. Sources are its client (uploads), its public skills,
and the models of its web client (AceDataCloud/Nexior). A demo sells nothing: all its amounts are zero.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from luma_jupyter.demo.acedata import AceDataHandler
from luma_jupyter.demo.bodies import BadRequest
from luma_jupyter.demo.keys import Keys
from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.demo.streaming import MAX_BODY_BYTES, StreamingHandler, copy_form_file
from luma_jupyter.demo.usage import UsageEntry
from luma_jupyter.operating_system import discard

MAX_PLATFORM_FILE_BYTES = 100_000_000
TOO_LARGE = f"file is larger than {MAX_PLATFORM_FILE_BYTES // 1_000_000} MB"
PAGE_SIZE = 10  # where a request names none
SERVICE_ID = "5b1a6e0c-0000-4000-8000-00000000d310"
API_ID = "5b1a6e0c-0000-4000-8000-00000000a910"
APIS: list[dict[str, Any]] = [
    {"id": API_ID, "path": "/luma/videos", "stage": "Production", "service_id": SERVICE_ID, "cost": 0}
]
SERVICES: list[dict[str, Any]] = [
    {"id": "5b1a6e0c-0000-4000-8000-00000000d311", "alias": "other", "unit": "Credit", "packages": []},
    {
        "id": SERVICE_ID,
        "alias": "luma",
        "unit": "Credit",
        "free_amount": 0,
        "packages": [{"price": 0, "amount": 1}],
    },
]
APPLICATIONS: list[dict[str, Any]] = [
    {"id": "5b1a6e0c-0000-4000-8000-00000000a990", "service_id": SERVICE_ID, "type": "Usage"}
]


class _PlatformHandler(AceDataHandler):
    """An endpoint of the platform, which wants the platform's token."""

    @classmethod
    def expected_key(cls, keys: Keys) -> str:
        """The platform's token."""
        return keys.platform_token

    def finish_page(self, items: Sequence[dict[str, Any]]) -> None:
        """Send the page of a list that is asked for."""
        limit, offset = self._number("limit", PAGE_SIZE), self._number("offset", 0)
        self.finish({"count": len(items), "items": items[offset:][:limit]})

    def _number(self, name: str, default: int) -> int:
        text = self.get_query_argument(name, str(default))
        if not text.isascii() or not text.isdigit():
            raise Refusal(400, "bad_request", f"{name} must be a whole number")
        return int(text)


class _OpenHandler(_PlatformHandler):
    """An endpoint that anybody may ask."""

    @classmethod
    def check_key(cls, keys: Keys, authorization: str) -> None:
        """Ask for none."""


class ApisHandler(_OpenHandler):
    """`GET /api/v1/apis/`."""

    def get(self) -> None:
        """Answer what a call costs, in credits."""
        path = self.get_query_argument("path", None)
        self.finish_page([api for api in APIS if path in (None, api["path"])])


class ServicesHandler(_OpenHandler):
    """`GET /api/v1/services/`; an `alias` is ignored, as at the vendor."""

    def get(self) -> None:
        """Answer what credits cost, in packages."""
        self.finish_page(SERVICES)


class ApplicationsHandler(_PlatformHandler):
    """`GET /api/v1/applications/`."""

    def get(self) -> None:
        """Answer what is left of the credits."""
        self.finish_page([{**application, "remaining_amount": 0, "used_amount": 0} for application in APPLICATIONS])


class UsageHandler(_PlatformHandler):
    """`GET /api/v1/usage/apis/`."""

    def get(self) -> None:
        """Answer the calls of a time, newest first."""
        entries = self.context.usage.between(self._time("created_at_from", 0.0), self._time("created_at_to", 1e11))
        status, api = self.get_query_argument("status_code", None), self.get_query_argument("api_id", API_ID)
        rows = [_usage_row(entry) for entry in entries if api == API_ID and status in (None, str(entry.status_code))]
        self.finish_page(rows)

    def _time(self, name: str, default: float) -> float:
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise Refusal(400, "bad_request", f"{name} must be a time in ISO 8601") from None


def _usage_row(entry: UsageEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "api_id": API_ID,
        "status_code": entry.status_code,
        "original_amount": 0,
        "deducted_amount": 0,
        "trace_id": entry.trace_id,
        "elapsed": entry.elapsed,
        "created_at": datetime.fromtimestamp(entry.at, UTC).isoformat().replace("+00:00", "Z"),
    }


class AceDataFilesHandler(StreamingHandler, _PlatformHandler):
    """`POST /api/v1/files/`."""

    def post(self) -> None:
        """Keep the form's file; answer its URL."""
        body, uploads = self.received_body(), self.context.uploads
        if body is None:
            return
        part = uploads.new_file()
        try:
            if body.size > MAX_BODY_BYTES:
                raise BadRequest(TOO_LARGE)
            name = copy_form_file(body.file, self.request.headers.get("Content-Type", ""), "file", part)
            if part.stat().st_size > MAX_PLATFORM_FILE_BYTES:
                raise BadRequest(TOO_LARGE)
            if not part.stat().st_size:
                raise BadRequest("file is empty")
            url = self.context.media_url(uploads.keep(part, name).file)
        except BadRequest as error:
            raise Refusal(400, "bad_request", str(error)) from error
        finally:
            discard(part)
        # The vendor's documents name the one, some of its clients read the other.
        self.finish({"file_url": url, "url": url})
