"""Files of the user's on their way to a service: each content once, as long as the service keeps it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
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


class Uploads:
    """The uploads to one service. ``clock`` in Unix seconds; ``on_progress`` gets words on how far one has come."""

    def __init__(
        self,
        client: ProviderClient,
        journal: Journal,
        clock: Callable[[], float],
        on_progress: Callable[[str | None], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._clock = clock
        self._on_progress = on_progress

    async def address(self, file: LocalFile) -> str:
        """Where the service finds a file, uploaded now unless it was before.

        Raises ServiceError, InvalidRequest where the file is gone or has changed.
        """
        if known := await in_thread(lambda: self.known(file)):
            return known
        file, sha256 = file.to_send, file.to_send.sha256
        shown = -1

        def show(share: float) -> None:
            nonlocal shown
            if int(100 * share) > shown:
                shown = int(100 * share)
                self._on_progress(N_(f"uploading {file.name} ({shown} %)"))

        show(0.0)
        try:
            with because(Step.UPLOAD):
                upload = await self._client.upload(file, show)
        finally:
            self._on_progress(None)
        expires = upload.expires_at or self._clock() + KEPT_AT_LEAST
        with suppress(ConfigError):  # then it is uploaded again the next time
            await in_thread(lambda: self._journal.add_upload(self._client.base_url, sha256, upload.url, expires))
        return upload.url

    def known(self, file: LocalFile) -> str | None:
        """The address of a file that was uploaded before, if it lives long enough."""
        with suppress(ConfigError):
            sha256 = file.to_send.sha256
            return self._journal.uploaded_url(self._client.base_url, sha256, self._clock() + MARGIN)
        return None
