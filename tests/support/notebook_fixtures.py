"""The fixtures of the notebook's tests, brought to each of their folders by `pytest_plugins` of tests/conftest.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from luma_jupyter.engine.engine import Engine
from luma_jupyter.providers.http.client import HttpClient
from tests.support import settings
from tests.support.notebook import KEYS, Kernels, PromptService, Shell, open_shell


@pytest.fixture
def service() -> PromptService:
    """Both services, played."""
    return PromptService()


@pytest.fixture
def kernels(service: PromptService) -> Iterator[Kernels]:
    """Kernels that talk to the played services with both keys set; in the end all tasks of the last one have ended."""
    settings.configure(**KEYS)
    kernels = Kernels(lambda: HttpClient(transport=httpx.MockTransport(service)))
    yield kernels
    service.gate.set()
    service.running = False
    for handle in list(kernels.engine.handles.values()):
        handle.done.result(timeout=10)
    kernels.kill()


@pytest.fixture
def engine(kernels: Kernels) -> Engine:
    """The first kernel's engine."""
    return kernels.engine


@pytest.fixture
def terminal(kernels: Kernels) -> Iterator[Shell]:
    """A shell without a kernel: a terminal."""
    with open_shell(kernels) as shell:
        yield shell


@pytest.fixture
def notebook(terminal: Shell) -> Shell:
    """A shell that looks like a kernel's: cards are displayed, cells return at once."""
    terminal.ip.kernel = object()
    return terminal


@pytest.fixture(scope="session")
def film_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of a second that is red and then blue."""
    import av
    import numpy as np

    path = tmp_path_factory.mktemp("films") / "film.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for number in range(10):
            colour = (200, 0, 0) if number < 5 else (0, 0, 200)
            frame = np.full((32, 64, 3), colour, np.uint8)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        video.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture
def filmed(service: PromptService, film_bytes: bytes) -> PromptService:
    """The service's videos are that film."""
    service.media = lambda: httpx.Response(200, content=film_bytes)
    return service


@pytest.fixture
def saved_video(tmp_path: Path) -> Path:
    """A saved video of a hundred bytes."""
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(range(100)))
    return path
