"""A real kernel and the real demo service: interrupts, the user's own asyncio tasks, inspection, exit.

These run in real time, a few seconds in all: what they show is how the kernel's own loop, signals and threads behave.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from tests.support.demo import CHEAP_FILMS, run_first
from tests.support.jupyter_kernel import Kernel

pytestmark = pytest.mark.slow

SLOW, QUICK = 2.0, 0.0  # seconds that the demo service takes


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests here, in a folder of its own."""
    folder = tmp_path_factory.mktemp("kernel")
    run_first(folder / "ipython", CHEAP_FILMS.format(seconds=1.0, rate=4))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}
    own = {"IPYTHONDIR": str(folder / "ipython"), "LUMA_JUPYTER_HOME": str(folder / "home")}
    manager, client = start_new_kernel(cwd=str(folder), env=clean | own)
    try:
        running = Kernel(manager, client)
        running.run("import luma_jupyter as luma\n%load_ext luma_jupyter")
        yield running
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()


TICKER = """
import asyncio
ticks = []
async def ticker():
    while True:
        ticks.append(1)
        await asyncio.sleep(0.01)
ticking = asyncio.create_task(ticker())
"""


@pytest.mark.parametrize("wait", ["sunset.wait()", "%luma wait sunset", "await sunset"])
def test_interrupting_a_wait_leaves_tasks_and_clip_running(kernel: Kernel, wait: str) -> None:
    """An interrupted wait ends at once; the user's own task runs on, and the clip is followed to its end."""
    kernel.run(f"luma.configure(demo_seconds={SLOW})\n%unload_ext luma_jupyter\n%load_ext luma_jupyter")
    kernel.run(TICKER)
    kernel.run("sunset = luma.generate('A sunset', again=True)")
    when_it_waits = "asyncio.get_running_loop().call_soon(print, 'waiting')"  # the cell keeps the loop until then
    output = kernel.run(f"{when_it_waits}\n{wait}", meanwhile=kernel.manager.interrupt_kernel)
    assert ("CancelledError" if wait == "await sunset" else "Interrupted") in output
    assert kernel.run("print(sunset.status, ticking.done())") in ("running False\n", "submitting False\n")
    if wait != "await sunset":
        assert len(output.strip().splitlines()) == 2, output
        assert "still being watched" in output
    counted = int(kernel.run("print(len(ticks))"))
    assert kernel.run("print(sunset.wait().status)") == "completed\n"
    assert int(kernel.run("print(len(ticks))")) > counted + 10
    assert kernel.run("print(ticking.cancel())") == "True\n"


def test_a_waiting_cell_leaves_other_tasks_running(kernel: Kernel) -> None:
    """While ``--wait`` blocks the cell, the user's asyncio tasks go on, and so they do while awaiting."""
    kernel.run(f"luma.configure(demo_seconds={QUICK})")
    kernel.run(TICKER)
    for cell in ("%%luma -o a --wait\nA calm sea", "await luma.generate('A rough sea')"):
        before = int(kernel.run("print(len(ticks))"))
        kernel.run(cell)
        assert int(kernel.run("print(len(ticks))")) > before + 10
    kernel.run("ticking.cancel()")


def test_inspecting_a_running_clip_is_quick_and_harmless(kernel: Kernel) -> None:
    """Tab, Contextual Help, %whos, getmembers, copy and %store answer at once with nothing unclear."""
    kernel.run(f"luma.configure(demo_seconds={SLOW})\nrunning = luma.generate('A river', timeout=60)")
    client = kernel.client
    completed = client.get_shell_msg  # the answers to requests come here
    client.complete("running.", 8)
    answer = completed(timeout=10)["content"]
    matches = {match.removeprefix("running.") for match in answer["matches"]}
    assert {"video_id", "path", "wait", "extend", "modify", "status"} <= matches
    for code in ("running", "running.wait", "running.video_id", "luma.generate"):
        client.inspect(code, len(code))
        assert completed(timeout=10)["content"]["status"] == "ok"
    shown = kernel.run("%whos\nimport inspect, copy\ninspect.getmembers(running)\ncopy.copy(running) is running")
    assert "running" in shown
    assert shown.strip().endswith("True")
    assert "Error" not in shown
    stored = kernel.run("%store running")
    assert "pickle and %store can keep it when it is done" in stored
    assert kernel.run("print(running.status)") in ("running\n", "submitting\n", "saving\n")
    kernel.run("running.wait()")
    assert "Stored 'running'" in kernel.run("%store running")


def test_videos_stay_beside_the_notebook_after_chdir(kernel: Kernel) -> None:
    """After ``os.chdir`` videos still go to the folder in which the extension was loaded."""
    kernel.run(f"luma.configure(demo_seconds={QUICK})")
    folder = Path(kernel.run("import os, tempfile; start = os.getcwd(); print(start)").strip())
    kernel.run("os.chdir(tempfile.mkdtemp())")
    path = Path(kernel.run("print(luma.generate('A waterfall').wait().path)").strip())
    kernel.run("os.chdir(start)")
    assert path.parent == folder / "luma_videos"
    assert path.stat().st_size > 10_000


def test_a_card_is_updated_while_another_cell_runs(kernel: Kernel) -> None:
    """The end of a clip reaches its own output although a later cell is running."""
    client = kernel.client
    updates: list[dict[str, Any]] = []

    def output(message: dict[str, Any]) -> None:
        if message["msg_type"] == "update_display_data":
            updates.append(message["content"])

    kernel.run("%%luma -o dawn\nA dawn")
    client.execute_interactive("dawn.wait();", timeout=60, output_hook=output)
    live, card = updates
    assert "<video src=" in card["data"]["text/html"]
    assert live["data"] == {"text/html": "", "text/plain": ""}
