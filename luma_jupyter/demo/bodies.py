"""Request bodies, parsed and checked: JSON in, frozen dataclasses out, or a `BadRequest` that names the field.

Fields, defaults and ratios are those of the vendors' documentation.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luma_jupyter.demo.film import SIZES
from luma_jupyter.demo.uploads import MAX_FILE_BYTES

Json = Mapping[str, Any]
MODIFY_MODEL = "luma-modify-video"
PRICED_ACTION = {"service": "luma", "action": "modify-video", "model": MODIFY_MODEL}


class BadRequest(Exception):
    """The body is not what the API asks for; the text says what is wrong."""


@dataclass(frozen=True)
class VideoBody:
    """`POST /luma/videos`: action is generate or extend, timeout in seconds.

    A blocking call is answered with the result of the task, any other with its id.
    """

    action: str
    prompt: str
    aspect_ratio: str
    loop: bool
    enhancement: bool
    start_image_url: str | None
    end_image_url: str | None
    video_id: str | None
    video_url: str | None
    timeout: float
    blocking: bool
    callback_url: str | None

    @classmethod
    def parse(cls, body: Json) -> "VideoBody":
        """Check a body; its start image plays no part in extend, as in the vendor's documentation."""
        action = _field(body, "action", "generate", str)
        if action not in ("generate", "extend"):
            raise BadRequest("action must be generate or extend")
        ratio = _field(body, "aspect_ratio", "16:9", str)
        if ratio not in SIZES:
            raise BadRequest(f"aspect_ratio must be one of {', '.join(SIZES)}")
        timeout = _field(body, "timeout", 300, int, float)
        if not 0 < timeout < 1e6:
            raise BadRequest("timeout must be a positive number of seconds")
        parsed = cls(
            action=action,
            prompt=_prompt(body),
            aspect_ratio=ratio,
            loop=_field(body, "loop", False, bool),
            enhancement=_field(body, "enhancement", True, bool),
            start_image_url=_text(body, "start_image_url"),
            end_image_url=_text(body, "end_image_url"),
            video_id=_text(body, "video_id"),
            video_url=_text(body, "video_url"),
            timeout=timeout,
            callback_url=_text(body, "callback_url"),
            blocking=not (_field(body, "async", False, bool) or _text(body, "callback_url")),
        )
        if parsed.action == "extend" and not (parsed.video_id or parsed.video_url):
            raise BadRequest("video_id or video_url is required to extend")
        return parsed


@dataclass(frozen=True)
class ModifyBody:
    """`POST /api/v1/luma/modify_video`."""

    prompt: str
    source_video_url: str
    watermark: str | None
    callback_url: str | None

    @classmethod
    def parse(cls, body: Json) -> "ModifyBody":
        """Check a body."""
        if body.get("model") != MODIFY_MODEL:
            raise BadRequest(f"model must be {MODIFY_MODEL}")
        source = _text(body, "source_video_url")
        if source is None:
            raise BadRequest("source_video_url is required")
        # The vendor's page says boolean, its clients send a string.
        watermark = _field(body, "watermark", False, bool, str)
        if watermark is True:
            watermark = "watermark"
        return cls(_prompt(body), source, watermark or None, _text(body, "callback_url"))


@dataclass(frozen=True)
class QuoteBody:
    """`POST /api/v1/price_quotes`; the price of a demo depends on no params, so none are kept."""

    service: str
    action: str
    model: str

    @classmethod
    def parse(cls, body: Json) -> "QuoteBody":
        """Check a body; only modify has a price here, and params may be left out, as in the vendor's client."""
        for name, expected in PRICED_ACTION.items():
            if body.get(name) != expected:
                raise BadRequest(f"{name} must be {expected}")
        _field(body, "params", {}, dict)
        return cls(**PRICED_ACTION)


