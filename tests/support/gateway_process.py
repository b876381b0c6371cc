"""A gateway of processes: ``luma-gateway serve``, as a teacher starts it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import psutil

from luma_jupyter.gateway import logs
from luma_jupyter.gateway.command import main
from tests.support.waiting import until

COMMAND = (sys.executable, "-m", "luma_jupyter.gateway")
READY_SECONDS = 60.0


class GatewayProcess:
    """A supervisor with its replicas and workers, told all by the TOML file ``config``; ``log`` has what they say."""

    def __init__(self, config: Path, log: Path) -> None:
        self.config, self.log = config, log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*COMMAND, "--config", str(config), "serve"], stderr=file, stdout=file, env=_environ()
            )
        until(lambda: "listens on" in log.read_text() or self.process.poll() is not None, READY_SECONDS)
        assert self.process.poll() is None, log.read_text()

    def children(self, kind: str = "") -> list[psutil.Process]:
        """Its processes, or those of a kind: ``replica``, ``worker``."""
        return [child for child in psutil.Process(self.process.pid).children() if kind in _words(child)]

    def command(self, *words: str) -> str:
        """What another command of ``luma-gateway`` says, whether or not it likes what it finds."""
        said = StringIO()
        with (
            loggers_as_before(),
            patch.dict(os.environ, _environ(), clear=True),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            main(["--config", str(self.config), *words])
        return said.getvalue()

    def end(self) -> int:
        """End it by SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(READY_SECONDS)

    def close(self) -> None:
        """Kill what is left."""
        if self.process.poll() is None:
            children = self.children()
            self.process.kill()
            self.process.wait(10)
            for child in children:
                child.kill()
            psutil.wait_procs(children, 10)


@contextmanager
def loggers_as_before() -> Iterator[None]:
    """What is set for the gateway's processes is not for this one."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers, level = before
    root.setLevel(level)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _environ() -> dict[str, str]:
    """The environment without anything that is meant for a kernel, or a gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
