"""A class at its gateway: everybody at once against one cap, then 3,000 clips from beginning to end.

The gateway runs as it is run, as processes with a PostgreSQL that syncs each commit, on the machine that also plays its
vendor (which answers in 4 ms, and whose tasks take 30 to 120 s of real time) and the students. All of them share the
processor, so a machine that has nothing else to do can take more than is measured here.

Lone kernels are followed on a virtual clock, with the very durations of the clips that are measured.

What gives way first, beyond 300 students with ten clips each at once, on paper:

1. How soon an end is seen. A vendor is asked once each 40 ms, of 50 tasks: 1,250 tasks a second, which is just enough
   for 3,000 clips under way. With 6,000 their ends are seen 1.2 s late, with 10,000 2.1 s (simulated), and nothing else
   happens; what a vendor allows sets the pause.
2. The files that a process may have open, often 1,024: a replica holds a connection for each student who waits.
3. The processor. A paid request takes 2.3 ms of a replica and 1.1 ms of PostgreSQL, a clip from beginning to end 9 ms
   of a replica, 10 ms of a worker and 7 ms of PostgreSQL: with a core for each, some 400 requests and 100 clips a
   second, where the clips of this class end at 35 a second. More replicas and workers share that.
4. The class's wallet, one row that each paid request locks twice: some 1,100 a second, as a prototype showed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from statistics import mean
from typing import Any

from luma_jupyter.domain.duration_model import prior
from tests.benchmarks.class_service import ClassService, Cost, play, running_class
from tests.benchmarks.kernels import at
from tests.benchmarks.report import Report, say
from tests.support.class_looks import follow_class
from tests.support.class_vendor import LONGEST, PRICE, SHORTEST
from tests.support.polling import follow_together

REPLICAS = (1, 2)
CLASSES = (30, 300)  # students
ASKED = {30: 20, 300: 4}  # clips that each asks for, one after the other
PAID_PART = 0.5  # of all that is asked for, which the cap covers
PRICE_MICROS = round(PRICE * 1e6)
STUDENTS, CLIPS = 300, 10
ALL_AT_ONCE = CLIPS  # clips of a student that the gateway lets be made at once
WITHIN = 20.0  # seconds in which the students begin
LONE = 100  # kernels
MOST_LOOKS, MOST_DELAY = 1 / 20, 0.7  # of lone kernels that make one clip after the other; seconds


def run(report: Report) -> None:
    """Measure all of it, about seven minutes."""
    rushes, follows = [], []
    for replicas in REPLICAS:
        say(f"class: {replicas} replica(s), everybody at once against one cap")
        with running_class(replicas, per_student=1000) as service:
            rushes += [rush(service, replicas, students) for students in CLASSES]
    report.table("Students who ask at once, against one cap that covers half of it", rushes)
    report.check("class: overspend", max(row["overspend (USD)"] for row in rushes), 0, "USD")
    report.check("class: wallets that differ from the rows", sum(row["wallets that differ"] for row in rushes), 0, "")
    for replicas in REPLICAS:
        say(f"class: {replicas} replica(s), {STUDENTS * CLIPS} clips, about two and a half minutes")
        with running_class(replicas, per_student=ALL_AT_ONCE) as service:
            follows.append(follow(service, replicas))
    report.table(f"{STUDENTS} students with {CLIPS} clips each, all at once", follows)
    lone = report_lone(report)
    for row in follows:
        name = f"class, {row['replicas']} replica(s)"
        report.check(f"{name}: look-ups a clip", row["look-ups a clip"] / lone[1], MOST_LOOKS, "of lone kernels'")
        report.check(f"{name}: mean delay", row["mean delay (s)"], MOST_DELAY, "s")
        report.check(f"{name}: clips without a video", row["clips"] - row["videos"], 0, "")


def rush(service: ClassService, replicas: int, students: int) -> dict[str, Any]:
    """Let students ask at once for twice what the cap covers."""
    name, clips = f"rush {students}", ASKED[students]
    covered = int(students * clips * PAID_PART)
    before = len(service.vendor_stats()["tasks"])
    service.set_cap("class", "", (before + covered) * PRICE_MICROS)
    tokens = service.tokens([f"{name} {number}" for number in range(students)])
    with service.meter() as meter:
        found = play({"url": service.url, "tokens": tokens, "clips": clips, "name": name, "follow": False})
    took = {kind: 1e3 * cost.processor / len(found["answers"]) for kind, cost in meter.costs.items()}
    made = len(service.vendor_stats()["tasks"]) - before
    paid = [took for status, took in found["answers"] if status == 200]
    refused = [took for status, took in found["answers"] if status != 200]
    return {
        "replicas": replicas,
        "students": students,
        "asked for": students * clips,
        "covered": covered,
        "paid": made,
        "overspend (USD)": max(0, made - covered) * PRICE,
        "wallets that differ": len(service.differences()),
        "requests/s": len(found["answers"]) / found["seconds"],
        "p50 (ms)": at(paid, 0.5),
        "p99 (ms)": at(paid, 0.99),
        "refused p50 (ms)": at(refused, 0.5) if refused else 0.0,
        "replicas' processor (ms each)": took["replicas"],
        "PostgreSQL's": took["PostgreSQL"],
        "faults": len(found["faults"]),
    }


def follow(service: ClassService, replicas: int) -> dict[str, Any]:
    """Let the class make all its clips, and say how the gateway did."""
    tokens = service.tokens([f"student {number}" for number in range(STUDENTS)])
    plan = {"url": service.url, "tokens": tokens, "clips": CLIPS, "name": "clip", "within": WITHIN, "follow": True}
    begun = time.monotonic()
    with service.meter() as meter:
        found = play(plan)
    seconds = time.monotonic() - begun
    stats = service.vendor_stats()
    ends = {task["id"]: task["ends"] for task in stats["tasks"]}
    delays = [known - ends[task_id] for task_id, known in found["known"].items()]
    asked = [task["told"] - task["ends"] for task in stats["tasks"]]
    videos = [fetched - ends[task_id] for task_id, fetched in found["fetched"].items()]
    return {
        "replicas": replicas,
        "clips": STUDENTS * CLIPS,
        "paid": len(stats["tasks"]),
        "videos": len(found["fetched"]),
        "seconds": seconds,
        "look-ups a clip": stats["requests"] / len(stats["tasks"]),
        "mean delay (s)": mean(delays),
        "until it was asked (s)": mean(asked),
        "p99 delay (s)": at(delays, 0.99),
        "mean, with video (s)": mean(videos),
        "p99, with video (s)": at(videos, 0.99),
        "kernels' look-ups a clip": found["look_ups"] / len(stats["tasks"]),
        "wallets that differ": len(service.differences()),
        "faults": len(found["faults"]),
        **costs(meter.costs, seconds),
    }


def costs(found: Mapping[str, Cost], seconds: float) -> dict[str, Any]:
    """What each kind of process took: of a core, on average, and of memory at most."""
    cells: dict[str, Any] = {}
    for kind, cost in found.items():
        cells[f"{kind}: core"] = cost.processor / seconds
        cells[f"{kind}: MB"] = cost.most_memory / 1e6
    return cells


def report_lone(report: Report) -> dict[int, float]:
    """How often lone kernels ask for each clip, by how many clips each has at once; what AceDataCloud is asked."""
    rows = []
    for together in (1, 4, ALL_AT_ONCE):
        chance = random.Random(20)
        clips = [[chance.uniform(SHORTEST, LONGEST) for _ in range(CLIPS)] for _ in range(STUDENTS)]
        played = [follow_together(each[:together], prior("acedata")) for each in clips[:LONE]]
        lone = mean(len(kernel.requests) for kernel in played) / together
        gateway = follow_class(clips, [], at_once=together, within=WITHIN)
        rows.append(
            {
                "clips of each at once": together,
                "look-ups a clip, lone kernels": lone,
                "the gateway": len(gateway.requests) / len(gateway.delays),
                "share": len(gateway.requests) / len(gateway.delays) / lone,
                "mean delay (s), lone kernels": mean(late for kernel in played for late in kernel.delays),
                "the gateway's": mean(gateway.delays),
            }
        )
    report.table(f"Lone kernels, and the gateway of {STUDENTS} students, simulated", rows)
    return {int(row["clips of each at once"]): row["look-ups a clip, lone kernels"] for row in rows}
