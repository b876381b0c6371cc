"""Fixtures for the engine: a world with a fake service in it, on a loop where time costs nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.providers.http.client import HttpClient
from tests.engine.kernels import Kernels
from tests.support import settings
from tests.support.fake_service import FakeService
from tests.support.loops import HurriedLoop, RunningLoop
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, Clock, World


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
    settings.configure(acedata_token=ACEDATA_KEY, acedata_platform_token="platform-token", runapi_key=RUNAPI_KEY)


@pytest.fixture
def service() -> FakeService:
    return FakeService(EPOCH)


@pytest.fixture
def providers(service: FakeService) -> Iterator[ProviderPool]:
    """Clients that reach the fake service and nothing else; a demo service that was started is closed."""
    pool = ProviderPool(
        settings.current, lambda: HttpClient(transport=httpx.MockTransport(service), random=lambda: 1.0)
    )
    yield pool
    pool.close()


@pytest.fixture
def jitter() -> float:
    """What takes the place of chance, from 0 to 1, where the engine lengthens its pauses."""
    return 0.0


@pytest.fixture
def world(keys: None, service: FakeService, providers: ProviderPool, jitter: float) -> World:
    clock = Clock()
    engine = Engine(settings.current, RunningLoop(), providers, clock, lambda: jitter)
    return World(engine, service, clock)


@pytest.fixture
def kernels(keys: None, service: FakeService, providers: ProviderPool) -> Kernels:
    """Kernels that share a home folder."""
    return Kernels(service, providers)


@pytest.fixture
def no_keys() -> Callable[[], None]:
    """Take both keys away, when called."""

    def take_away() -> None:
        settings.configure(acedata_token=None, runapi_key=None)

    return take_away


@pytest.fixture
def demo(providers: ProviderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo service of this kernel, played by the fake one."""
    played = SimpleNamespace(url="http://127.0.0.1:5000", token="t", platform_token="p", seconds=1.0)
    played.close = lambda: None
    monkeypatch.setattr(providers, "_demo", played)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """The folder into which videos are saved."""
    return tmp_path / "luma_videos"


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    """A loop with a thread of its own, whose seconds take a few milliseconds."""
    loop_thread = LoopThread(HurriedLoop)
    yield loop_thread
    loop_thread.close()
