"""Servers in processes of their own."""

from __future__ import annotations

import socket
import subprocess


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end(server: subprocess.Popen[bytes]) -> None:
    """End a server, with its own good-bye where that does not take too long."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)
