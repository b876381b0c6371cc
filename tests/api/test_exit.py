"""Each way in which a program can end in order: what was sent has its answer, what was not is said, all in words."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from luma_jupyter.engine.store.probe import FILE_NAME
from tests.support.demo import SHORTEST_FILMS
from tests.support.jupyter_kernel import Kernel
from tests.support.misbehaving import Late, Server

pytestmark = pytest.mark.slow

ASK = "import luma_jupyter as luma; boat = luma.generate('A boat')"
SENT = "import time\nwhile boat.status in ('queued', 'submitting') and not boat.task.sent_at: time.sleep(0.005)"


@pytest.fixture
def server() -> Iterator[Server]:
    """A service whose tasks go on for ever, and which takes a moment to say their ids."""
    with Server(seconds=10_000.0) as server:
        yield server


@pytest.fixture
def environ(server: Server, tmp_path: Path) -> dict[str, str]:
    """The environment of a program that uses that service."""
    return {
        **os.environ,
        "ACEDATACLOUD_API_TOKEN": "a-key-of-the-service",
        "ACEDATACLOUD_API_BASE_URL": server.url,
        "LUMA_JUPYTER_HOME": str(tmp_path / "home"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONWARNINGS": "error:::luma_jupyter",
    }


def python(*arguments: str) -> Callable[[str, dict[str, str], Path], tuple[int, str]]:
    """Run a program in a Python of its own; its exit code, and what it wrote to stderr."""

    def run(program: str, environ: dict[str, str], folder: Path) -> tuple[int, str]:
        command = [sys.executable, *arguments, "-c", program]
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    return run


def kernel(end: Callable[[KernelManager], object]) -> Callable[[str, dict[str, str], Path], tuple[int, str]]:
    """Run a cell in a Jupyter kernel that is ended so."""

    def run(program: str, environ: dict[str, str], folder: Path) -> tuple[int, str]:
        manager = KernelManager(kernel_name="python3")
        # No fork, as those of other tests: Python ends as it does for users.
        manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": "local-provisioner"}
        manager.start_kernel(cwd=str(folder), env=environ)
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        Kernel(manager, client).run(program)
        client.stop_channels()
        end(manager)
        if manager.is_alive():
            manager.shutdown_kernel(now=True)
        return 0, ""

    return run


Run = Callable[[str, dict[str, str], Path], tuple[int, str]]
WAYS: dict[str, tuple[Run, str, int]] = {
    "script": (python(), "", 0),
    "sys.exit": (python(), "import sys; sys.exit(3)", 3),
    "an exception": (python(), "1 / 0", 1),
    "asyncio.run": (python(), "import asyncio; asyncio.run(asyncio.sleep(0))", 0),
    "python -O": (python("-O"), "", 0),
    "a variable that went bad": (python(), "import os; os.environ['LUMA_JUPYTER_BUDGET'] = '5$'", 0),
    "IPython": (python("-m", "IPython", "--no-banner", "--quick"), "", 0),
    "kernel shutdown": (kernel(lambda manager: manager.shutdown_kernel()), "", 0),
    "kernel restart": (kernel(lambda manager: manager.restart_kernel()), "", 0),
}


def journal(folder: Path) -> list[dict[str, Any]]:
    """The tasks in the journal, as they are on disk, oldest first."""
    with closing(sqlite3.connect(folder / "home" / FILE_NAME)) as connection:
        return [json.loads(text) for (text,) in connection.execute("SELECT task FROM tasks ORDER BY created_at")]


@pytest.mark.parametrize("way", WAYS)
def test_a_submission_under_way_gets_its_answer(
    way: str, server: Server, environ: dict[str, str], tmp_path: Path
) -> None:
    """However the program ends, the task that was paid for is known by its id, and followed further by the next."""
    run, last_words, code = WAYS[way]
    server.script("submit", Late(0.3))
    exit_code, stderr = run(f"{ASK}\n{SENT}\n{last_words}", environ, tmp_path)
    assert exit_code == code
    (task,) = journal(tmp_path)
    assert len(server.tasks) == 1
    assert (task["status"], task["task_id"]) == ("detached", server.tasks[0].id)
    if "kernel" not in way:
        assert "luma_jupyter: 1 clip goes on at the service;" in stderr


# Whatever a script did, and whether or not it waited for it.
SCRIPTS = {
    "nothing made": "",
    "history": "list(luma.clips())",
    "a demo clip": f"{SHORTEST_FILMS}luma.configure(demo_seconds=0); luma.generate('A boat').wait()",
    "a demo clip under way": f"luma.configure(demo_seconds=60); boat = luma.generate('A boat')\n{SENT}",
    "two homes": "list(luma.clips()); luma.configure(home='elsewhere'); list(luma.clips())",
    "a question alone": "from luma_jupyter.api.kernel import kernel; kernel.session.engine.services.check(['acedata'])",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_nothing_is_left_to_the_collector_at_exit(
    script: str, server: Server, environ: dict[str, str], tmp_path: Path
) -> None:
    """A Python to which each warning is an error has no word to say at the end of a program."""
    del environ["ACEDATACLOUD_API_TOKEN"], environ["PYTHONWARNINGS"]
    exit_code, stderr = python("-W", "error")(f"import luma_jupyter as luma\n{SCRIPTS[script]}", environ, tmp_path)
    said = "luma_jupyter: 1 clip of the demo service ended unfinished.\n" if "under way" in script else ""
    assert (exit_code, stderr) == (0, said)


CLOSED = f"""
{SHORTEST_FILMS}
import os, threading
import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel

