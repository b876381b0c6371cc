"""Fixtures for all tests: settings of its own, a folder of its own, time that costs nothing."""

from __future__ import annotations

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter import settings


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, proxy, host or setting of the machine reaches a test, and none of a test reaches the next."""
    for name in os.environ:
        host = name.startswith(("VSCODE_", "COLAB_")) or name in ("JPY_SESSION_NAME", "FORCE_HYPERLINK")
        ours = name.startswith(("LUMA_JUPYTER_", "ACEDATACLOUD_", "RUNAPI_"))
        if host or ours or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUMA_JUPYTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "_overrides", {})
    monkeypatch.setattr(settings, "_folder_at_load", None)


class _SkippingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # chosen by the platform
    """Skips over the time that a loop would sleep, by adding it to the loop's own clock."""

    skipped = 0.0
    other_threads = False

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None and self.other_threads:
            return super().select(None)
        if not ready and timeout is None:
            raise RuntimeError("the loop would wait for ever: a test forgot to make something happen")
        if not ready:
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which sleeping takes no time: when nothing is ready, its clock jumps to the next timer.

    With ``other_threads``, an idle loop without timers waits for work from other threads.
    """

    def __init__(self, other_threads: bool = False) -> None:
        self._skipping = _SkippingSelector()
        self._skipping.other_threads = other_threads
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped


@pytest.fixture
def run_virtually() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a `VirtualLoop`: real code, real order of events, no real waiting."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(coroutine)

    return run