@dataclass(frozen=True)
class FileBody:
    """`POST /api/v1/files`: a URL to read, or data; the file name may be empty."""

    file_name: str
    url: str | None
    data: bytes | None

    @classmethod
    def parse(cls, body: Json) -> "FileBody":
        """Check a body."""
        source, name = _field(body, "source", {}, dict), _text(body, "file_name") or ""
        if source.get("type") == "url" and (url := _text(source, "url")):
            return cls(name, url, None)
        if source.get("type") == "base64" and (text := _text(source, "data")):
            if text.startswith("data:"):
                text = text.partition(",")[2]
            try:
                data = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise BadRequest("source.data is not base64") from None
            if data:
                return cls(name, None, data)
        raise BadRequest("source must be of type url with a url, or of type base64 with data")


@dataclass(frozen=True)
class PrepareBody:
    """`POST /api/v1/files/prepare`; the checksum is the MD5 in base64."""

    filename: str
    byte_size: int
    checksum: str

    @classmethod
    def parse(cls, body: Json) -> "PrepareBody":
        """Check a body."""
        name, checksum = _text(body, "filename"), _text(body, "checksum") or ""
        if name is None:
            raise BadRequest("filename is required")
        size: int = _field(body, "byte_size", 0, int)
        if not 0 < size <= MAX_FILE_BYTES:
            raise BadRequest(f"byte_size must be 1 to {MAX_FILE_BYTES}")
        try:
            is_md5 = len(base64.b64decode(checksum, validate=True)) == 16
        except (binascii.Error, ValueError):
            is_md5 = False
        if not is_md5:
            raise BadRequest("checksum must be the MD5 of the file, in base64")
        return cls(name, size, checksum)


@dataclass(frozen=True)
class ConfirmBody:
    """`POST /api/v1/files/confirm`."""

    signed_id: str

    @classmethod
    def parse(cls, body: Json) -> "ConfirmBody":
        """Check a body."""
        signed_id = _text(body, "signed_id")
        if signed_id is None:
            raise BadRequest("signed_id is required")
        return cls(signed_id)


@dataclass(frozen=True)
class TaskListing:
    """Which of all tasks are asked for: made from `start` to `end` (seconds since 1970), a page of them."""

    start: float
    end: float
    limit: int
    offset: int

    @classmethod
    def parse(cls, body: Json) -> "TaskListing":
        """Check a body."""
        limit, offset = _field(body, "limit", 10, int), _field(body, "offset", 0, int)
        if limit < 1 or offset < 0:
            raise BadRequest("limit must be 1 or more, and offset 0 or more")
        start, end = (
            _field(body, f"created_at_{name}", default, int, float) for name, default in (("min", 0.0), ("max", 1e11))
        )
        return cls(start, end, limit, offset)


@dataclass(frozen=True)
class LookUpBody:
    """`POST /luma/tasks`: one id, several, or a listing of all tasks."""

    ids: tuple[str, ...]
    batch: bool
    listing: TaskListing | None = None

    @classmethod
    def parse(cls, body: Json) -> "LookUpBody":
        """Check a body."""
        action = body.get("action", "retrieve")
        if action == "retrieve" and (task_id := _text(body, "id")):
            return cls((task_id,), batch=False)
        if action == "retrieve_batch":
            if body.get("ids") is None:
                return cls((), batch=True, listing=TaskListing.parse(body))
            ids = _field(body, "ids", [], list)
            if ids and all(isinstance(task_id, str) for task_id in ids):
                return cls(tuple(ids), batch=True)
        raise BadRequest("give action retrieve with an id, or retrieve_batch, with a list of ids or without")


def parse_json(data: bytes) -> Json:
    """Return the JSON object in the bytes of a body, or raise `BadRequest`."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadRequest("The json payload is not valid to request the API")
    return body


def _prompt(body: Json) -> str:
    prompt = _text(body, "prompt")
    if prompt is None:
        raise BadRequest("prompt is required")
    return prompt


def _text(body: Json, name: str) -> str | None:
    """Return a string field; absent, null and blank are the same."""
    return _field(body, name, "", str).strip() or None


def _field(body: Json, name: str, default: Any, *kinds: type) -> Any:
    """Return a field, which must be of one of these types, or the default where it is absent or null."""
    value = body.get(name)
    if value is None:
        return default
    if type(value) not in kinds:  # not isinstance: to JSON, true is no number
        raise BadRequest(f"{name} has the wrong type")
    return value