def files():
    return {{os.path.realpath(f"/proc/self/fd/{{number}}") for number in os.listdir("/proc/self/fd")}}

before = files()
luma.configure(demo_seconds=0)
luma.generate("A boat").wait()
assert any("journal.sqlite3" in file for file in files()), files()
assert any("socket" in file for file in files()), files()
kernel.finish()
left = {{file for file in files() - before if "/fd" not in file}}
assert not left, left
assert threading.enumerate() == [threading.main_thread()], threading.enumerate()
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists a process's open files like this")
def test_finish_closes_each_file_socket_and_thread(server: Server, environ: dict[str, str], tmp_path: Path) -> None:
    """Journal, connections, the engine's thread and the demo service's are closed by who opened them."""
    del environ["ACEDATACLOUD_API_TOKEN"]
    assert python()(CLOSED, environ, tmp_path) == (0, "")


def test_a_script_that_ends_at_once_says_what_was_not_sent(
    server: Server, environ: dict[str, str], tmp_path: Path
) -> None:
    """Six videos that were announced, and a program that is over: each is paid for and known, or said to be unsent."""
    program = "import luma_jupyter as luma; luma.batch(['A boat', 'A fox', 'A hare'], takes=2, yes=True)"
    _, stderr = python()(program, environ, tmp_path)
    tasks = journal(tmp_path)
    known = [task["task_id"] for task in tasks if task["task_id"]]
    assert sorted(known) == sorted(task.id for task in server.tasks)
    unsent = 6 - len(known)
    assert [task["status"] for task in tasks].count("cancelled") == unsent
    assert f"{unsent} clip{'' if unsent == 1 else 's'} w" in stderr


def test_the_next_kernel_says_once_what_was_not_sent(server: Server, environ: dict[str, str], tmp_path: Path) -> None:
    """Where nobody read it, the next %load_ext does, and looks for nothing that was never sent."""
    environ["LUMA_JUPYTER_SUBMISSIONS"] = "1"
    server.script("submit", Late(0.3))
    two = f"{ASK}\nfox = luma.generate('A fox')\n{SENT}"
    kernel(lambda manager: manager.shutdown_kernel())(two, environ, tmp_path)
    assert [task["status"] for task in journal(tmp_path)] == ["detached", "queued"]
    load = (
        "from IPython.core.interactiveshell import InteractiveShell as Shell\nimport os\n"
        "shell = Shell.instance()\nshell.run_line_magic('load_ext', 'luma_jupyter')\nos._exit(0)"
    )
    said = []
    for _ in range(2):
        command = [sys.executable, "-c", f"import sys\nsys.stdout = sys.stderr\n{load}"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=True
        )
        said.append(done.stderr)
    assert "1 clip of this folder was not sent" in said[0]
    assert "1 clip of this folder is unfinished" in said[0]
    assert "not sent" not in said[1]
    assert len(server.tasks) == 1
