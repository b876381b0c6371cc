"""A thousand tasks in one kernel, and how each cost grows: processor, memory, messages, a loop that stays free.

Each run is a real ipykernel that makes so many clips at once, of 30 to 120 s, follows them and (ours) saves the videos
and shows one live table. While they run, a probe in the kernel's own event loop measures how late it is woken, which is
what the user's other cells and tasks would feel.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager

from tests.benchmarks.environment import environment
from tests.benchmarks.laws import wide
from tests.benchmarks.report import Report, save, say
from tests.support.misbehaving import Server
from tests.support.misbehaving.server import Task

COUNTS = (10, 100, 1000)
MOST_MEMORY, MOST_MESSAGES, MOST_LATE = 80.0, 10.0, 20.0  # MB, a second, milliseconds
LONGEST_RUN = 400.0  # seconds
SHOWN = ("comm_open", "comm_msg", "display_data", "update_display_data")

PROBE = """
import asyncio, gc, json, os, time, psutil
woken, memory, known = [], [], {}
process = psutil.Process()

async def probe():
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.01
        await asyncio.sleep(0.01)
        woken.append(loop.time() - due)

async def weigh():
    while True:
        memory.append(process.memory_info().rss)
        await asyncio.sleep(0.25)

def begin():
    global cpu, base, probes
    gc.collect()
    cpu, base = time.process_time(), process.memory_info().rss

def watch():
    global probes
    probes = [asyncio.ensure_future(probe()), asyncio.ensure_future(weigh())]

def result():
    late = sorted(woken)
    at = lambda share: 1e3 * late[min(len(late) - 1, int(len(late) * share))]
    print(json.dumps({
        "cpu": time.process_time() - cpu, "memory": (max(memory) - base) / 1e6,
        "median": at(0.5), "p99": at(0.99), "worst": at(1.0),
    }))
