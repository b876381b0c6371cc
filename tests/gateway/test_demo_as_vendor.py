"""The demo service in both vendors' place: from the request to the stored video, over real sockets."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

from luma_jupyter.demo.server import start
from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway.looks import Looks, LookTable
from luma_jupyter.gateway.media import media_url
from luma_jupyter.gateway.records import State
from tests.support.class_room import ANN, class_room


def test_clip_is_made_saved_and_modified(conninfo: str, tmp_path: Path) -> None:
    """A clip of one vendor is the source at the other; both end in the store; what is lost is found in the list."""

    async def play() -> None:
        with closing(start(0.2, film_seconds=0.4)) as demo:
            keys = {"acedata_token": Secret(demo.token), "runapi_key": Secret(demo.token)}
            urls = dict.fromkeys(("acedata_base_url", "acedata_platform_url", "runapi_base_url"), demo.url)
            async with class_room(conninfo, tmp_path, real=True, **keys, **urls) as room:
                looks = Looks(LookTable(room.database, room.jobs.ledger), room.jobs.vendors)

                async def until_saved(id: int) -> bytes:
                    until = time.time() + 20
                    while (await room.get(id)).state is not State.COMPLETED and time.time() < until:
                        await room.make_due()
                        for vendor in ("acedata", "runapi"):
                            await looks.round(vendor, 0.1)  # type: ignore[arg-type]
                    await room.jobs.saving.save(id)
                    name = (await room.get(id)).media
                    assert name
                    return await room.jobs.media.read_all(name) or b""

                lost = await room.enter(ANN)
                await room.jobs.vendors.submit("acedata", lost.body, "0" * 32)
                await room.jobs.ledger.lose(lost.id, "no answer")
                assert await room.jobs.settling.find_lost() == 1
                assert (await until_saved(lost.id))[4:8] == b"ftyp"

                source = media_url(room.settings, await room.get(lost.id), "video")
                modified = await room.submit(ANN, "runapi", prompt="in snow", source_video_url=source)
                assert modified.body["source_video_url"].startswith(demo.url)
                assert await until_saved(modified.id)
                assert await room.jobs.ledger.check() == []

    asyncio.run(play())
