"""RunAPI's wire: modify, the balance, price quotes, and files in one call or in three steps.

Of these steps the vendor's storage takes the second, a PUT: it wants no key, only its own address, which nobody can
guess, and exactly the headers that were given out with it. The replicas keep in PostgreSQL what was announced.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from luma_jupyter.domain.media import image_type, video_type
from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.api import ApiHandler, ReceivedFile, dollars, iso, least_left
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.media import media_url
from luma_jupyter.gateway.records import MICROS, Person, State, Submission
from luma_jupyter.gateway.refusals import Refusal
from luma_jupyter.providers.protocol import Upload
from luma_jupyter.worker_threads import in_thread

MODEL = "luma-modify-video"
CENT = MICROS // 100
BYTES_TYPE = "application/octet-stream"
PREPARED_HOURS = 24  # for which a file that was announced may come
_STATUSES = {State.SENT: "pending", State.ACCEPTED: "processing", State.COMPLETED: "completed", State.FAILED: "failed"}


class RunApiHandler(ApiHandler):
    """An endpoint of RunAPI."""

    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        """An error in RunAPI's shape."""
        return {"error": {"code": refusal.code, "message": refusal.message}}

    def translated(self, refusal: Refusal) -> Refusal:
        """A refusal with RunAPI's status: 402 for money that is not there."""
        if refusal.code == "used_up":
            return Refusal(402, "insufficient_credits", refusal.message)
        return refusal

    def task(self, submission: Submission) -> dict[str, Any]:
        """A task as far as it has come."""
        # The vendor's page says task_id, its client wants id.
        body: dict[str, Any] = {
            "id": submission.task_id,
            "task_id": submission.task_id,
            "status": _STATUSES.get(submission.state, "pending"),
            "model": MODEL,
        }
        if submission.trace_id:
            body["trace_id"] = submission.trace_id
        if submission.state is State.COMPLETED:
            cost = submission.price if submission.cost is None else submission.cost
            body["videos"] = [{"url": media_url(self.gateway.settings, submission, "video")}]
            body["sources"] = [{"url": submission.body.get("source_video_url")}]
            body["usage"] = {"cost": dollars(cost)}
        if submission.state is State.FAILED:
            body["error"] = submission.error_message or "It failed."
        return body


class ModifyVideoHandler(RunApiHandler):
    """``POST /api/v1/luma/modify_video``."""

    async def post(self) -> None:
        """Make a task, and answer with it as it is now."""
        made = await self.submit("runapi", self.json_body())
        reserved = {"reservation_amount_cents": made.submission.price / CENT}
        self.finish({**self.task(made.submission), "billing": reserved, **made.fields})


class ModifyVideoTaskHandler(RunApiHandler):
    """``GET /api/v1/luma/modify_video/{id}``."""

    async def get(self, task_id: str) -> None:
        """Answer how far a task has come, once it has ended or was held for long enough."""
        owner, ledger = self.person.name, self.gateway.ledger

        async def look() -> Sequence[Submission | None]:
            return [await ledger.find_task(owner, "runapi", task_id)]

        (found,) = await self.held(look)
        if found is None:
            raise Refusal(404, "not_found", "Task not found.")
        self.finish(self.task(found))


