"""The fault table: whatever goes wrong, nothing is paid for twice, and nothing paid for is lost without a word.

Each row drives the real engine and the real HTTP client, over a real socket, against a server that misbehaves.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.folder import DOWNLOAD_TRIES
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.requests import SUBMIT_TRIES
from tests.support import misbehaving as m
from tests.support import settings
from tests.support.loops import QuietLoop, RunningLoop, SingleThreadLoop
from tests.support.misbehaving import Fault, Kind, Server
from tests.support.world import ACEDATA_KEY, RUNAPI_KEY, submit

pytestmark = pytest.mark.slow

SPEED = 200.0
SLICE = 0.01  # seconds of real time
PROMPT = "A paper boat on a calm lake"
SOURCE = "https://films.example.com/source.mp4"
REQUESTS: Mapping[str, Request] = {
    "generate": GenerateRequest(prompt=PROMPT),
    "modify": ModifyRequest(prompt=PROMPT, source=VideoRef(url=SOURCE)),
}


class _PatientSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # chosen by the platform
    """Time passes only while nothing arrives: fast, but in small slices, so that a busy machine is no timeout."""

    now = 0.0
    stands_still = False

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or (self.stands_still and timeout > 0):  # 0: callbacks are ready
            return super().select(None)
        until = self.now + timeout
        ready = super().select(0)
        while not ready and self.now < until:
            step = min(until - self.now, SLICE * SPEED)
            ready = super().select(step / SPEED)
            self.now += step
        return ready


class PatientLoop(SingleThreadLoop, QuietLoop):
    """A loop on which a minute's wait is over in a moment, and an answer from a real socket still comes in time."""

    def __init__(self) -> None:
        self._patient = _PatientSelector()
        super().__init__(self._patient)

    def time(self) -> float:
        return self._patient.now

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """No time passes, however long the answers take."""
        self._patient.stands_still = True
        yield
        self._patient.stands_still = False


@dataclass(frozen=True)
class Line:
    """A fault; what comes of it on a submission (tasks made, status, what the user reads), a look-up, a download."""

    name: str
    fault: Fault
    submission: tuple[int, Status, str]
    look: str
    download: str


PAID, UNPAID = (1, Status.UNCONFIRMED), (0, Status.UNCONFIRMED)
WAITED = (1, Status.COMPLETED)
LOST, LATE, BROKEN = "did not answer", "no answer in time", "an answer that cannot be used"
LIMIT, PAGE = "gets too many requests at the moment", "a page came instead of the file"
LINES = (
    Line("dropped before acceptance", m.DropBefore(), (*UNPAID, LOST), LOST, LOST),
    Line("dropped after acceptance", m.DropAfter(), (*PAID, LOST), LOST, LOST),
    *(
        Line(f"{code} after acceptance", m.Status(code, accepted=True), (*PAID, words), words, words)
        for code in (500, 502, 503, 504)
        for words in (f"HTTP {code}",)
    ),
    Line("500 instead of acceptance", m.Status(500), (*UNPAID, "HTTP 500"), "is having trouble", "HTTP 500"),
    Line("429 with seconds", m.TooMany(7), (*WAITED, f"{LIMIT}. The next try is in 7 s"), LIMIT, "HTTP 429"),
    Line("429 with a date", m.TooMany(30, as_date=True), (*WAITED, "next try is in (29|30) s"), LIMIT, "HTTP 429"),
    Line("broken JSON", m.BrokenJson(), (*PAID, BROKEN), BROKEN, PAGE),
    Line("an HTML page with 200", m.HtmlPage(), (*PAID, BROKEN), BROKEN, PAGE),
    Line("no answer ever", m.Hang(), (*PAID, LATE), LATE, LATE),
    Line("no answer ever, not accepted", m.Hang(accepted=False), (*UNPAID, LATE), LATE, LATE),
)


