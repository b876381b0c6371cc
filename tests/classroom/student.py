"""A student at the Hub, without a browser: signs in, has a server, runs cells in a kernel of it."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.support.waiting import until

SERVER_STARTED = 60.0  # seconds


@dataclass
class Output:
    """What a cell has shown."""

    text: str = ""
    error: str | None = None
    pages: list[str] = field(default_factory=list)  # HTML


class Student:
    """A student whose server runs; ``hub`` is the Hub's public address."""

    def __init__(self, hub: str, name: str, password: str) -> None:
        self.name = name
        self._server = f"{hub}/user/{name}"
        with httpx.Client(base_url=hub, trust_env=False, follow_redirects=True, timeout=30) as client:
            client.get("/hub/login").raise_for_status()
            xsrf = _cookie(client, "_xsrf")
            form = {"username": name, "password": password, "_xsrf": xsrf}
            assert client.post("/hub/login", data=form, headers={"Referer": f"{hub}/hub/login"}).status_code < 500
            client.get("/hub/home").raise_for_status()
            asked = {"X-XSRFToken": _cookie(client, "_xsrf"), "Referer": f"{hub}/hub/home"}
            client.post(f"/hub/api/users/{name}/server", headers=asked).raise_for_status()
            user = f"/hub/api/users/{name}"
            until(lambda: client.get(user, headers=asked).json()["servers"].get("", {}).get("ready"), SERVER_STARTED)
            made = client.post(f"{user}/tokens", headers=asked, json={"note": "a test"}).raise_for_status()
        self.headers = {"Authorization": f"token {made.json()['token']}"}
        kernel = httpx.post(f"{self._server}/api/kernels", headers=self.headers, json={}, trust_env=False, timeout=30)
        self._kernel: str = kernel.raise_for_status().json()["id"]

    def run(self, code: str, seconds: float = 60.0) -> Output:
        """Run a cell in the kernel, and wait until it is done."""
        return asyncio.run(asyncio.wait_for(self._run(code), seconds))

    async def _run(self, code: str) -> Output:
        channels = f"{self._server.replace('http', 'ws', 1)}/api/kernels/{self._kernel}/channels"
        socket = await websocket_connect(HTTPRequest(channels, headers=self.headers))
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "session": number, "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await socket.write_message(json.dumps(request))
        output = Output()
        while True:
            message = json.loads(await socket.read_message() or "{}")
            if message.get("parent_header", {}).get("msg_id") != number:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                output.text += str(content["text"])
            elif kind == "error":
                output.error = f"{content['ename']}: {content['evalue']}"
            elif kind in ("display_data", "execute_result", "update_display_data"):
                output.text += content["data"].get("text/plain", "")
                output.pages.append(content["data"].get("text/html", ""))
            elif kind == "status" and content["execution_state"] == "idle":
                socket.close()
                while await socket.read_message() is not None:
                    pass
                return output


def _cookie(client: httpx.Client, name: str) -> str:
    """The newest cookie of a name: the Hub has some for several paths."""
    return next(str(cookie.value) for cookie in reversed(list(client.cookies.jar)) if cookie.name == name)
