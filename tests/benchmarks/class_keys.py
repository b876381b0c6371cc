"""Four ways to give thirty students one account, side by side, by the same tests and with the product's own kernels.

* a key in the environment: each kernel has its own journal, and the class's budget as its own, since there is no other;
* AceDataCloud's sub-keys, each with a limit; the stand-in enforces it by what the vendor documents: a task is charged
  when it succeeds. Whether it reserves anything before is not documented, so a burst of one student is the worst case;
* the class gateway;
* LiteLLM's proxy, which was not run: what stands there is from its documentation and issues, see `SOURCES`.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

from luma_jupyter.domain.duration_model import prior
from tests.benchmarks.class_service import PREFIX, running_class, vendor_process, vendor_stats
from tests.benchmarks.environment import ROOT
from tests.benchmarks.report import Report, say
from tests.support.class_looks import follow_class
from tests.support.class_vendor import APPLICATION, KEY, LONGEST, PLATFORM_TOKEN, PRICE, SHORTEST
from tests.support.polling import follow_together
from tests.support.processes import free_port

STUDENTS, COVERED, LOST = 30, 10, 10  # students, clips that the budget covers, students whose answers are lost
BUDGET = COVERED * PRICE  # US dollars
LIMITS = (PRICE, BUDGET, BUDGET)  # of sub-keys, for each of the tests
PROMPT_OF_ONE = "boat number"  # of student 0, who asks for many
VENDOR = ("--seconds", "1.5")
FOUND_AFTER = 40.0  # seconds after which the gateway has looked for what it lost: it does so every 30

# What LiteLLM's own pages, and its users, say; as of November 2026.
SOURCES = {
    "budgets": "https://docs.litellm.ai/docs/proxy/users",
    "virtual keys": "https://docs.litellm.ai/docs/proxy/virtual_keys",
    "videos of five services, asked for by each client; Luma is none": "https://docs.litellm.ai/docs/videos",
    "other services are passed through": "https://docs.litellm.ai/docs/pass_through/intro",
    "retries": "https://docs.litellm.ai/docs/router/api_reference/configuration",
    "spend is gathered, and written later": "https://docs.litellm.ai/docs/proxy/db_deadlocks",
    "it reserves prices of tokens and images before": "https://github.com/BerriAI/litellm/pull/27509",
    "nothing is reserved where no price can be told before (open)": "https://github.com/BerriAI/litellm/issues/35524",
    "sessions' budgets race (open)": "https://github.com/BerriAI/litellm/issues/34732",
    "new users' budgets race (open)": "https://github.com/BerriAI/litellm/issues/40095",
    "budgets that refuse falsely (open)": "https://github.com/BerriAI/litellm/issues/36926",
    "a video's own price was not counted (closed)": "https://github.com/BerriAI/litellm/issues/21907",
    "Runway's videos counted as $0 (closed)": "https://github.com/BerriAI/litellm/issues/36483",
    "a user's stress test: 4 of 20 at once, with prices of tokens": (
        "https://github.com/BerriAI/litellm/discussions/50438"
    ),
}
LITELLM = {
    "way": "LiteLLM's proxy, by its documentation and issues",
    "class's budget, 30 students at once: overspend (USD)": (
        "what is priced by tokens or images is reserved; for all else, such as videos, requests at once all pass"
    ),
    "one student's 30 at once: overspend (USD)": "likewise",
    "lost answers: paid twice": "a failed POST is repeated, without an idempotency key (`num_retries`)",
    "lost answers: paid, and nobody has it": "not told",
    "look-ups a clip, simulated": "as lone kernels: each is passed on",
    "a student can read": "its own virtual key, and what that has spent",
}


@dataclass
class Way:
    """One way, as a student has it: ``settings`` of the kernel of a student, by the number; ``url`` of the vendor."""

    name: str
    vendor_url: str
    settings: Callable[[int], Mapping[str, Any]]

    def make(self, prompts: Sequence[Sequence[str]], retry_after: float = 0.0) -> tuple[int, int]:
        """Let kernels ask for these prompts, all at once: how many tasks were paid, and how many of them nobody has."""
        before = self._tasks()
        kernels = [{"settings": self.settings(number), "prompts": asked} for number, asked in enumerate(prompts)]
        with tempfile.TemporaryDirectory() as folder:
            plan = json.dumps({"folder": folder, "kernels": kernels, "retry_after": retry_after})
            command = [sys.executable, "-m", "tests.benchmarks.class_kernels"]
            done = subprocess.run(command, cwd=ROOT, input=plan, stdout=subprocess.PIPE, text=True, check=True)
        paid = self._tasks() - before
        return len(paid), len(paid.difference(json.loads(done.stdout.splitlines()[-1])))

    def _tasks(self) -> set[str]:
        return {task["id"] for task in vendor_stats(self.vendor_url)["tasks"]}


def run(report: Report) -> None:
    """Measure three ways, about two minutes; the fourth is from its documentation."""
    say("class keys: four ways to share an account, about two minutes")
    rows = [one_key(), sub_keys(), gateway(report)]
    report.table("One account for thirty students", [*rows, {name: LITELLM[name] for name in rows[0]}])
    report.table(
        "Where what is said of LiteLLM stands", [{"what": what, "where": url} for what, url in SOURCES.items()]
    )


def one_key() -> dict[str, Any]:
    """The account's key in each student's environment."""
    with vendor_process(VENDOR) as url:
        way = Way("a key in the environment", url, lambda number: {**_at(url, KEY), "budget": BUDGET})
        over, lost = (overspend_of_class(way), overspend_of_student(way)), lost_answers(way)
        return row(way, over, lost, lone_looks(), readable(url, KEY))


def sub_keys() -> dict[str, Any]:
    """Sub-keys: of a clip's price for each student of a class, then of the student's own budget."""
    with vendor_process(VENDOR) as url:
        of_class, of_student, of_losers = ([_sub_key(url, limit) for _ in range(STUDENTS)] for limit in LIMITS)

        def way(keys: Sequence[str]) -> Way:
            return Way("AceDataCloud's sub-keys", url, lambda number: _at(url, keys[number]))

        over = overspend_of_class(way(of_class)), overspend_of_student(way(of_student))
        lost = lost_answers(way(of_losers))
        return row(way(of_class), over, lost, lone_looks(), readable(url, of_class[1]))


def gateway(report: Report) -> dict[str, Any]:
    """The class gateway, with the class's budget, then a student's."""
    port = free_port()
    address = f"http://127.0.0.1:{port}{PREFIX}"
    with running_class(2, vendor=VENDOR, port=port) as service, answers_lost(port, service.url) as lossy:
        tokens = service.tokens([f"student {number}" for number in range(STUDENTS)])
        way = Way(
            "this gateway",
            service.vendor_url,
            lambda number: {"gateway": address, "gateway_token": tokens[number]},
        )
        service.set_cap("class", "", round(BUDGET * 1e6))
        of_class = overspend_of_class(way)
        service.set_cap("class", "", None)
        ((spent,),) = service.rows("SELECT coalesce(sum(spent), 0)::bigint FROM wallets WHERE name = 'student 0'")
        service.set_cap("student", "student 0", round(BUDGET * 1e6) + spent // 2)  # in all, and of the day
        over = of_class, overspend_of_student(way)
        service.set_cap("student", "student 0", None)
        at_vendor = lost_answers(way, FOUND_AFTER)
        lossy.set()
        on_the_way = lost_answers(way, name="boat on the way")
        lossy.clear()
        differences = service.differences()
        read = readable(address, tokens[1])
    report.check("class keys: overspend of the class", over[0], 0, "USD")
    report.check("class keys: overspend of a student", over[1], 0, "USD")
    report.check("class keys: paid twice, answers lost behind the gateway", at_vendor[0], 0, "")
    report.check("class keys: paid twice, answers lost before it", on_the_way[0], 0, "")
    report.check("class keys: paid and lost, answers lost before it", on_the_way[1], 0, "")
    report.check("class keys: wallets that differ from the rows", len(differences), 0, "")
    lost = at_vendor[0] + on_the_way[0], at_vendor[1] + on_the_way[1]
    return row(way, over, lost, class_looks(), read)


def row(way: Way, over: tuple[float, float], lost: tuple[int, int], looks: float, read: str) -> dict[str, Any]:
    """A row of the table."""
    return dict(zip(LITELLM, (way.name, *over, *lost, looks, read), strict=True))


# The tests.


def overspend_of_class(way: Way) -> float:
    """Thirty students ask at once for a clip each, of which the class's budget covers ten."""
    paid, _ = way.make([[f"boat of {number}"] for number in range(STUDENTS)])
    return max(0, paid - COVERED) * PRICE


