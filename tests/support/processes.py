"""Servers in processes of their own."""

from __future__ import annotations

import random
import socket
import subprocess
from contextlib import suppress

import psutil


def free_port() -> int:
    """A port that nobody listens on, below those that systems give out themselves: so it is free until it is used."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def end(server: subprocess.Popen[bytes]) -> None:
    """End a server, with its own good-bye where that does not take too long; what it started goes with it."""
    started = []
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(server.pid).children(recursive=True)
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)
    for process in started:
        with suppress(psutil.NoSuchProcess):
            process.kill()
