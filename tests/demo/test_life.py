"""The service from start to end: how long tasks take, and what is left of it when it closes, exits or forks."""

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from luma_jupyter.demo.server import DemoService, start

pytestmark = pytest.mark.slow

VIDEOS = "/luma/videos"
Ended = Callable[[str], dict[str, Any]]


def test_seconds_can_be_set_and_repr_hides_the_key(service: DemoService) -> None:
    """The seconds that a task takes can be set and read; the key is not shown."""
    service.seconds = 2.5
    assert service.seconds == 2.5
    service.seconds = 0
    assert service.token not in repr(service)
    assert service.url in repr(service)
    assert len(service.token) > 20


def test_task_takes_about_the_seconds_that_were_set(api: httpx.Client, ended_task: Ended, service: DemoService) -> None:
    """A task takes 0.8 to 1.2 times the seconds that were set, the same for the same request."""
    service.seconds = 0.5
    ids = [api.post(VIDEOS, json={"prompt": "Paced [fail]", "async": True}).json()["task_id"] for _ in range(2)]
    service.seconds = 0
    first, second = (task["finished_at"] - task["created_at"] for task in (ended_task(id_) for id_ in ids))
    assert 0.39 < first < 1.5
    assert first == pytest.approx(second, abs=0.25)


def test_films_are_5_seconds_by_default(tmp_path: Path) -> None:
    """Unless told otherwise, films are 5 s long."""
    service = start(seconds=0, token="known")
    headers = {"Authorization": "Bearer known"}
    url = httpx.post(service.url + VIDEOS, json={"prompt": "A boat"}, headers=headers, timeout=30).json()["video_url"]
    with av.open(url) as container:
        assert container.streams.video[0].frames == 120
    service.close()


def test_close_ends_threads_socket_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing, twice too, ends the threads, the socket and the files at once, whatever is running or waiting."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    threads = set(threading.enumerate())
    arrived = threading.Event()
    service = start(seconds=100, token="known", hook=lambda request: arrived.set() if b"Held" in request.body else None)
    with httpx.Client(base_url=service.url, headers={"Authorization": "Bearer known"}) as client:
        for _ in range(3):
            client.post(VIDEOS, json={"prompt": "Never finished", "callback_url": "http://127.0.0.1:1/"})
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(client.post, VIDEOS, json={"prompt": "Held"})
            assert arrived.wait(20)
            assert list(tmp_path.iterdir())
            started = time.monotonic()
            service.close()
            service.close()
            assert time.monotonic() - started < 2.5
            assert isinstance(held.exception(), httpx.TransportError)
        with pytest.raises(httpx.ConnectError):
            client.get("/")
    assert "closed" in repr(service)
    assert set(threading.enumerate()) == threads
    assert list(tmp_path.iterdir()) == []


def run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script with warnings as errors and its temporary files in a folder."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    # From Python 3.12 on, forking a process with threads is deprecated.
    options = ["-X", "dev", "-W", "error", "-W", "ignore::DeprecationWarning"]
    command = [sys.executable, *options, "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def ends_cleanly(script: str, folder: Path) -> None:
    """Run a script that prints the time as its last deed: it must end soon after, silently, and leave no files."""
    done = run(script, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.time() - float(done.stdout) < 2.5
    assert list(folder.iterdir()) == []


PREPARE = """
    import glob, json, os, sys, time, urllib.request
    from luma_jupyter.demo.server import start

    service = start(seconds=0, film_seconds=1.0)

    def post(path, **body):
        headers = {"Authorization": "Bearer " + service.token}
        request = urllib.request.Request(service.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
"""

EXIT = """
    for number in range(5):
        post("/luma/videos", prompt=f"Film {number}", **{"async": True})
    while not glob.glob(os.environ["TMPDIR"] + "/*/*.mp4"):
        time.sleep(0.01)
    print(time.time())
"""

FORK = """
    url = post("/luma/videos", prompt="A film")["video_url"]
    post("/luma/videos", prompt="Another film", **{"async": True})
    for close in (True, False):
        child = os.fork()
        if child == 0:
            if close:
                service.close()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        with urllib.request.urlopen(url) as answer:
            assert answer.status == 200
    print(time.time())
"""

IMPORT = """
    import sys
    from luma_jupyter.demo.server import start

    assert not {"av", "numpy", "PIL", "tornado", "asyncio"} & set(sys.modules)
    sys.modules["av"] = None
    try:
        start()
    except ImportError:
        print("missing")
"""


def test_interpreter_exits_at_once(tmp_path: Path) -> None:
    """An interpreter ends at once and silently, with films being rendered and others waiting; no files stay."""
    ends_cleanly(PREPARE + EXIT, tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_forked_child_takes_nothing_from_its_parent(tmp_path: Path) -> None:
    """A forked child that closes the service, or just exits, takes nothing from its parent, which ends as always."""
    ends_cleanly(PREPARE + FORK, tmp_path)


def test_import_is_cheap_and_missing_library_is_import_error(tmp_path: Path) -> None:
    """Importing the server module is cheap; a missing library is an ImportError from `start`, and leaves no files."""
    done = run(IMPORT, tmp_path)
    assert (done.stdout, done.stderr) == ("missing\n", "")
    assert list(tmp_path.iterdir()) == []
