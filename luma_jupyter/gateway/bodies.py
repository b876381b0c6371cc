"""What is sent to the vendors: requests that were judged, in which the gateway's own addresses are the vendor's again.

A request is read as a kernel's own would be, so whatever it may not have (an unknown field, an address on somebody's
own network) is refused in the same words, before anything is entered. Files and videos that the gateway keeps are
uploaded anew where the vendor's own address of them has ended.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.urls import is_web_url, origin
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway.records import Person, Vendor
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.uploads import Uploads
from luma_jupyter.gateway.vendors import Vendors

_ACEDATA_FIELDS = (
    "action",
    "prompt",
    "start_image_url",
    "end_image_url",
    "video_id",
    "video_url",
    "aspect_ratio",
    "loop",
    "enhancement",
    "timeout",
    "async",
    "callback_url",
)
_RUNAPI_FIELDS = ("model", "prompt", "source_video_url", "watermark", "callback_url")
_FIELDS: Mapping[Vendor, Sequence[str]] = {"acedata": _ACEDATA_FIELDS, "runapi": _RUNAPI_FIELDS}
_MEDIA_FIELDS = ("start_image_url", "end_image_url", "video_url", "source_video_url")


class Bodies:
    """Makes of the bodies that kernels send what the vendors are to get."""

    def __init__(self, vendors: Vendors, uploads: Uploads) -> None:
        self._vendors = vendors
        self._uploads = uploads
        self._settings = vendors.settings
        self._database = uploads.media.database

    async def prepare(self, person: Person, vendor: Vendor, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a vendor is to get for a body that came from ``person``'s kernel.

        Raises InvalidRequest, ClassAccountError without a key, ServiceError where a file could not be uploaded anew.
        """
        self._vendors.check_key(vendor)
        if unknown := ", ".join(sorted(set(body).difference(_FIELDS[vendor]))):
            raise InvalidRequest(f"{unknown}: the class gateway does not know this; leave it out.")
        if body.get("callback_url"):
            raise InvalidRequest("callback_url: the class gateway tells your notebook by itself; leave it out.")
        _read_request(vendor, body)  # before anything is asked or uploaded
        if person.teaches:
            await self._note_teacher(person)
        await self._check_video_id(person, body.get("video_id"))
        urls = {field: body[field] for field in _MEDIA_FIELDS if body.get(field)}
        swapped = {field: await self._vendors_address(person, vendor, field, url) for field, url in urls.items()}
        called_back = callback_url(self._settings, vendor)
        request = _read_request(vendor, {**body, **swapped, "callback_url": called_back})
        return self._vendors.client(vendor).payload(request)

    async def _note_teacher(self, person: Person) -> None:
        async with self._database.connection() as connection:
            await connection.execute("INSERT INTO teachers (name) VALUES (%s) ON CONFLICT DO NOTHING", (person.name,))

    async def _check_video_id(self, person: Person, video_id: object) -> None:
        """Refuse a classmate's video. One that the gateway never made is the vendor's to judge."""
        if not isinstance(video_id, str):
            return
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT DISTINCT owner, owner IN (SELECT name FROM teachers) FROM submissions"
                " WHERE video ->> 'video_id' = %s",
                (video_id,),
            )
            owners = await cursor.fetchall()
        if owners and not any(_may_use(person, owner, teaches) for owner, teaches in owners):
            raise InvalidRequest("video_id: this is a classmate's clip; choose one of your own.")

    async def _vendors_address(self, person: Person, vendor: Vendor, field: str, url: str) -> str:
        """The address as the vendor can reach it: of what the gateway keeps, the vendor's own."""
        ours = urlsplit(self._settings.url)
        parts = urlsplit(url)
        if origin(url) != origin(self._settings.url) or not parts.path.startswith(f"{ours.path}/"):
            return url
        path = parts.path.removeprefix(ours.path)
        if found := re.fullmatch(r"/media/(\d{1,18})\.(mp4|jpg)", path):
            return await self._address_of_media(person, vendor, field, int(found[1]), video=found[2] == "mp4")
        if found := re.fullmatch(r"/uploads/(\w{1,64})", path):
            return await self._address_of_upload(person, vendor, field, found[1])
        raise InvalidRequest(f"{field}: the class gateway has no video or file at this address.")

    async def _address_of_media(
        self, person: Person, vendor: Vendor, field: str, submission: int, *, video: bool
    ) -> str:
        async with self._database.connection() as connection:
            cursor = await connection.execute(_MEDIA, (submission,))
            row = await cursor.fetchone()
        if row is None or not _may_use(person, row[0], row[1]):
            raise InvalidRequest(f"{field}: this is not one of your clips; choose one that is.")
        _, _, made_by, facts, name, thumbnail = row
        url = (facts or {}).get("url" if video else "thumbnail_url")
        base_url = self._vendors.client(made_by).base_url
        if url and is_web_url(url) and not await self._vendors.http.transfers.is_gone(url, trusted_origin=base_url):
            return str(url)
        return await self._uploaded_anew(vendor, field, name if video else thumbnail, f"clip-{submission}")

    async def _address_of_upload(self, person: Person, vendor: Vendor, field: str, upload_id: str) -> str:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT owner, owner IN (SELECT name FROM teachers), name, title FROM uploads WHERE id = %s",
                (upload_id,),
            )
            row = await cursor.fetchone()
        if row is None or not _may_use(person, row[0], row[1]):
            raise InvalidRequest(f"{field}: this is not one of your files; upload it again.")
        return await self._uploaded_anew(vendor, field, row[2], row[3])

    async def _uploaded_anew(self, vendor: Vendor, field: str, name: str | None, title: str) -> str:
        """Where a vendor finds a file of the store: uploaded now unless it was before."""
        address = await self._uploads.address(vendor, name, title) if name else None
        if address is None:
            raise InvalidRequest(f"{field}: the class gateway no longer keeps it; give it again.")
        return address


