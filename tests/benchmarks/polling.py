"""How often clients ask for running tasks, and how late they hear of the end: real clients, real sockets, real time.

All clients run in about the same two minutes, each against a server of its own that gives the same prompts the same
durations. An end is known when the client has the answer that says so.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from tests.benchmarks.environment import ROOT, environment
from tests.benchmarks.laws import Draw, narrow, wide
from tests.benchmarks.report import Report, save, say
from tests.support.misbehaving import Server
from tests.support.misbehaving.server import Task

LONGEST_RUN = 300.0  # seconds
PAUSE = 5.0  # seconds from scene to scene: processes that start take the cores from those that are measured


@dataclass(frozen=True)
class Scene:
    """So many processes with so many independent clients, each with so many tasks at once; with history or without.

    ``share`` and ``lateness`` are the bounds: our look-ups per task and our mean delay, as shares of the peer's.
    """

    name: str
    ours: str
    peer: str
    tasks: int
    engines: int
    processes: int
    law: Draw
    history: bool
    share: float
    lateness: float = 1.0


SCENES = (
    Scene("AceDataCloud, 50 at once", "luma_jupyter generate", "acedatacloud", 50, 1, 2, wide, False, 1 / 20, 0.9),
    Scene("AceDataCloud, one task", "luma_jupyter generate", "acedatacloud", 1, 10, 4, wide, False, 1.0),
    Scene("AceDataCloud, one task, 20 seen", "luma_jupyter generate", "acedatacloud", 1, 5, 8, narrow, True, 0.6),
    Scene("RunAPI, 10 at once", "luma_jupyter modify", "runapi-luma", 10, 1, 4, wide, False, 0.75),
    Scene("RunAPI, 10 at once, 20 seen", "luma_jupyter modify", "runapi-luma", 10, 1, 6, narrow, True, 0.3),
)

# What our delay is made of, and what follows: from which moment to which, of those that `followers` notes.
PARTS = {
    "schedule": ("", "asked"),
    "HTTP": ("asked", "answered"),
    "taking in": ("answered", "known"),
    "journal": ("known", "told"),
    "drawing": ("told", "drawn"),
    "saving": ("told", "saved"),
}


@dataclass(frozen=True)
class Outcome:
    """What a client did in a scene: look-ups per task, and for each task by how many seconds its end was known late.

    ``moments``: of each task, in seconds after its end, as far as they were noted.
    """

    looks: float
    moments: list[dict[str, float]]

    @property
    def delays(self) -> list[float]:
        return [each["known"] for each in self.moments]

    def part(self, name: str) -> float:
        """How long one of the `PARTS` took on average, in seconds."""
        start, end = PARTS[name]
        return mean(each[end] - each.get(start, 0.0) for each in self.moments)


def run_client(scene: Scene, client: str, seed: int) -> Outcome:
    """Let all processes of a client play a scene at the same time; a seed gives all clients the same durations."""

    def seconds(task: Task) -> float:
        return scene.law(random.Random(f"{scene.name} {task.request['prompt']}{f' {seed}' if seed else ''}"))

    with Server(seconds=seconds) as server, tempfile.TemporaryDirectory() as folder:
        processes = [_start(scene, client, server.url, Path(folder, str(n)), n) for n in range(scene.processes)]
        known: dict[str, dict[str, float]] = {}
        for process in processes:
            output, errors = process.communicate(timeout=LONGEST_RUN)
            if process.returncode:
                raise RuntimeError(f"{client} in {scene.name}: {errors[-2000:]}")
            known |= json.loads(output.splitlines()[-1])
        tasks = server.tasks
        moments = [
            {name: at - server.end_of(task) for name, at in known[task.request["prompt"]].items()} for task in tasks
        ]
        return Outcome(len(server.seen("look")) / len(tasks), moments)


def _start(scene: Scene, client: str, url: str, folder: Path, number: int) -> subprocess.Popen[str]:
    folder.mkdir()
    per_process = scene.tasks * scene.engines
    words = [client, str(scene.tasks), str(scene.engines), str(number * per_process)]
    command = [sys.executable, "-m", "tests.benchmarks.followers", *words]
    if scene.history and client == scene.ours:
        command.append("--history")
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(url, str(folder)), cwd=ROOT, **pipes)


def run(report: Report, seeds: int = 1) -> None:
    """Play all scenes to both clients at once, so many times with other durations."""
    for seed in range(seeds):
        play(report, seed)


def play(report: Report, seed: int) -> None:
    """Play all scenes to both clients at once."""
    say("polling: all scenes at once, about two minutes")
    title = f", seed {seed}" if seed else ""
    with ThreadPoolExecutor(2 * len(SCENES)) as pool:
        running = {}
        for scene in SCENES:
            for client in (scene.ours, scene.peer):
                running[scene.name, client] = pool.submit(run_client, scene, client, seed)
            time.sleep(PAUSE)
        outcomes = {key: future.result() for key, future in running.items()}
    rows, parts = [], []
    for scene in SCENES:
        ours, peer = outcomes[scene.name, scene.ours], outcomes[scene.name, scene.peer]
        rows.append(
            {
                "scene": scene.name,
                "tasks": scene.tasks * scene.engines * scene.processes,
                "peer": scene.peer,
                "look-ups per task": ours.looks,
                "peer's": peer.looks,
                "share": ours.looks / peer.looks,
                "mean delay (s)": mean(ours.delays),
                "peer's delay (s)": mean(peer.delays),
                "worst delay (s)": max(ours.delays),
                "peer's worst (s)": max(peer.delays),
            }
        )
        parts.append({"scene": scene.name, **{f"{name} (ms)": 1e3 * ours.part(name) for name in PARTS}})
    report.table(f"Look-ups and delays{title}", rows)
    report.table(f"What our mean delay is made of (to the journal), and what follows{title}", parts)
    for scene, row in zip(SCENES, rows, strict=True):
        name, bound = f"{scene.name}{title}", scene.lateness * row["peer's delay (s)"]
        report.check(f"{name}: look-ups", row["share"], scene.share, f"of {scene.peer}'s")
        report.check(f"{name}: mean delay", row["mean delay (s)"], bound, "s")
    _plot(report, outcomes)


def _plot(report: Report, outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    figure, axes = report.plot("polling")
    for number, scene in enumerate(SCENES):
        for client, marker in ((scene.ours, "o"), (scene.peer, "x")):
            outcome = outcomes[scene.name, client]
            name = f"{scene.name}: {client.split()[0]}"
            axes.scatter(outcome.looks, mean(outcome.delays), marker=marker, s=70, color=f"C{number}", label=name)
    axes.set(xlabel="look-ups per task", ylabel="mean delay (s)", xscale="log", title="How often, and how late")
    axes.legend(fontsize=7)
    save(figure)
