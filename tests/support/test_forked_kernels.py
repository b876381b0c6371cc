"""The kernels of tests: each comes to life, whatever else listens on the machine."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_client.provisioning.local_provisioner import LocalPortCache

from tests.engine.store.journals import POSIX
from tests.support.jupyter_kernel import Kernel


@POSIX
def test_port_taken_meanwhile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel lives where another program has taken the ports that Jupyter found free, and leaves no file behind."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(LocalPortCache, "find_available_port", lambda *_: other.getsockname()[1])
        manager, client = start_new_kernel(cwd=str(tmp_path), startup_timeout=20)
        try:
            assert Kernel(manager, client).run("6 * 7") == "42"
            manager.restart_kernel(now=True)
            client.wait_for_ready(timeout=20)
            assert Kernel(manager, client).run("6 * 7") == "42"
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    assert list(folder.glob("kernel-*")) == []
