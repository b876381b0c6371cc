"""A fake of both services, an engine whose sleeps cost nothing, and an IPython shell that keeps its displays."""

from __future__ import annotations

import atexit
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from luma_jupyter import settings
from luma_jupyter.engine.bridge import Bridge
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.services import Services
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.wire.http import Http
from tests.conftest import VirtualLoop

MP4 = b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\x10moov" + bytes(8) + b"\0\0\0\x10mdat" + bytes(8)


class FakeService:
    """Speaks both APIs. A task ends as its prompt says: ``[fail]``, ``[refuse]``, ``[lost]``, else completed.

    While ``gate`` is closed, look-ups get no answer, so tasks stay running; while ``running``, they are told that the
    task runs, and time flies. ``sent`` holds the paid requests.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.running = False
        self.sent: list[dict[str, Any]] = []
        self.media: Callable[[], httpx.Response] = lambda: httpx.Response(200, content=MP4)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path in ("/luma/videos", "/api/v1/luma/modify_video"):
            return self._submit(json.loads(request.content))
        self.gate.wait(10)
        if path == "/luma/tasks":
            asked = json.loads(request.content)
            if asked["action"] == "retrieve":
                return httpx.Response(200, json=self._task(asked["id"]))
            return httpx.Response(200, json={"items": [self._task(task_id) for task_id in asked["ids"]]})
        if path.startswith("/api/v1/luma/modify_video/"):
            done = {"status": "completed", "videos": [{"url": "https://cdn.example/modified.mp4"}]}
            return httpx.Response(200, json={"id": path.rpartition("/")[2], **done})
        return self.media()

    def _submit(self, body: dict[str, Any]) -> httpx.Response:
        self.sent.append(body)
        if "[refuse]" in body["prompt"]:
            words = {"code": "forbidden", "message": "Not <b>allowed</b>"}
            return httpx.Response(403, json={"success": False, "error": words, "trace_id": "trace-1"})
        if "[lost]" in body["prompt"]:
            raise httpx.ReadError("the connection broke")
        task_id = f"task-{len(self.sent)}"
        return httpx.Response(200, json={"id": task_id, "task_id": task_id, "status": "pending"})

    def _task(self, task_id: str) -> dict[str, Any]:
        request = self.sent[int(task_id.removeprefix("task-")) - 1]
        if self.running:
            return {"id": task_id, "request": request, "response": None}
        if "[fail]" in request["prompt"]:
            response: dict[str, Any] = {"success": False, "error": {"code": "api_error", "message": "no luck"}}
        else:
            response = {
                "success": True,
                "state": "completed",
                "video_id": f"video-{task_id}",
                "video_url": f"https://cdn.example/{task_id}.mp4",
                "video_width": 640,
                "video_height": 360,
                "thumbnail_url": "https://cdn.example/t.jpg",
            }
        return {"id": task_id, "request": request, "response": response, "finished_at": 1}


def reach(clip: Clip, status: str) -> None:
    """Wait until a clip has this status; the engine's time flies, so it does not take long."""
    reached = threading.Event()
    clip._handle.listen(lambda event: reached.set() if event.task.status == status else None)
    assert clip.status == status or reached.wait(10)


@pytest.fixture
def service() -> FakeService:
    """The fake service."""
    return FakeService()


@pytest.fixture
def engine(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The kernel's engine, talking to the fake service with both keys set; in the end all tasks have ended."""
    engine = Engine(
        Bridge(lambda: VirtualLoop(other_threads=True)),
        Services(lambda: Http(transport=httpx.MockTransport(service))),
    )
    monkeypatch.setattr(session, "_engine", engine)
    monkeypatch.setattr(session, "_clips", [])
    settings.configure(acedata_token="ace-secret", runapi_key="run-secret")
    yield engine
    service.gate.set()
    service.running = False
    for handle in engine.handles:
        handle.done.result(timeout=10)


class Displays(CapturingDisplayPublisher):  # type: ignore[misc]  # IPython is untyped here
    """Keeps what is displayed: each output's newest data, by display id where there is one."""

    def latest(self) -> list[dict[str, Any]]:
        """The data of all outputs as a page would show them now, in order."""
        shown: dict[str, dict[str, Any]] = {}
        for number, output in enumerate(self.outputs):
            key = (output.get("transient") or {}).get("display_id") or str(number)
            if output.get("update") and key not in shown:
                continue
            shown[key] = output["data"]
        return list(shown.values())


class Shell:
    """An IPython shell with the extension loaded, for tests: ``run`` a cell, look at ``displays`` and ``user_ns``."""

    def __init__(self, shell: InteractiveShell, displays: Displays) -> None:
        self.ip = shell
        self.displays = displays
        self.user_ns = shell.user_ns

    def run(self, cell: str) -> Any:
        """Run a cell; raises the cell's error, returns its result."""
        result = self.ip.run_cell(cell)
        result.raise_error()
        return result.result


@pytest.fixture
def terminal(engine: Engine) -> Iterator[Shell]:
    """A shell without a kernel: a terminal."""
    displays = Displays()
    ip = InteractiveShell.instance(display_pub_class=Displays)
    ip.display_pub = displays
    ip.run_line_magic("load_ext", "luma_jupyter")
    yield Shell(ip, displays)
    ip.run_line_magic("unload_ext", "luma_jupyter")
    atexit.unregister(ip.atexit_operations)
    ip.atexit_operations()
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(terminal: Shell) -> Shell:
    """A shell that looks like a kernel's: cards are displayed, cells return at once."""
    terminal.ip.kernel = object()
    return terminal
