"""Processes of their own that begin at once: forked from one without threads that has imported what they need."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from traceback import format_exc
from typing import Any

FORKS = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
if os.name != "nt":
    FORKS.set_forkserver_preload(
        [
            *("luma_jupyter.engine.engine", "luma_jupyter.providers.http.requests", "luma_jupyter.providers.acedata"),
            *("luma_jupyter.providers.runapi", "anyio._backends._asyncio", "httpcore", "psutil"),
            *("luma_jupyter.api.create", "luma_jupyter.api.views", "luma_jupyter.magics.magics"),
            *("luma_jupyter.widgets.card", "luma_jupyter.clip.session", "PIL.ImageOps", "IPython.core.completerlib"),
            *("tests.chaos.student", "tests.compatibility.another_process", "tests.engine.store.journals"),
        ]
    )
PATIENCE = 120.0  # seconds


def start(function: Callable[..., object], *arguments: object) -> BaseProcess:
    """Start a process that calls a function of a module."""
    # IPython, and a worker of pytest-xdist, leave a main module without the name that multiprocessing asks for.
    sys.modules["__main__"].__dict__.setdefault("__spec__", None)
    process = FORKS.Process(target=function, args=arguments)  # type: ignore[attr-defined]
    process.start()
    return process  # type: ignore[no-any-return]


class Call:
    """A function that runs in a process of its own, in a folder and with an environment; usually those of here."""

    def __init__(
        self,
        function: Callable[..., Any],
        *arguments: object,
        folder: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._pipe, there = FORKS.Pipe()
        self._process = start(_answer, there, function, arguments, folder or Path.cwd(), dict(environ))
        there.close()

    def result(self) -> Any:
        """What it returned. Raises AssertionError with its traceback where it raised, EOFError where it was killed."""
        assert self._pipe.poll(PATIENCE), "it does not end"
        returned, error = self._pipe.recv()
        assert not error, error
        return returned

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()


def call(function: Callable[..., Any], *arguments: object, **where: Any) -> Any:
    """What a function returns in a process of its own."""
    one = Call(function, *arguments, **where)
    try:
        return one.result()
    finally:
        one.close()


def _answer(
    pipe: Connection, function: Callable[..., Any], arguments: tuple[object, ...], folder: Path, environ: dict[str, str]
) -> None:
    try:
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(folder)
        pipe.send((function(*arguments), ""))
    except Exception:
        pipe.send((None, format_exc()))
