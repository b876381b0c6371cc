"""Fixtures for all tests: settings of its own, a folder of its own, time that costs nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.engine.store.journal import Journal
from tests.support.garbage import set_aside
from tests.support.loops import VirtualLoop
from tests.support.misbehaving import Server

pytest_plugins = ["tests.support.notebook_fixtures", "tests.support.unmarked"]


# Where files need not wait for a disk with each commit, if there is room for those of a whole run.
MEMORY, ROOM = Path("/dev/shm"), 8e9  # bytes
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("TMPDIR", str(MEMORY))  # of tests, and of the processes that they start
    tempfile.tempdir = None  # some plugin may have asked for it before
os.environ["LUMA_JUPYTER_LANG"] = "en"  # whatever the language of the machine
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # whatever keys the machine keeps
# Here and in all processes that the tests start: what is left out, and how Jupyter starts kernels.
SUPPORT = str(Path(__file__).parent / "support" / "path")
if SUPPORT not in sys.path:  # a worker of xdist has it already
    sys.path.insert(0, SUPPORT)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SUPPORT, os.environ.get("PYTHONPATH")]))
if os.name != "nt":
    os.environ["JUPYTER_DEFAULT_PROVISIONER_NAME"] = "forked"
# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
PROJECT = str(Path(__file__).parents[1])  # so that it finds `tests`
NOWHERE = "http://127.0.0.1:9"  # nothing listens on the discard port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with browsers, which take longest."""
    items.sort(key=lambda item: item.path.parent.name != "browser")


@pytest.fixture(autouse=True, scope="module")
def small_garbage() -> None:
    """Keep what is there before a module out of its garbage collections."""
    set_aside()


@pytest.fixture(autouse=True)
def close_journals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: some of it lies on file systems that tests invent."""
    made: list[Journal] = []
    begin = Journal.__init__

    def note(self: Journal, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Journal, "__init__", note)
    yield
    for journal in made:
        journal.close()


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, close_journals: None) -> Iterator[None]:
    """No key, proxy, host or setting of the machine reaches a test, and none of a test reaches the next."""
    for name in os.environ:
        host = name.startswith(("VSCODE_", "COLAB_", "JUPYTERHUB_")) or name in ("JPY_SESSION_NAME", "FORCE_HYPERLINK")
        ours = name.startswith(("LUMA_JUPYTER_", "ACEDATACLOUD_", "RUNAPI_"))
        if host or ours or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUMA_JUPYTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LUMA_JUPYTER_LANG", "en")
    monkeypatch.setenv("ACEDATACLOUD_PLATFORM_BASE_URL", NOWHERE)  # prices are asked for without any key
    monkeypatch.setattr(kernel, "key_stores", tuple)
    kernel.restart()
    yield
    kernel.restart()


@pytest.fixture
def run_virtually() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a `VirtualLoop`: real code, real order of events, no real waiting."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture
def server() -> Iterator[Server]:
    """Both services on a real socket; tasks are done at once."""
    with Server() as running:
        yield running


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script in a Python of its own: what patches asyncio, forks or ends the interpreter must not do it here."""

    def run(script: str, *flags: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([PROJECT, os.environ.get("PYTHONPATH", "")])}
        return subprocess.run(
            [sys.executable, *flags, "-c", textwrap.dedent(script)],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
