"""AceDataCloud, played on a real socket: it hangs where it is told to, so that whoever asks can be killed meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.fake_service import VIDEO


class HangingVendor:
    """All tasks are done. Answers to what ``hangs`` (look, video) stop half-way, and ``asked`` is set."""

    def __init__(self) -> None:
        self.hangs: str | None = None
        self.asked = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        body = json.loads(await reader.readexactly(length)) if length else {}
        kind = "video" if head.startswith("GET") else "look"
        content = VIDEO if kind == "video" else json.dumps(self._tasks(body)).encode()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode())
        if self.hangs == kind:
            writer.write(content[: len(content) // 2])
            self.asked.set()
            await reader.read()  # until the other side is gone
        else:
            writer.write(content)
        writer.close()

    def _tasks(self, body: dict[str, object]) -> dict[str, object]:
        video = {"success": True, "state": "completed", "video_url": f"{self.url}/v.mp4", "video_id": "v"}
        if body["action"] == "retrieve":
            return {"id": body["id"], "response": video}
        ids = body["ids"]
        assert isinstance(ids, list)
        return {"items": [{"id": id, "response": video} for id in ids], "count": len(ids)}


@asynccontextmanager
async def hanging_vendor() -> AsyncIterator[HangingVendor]:
    """A vendor on a free port, which hangs nowhere yet."""
    vendor = HangingVendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield vendor
    server.close()