class BalanceHandler(RunApiHandler):
    """``GET /api/v1/me/balance``."""

    async def get(self) -> None:
        """Answer what is left for the one who asks, and what was spent, in cents; null where there is no cap."""
        left = await self.gateway.ledger.left(self.person)
        least = least_left(left)
        cents = None if least is None else least // CENT
        self.finish(
            {
                "balance_cents": cents,
                "paid_balance_cents": cents,
                "bonus_balance_cents": 0,
                "spent_cents_today": -(-left.spent_today // CENT),
                "spent_cents_total": -(-left.spent_in_all // CENT),
            }
        )


class PriceQuotesHandler(RunApiHandler):
    """``POST /api/v1/price_quotes``, which anybody may ask."""

    async def post(self) -> None:
        """Answer what a task would cost; none is made."""
        body = self.json_body()
        priced = {"service": "luma", "action": "modify-video", "model": MODEL}
        for name, expected in priced.items():
            if body.get(name) != expected:
                raise Refusal(400, "bad_request", f"{name} must be {expected}")
        price = await self.gateway.vendors.price("runapi")
        details = {
            "pricing_status": "available",
            "estimate_basis": "exact",
            "reservation_amount_cents": price / CENT,
            "currency": "USD",
            "as_of": iso(datetime.now(UTC)),
        }
        self.finish({"price_quote": {**priced, **details}})


# Files.


@dataclass(frozen=True)
class PreparedUpload:
    """A file that was announced: ``checksum`` is its MD5 in base64, ``answer`` what is told of it once it has come."""

    owner: Person
    name: str
    size: int
    checksum: str
    answer: Mapping[str, Any] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the PUT has to come with, as storage services sign them."""
        return {"Content-Type": BYTES_TYPE, "Content-MD5": self.checksum}

    @classmethod
    def parse(cls, owner: Person, body: Mapping[str, Any], largest: int) -> PreparedUpload:
        """Check what a client announces. Raises Refusal."""
        name, size, checksum = body.get("filename"), body.get("byte_size"), body.get("checksum")
        if not isinstance(name, str) or not name.strip():
            raise Refusal(400, "bad_request", "filename is required")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= largest:
            raise Refusal(400, "bad_request", f"byte_size must be 1 to {largest}")
        if not isinstance(checksum, str) or len(_decoded(checksum) or b"") != 16:
            raise Refusal(400, "bad_request", "checksum must be the MD5 of the file, in base64")
        return cls(owner, name, size, checksum)


class PreparedUploads:
    """The table of files that were announced; the id of each is a secret."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, upload: PreparedUpload) -> str:
        """Let a file be PUT; under which id."""
        upload_id = secrets.token_urlsafe(24)
        owner = upload.owner
        async with self._database.connection() as connection:
            await connection.execute(
                "DELETE FROM prepared_uploads WHERE made_at < now() - make_interval(hours => %s)", (PREPARED_HOURS,)
            )
            await connection.execute(
                "INSERT INTO prepared_uploads (id, owner, groups, teaches, name, size, checksum)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (upload_id, owner.name, list(owner.groups), owner.teaches, upload.name, upload.size, upload.checksum),
            )
        return upload_id

    async def find(self, upload_id: str) -> PreparedUpload | None:
        """What was announced under this id."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT owner, groups, teaches, name, size, checksum, answer FROM prepared_uploads WHERE id = %s",
                (upload_id,),
            )
            row = await cursor.fetchone()
        return PreparedUpload(Person(row[0], tuple(row[1]), row[2]), *row[3:]) if row else None

    async def has_come(self, upload_id: str, answer: Mapping[str, Any]) -> None:
        """Write down what is told of a file from now on."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE prepared_uploads SET answer = %s WHERE id = %s", (json.dumps(answer), upload_id)
            )


class FilesHandler(RunApiHandler):
    """``POST /api/v1/files``: small files in base64; what is at an address is named in requests as it is."""

    takes_file = True

    async def post(self) -> None:
        """Take the data in the body to the vendor."""
        person, body = self.person, self.json_body()
        data, name = _data_in(body.get("source")), body.get("file_name")
        if not data:
            raise Refusal(400, "bad_request", "source must be of type base64, with data; an address needs no upload.")
        file = ReceivedFile(name if isinstance(name, str) else "upload", data)
        self.finish(_described(file, await self.pass_on(person, "runapi", lambda: file)))


class PrepareHandler(RunApiHandler):
    """``POST /api/v1/files/prepare``."""

    async def post(self) -> None:
        """Answer where, and under which headers, a file may be PUT."""
        settings = self.gateway.settings
        upload = PreparedUpload.parse(self.person, self.json_body(), settings.upload_bytes)
        upload_id = await PreparedUploads(self.gateway.database).add(upload)
        self.finish(
            {"upload_url": f"{settings.url}/storage/{upload_id}", "headers": upload.headers, "signed_id": upload_id}
        )


class StorageHandler(RunApiHandler):
    """``PUT`` of an ``upload_url``, which wants no key."""

    takes_file = True

    async def prepare(self) -> None:
        """See whether the file was announced."""
        try:
            upload = await PreparedUploads(self.gateway.database).find(self.path_args[0])
            if upload is None:
                return self.refuse(Refusal(404, "not_found", "Nothing may be uploaded here."))
            if any(self.request.headers.get(name) != value for name, value in upload.headers.items()):
                self.refuse(Refusal(403, "forbidden", "The headers are not those that were given out."))
            self._upload = upload
        except LumaError as error:
            self.refuse(error)

    async def put(self, upload_id: str) -> None:
        """Take the bytes that were announced to the vendor; once more is as good as once."""
        data, upload = self.received(), self._upload
        file = ReceivedFile(upload.name, data)
        digest = await in_thread(lambda: hashlib.md5(file.data, usedforsecurity=False).digest())
        if len(file.data) != upload.size or digest != _decoded(upload.checksum):
            raise Refusal(400, "bad_request", "Size or checksum are not those that were announced.")
        if upload.answer is None:
            kept = await self.pass_on(upload.owner, "runapi", lambda: file)
            await PreparedUploads(self.gateway.database).has_come(upload_id, _described(file, kept))


class ConfirmHandler(RunApiHandler):
    """``POST /api/v1/files/confirm``."""

    async def post(self) -> None:
        """Answer where the file is; the same again, however often it is asked."""
        signed_id = self.json_body().get("signed_id")
        upload = await PreparedUploads(self.gateway.database).find(signed_id) if isinstance(signed_id, str) else None
        if upload is None or upload.owner.name != self.person.name:
            raise Refusal(404, "not_found", "This signed_id is unknown.")
        if upload.answer is None:
            raise Refusal(422, "unprocessable", "The file has not been uploaded yet.")
        self.finish(dict(upload.answer))


def _data_in(source: object) -> bytes | None:
    """The bytes of a source in base64, also one that is a data URI; None for any other."""
    text = source.get("data") if isinstance(source, dict) and source.get("type") == "base64" else None
    if not isinstance(text, str):
        return None
    return _decoded(text.partition(",")[2] if text.startswith("data:") else text)


def _decoded(text: str) -> bytes | None:
    """The bytes of a text in base64; None where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _described(file: ReceivedFile, upload: Upload) -> dict[str, Any]:
    """What is told of a file that a vendor has."""
    start = file.data[:12]
    now = datetime.now(UTC)
    expires = datetime.fromtimestamp(upload.expires_at, UTC) if upload.expires_at else now
    return {
        "file_name": file.name,
        "url": upload.url,
        "size_bytes": len(file.data),
        "mime_type": image_type(start) or video_type(start),
        "created_at": iso(now),
        "expires_at": iso(expires),
    }
