"""A kernel may die at any step of its clips' lives: the next one pays for nothing twice and loses nothing unsaid.

A kernel is what it does to the world: entries in the journal, requests, files. So one that dies is played by letting
nothing of what it does from some step on have any effect. All kernels of a test live on one virtual loop.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias
from unittest import mock

import httpx
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Entry, Journal, Lease
from luma_jupyter.engine.store.leases import current_owner
from luma_jupyter.providers.http.client import HttpClient
from tests.support import settings
from tests.support.fake_service import VIDEO, Answer, FakeService, Kind, reply
from tests.support.loops import RunningLoop, VirtualLoop
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, Clock, submit

pytestmark = pytest.mark.slow

NEVER = 10**9
MACHINE, _, STARTED = current_owner().rsplit("|", 2)
NO_PROCESS = 90_000_000  # no system has processes of such numbers


class Fuse:
    """Counts the steps of a kernel, and burns at the last one: from there on nothing has an effect any more."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.steps: list[str] = []
        self.burnt = asyncio.Event()

    @contextmanager
    def around(self, deed: str) -> Iterator[bool]:
        """The steps before and after a deed; says whether it may have an effect."""
        try:
            yield self._alive_after(f"before {deed}")
        finally:
            self._alive_after(f"after {deed}")

    def _alive_after(self, step: str) -> bool:
        if not self.burnt.is_set():
            self.steps.append(step)
            if len(self.steps) == self.last:
                self.burnt.set()
        return not self.burnt.is_set()


class MortalJournal(Journal):
    """A journal into which a dead kernel writes nothing."""

    fuse: Fuse

    def add(self, task: Task) -> Lease:
        with self.fuse.around("entering it") as lives:
            return super().add(task) if lives else Lease(self, 0)

    def write(self, task: Task, lease: int) -> None:
        sent = ", sent" if task.sent_at and not task.task_id else ""
        with self.fuse.around(f"writing {task.status}{sent}") as lives:
            if lives:
                super().write(task, lease)

    def acquire(self, entry: Entry, task: Task) -> Lease | None:
        with self.fuse.around("taking it over") as lives:
            return super().acquire(entry, task) if lives else Lease(self, 0)

    def heartbeat(self) -> None:
        if not self.fuse.burnt.is_set():
            super().heartbeat()


class Kernel(Engine):
    """An engine as in a process of its own, which dies at its step number ``last``."""

    _numbers = itertools.count(NO_PROCESS)

    def __init__(self, service: FakeService, last: int = NEVER) -> None:
        self._service = service
        self._fuse = Fuse(last)
        http = partial(HttpClient, transport=httpx.MockTransport(self._request), random=lambda: 1.0)
        super().__init__(settings.current, RunningLoop(), ProviderPool(settings.current, http), Clock(), lambda: 0.0)
        owner = f"{MACHINE}|{next(self._numbers)}|{STARTED}"
        self._mortal = MortalJournal(settings.current().home_folder, clock=Clock(), owner=owner)
        self._mortal.fuse = self._fuse
        self.repository.journals[settings.current().home_folder] = self._mortal

    async def live(self, deeds: Callable[[Engine], Sequence[Handle]]) -> list[Task] | None:
        """Do something, and follow it to its end: the last snapshots, or None where the kernel died."""
        with mock.patch("os.replace", partial(self._replace, os.replace)):
            handles = deeds(self)
            ends = asyncio.gather(*(asyncio.wrap_future(handle.done) for handle in handles))
            death = asyncio.create_task(self._fuse.burnt.wait())
            await asyncio.wait({asyncio.ensure_future(ends), death}, return_when=asyncio.FIRST_COMPLETED)
            death.cancel()
            await asyncio.sleep(0.001)  # whatever was under way comes to nothing
        return None if self._fuse.burnt.is_set() else list(ends.result())

    @property
    def died(self) -> str | None:
        """The step at which it died."""
        return self._fuse.steps[-1] if self._fuse.burnt.is_set() else None

    def close(self) -> None:
        self._mortal.close()

    async def _request(self, request: httpx.Request) -> httpx.Response:
        verb = "fetching" if request.method == "GET" else "posting to"
        answer = None
        try:
            with self._fuse.around(f"{verb} {request.url.path}") as lives:
                answer = await self._service(request) if lives else None
        finally:
            if self._fuse.burnt.is_set():
                await asyncio.Event().wait()
        assert answer
        return answer

    def _replace(self, replace: Callable[[Path, Path], None], part: Path, path: Path) -> None:
        with self._fuse.around(f"placing the {path.suffix}") as lives:
            if not lives:
                raise OSError("the kernel is dead")
            replace(part, path)


