"""Fixtures for the engine: a world with a fake service in it, on a loop where time costs nothing; Python elsewhere."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fake_service import FakeService
from loops import HurriedLoop, LoopBridge, end
from world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World

from luma_jupyter import settings
from luma_jupyter.engine.bridge import Bridge
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.services import Services
from luma_jupyter.wire.http import Http


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function on a virtual loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    run_virtually = pyfuncitem._request.getfixturevalue("run_virtually")
    names = inspect.signature(pyfuncitem.obj).parameters
    run_virtually(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def keys() -> None:
    """Both services have a key."""
    settings.configure(acedata_token=ACEDATA_KEY, runapi_key=RUNAPI_KEY)


@pytest.fixture
def service() -> FakeService:
    return FakeService(EPOCH)


@pytest.fixture
def services(service: FakeService) -> Services:
    """Clients that reach the fake service and nothing else."""
    return Services(lambda: Http(transport=httpx.MockTransport(service), random=lambda: 1.0))


@pytest.fixture
def jitter() -> float:
    """What takes the place of chance, from 0 to 1, where the engine lengthens its pauses."""
    return 0.0


@pytest.fixture
def world(keys: None, service: FakeService, services: Services, jitter: float) -> World:
    return World(
        Engine(LoopBridge(), services, lambda: EPOCH + asyncio.get_running_loop().time(), lambda: jitter), service
    )


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """The folder into which videos are saved."""
    return tmp_path / "luma_videos"


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    """A bridge with a thread of its own, whose seconds take a few milliseconds."""
    bridge = Bridge(HurriedLoop)
    yield bridge
    end(bridge)


# What runs elsewhere counts for the coverage of this run, if there is one; the suffix keeps its data apart.
_MEASURE = """
import atexit, coverage
measured = coverage.Coverage(data_file={!r}, source={!r}, data_suffix=True, branch=True, config_file=False)
measured.start()
atexit.register(measured.save)
atexit.register(measured.stop)
"""


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script in a Python of its own: what patches asyncio, forks or ends the interpreter must not do it here."""

    def run(script: str, *flags: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        running = coverage.Coverage.current() if (coverage := sys.modules.get("coverage")) else None
        prelude = (
            _MEASURE.format(running.get_data().base_filename(), running.config.source) if running and not flags else ""
        )
        return subprocess.run(
            [sys.executable, *flags, "-c", prelude + textwrap.dedent(script)],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
