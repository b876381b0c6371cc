"""Start and close the demo service: a socket on loopback, daemon threads, and a temporary folder.

Importing this is cheap; `start` is what needs tornado, PyAV, NumPy and Pillow. The service goes with its process: it
closes itself at exit, and a forked child neither serves nor deletes anything.
"""

import atexit
import os
import secrets
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from luma_jupyter.demo.faults import LOST, Hook, InjectedReply, RequestInfo
from luma_jupyter.demo.keys import Keys
from luma_jupyter.interrupts import deferred_interrupt

if TYPE_CHECKING:
    from luma_jupyter.demo.app import App

__all__ = ["LOST", "DemoService", "Hook", "InjectedReply", "RequestInfo", "start"]

JOIN_SECONDS = 3.0


def start(
    seconds: float = 6.0, token: str | None = None, hook: Hook | None = None, film_seconds: float = 5.0
) -> "DemoService":
    """Start a service on a free port of 127.0.0.1; it accepts connections when this returns.

    `seconds` is about how long a task takes, `film_seconds` how long its film is. For tests, `token` is the key to
    accept instead of a random one, and `hook` sees each request first and may answer it. The platform token is always
    random. Raises ImportError where a library is missing.
    """
    from luma_jupyter.demo.app import App  # optional: it needs PyAV, numpy, Pillow and tornado

    folder = Path(tempfile.mkdtemp(prefix="luma_jupyter_demo_"))
    keys = Keys(token or secrets.token_urlsafe(24), f"platform-{secrets.token_urlsafe(24)}")
    return DemoService(App(keys, seconds, folder, hook, film_seconds), keys, folder)


class DemoService:
    """A running demo service.

    `url` is the base URL of both APIs, `token` their key. `platform_token` is the one of AceDataCloud's platform, which
    is at the same address here; neither is good for what the other is for.
    """

    def __init__(self, app: "App", keys: Keys, folder: Path) -> None:
        self.url, self.token, self.platform_token = app.url, keys.token, keys.platform_token
        self._app, self._folder = app, folder
        self._process_id = os.getpid()
        self._closed = False
        self._threads = [
            threading.Thread(target=body, name=f"luma-demo-{name}", daemon=True) for name, body in app.threads
        ]
        with deferred_interrupt():  # a thread that is interrupted while it starts may never run
            for thread in self._threads:
                thread.start()
        atexit.register(self.close)

    @property
    def seconds(self) -> float:
        """About how long a task takes, in seconds; a change holds for the next task."""
        return self._app.jobs.seconds

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self._app.jobs.seconds = seconds

    def close(self) -> None:
        """Stop serving and rendering, and delete the films; a second call, or one in a forked child, does nothing."""
        if self._closed or os.getpid() != self._process_id:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._app.stop()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<DemoService {self.url}{' (closed)' if self._closed else ''}>"
