"""What notebook tests need: both services played by prompts, a user's kernels, and a shell that keeps its displays."""

from __future__ import annotations

import asyncio
import atexit
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import ipywidgets
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from luma_jupyter.api.assembly import assemble
from luma_jupyter.api.kernel import kernel, restore_clip
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.session import Session
from luma_jupyter.compat import WIDGET_VIEW
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.leases import current_owner
from luma_jupyter.providers.http.client import HttpClient
from tests.support import settings
from tests.support.fake_service import FakeService, Kind, Seen
from tests.support.films import film
from tests.support.garbage import set_aside
from tests.support.loops import Gate, VirtualLoop
from tests.support.waiting import until

MP4 = film(content=8)
MACHINE = current_owner().rsplit("|", 2)[0]
KEYS = {"acedata_token": "ace-secret", "acedata_platform_token": "platform-secret", "runapi_key": "run-secret"}


def announce_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all hear of a clip only once its task has ended and the engine has let go of it, as on a busy machine."""
    announce = Session._announce

    def late(self: Session, clip: Clip) -> None:
        if clip.handle.followed:
            until(lambda: clip.task.intent not in self.engine.handles)
        announce(self, clip)

    monkeypatch.setattr(Session, "_announce", late)


class PromptService(FakeService):
    """The fake service for people's cells: a task ends at once, and as its prompt says.

    ``[fail]``, ``[refuse]``, ``[lost]``, else completed; a request with ``[hang]`` is never answered. Once it is not
    ``faulty`` any more, prompts are only prompts.

    While ``gate`` is closed, look-ups and files wait for their answers, so tasks stay running; while ``running``,
    look-ups tell that the task runs, and time flies. ``listed`` are the tasks that AceDataCloud lists when asked for
    those of a time; ``media`` makes the answer for a file. ``knows_keys`` False: no key is the right one; ``down``:
    nobody answers at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.echoes = True
        self.gate = Gate()
        self.running = False
        self.faulty = True
        self.knows_keys = True
        self.down = False
        self.listed: list[dict[str, Any]] = []
        self.media: Callable[[], httpx.Response] = lambda: httpx.Response(200, content=MP4)

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The paid requests."""
        return [seen.payload for seen in self.seen("submit")]

    @property
    def keys(self) -> list[str | None]:
        """The idempotency keys of the paid requests."""
        return [seen.request.headers.get("Idempotency-Key") for seen in self.seen("submit")]

    @property
    def uploaded(self) -> list[bytes]:
        """The forms with files."""
        return [seen.request.content for seen in self.seen("upload")]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Method and path of all requests."""
        return [(seen.request.method, seen.request.url.path) for seen in self.all_seen]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("Connection refused")
        if not self.knows_keys:
            words = {"code": "invalid_token", "message": "The token is not <b>valid</b>."}
            return httpx.Response(401, json={"error": words})
        if self.faulty and request.url.path == "/luma/videos" and "[hang]" in json.loads(request.content)["prompt"]:
            self.all_seen.append(Seen("submit", 0.0, request))
            await asyncio.Event().wait()
        return await super().__call__(request)

    async def hold_up(self, kind: Kind) -> None:
        if kind in ("look", "list", "video", "thumbnail"):
            await self.gate.wait()

    def honest(self, kind: Kind, request: httpx.Request) -> httpx.Response:
        if kind != "submit":
            if kind in ("video", "thumbnail"):
                return self.media()
            return super().honest(kind, request)
        prompt = json.loads(request.content)["prompt"] if self.faulty else ""
        if "[refuse]" in prompt:
            words = {"code": "forbidden", "message": "Not <b>allowed</b>"}
            return httpx.Response(403, json={"success": False, "error": words, "trace_id": "trace-1"})
        answer = super().honest(kind, request)
        if "[lost]" in prompt:
            raise httpx.ReadError("the connection broke")
        return answer

    def _list(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": self.listed})

    def _is_over(self, task_id: str) -> bool:
        return not self.running

    def _failure(self, task_id: str) -> Any:
        failing = self.faulty and "[fail]" in json.loads(self._requests[task_id].content)["prompt"]
        return {"code": "api_error", "message": "no luck"} if failing else None


def wait_for_status(clip: Clip, status: str) -> None:
    """Wait until a clip has this status; the engine's time flies, so it does not take long."""
    reached = threading.Event()
    unlisten = clip.handle.listen(lambda event: reached.set() if event.task.status == status else None)
    assert clip.status == status or reached.wait(10)
    unlisten()


def wait_for_end(clip: Clip) -> str:
    """Wait until a clip has ended, whatever it came to; its status."""
    clip.handle.done.result(timeout=10)
    return clip.status


def wait_for_looks() -> None:
    """Wait until the kernel that was begun has looked for what an earlier one left unconfirmed."""
    for handle in list(kernel.session.engine.handles.values()):
        handle.done.result(timeout=10)


class Kernels:
    """A user's kernels, one after the other: of one home, and of one folder unless told otherwise.

    ``new_http`` makes the HTTP client of an engine, ``new_loop`` its loop, on which time costs nothing.
    """

    def __init__(
        self,
        new_http: Callable[[], HttpClient],
        new_loop: Callable[[], asyncio.AbstractEventLoop] = lambda: VirtualLoop(other_threads=True),
    ) -> None:
        self._new_http = new_http
        self._new_loop = new_loop
        self._started = 0
        self.start()

    def start(self, folder: Path | None = None) -> None:
        """Begin a kernel: an engine that knows nothing yet. What was configured stays.

        In another ``folder`` nothing is configured but the keys.
        """
        if folder:
            kernel.restart()
            kernel.configuration.remember_folder(folder)
            kernel.configuration.configure(**KEYS)
        self._started += 1
        now = kernel.configuration.current
        self.engine = Engine(now, LoopThread(self._new_loop), ProviderPool(now, self._new_http))
        kernel.use(*assemble(kernel.configuration, restore_clip, self.engine))
        home = settings.current().home_folder
        # A process that is not there: for every other kernel this one has died.
        owner = f"{MACHINE}|{2**22 + self._started}|0.0"
        self.engine.repository.journals[home] = Journal(home, owner=owner, notify=self.engine.notices.append)

    def kill(self) -> None:
        """End the kernel as SIGKILL does: what it has not written down by now is lost."""
        self.engine.close()


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

    def models(self) -> list[Any]:
        """The widget models of all live parts that were displayed, in order, also of those that have ended."""
        views = [output["data"][WIDGET_VIEW] for output in self.outputs if WIDGET_VIEW in output["data"]]
        return [ipywidgets.widget_serialization["from_json"](f"IPY_MODEL_{view['model_id']}", None) for view in views]


class Shell:
    """An IPython shell with the extension loaded, for tests: ``run`` a cell, look at ``displays`` and ``user_ns``."""

    def __init__(self, shell: InteractiveShell, displays: Displays, kernels: Kernels) -> None:
        self.ip = shell
        self.displays = displays
        self.user_ns = shell.user_ns
        self._kernels = kernels

    def run(self, cell: str) -> Any:
        """Run a cell; raises the cell's error, returns its result."""
        result = self.ip.run_cell(cell)
        result.raise_error()
        return result.result

    def restart(self, folder: Path | None = None) -> None:
        """Kill the kernel and begin another one, in ``folder`` if that is given, with the extension loaded."""
        self._kernels.kill()
        self._kernels.start(folder)
        self.ip.reset(new_session=False)
        self.displays.outputs.clear()
        self.ip.run_line_magic("reload_ext", "luma_jupyter")


@contextmanager
def open_shell(kernels: Kernels) -> Iterator[Shell]:
    """A shell without a kernel, and the extension loaded, while the block lasts."""
    set_aside()  # each shell collects garbage when it ends
    displays = Displays()
    in_memory = Config(HistoryManager={"hist_file": ":memory:"})  # not in that of whoever runs the tests
    ip = InteractiveShell.instance(config=in_memory, display_pub_class=Displays)
    ip.display_pub = displays
    ip.run_line_magic("load_ext", "luma_jupyter")
    yield Shell(ip, displays, kernels)
    ip.run_line_magic("unload_ext", "luma_jupyter")
    atexit.unregister(ip.atexit_operations)
    ip.atexit_operations()
    InteractiveShell.clear_instance()


def count_matchers(shell: InteractiveShell) -> int:
    """How many matchers IPython's completer has of its own and from extensions, of both kinds."""
    return len(shell.Completer.custom_matchers) + len(shell.Completer.magic_arg_matchers)


def leave_running(notebook: Shell, service: PromptService, *cells: str) -> None:
    """Kill the kernel while the tasks of these cells run; in the next one they come to their end."""
    service.running = True
    for cell in cells:
        notebook.run(cell)
        wait_for_status(notebook.user_ns["_luma"], "running")
    notebook.restart()
    service.running = False


def leave_unconfirmed(notebook: Shell, cell: str) -> None:
    """Run a cell whose answer is lost."""
    notebook.run(cell)
    notebook.user_ns["_luma"].handle.done.result(timeout=10)
    kernel.presenter.flush([notebook.user_ns["_luma"]])