@dataclass(frozen=True)
class Row:
    """A life with faults in it: what the server made, how the clip ended, what the user read (None: no word needed).

    ``refused``: connections are from the start, until the user reads of it, or for good. ``idle``: an earlier clip left
    a connection that the server has closed. ``timeout``: seconds for which the task is followed.
    """

    name: str
    faults: Mapping[Kind, tuple[Fault, ...]] = field(default_factory=dict)
    made: int = 1
    status: Status = Status.COMPLETED
    reads: str | None = None
    saved: bool = True
    refused: str = ""
    idle: bool = False
    timeout: float = 900.0


def _rows() -> Iterator[Row]:
    """The lines of the table, at each of their places."""
    for line in LINES:
        made, status, reads = line.submission
        yield Row(f"submit: {line.name}", {"submit": (line.fault,)}, made, status, reads)
        yield Row(f"look: {line.name}", {"look": (line.fault,)}, reads=line.look)
        yield from _downloads(line.name, line.fault, line.download)


def _downloads(name: str, fault: Fault, reads: str) -> Iterator[Row]:
    yield Row(f"download: {name}, once", {"video": (fault,)})
    yield Row(f"download: {name}, each time", {"video": (fault,) * DOWNLOAD_TRIES}, reads=reads, saved=False)


NOTHING, AWAY = (0, Status.FAILED), "cannot be reached"
ROWS = (
    Row("no fault"),
    *_rows(),
    Row("submit: refused at first", reads=f"{AWAY}.* The next try is in", refused="at first"),
    Row("submit: refused each time", {}, *NOTHING, f"{AWAY}.*Nothing was sent", refused="for good"),
    Row("submit: 429 each time", {"submit": (m.TooMany(1),) * SUBMIT_TRIES}, *NOTHING, LIMIT),
    Row("submit: 429 for an hour", {"submit": (m.TooMany(3600),)}, *NOTHING, "asks to wait 3600 s"),
    Row("submit and look: stale keep-alive", reads=LOST, idle=True),
    Row("look: refused", {"submit": (m.LastAnswer(),)}, reads=AWAY),
    Row("look: 404, then found", {"look": (m.Unknown(),) * 2}, reads="does not know this task yet"),
    Row("look: an outage", {"look": (m.Status(503),) * 6}, reads="is having trouble"),
    Row(
        "look: an outage without an end",
        {"look": (m.Status(503),) * 20},
        status=Status.DETACHED,
        reads="may still run and be billed",
        timeout=120.0,
    ),
    Row("download: refused", {"look": (m.LastAnswer(),)}, reads=f"could not be saved.*{AWAY}", saved=False),
    Row("download: stale keep-alive", {"look": (m.CloseIdle(),)}),
    Row("download: truncated, then the rest", {"video": (m.Truncated(1000), m.Truncated(1000))}),
    Row("download: slow", {"video": (m.Slow(512, 0.005),)}),
    *_downloads("truncated", m.Truncated(0), LOST),
    *_downloads("a wrong type", m.WrongType(), PAGE),
    *_downloads("not a video", m.NotAVideo(), "it is no MP4 or MOV file, or not a whole one"),
    *_downloads("oversized", m.Oversized(10**12), "larger than"),
    *(row for code in (403, 404, 410) for row in _downloads(f"expired ({code})", m.Expired(code), "Addresses expire")),
    Row("thumbnail: a page", {"thumbnail": (m.HtmlPage(),) * DOWNLOAD_TRIES}),
)
CASES = [
    pytest.param(row, action, id=f"{row.name}, {action}")
    for row in ROWS
    for action in REQUESTS
    if action == "generate" or row.name.startswith(("no fault", "submit", "look"))  # media hosts are no API's own
]


@pytest.fixture
def server(server: Server) -> Server:
    """The server at which both services are, with keys for them."""
    settings.configure(
        acedata_token=ACEDATA_KEY,
        runapi_key=RUNAPI_KEY,
        acedata_base_url=server.url,
        runapi_base_url=server.url,
    )
    return server