def callback_url(settings: GatewaySettings, vendor: Vendor) -> str | None:
    """Where a vendor says that something has happened: a path that nobody else can guess; None: nowhere."""
    return settings.callback_url and f"{settings.callback_url}/callbacks/{callback_token(settings, vendor)}"


def callback_token(settings: GatewaySettings, vendor: Vendor) -> str:
    """The end of that path."""
    key = settings.signing_key.reveal().encode()
    return hmac.new(key, f"callbacks\n{vendor}".encode(), hashlib.sha256).hexdigest()[:32]


def _may_use(person: Person, owner: str, owner_teaches: bool) -> bool:
    """Whether somebody may go on with what is ``owner``'s."""
    return person.teaches or person.name == owner or owner_teaches


def _read_request(vendor: Vendor, body: Mapping[str, Any]) -> Request:
    """A body as a request, which has judged it. Raises InvalidRequest."""
    both: dict[str, Any] = {"prompt": body.get("prompt", ""), "callback_url": body.get("callback_url")}
    if vendor == "runapi":
        watermark = body.get("watermark")
        return ModifyRequest(**both, source=_source(body, "source_video_url"), watermark=watermark)
    end_image = body.get("end_image_url")
    action = body.get("action", "generate")
    if action == "extend":
        return ExtendRequest(**both, source=_source(body, "video_url"), end_image=end_image)
    if action != "generate":
        raise InvalidRequest("action must be generate or extend.")
    given = {name: body[name] for name in ("aspect_ratio", "loop", "enhancement") if body.get(name) is not None}
    return GenerateRequest(**both, start_image=body.get("start_image_url"), end_image=end_image, **given)


def _source(body: Mapping[str, Any], field: str) -> VideoRef:
    """The video that a body goes on with. Raises InvalidRequest where it names none."""
    video_id, url = body.get("video_id"), body.get(field)
    for value in (video_id, url):
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"{field} must be text.")
    if not (video_id or url):
        raise InvalidRequest(f"{field}: name the video to go on with.")
    if url and not is_web_url(url):
        raise InvalidRequest(f"{field} must be an http(s) URL.")
    return VideoRef(video_id or None, url or None)


_MEDIA = """
SELECT s.owner, s.owner IN (SELECT name FROM teachers), s.vendor, coalesce(s.video, o.video),
    coalesce(s.media, o.media), f.thumbnail
FROM submissions s
LEFT JOIN submissions o ON o.id = s.joined
LEFT JOIN fetched f ON f.submission = coalesce(s.joined, s.id)
WHERE s.id = %s"""
