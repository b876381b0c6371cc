"""The processes of a class: started in their order, watched, and ended to the last one."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psutil

from tests.classroom.hub import NAME, STUDENTS, TEACHER, HubPlan
from tests.classroom.vendors import CAP, priced_demo
from tests.support.hub_proxy import PATHS, PROXY, hub_proxy
from tests.support.processes import free_port

STARTED = 120.0  # seconds in which everything has to answer
ENDED = 30.0  # seconds in which a process has to end
PASSWORD_BYTES = 6


class NotStarted(Exception):
    """Something of the class does not work; the message says what, and how its log ends."""


class Room:
    """A class that runs; ``folder`` has its logs (``hub.log``, ``gateway.log``) and the students' homes."""

    def __init__(self, folder: Path, plan: HubPlan) -> None:
        self.folder = folder
        self.plan = plan
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def teachers_page(self) -> str:
        """The address of the teacher's page."""
        return f"{self.plan.url}/services/{NAME}/"

    def start(self, name: str, words: list[str], environ: dict[str, str]) -> None:
        """Start a program of the class. Ctrl-C in a terminal is not for it: it is ended in its turn."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                words,
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def check(self) -> None:
        """See that all go on. Raises NotStarted."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise NotStarted(f"The {name} has ended:\n{log[-2000:]}")

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until something of the class answers. Raises NotStarted."""
        deadline = time.monotonic() + STARTED
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise NotStarted(f"The {what} does not answer.")
            time.sleep(0.1)

    def end(self) -> None:
        """End everything, the Hub first, which ends what it has started; and kill what is left in the folder."""
        for process in reversed(self.processes.values()):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDED)
        for left in psutil.process_iter():
            with suppress(psutil.Error):
                if left.pid != os.getpid() and Path(left.cwd()).is_relative_to(self.folder):
                    left.kill()


@contextmanager
def running_class(port: int = 0, *, seconds: float = 6.0, film_seconds: float = 5.0) -> Iterator[Room]:
    """A class at a port of 127.0.0.1 (0: a free one), while the block lasts; clips take so many ``seconds``.

    Raises NotStarted.
    """
    proxy = hub_proxy()
    if proxy is None:
        raise NotStarted(f"There is no {PROXY}: `make class` installs it.")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="luma-class-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)  # PostgreSQL does not run as root: as another user it has to get there
        demo = stack.enter_context(closing(priced_demo(seconds, film_seconds)))
        hub_port, proxy_port, gateway_port = (free_port() for _ in range(3))
        plan = HubPlan(
            url=f"http://127.0.0.1:{_free(port) if port else free_port()}",
            hub_url=f"http://127.0.0.1:{hub_port}",
            proxy_url=f"http://127.0.0.1:{proxy_port}",
            gateway_url=f"http://127.0.0.1:{gateway_port}",
            passwords={name: secrets.token_urlsafe(PASSWORD_BYTES) for name in (TEACHER, *STUDENTS)},
        )
        api_token = plan.write(folder, proxy)
        room = Room(folder, plan)
        stack.callback(room.end)
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))
        }
        clean["PATH"] = PATHS
        settings = {
            "listen": f"127.0.0.1:{gateway_port}",
            "url": f"{plan.url}/services/{NAME}",
            "hub_api_url": f"{plan.hub_url}/hub/api",
            "hub_api_token": api_token,
            "acedata_token": demo.token,
            "acedata_platform_token": demo.platform_token,
            "runapi_key": demo.token,
            **dict.fromkeys(("acedata_base_url", "acedata_platform_url", "runapi_base_url"), demo.url),
        }
        environ = {**clean, **{f"LUMA_GATEWAY_{name.upper()}": value for name, value in settings.items()}}
        gateway = [sys.executable, "-m", "luma_jupyter.gateway", "--folder", str(folder / "gateway")]
        room.start("gateway", [*gateway, "up"], environ)
        room.start("hub", [sys.executable, "-m", "jupyterhub", "--Application.log_level=WARN"], clean)
        room.wait_for("gateway", lambda: _answers(f"{plan.gateway_url}/services/{NAME}/health"))
        subprocess.run([*gateway, "cap", "student", "--in-all", str(CAP)], env=environ, check=True, capture_output=True)
        room.wait_for("Hub", lambda: _answers(f"{plan.url}/services/{NAME}/health"))
        yield room


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def _free(port: int) -> int:
    """A port. Raises NotStarted where somebody listens there."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise NotStarted(f"Port {port} is taken: make class CLASS='--port 0' takes a free one.") from None
    return port


def interrupt_once() -> None:
    """Have the first of these signals end a class as Ctrl-C does, also where it was started in the background."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # a second one would leave some of it
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
