"""Kernels that begin at once: forked from a process without threads that has imported what they need.

Found by Jupyter as a kernel provisioner where this folder is on ``PYTHONPATH``, and used where
``JUPYTER_DEFAULT_PROVISIONER_NAME`` is ``forked``: https://jupyter-client.readthedocs.io/en/stable/provisioning.html
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import forkserver
from types import ModuleType
from typing import Any
from unittest.mock import patch

from jupyter_client.provisioning import LocalProvisioner

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # what has threads must not be forked
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("ipykernel.kernelapp", "ipykernel.ipkernel", "IPython.core.completerlib", "IPython.core.magics.extension"),
        *("luma_jupyter.magics.magics", "luma_jupyter.magics.extension", "luma_jupyter.clip.session"),
        *("luma_jupyter.api.create", "luma_jupyter.api.views", "luma_jupyter.api.assembly"),
        *("luma_jupyter.engine.engine", "luma_jupyter.providers.acedata", "luma_jupyter.providers.runapi"),
        *("luma_jupyter.demo.app", "luma_jupyter.demo.bodies", "luma_jupyter.demo.film"),
        *("luma_jupyter.video.fonts", "luma_jupyter.widgets.card", "PIL.ImageOps", "PIL.JpegImagePlugin"),
        *("PIL.PngImagePlugin", "anyio._backends._asyncio", "email.policy", "h11", "httpcore"),
        *("keyring.backends.null", "nest_asyncio2", "numpy.random", "tornado.web"),
    ]
)


class Forked:
    """A kernel's process, with the parts of `subprocess.Popen` that Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], environ: Mapping[str, str], folder: str) -> None:
        with patch.dict(sys.modules, __main__=ModuleType("__main__")):  # a kernel has none of the server's
            self._process = FORKS.Process(target=run_kernel, args=(arguments, dict(environ), folder))
            self._process.start()
        self.pid: int = self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it may have ended
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


class ForkedKernel(LocalProvisioner):
    """Starts IPython's kernels of this Python by a fork, all others as ever."""

    _sockets: str | None = None  # their folder

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        """Let it listen at files of its own: a port that Jupyter finds free may be taken a moment later."""
        if self._sockets is None:
            self._sockets = tempfile.mkdtemp(prefix="kernel-")
            self.parent.transport, self.parent.ip = "ipc", os.path.join(self._sockets, "socket")
        return await super().pre_launch(**options)

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart=restart)
        if self._sockets is not None and not restart:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict[str, Any]:
        module = "ipykernel_launcher"
        if cmd[0] != sys.executable or module not in cmd:
            return await super().launch_kernel(cmd, **options)
        self.process = Forked(cmd[cmd.index(module) + 1 :], options["env"], options.get("cwd") or os.curdir)
        self.pid = self.pgid = self.process.pid
        return self.connection_info


def run_kernel(arguments: list[str], environ: dict[str, str], folder: str) -> None:
    """What ``python -m ipykernel_launcher`` does."""
    os.setsid()
    server = forkserver._forkserver  # type: ignore[attr-defined]
    os.close(server._forkserver_alive_fd)  # while a fork has it open, the process it comes from does not end
    server._forkserver_alive_fd = None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["ipykernel_launcher", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]  # it ends with that
    from ipykernel import kernelapp

    try:
        kernelapp.launch_new_instance()
    finally:  # a fork of multiprocessing leaves these out
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
