"""Files of the user's on their way to a service: each content once, as long as the service keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import Request, VideoRef
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ConfigError
from luma_jupyter.languages import N_
from luma_jupyter.providers.exchanges import because
from luma_jupyter.providers.protocol import ProviderClient
from luma_jupyter.worker_threads import in_thread

KEPT_AT_LEAST = 24 * 3600.0  # seconds that an address is used again where its service does not say how long it lives
MARGIN = 3600.0  # seconds that an address must still live, so that the task can read it
_OnShare = Callable[[float], None]  # called with the share that has gone, 0 to 1
_OnPercent = Callable[[int | None], None]  # called with the percent that have gone; at last with None


def files_of(request: Request) -> dict[str, LocalFile]:
    """The files that a request names, by the field."""
    fields = ("start_image", "end_image", "source")
    values: dict[str, Any] = {name: getattr(request, name, None) for name in fields}
    return {name: value for name, value in values.items() if isinstance(value, LocalFile)}


async def with_uploads(request: Request, upload: Callable[[LocalFile], Awaitable[str]]) -> Request:
    """The request as it is sent: each file by the address that ``upload`` gives."""
    changes: dict[str, Any] = {}
    for name, file in files_of(request).items():
        url = await upload(file)
        changes[name] = VideoRef(url=url) if name == "source" else url
    return replace(request, **changes) if changes else request


class _Upload:
    """An upload that is under way, and whom it tells how many percent have gone."""

    def __init__(self, upload: Callable[[_OnShare], Coroutine[Any, Any, str]]) -> None:
        self.listeners: list[_OnPercent] = []
        self.percent: int | None = None
        self.task = asyncio.create_task(upload(self._show))

    def _show(self, share: float) -> None:
        percent = int(100 * share)
        if self.percent is None or percent > self.percent:
            self.percent = percent
            for listener in self.listeners:
                listener(percent)


class SharedUploads:
    """The uploads of a kernel that are under way: of each content one to each service; for coroutines of one loop."""

    def __init__(self) -> None:
        self._uploads: dict[tuple[str, str], _Upload] = {}

    async def address(
        self,
        service: str,
        sha256: str,
        upload: Callable[[_OnShare], Coroutine[Any, Any, str]],
        on_percent: _OnPercent,
    ) -> str:
        """The address that a content gets at a service: by the upload that is under way, or else by ``upload``.

        When one of those who wait for it is cancelled, it goes on for the others; with the last one it is broken off.
        Where it fails, the next one of them tries its own: a file that is gone, or a key that is refused, may be
        another one's.
        """
        key = service, sha256
        while other := self._uploads.get(key):
            with suppress(Exception):
                return await self._wait(key, other, on_percent)
        own = self._uploads[key] = _Upload(upload)
        return await self._wait(key, own, on_percent)

    async def _wait(self, key: tuple[str, str], upload: _Upload, on_percent: _OnPercent) -> str:
        upload.listeners.append(on_percent)
        if upload.percent is not None:
            on_percent(upload.percent)
        try:
            await asyncio.wait({upload.task})
            return upload.task.result()
        finally:
            upload.listeners.remove(on_percent)
            if upload.percent is not None:
                on_percent(None)
            if self._uploads.get(key) is upload and (upload.task.done() or not upload.listeners):
                del self._uploads[key]
            if not upload.listeners:
                upload.task.cancel()
                await asyncio.gather(upload.task, return_exceptions=True)


class Uploads:
    """The uploads to one service. ``clock`` in Unix seconds; ``on_progress`` gets words on how far one has come.

    ``shared`` are those that are under way, whichever clips they are for.
    """

    def __init__(
        self,
        client: ProviderClient,
        journal: Journal,
        clock: Callable[[], float],
        on_progress: Callable[[str | None], None],
        shared: SharedUploads,
    ) -> None:
        self._client = client
        self._journal = journal
        self._clock = clock
        self._on_progress = on_progress
        self._shared = shared

    async def address(self, file: LocalFile) -> str:
        """Where the service finds a file, uploaded now unless it was before.

        Raises ServiceError, InvalidRequest where the file is gone or has changed.
        """
        file = file.to_send

        def tell(shown: int | None) -> None:
            self._on_progress(None if shown is None else N_(f"uploading {file.name} ({shown} %)"))

        return await self._shared.address(self._client.base_url, file.sha256, partial(self._upload, file), tell)

    async def _upload(self, file: LocalFile, on_share: _OnShare) -> str:
        if known := await in_thread(lambda: self._known(file)):
            return known
        on_share(0.0)
        with because(Step.UPLOAD):
            upload = await self._client.upload(file, on_share)
        expires = upload.expires_at or self._clock() + KEPT_AT_LEAST
        with suppress(ConfigError):  # then it is uploaded again the next time
            await in_thread(lambda: self._journal.add_upload(self._client.base_url, file.sha256, upload.url, expires))
        return upload.url

    def _known(self, file: LocalFile) -> str | None:
        """The address of a file that was uploaded before, if it lives long enough."""
        with suppress(ConfigError):
            return self._journal.uploaded_url(self._client.base_url, file.sha256, self._clock() + MARGIN)
        return None
