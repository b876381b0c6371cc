"""Students of a JupyterHub: their servers, which the Hub starts, and cells that run in a kernel there."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import websocket

from tests.support.jupyterhub import TOKEN, Hub

START_SECONDS = 60.0  # for a server
CELL_SECONDS = 90.0


@dataclass
class Output:
    """What a cell has shown: what it printed, the text and the HTML of its displays, and its error."""

    printed: str = ""
    texts: list[str] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def page(self) -> str:
        """All HTML as it is in the end, without tags."""
        return " ".join(re.sub(r"<[^>]*>", " ", " ".join(self.pages.values())).split())

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Take in a message of the kernel's."""
        if kind == "stream":
            self.printed += content["text"]
        elif kind in ("display_data", "update_display_data", "execute_result"):
            data, display = content["data"], content.get("transient", {}).get("display_id") or uuid4().hex
            self.texts.append(data.get("text/plain", ""))
            self.pages[display] = data.get("text/html", "")
        elif kind == "error":
            self.error = f"{content['ename']}: {content['evalue']}"


class Student:
    """A user of the Hub whose server is running, with a kernel; ``folder`` is the home."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.name = name
        self.folder: Path = hub.home / "homes" / name
        self.folder.mkdir(parents=True)
        self._hub = hub
        self._server = f"{hub.url}/user/{name}/api"
        self._user = f"{hub.url}/hub/api/users/{name}"
        self._socket: websocket.WebSocket | None = None

    def begin(self) -> None:
        """Have the Hub start the server; `arrive` waits for it."""
        try:
            _ask("POST", self._user)
        except HTTPError as error:
            if error.code != 409:  # it is there: of a group, or of a role
                raise
        _ask("POST", f"{self._user}/server")

    def arrive(self) -> None:
        """Wait until the server runs, and start a kernel."""
        until = time.monotonic() + START_SECONDS
        while not _ask("GET", self._user)["servers"].get("", {}).get("ready"):
            assert time.monotonic() < until, f"{self.name}'s server does not start"
            time.sleep(0.1)
        kernel = _ask("POST", f"{self._server}/kernels")["id"]
        address = self._server.replace("http://", "ws://", 1)
        self._socket = websocket.create_connection(
            f"{address}/kernels/{kernel}/channels", header={"Authorization": f"token {TOKEN}"}, timeout=CELL_SECONDS
        )
        self.run("%load_ext luma_jupyter")

    def run(self, cell: str) -> Output:
        """Run a cell to its end."""
        assert self._socket
        header = {
            "msg_id": uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": "s",
            "version": "5.3",
        }
        content = {"code": cell, "silent": False, "store_history": True, "allow_stdin": False, "user_expressions": {}}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._socket.send(json.dumps(message))
        output, idle, replied = Output(), False, False
        while not (idle and replied):
            answer = json.loads(self._socket.recv())
            if (
                answer["parent_header"].get("msg_id") != header["msg_id"]
                and answer["msg_type"] != "update_display_data"
            ):
                continue
            output.take(answer["msg_type"], answer["content"])
            replied |= answer["msg_type"] == "execute_reply"
            idle |= answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle"
        return output

    def value(self, expression: str) -> Any:
        """The value of an expression in the kernel, by way of JSON."""
        output = self.run(f"import json; print(json.dumps({expression}, default=str))")
        assert not output.error, output.error
        return json.loads(output.printed)

    def leave(self) -> None:
        """End the server: the Hub would let it run."""
        if self._socket:
            self._socket.close()
        _ask("DELETE", f"{self._user}/server")


def _ask(method: str, url: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"}, method=method, data=None)
    with urllib.request.urlopen(request) as answer:
        body = answer.read()
    return json.loads(body) if body else None
