"""Files of students on their way to the vendors: kept by the gateway, and each content uploaded once for the class.

An address at a vendor ends, that of the gateway does not as long as it keeps the file: then it is uploaded anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from luma_jupyter.domain.media import SUFFIXES, LocalFile, image_type, video_type
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway.media import DAY, Media
from luma_jupyter.gateway.records import Person, Vendor
from luma_jupyter.gateway.vendors import Vendors
from luma_jupyter.providers.protocol import Upload

KEPT_AT_LEAST = DAY  # that an address is used again where its vendor does not say how long it lives
MARGIN = 3600.0  # seconds that an address must still live, so that the task can read it
_MIME_TYPES = {suffix: mime for mime, suffix in SUFFIXES.items()}


class Uploads:
    """The files of one gateway at its vendors."""

    def __init__(self, vendors: Vendors, media: Media) -> None:
        self.media = media
        self._vendors = vendors

    async def add(self, person: Person, vendor: Vendor, title: str, data: bytes) -> Upload:
        """Keep a file, and give it to a vendor; the address is the gateway's, and lives as long as it is kept.

        ``title`` is what it is called. Raises InvalidRequest for what is no picture or video, ServiceError,
        ConfigError, StoreFull, StoreAway, DatabaseAway.
        """
        file = LocalFile.of(data, _type_of(title, data), title)
        name = await self.media.put(_once(data), SUFFIXES[file.mime])
        there = await self._known(vendor, name) or await self._upload(vendor, name, file)
        upload_id = await self._note(person.name, vendor, name, file.name, there)
        settings = self.media.settings
        return Upload(f"{settings.url}/uploads/{upload_id}", time.time() + settings.media_days * DAY)

    async def address(self, vendor: Vendor, name: str, title: str) -> str | None:
        """Where a vendor finds a file of the store, uploaded now unless it was before; None where it is not kept.

        Raises ServiceError, ConfigError, StoreAway, DatabaseAway.
        """
        if known := await self._known(vendor, name):
            return known.url
        data = await self.media.read_all(name)
        if data is None:
            return None
        file = LocalFile.of(data, _MIME_TYPES[name.rpartition(".")[2]], title)
        return (await self._upload(vendor, name, file)).url

    async def _known(self, vendor: Vendor, name: str) -> Upload | None:
        async with self.media.database.connection() as connection:
            cursor = await connection.execute(_KNOWN, (vendor, name, MARGIN))
            row = await cursor.fetchone()
        return Upload(*row) if row else None

    async def _upload(self, vendor: Vendor, name: str, file: LocalFile) -> Upload:
        upload = await self._vendors.upload(vendor, replace(file, name=name))  # its title may say whose it is
        upload = replace(upload, expires_at=upload.expires_at or time.time() + KEPT_AT_LEAST)
        await self._note("", vendor, name, file.name, upload)
        return upload

    async def _note(self, owner: str, vendor: Vendor, name: str, title: str, upload: Upload) -> str:
        """Write down an address at a vendor; the id by which ``owner`` knows it."""
        upload_id = secrets.token_hex(16)
        async with self.media.database.connection() as connection:
            await connection.execute(
                "INSERT INTO uploads (id, owner, vendor, name, title, address, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, to_timestamp(%s))",
                (upload_id, owner, vendor, name, title, upload.url, upload.expires_at),
            )
        return upload_id


def _type_of(title: str, data: bytes) -> str:
    """The kind of a file, by its bytes. Raises InvalidRequest for one that no vendor takes."""
    kind = image_type(data[:12])
    if kind is None and data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        kind = video_type(data[:12])
    if kind not in SUFFIXES:
        raise InvalidRequest(f"{title} is not a picture (PNG, JPEG or WebP) or a video (MP4 or MOV).")
    return kind


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


_KNOWN = """
SELECT address, extract(epoch FROM expires_at)::float8 FROM uploads
WHERE vendor = %s AND name = %s AND expires_at > now() + make_interval(secs => %s)
ORDER BY expires_at DESC LIMIT 1"""
