"""The display updates that reach a page, counted in its websocket."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1


class DisplayUpdates:
    """Counts the display updates that come to a page; made before it is opened."""

    def __init__(self, page: Any) -> None:
        self._cells: dict[str, str] = {}  # of each display, the request that it came of
        self._words: dict[str, str] = {}  # what each request displayed first
        self._count: Counter[str] = Counter()
        page.on("websocket", self._listen)

    def of(self, words: str) -> int:
        """How many there were for the outputs of a cell that displayed some words."""
        return sum(count for request, count in self._count.items() if words in self._words.get(request, ""))

    def _listen(self, socket: Any) -> None:
        if urlsplit(socket.url).path.endswith("/channels"):  # a kernel's, not one of a shared document
            socket.on("framereceived", self._take)

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            return
        _, parts = deserialize_msg_from_ws_v1(frame)
        header, parent, _, content = (json.loads(part) for part in parts[:4])
        if (display := content.get("transient", {}).get("display_id")) is None:
            return
        if header["msg_type"] == "display_data":
            self._cells[display] = parent["msg_id"]
            self._words[parent["msg_id"]] = self._words.get(parent["msg_id"], "") + json.dumps(content["data"])
        elif header["msg_type"] == "update_display_data" and display in self._cells:
            self._count[self._cells[display]] += 1