def overspend_of_student(way: Way) -> float:
    """One student asks for thirty clips at once, of which the student's budget covers ten."""
    paid, _ = way.make([[f"{PROMPT_OF_ONE} {number}" for number in range(STUDENTS)]])
    return max(0, paid - COVERED) * PRICE


def lost_answers(way: Way, retry_after: float = 0.0, name: str = "lost boat") -> tuple[int, int]:
    """Ten students ask for clips of their own, and each answer is lost; then all ask for the same, as in a lesson, and
    one is: how many were paid twice, and how many were paid that nobody has in the end.

    Each clicks once on the button of a card that says so.
    """
    alone = way.make([[f"{name} {number}"] for number in range(LOST)], retry_after)
    lesson = way.make([[f"{name}, the same"]] * LOST, retry_after)
    return alone[0] + lesson[0] - 2 * LOST, alone[1] + lesson[1]


def lone_looks() -> float:
    """How often the vendor is asked for each clip by kernels that ask by themselves, four clips at once; simulated."""
    chance = random.Random(20)
    played = [
        follow_together([chance.uniform(SHORTEST, LONGEST) for _ in range(4)], prior("acedata"))
        for _ in range(STUDENTS)
    ]
    return mean(len(kernel.requests) / 4 for kernel in played)


def class_looks() -> float:
    """How often by the gateway, for thirty students with ten clips each, four at once; simulated."""
    chance = random.Random(20)
    clips = [[chance.uniform(SHORTEST, LONGEST) for _ in range(10)] for _ in range(STUDENTS)]
    return len(follow_class(clips, [], at_once=4, within=20).requests) / (10 * STUDENTS)