class Service(FakeService):
    """Counts the tasks that were made for each prompt, and knows which prompts it left without an answer."""

    def __init__(self) -> None:
        super().__init__(EPOCH)
        self.seconds = 5.0
        self.idempotent = True
        self.made: Counter[str] = Counter()
        self.unanswered: set[str] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        prompt = json.loads(request.content or b"{}").get("prompt")
        try:
            response = await super().__call__(request)
        except httpx.ReadError:
            self.unanswered.add(prompt)
            raise
        if response.status_code >= 500:
            self.unanswered.add(prompt)
        return response

    def honest(self, kind: Kind, request: httpx.Request) -> httpx.Response:
        before = len(self.tasks)
        response = super().honest(kind, request)
        if len(self.tasks) > before:
            self.made[json.loads(request.content)["prompt"]] += 1
        return response


Cells: TypeAlias = Callable[[Engine], Sequence[Handle]]


def generate(engine: Engine) -> list[Handle]:
    return [submit(engine, GenerateRequest(prompt="generate"))]


def modify(engine: Engine) -> list[Handle]:
    return [submit(engine, ModifyRequest(prompt="modify", source=VideoRef(url="https://films.example/in.mp4")))]


def film(engine: Engine) -> list[Handle]:
    """A clip, its sequel, and that one in other colours."""
    (first,) = generate(engine)
    longer = submit(engine, ExtendRequest(prompt="extend"), after=first, label="first")
    return [first, longer, submit(engine, ModifyRequest(prompt="modify"), after=longer, label="longer")]


def resume(engine: Engine, **options: bool) -> list[Handle]:
    """Go on with what earlier kernels left."""
    left = engine.repository.unfinished(settings.current().folder)
    return [engine.resume(task.intent, **options) for task in left]


@dataclass(frozen=True)
class Outcome:
    """What the last kernel, which nothing happened to, made of the cells; ``died``: the steps at which others did.

    ``doubtful``: the prompts whose requests had left, without an answer written down, when any of them did.
    """

    tasks: list[Task]
    died: list[str]
    doubtful: set[str]

    @property
    def statuses(self) -> list[Status]:
        return [task.status for task in self.tasks]


def play(service: Service, cells: Cells, *kernels: tuple[int, Cells]) -> Outcome:
    """Let kernels do something, each until its last step, one after the other; then run the cells once more."""
    used: list[Kernel] = []

    async def story() -> Outcome:
        doubtful = set()
        for last, deeds in kernels:
            used.append(Kernel(service, last))
            await used[-1].live(deeds)
            doubtful |= {
                task.request.prompt for task in _entries() if task.status is Status.SUBMITTING and task.sent_at
            }
        used.append(Kernel(service))
        tasks = await used[-1].live(cells)
        assert tasks is not None
        return Outcome(tasks, [kernel.died for kernel in used if kernel.died], doubtful)

    with tempfile.TemporaryDirectory() as folder:
        settings.configure(
            acedata_token=ACEDATA_KEY, runapi_key=RUNAPI_KEY, home=Path(folder, "home"), media=Path(folder, "media")
        )
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            outcome = runner.run(story())
            for task in outcome.tasks:
                check(service, task, outcome)
            assert not list(Path(folder, "media").glob(".*"))
        for kernel in used:
            kernel.close()
    return outcome


def _entries() -> list[Task]:
    """The journal, as somebody else reads it."""
    reader = MortalJournal(settings.current().home_folder)
    try:
        return [row.task for row in reader.entries()]
    finally:
        reader.close()