@asynccontextmanager
async def kernel() -> AsyncIterator[Engine]:
    """An engine on the running loop, as a kernel has it that was just started."""
    engine = Engine(
        settings.current,
        RunningLoop(),
        ProviderPool(settings.current, lambda: HttpClient(random=lambda: 1.0)),
        jitter=lambda: 0.0,
    )
    try:
        yield engine
    finally:
        await engine.providers.http.aclose()


def patiently(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        runner.run(story())


async def end(handle: Handle) -> Task:
    return await asyncio.wrap_future(handle.done)


async def accepted(handle: Handle) -> None:
    """Wait until the service has a task for a clip."""
    taken = asyncio.Event()
    handle.listen(lambda event: taken.set() if event.task.task_id else None)
    await taken.wait()


def listen(handle: Handle) -> list[str]:
    """What the user reads of a clip from now on, on its card: problems, and how it ended."""
    read: list[str] = []

    def hear(event: Any) -> None:
        read.extend(str(text) for text in (event.task.problem, event.task.error) if text)

    handle.listen(hear)
    return read


async def leave_idle_connections(engine: Engine, server: Server) -> None:
    """Make a clip of which each connection is closed by the server when it is used again."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, PatientLoop)
    with loop.standing_still():  # where the price is late it is asked for again, and takes such a connection
        await engine.budget.fetch_price("runapi", "modify", settings.current())
    for kind in ("submit", "look", "video", "thumbnail"):
        server.script(kind, *(m.CloseIdle(),) * 20)  # a busy machine may look more than once
    task = await end(submit(engine, ModifyRequest(prompt="Before", source=VideoRef(url=SOURCE))))
    assert task.path
    server.behave()


def made(server: Server) -> list[str]:
    """The ids of the tasks that were made for our prompt."""
    return [task.id for task in server.tasks if task.request["prompt"] == PROMPT]


def check_files(media: Path, server: Server, task: Task) -> None:
    """The file of a saved clip is the service's, to the byte, with its sidecar; of any other there is no trace."""
    files = [path for path in media.iterdir() if path.name.startswith("a-paper-boat")]
    assert not list(media.glob(".*")), "temporary files were left"
    if task.path is None:
        assert not files
        return
    assert task.path.read_bytes() == m.video(task.task_id or "", server.video_size)
    assert {path.suffix for path in files} - {".jpg"} == {".mp4", ".json"}


@pytest.mark.parametrize(("row", "action"), CASES)
def test_fault_makes_one_task_at_most_and_is_told(
    row: Row, action: str, server: Server, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one task was made, the clip ends as the table says, and where there is a doubt it says so.

    Running it again after a restart pays only where nothing was paid before, and fetches what could not be had.
    """
    if row.idle:  # on a busy machine five seconds may pass, after which httpx gives idle connections up by itself
        monkeypatch.setattr(httpx, "Limits", partial(httpx.Limits, keepalive_expiry=None))

    async def story() -> None:
        async with kernel() as engine:
            if row.idle:
                await leave_idle_connections(engine, server)
            if row.refused:
                server.refuse()
            for kind, faults in row.faults.items():
                server.script(kind, *faults)
            before = time.time()
            handle = submit(engine, REQUESTS[action], timeout=row.timeout)
            read = listen(handle)
            if row.refused != "for good":
                handle.listen(lambda event: server.listen() if event.task.problem else None)
            task = await end(handle)

            ids = made(server)
            assert (len(ids), task.status) == (row.made, row.status)
            assert task.task_id == (ids[0] if task.task_id else None)
            if row.reads is not None:
                assert re.search(row.reads, " ".join(read))
            if row.status is Status.COMPLETED and row.reads is None:
                assert not read
            if task.status is Status.UNCONFIRMED:
                sent = time.strftime("%H:%M:%S on %Y-%m-%d", time.localtime(task.sent_at))
                assert before <= (task.sent_at or 0) <= time.time()
                assert re.match(f"Sent at {sent}, no usable answer: .*may be running and may be billed", read[-1])
            if ids and task.status is Status.DETACHED:
                assert ids[0] in read[-1]
            assert bool(task.path) is (row.saved and row.status is Status.COMPLETED)
            check_files(media, server, task)
            entry = engine.journal.find(task.intent)
            assert entry
            assert (entry.task.status, entry.task.task_id, entry.task.path) == (task.status, task.task_id, task.path)
            assert entry.owner is None

        server.listen()
        server.behave()
        sent = len(server.seen("submit"))
        async with kernel() as engine:
            again = await end(submit(engine, REQUESTS[action]))
        if task.status is Status.UNCONFIRMED:
            assert (again.status, str(again.error)) == (Status.UNCONFIRMED, str(task.error))
        else:
            assert (again.status, bool(again.path)) == (Status.COMPLETED, True)
        check_files(media, server, again)
        new = int(task.status is Status.FAILED)
        assert (len(made(server)), len(server.seen("submit"))) == (row.made + new, sent + new)
        assert (again.intent != task.intent) is bool(new)

    patiently(story)


def test_batch_without_one_of_its_tasks_is_polled_again_for_that_one(server: Server) -> None:
    """Of two clips that are looked at together, the one that the answer lacks says so and is looked at again."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, PatientLoop)
        server.script("look", m.Unknown(("task-1",)))
        async with kernel() as engine:
            with loop.standing_still():  # on a busy machine the first would be due before there is a second
                handles = [submit(engine, GenerateRequest(prompt=prompt)) for prompt in ("One", "Two")]
                read = [listen(handle) for handle in handles]
                await asyncio.gather(*map(accepted, handles))
            ends = [await end(handle) for handle in handles]
        words = {task.task_id: set(texts) for task, texts in zip(ends, read, strict=True)}
        assert words == {"task-1": {"The service does not know this task yet."}, "task-2": set()}
        assert all(task.path and task.path.read_bytes() == m.video(task.task_id) for task in ends)
        assert [len(look.json.get("ids", [1])) for look in server.seen("look")] == [2, 1]

    patiently(story)


def test_broken_download_goes_on_where_it_ended(server: Server) -> None:
    """Each try asks for the rest of the same file only."""

    async def story() -> None:
        server.script("video", m.Truncated(1000), m.Truncated(500))
        async with kernel() as engine:
            task = await end(submit(engine, REQUESTS["generate"]))
        assert task.path
        assert [video.headers.get("range") for video in server.seen("video")] == [None, "bytes=1000-", "bytes=1500-"]

    patiently(story)


def test_lost_modify_is_sent_again_under_its_key(server: Server) -> None:
    """On the user's word RunAPI gets the request again with the same idempotency key, and so makes nothing new."""

    async def story() -> None:
        server.idempotent = True
        server.script("submit", m.DropAfter())
        async with kernel() as engine:
            lost = await end(submit(engine, REQUESTS["modify"]))
            task = await end(engine.resume(lost.intent, resend=True))
        assert (lost.status, task.status, made(server)) == (Status.UNCONFIRMED, Status.COMPLETED, ["task-1"])
        assert {request.headers["idempotency-key"] for request in server.seen("submit")} == {lost.intent}

    patiently(story)


def test_lost_generate_is_sent_again_only_where_that_may_pay_twice(server: Server) -> None:
    """AceDataCloud knows no keys: asking for a retry alone sends nothing; saying that it may pay twice does."""

    async def story() -> None:
        server.script("submit", m.DropAfter())
        async with kernel() as engine:
            lost = await end(submit(engine, REQUESTS["generate"]))
            offered = await end(engine.resume(lost.intent, resend=True))
            assert (offered.status, made(server)) == (Status.UNCONFIRMED, ["task-1"])
            assert "may pay twice" in str(offered.error)
            task = await end(engine.resume(lost.intent, may_pay_twice=True))
        assert (task.status, task.task_id, made(server)) == (Status.COMPLETED, "task-2", ["task-1", "task-2"])

    patiently(story)