def readable(url: str, key: str) -> str:
    """What student 1 finds, with the key or token that is in the environment there."""
    listed = _post(f"{url}/luma/tasks", key, {"action": "retrieve_batch", "limit": 100})["items"]
    prompts = {str(task["request"]["prompt"]) for task in listed}
    others = sum(1 for prompt in prompts if not prompt.endswith((" 1", "the same")) or prompt.startswith(PROMPT_OF_ONE))
    found = "the account's key" if key == KEY else "its own key or token"
    return f"{found}; {others or 'no'} prompts of classmates"


# How students come in.


def _at(url: str, key: str) -> dict[str, Any]:
    """A kernel's settings with a key of AceDataCloud's."""
    return {"acedata_token": key, "acedata_base_url": url, "acedata_platform_url": url, "acedata_price": PRICE}


def _sub_key(url: str, limit: float) -> str:
    body = {"application_id": APPLICATION, "name": "student", "limited_amount": limit}
    return str(_post(f"{url}/api/v1/credentials/", PLATFORM_TOKEN, body)["token"])


def _post(url: str, key: str, body: Mapping[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


@contextmanager
def answers_lost(port: int, url: str) -> Iterator[threading.Event]:
    """A proxy before the gateway; while the event is set, it loses the first answer to each paid request."""
    losing, ready = threading.Event(), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    seen: set[bytes] = set()
    open_connections: set[asyncio.Task[Any] | None] = set()
    gateway_port = urlsplit(url).port

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):  # connections end as they like
            head = await reader.readuntil(b"\r\n\r\n")
            ours, theirs = await asyncio.open_connection("127.0.0.1", gateway_port)
            theirs.write(head)
            key = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"idempotency-key")), b"")
            loses = losing.is_set() and key and key not in seen
            seen.add(key)
            # What is lost was done: the gateway has answered.
            answer = ours.read() if loses else _pass_on(ours, writer)
            ways = [asyncio.ensure_future(way) for way in (_pass_on(reader, theirs), answer)]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            theirs.close()
        writer.close()
        open_connections.discard(asyncio.current_task())

    async def serve() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", port)
        ready.set()
        await stop.wait()
        server.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="lossy proxy", daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield losing
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