"""
OURS = (
    PROBE + "%load_ext luma_jupyter\nimport luma_jupyter as luma\nwarm = luma.generate('0.1').wait()\nluma.clips()",
    "begin()\nfor number in range({count}):\n    luma.generate(str(number))\nwatch()",
    "many = luma.clips()\nmany",
    "print(sum(clip.status == 'completed' for clip in many) - 1)",
)
PEER = (
    PROBE + "from acedatacloud import AsyncAceDataCloud\n"
    "client = AsyncAceDataCloud(base_url=os.environ['ACEDATACLOUD_API_BASE_URL'])\n"
    "async def one(prompt):\n    handle = await client.luma.generate(prompt=prompt)\n    await handle.wait()\n"
    "    known[prompt] = handle\nawait one('0.1')",
    "begin()\ntasks = [asyncio.ensure_future(one(str(number))) for number in range({count})]\nwatch()",
    "None",
    "print(len(known) - 1)",
)
CLIENTS = {"luma_jupyter": OURS, "acedatacloud": PEER}


class Kernel:
    """A kernel, and when it sent something for the page to show."""

    def __init__(self, variables: Mapping[str, str], folder: str) -> None:
        self.messages: list[float] = []
        self._printed: dict[str, str] = {}
        self._errors: list[str] = []
        self._idle: set[str] = set()
        self._manager = KernelManager()
        self._manager.start_kernel(env={**variables, "IPYTHONDIR": folder}, cwd=folder, stderr=subprocess.DEVNULL)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self._over = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def run(self, cell: str) -> str:
        """Run a cell to its end; what it printed."""
        asked = self._client.execute(cell)
        deadline = time.monotonic() + LONGEST_RUN
        while asked not in self._idle:
            if time.monotonic() > deadline or self._errors:
                raise RuntimeError(f"{cell[-200:]}: {self._errors}")
            time.sleep(0.02)
        return self._printed.get(asked, "")

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._listener.join(10)
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _listen(self) -> None:
        while not self._over.is_set():
            with suppress(Empty):
                message = self._client.get_iopub_msg(timeout=0.5)
                self._hear(message["msg_type"], message["content"], message["parent_header"].get("msg_id", ""))

    def _hear(self, kind: str, content: Mapping[str, Any], cell: str) -> None:
        if kind in SHOWN:
            self.messages.append(time.monotonic())
        elif kind == "stream":
            self._printed[cell] = self._printed.get(cell, "") + content["text"]
        elif kind == "error":
            self._errors.append("\n".join(content["traceback"]))
        elif kind == "status" and content["execution_state"] == "idle":
            self._idle.add(cell)


def most_in_a_second(times: list[float]) -> int:
    """The most messages that any second had."""
    window: deque[float] = deque()
    most = 0
    for moment in times:
        window.append(moment)
        while moment - window[0] >= 1:
            window.popleft()
        most = max(most, len(window))
    return most


def run_client(client: str, count: int) -> dict[str, Any]:
    """Let a kernel make and follow so many clips; what it cost."""
    prepare, submit, show, done = CLIENTS[client]

    def seconds(task: Task) -> float:
        return 0.1 if task.request["prompt"] == "0.1" else wide(random.Random(task.request["prompt"]))

    with Server(seconds=seconds) as server, tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(environment(server.url, folder), folder)
        try:
            kernel.run(prepare)
            before = len(server.seen("look"))
            begun = time.monotonic()
            kernel.run(submit.format(count=count))
            asked = time.monotonic() - begun
            kernel.run(show)
            time.sleep(1)
            shown = len(kernel.messages)
            while int(kernel.run(done)) < count:
                time.sleep(5)
            time.sleep(2)  # until the last card is drawn
            found = json.loads(kernel.run("result()"))
        finally:
            kernel.close()
        tasks = server.tasks[1:]
        minutes = sum(seconds(task) for task in tasks) / 60
        live = kernel.messages[shown:]
        return {
            "client": client,
            "tasks": count,
            "asked for in (s)": asked,
            "all accepted in (s)": tasks[-1].created - tasks[0].created,
            "CPU per task-minute (ms)": 1e3 * found["cpu"] / minutes,
            "extra memory (MB)": found["memory"],
            "look-ups per task": (len(server.seen("look")) - before) / count,
            "messages": len(live),
            "most in a second": most_in_a_second(live),
            "loop late, median (ms)": found["median"],
            "p99 (ms)": found["p99"],
            "worst (ms)": found["worst"],
        }


def run(report: Report) -> None:
    """The small counts side by side, then the large one by itself with each client."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    say(f"thousand: {', '.join(map(str, COUNTS[:-1]))} tasks, about two and a half minutes")
    small = [(client, count) for count in COUNTS[:-1] for client in CLIENTS]
    with ThreadPoolExecutor(len(small)) as pool:
        rows |= zip(small, pool.map(lambda each: run_client(*each), small), strict=True)
    for client in CLIENTS:
        say(f"thousand: {COUNTS[-1]} tasks with {client}, about three minutes")
        rows[client, COUNTS[-1]] = run_client(client, COUNTS[-1])
    report.table("Many tasks in one kernel", [rows[client, count] for client in CLIENTS for count in COUNTS])
    ours, peer = (rows[client, COUNTS[-1]] for client in CLIENTS)
    report.check("1,000 tasks: extra memory", ours["extra memory (MB)"], MOST_MEMORY, "MB")
    report.check("1,000 tasks: messages in any second", ours["most in a second"], MOST_MESSAGES, "")
    report.check("1,000 tasks: event loop late, p99", ours["p99 (ms)"], MOST_LATE, "ms")
    name = "CPU per task-minute (ms)"
    report.check("1,000 tasks: CPU per task-minute", ours[name], peer[name], "ms")
    figure, axes = report.plot("growth")
    for client in CLIENTS:
        for what, style in ((name, "o-"), ("extra memory (MB)", "s--"), ("p99 (ms)", "^:")):
            axes.plot(
                COUNTS, [max(rows[client, count][what], 0.01) for count in COUNTS], style, label=f"{client}: {what}"
            )
    axes.set(xscale="log", yscale="log", xlabel="tasks at once", title="How each cost grows")
    axes.legend(fontsize=7)
    save(figure)