def check(service: Service, task: Task, outcome: Outcome) -> None:
    """What must be true of each clip whatever happened."""
    made = service.made[task.request.prompt]
    said = f"{task.error or ''} {task.problem or ''}"
    assert made <= 1
    assert "Internal error" not in said
    if task.status is Status.COMPLETED:
        assert made == 1
        assert task.path
        assert task.path.read_bytes() == VIDEO
        sidecar = sidecars.read(task.path.with_suffix(".json"))
        assert sidecar
        assert sidecar.intent == task.intent
    elif task.status is Status.UNCONFIRMED:
        assert task.request.prompt in outcome.doubtful | service.unanswered
        assert "may be running and may be billed" in said
    else:
        assert (task.status, made) == (Status.FAILED, 0)


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("connection reset")


ANSWERS: Mapping[str, Answer] = {
    "honest": None,
    "refused": httpx.ConnectError("connection refused"),
    "limited": reply(429, {"error": "slow down"}, headers={"Retry-After": "2"}),
    "broken": reply(502, {"error": "bad gateway"}),
    "no": reply(402, {"error": {"code": "used_up", "message": "top up"}}),
    "lost": lost,
}
CELLS: Mapping[str, tuple[Cells, str]] = {
    "generate": (generate, "/luma/videos"),
    "modify": (modify, "/api/v1/luma/modify_video"),
}


@pytest.mark.parametrize("answer", ["honest", "limited"])
@pytest.mark.parametrize("first", ["run again", "resume"])
@pytest.mark.parametrize("name", CELLS)
def test_crash_at_any_step_completes_the_clip_or_says_its_doubt(name: str, first: str, answer: str) -> None:
    """Between its leaving and the written answer a request is in doubt; at all other steps the clip is completed."""
    cells, path = CELLS[name]
    steps, doubtful = [], []
    for last in itertools.count(1):
        service = Service()
        service.script("submit", ANSWERS[answer])
        outcome = play(service, cells, (last, cells), *([(NEVER, resume)] if first == "resume" else []))
        if not outcome.died:
            break
        steps += outcome.died
        if outcome.statuses != [Status.COMPLETED]:
            doubtful += outcome.died
    sent = ["after writing submitting, sent", f"before posting to {path}", f"after posting to {path}"]
    limited = [*sent, "before writing submitting"] if answer == "limited" else []
    assert doubtful == [*limited, *sent, "before writing running"]
    assert steps[:2] == ["before entering it", "after entering it"]
    assert steps[-2:] == ["before writing completed", "after writing completed"]
    assert {"after placing the .json", "before placing the .mp4", "after placing the .mp4"} < {*steps}


def test_crash_at_any_step_of_a_film_leaves_at_most_one_doubt() -> None:
    """At most one of the three clips is in doubt, those before it are completed, and those after it were never sent."""
    seen = set()
    for last in itertools.count(1):
        service = Service()
        outcome = play(service, film, (last, film))
        if not outcome.died:
            break
        seen.add(" ".join(outcome.statuses))
        assert max(Counter(post.payload["prompt"] for post in service.seen("submit")).values(), default=0) <= 1
    assert seen == {
        "completed completed completed",
        "completed completed unconfirmed",
        "completed unconfirmed failed",
        "unconfirmed failed failed",
    }


DEEDS: Mapping[str, Cells] = {
    "run": film,
    "resume": resume,
    "retry": partial(resume, resend=True),
}
kernels = st.tuples(st.integers(1, 90), st.sampled_from(sorted(DEEDS)))


@hypothesis(max_examples=60)
@given(
    kernels=st.lists(kernels, max_size=4),
    answers=st.lists(st.sampled_from([*ANSWERS, "accepted, then lost"]), max_size=5),
    lists=st.booleans(),
)
@example(kernels=[(NEVER, "run")], answers=["accepted, then lost"], lists=True)
def test_crashes_of_many_kernels_pay_nothing_twice_and_lose_nothing(
    kernels: list[tuple[int, str]], answers: list[str], lists: bool
) -> None:
    """However many die, wherever, and whatever the services answered before: no clip is paid for twice, none is lost.

    A retry that the user asks for is a part of it, at RunAPI, which knows repeated keys.
    """
    service = Service()
    service.lists = lists
    service.script("submit", *(ANSWERS.get(answer, service.lose) for answer in answers))
    play(service, film, *((last, DEEDS[deed]) for last, deed in kernels))
