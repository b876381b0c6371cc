"""The processes: children that are started again, replicas that are replaced without losing a request."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from luma_jupyter.errors import ConfigError
from luma_jupyter.gateway import serve
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.identity import Tokens
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.serve import MOST_FILES, Child, Program, Supervisor, inherited, listen
from luma_jupyter.providers.http.requests import SUBMIT_TIMEOUT
from tests.support.gateway import KEY, PREFIX, gateway_settings
from tests.support.misbehaving import Server, TooMany
from tests.support.waiting import until

BOAT = {"action": "generate", "prompt": "A boat", "async": True}
READY = "import sys, time; sys.stdin; print('ready', flush=True); "
WAIT = "sys.stdin.read()"


def _program(code: str) -> Program:
    return Program("A test", [sys.executable, "-S", "-c", code])


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def _run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


# A child.


def test_child_is_started_again_however_it_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit codes say nothing: a worker that has lost PostgreSQL ends with 0."""
    monkeypatch.setattr(serve, "SHORTEST_PAUSE", 0.001)
    monkeypatch.setattr(serve, "LONGEST_PAUSE", 0.001)
    log = tmp_path / "lives"

    async def story() -> None:
        for code in (0, 3):
            child = Child(_program(f"open({str(log)!r}, 'a').write('{code}'); raise SystemExit({code})"))
            await _until(lambda: log.exists() and log.read_text().count(str(code)) >= 3)  # noqa: B023
            await child.stop(5)
            assert child.pid is None

    _run(story())


def test_child_that_ends_soon_is_started_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses grow up to a bound, and a child that has lived for a while begins anew."""
    pauses: list[float] = []

    async def pause(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 9:
            monkeypatch.setattr(serve, "SHORTEST_LIFE", 0.0)
        if len(pauses) == 10:
            event.set()
        return event.is_set()

    monkeypatch.setattr(serve, "_happens", pause)
    monkeypatch.setattr(Child, "_run", lambda child: asyncio.sleep(0))

    async def story() -> None:
        await Child(_program(""))._life

    _run(story())
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 0.0]


def test_child_that_does_not_end_is_killed() -> None:
    """After the time for what is under way."""

    async def story() -> None:
        child = Child(_program(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}time.sleep(60)"))
        assert await child.ready(10)
        await child.stop(0.05)
        assert child.pid is None

    _run(story())


def test_child_that_is_told_to_stop_while_it_starts_ends() -> None:
    """Nothing is left behind by a supervisor that ends at once."""

    async def story() -> None:
        child = Child(_program(f"{READY}{WAIT}"))
        await child.stop(5)
        assert child.pid is None

    _run(story())


def test_child_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine without memory or process numbers for a moment costs no replica."""
    monkeypatch.setattr(serve, "SHORTEST_PAUSE", 0.001)
    start, tries = asyncio.create_subprocess_exec, iter([OSError(11, "try again")])

    async def start_at_the_second_try(*command: Any, **options: Any) -> Any:
        for error in tries:
            raise error
        return await start(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_at_the_second_try)

    async def story() -> None:
        child = Child(_program(f"{READY}{WAIT}"))
        assert await child.ready(10)
        await child.stop(5)

    _run(story())
    assert "A test does not start: [Errno 11] try again" in caplog.text


# The supervisor.


def test_roll_replaces_each_child_when_the_new_one_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other: there is never one less than there should be."""
    left: list[int] = []  # that work when one is told to stop
    stop = Child.stop

    async def story() -> None:
        program = _program(f"{READY}{WAIT}")
        supervisor = Supervisor([program] * 2, [program])
        assert all([await child.ready(10) for child in (*supervisor.replicas, *supervisor.workers)])

        async def note(stopped: Child, seconds: float) -> None:
            others = {*supervisor.replicas, *supervisor.workers} - {stopped}
            left.append(sum([await child.ready(0) for child in others]))
            await stop(stopped, seconds)

        monkeypatch.setattr(Child, "stop", note)
        before = {child.pid for child in (*supervisor.replicas, *supervisor.workers)}
        await supervisor.roll()
        assert left == [3, 3, 3]
        after = {child.pid for child in (*supervisor.replicas, *supervisor.workers)}
        assert len(after) == 3
        assert not before & after
        assert not any(psutil.pid_exists(pid) for pid in before if pid)
        await supervisor.stop()
        assert not any(psutil.pid_exists(pid) for pid in after if pid)

    _run(story())


def test_roll_leaves_the_old_ones_where_a_new_one_does_not_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A version that is broken is seen in the log, and serves nobody."""
    flag = tmp_path / "broken"

    async def story() -> None:
        code = f"import os; os.path.exists({str(flag)!r}) and os._exit(1); {READY}{WAIT}"
        supervisor = Supervisor([_program(code)] * 2, [])
        assert await supervisor.ready()
        before = [child.pid for child in supervisor.replicas]
        flag.touch()
        monkeypatch.setattr(serve, "READY_SECONDS", 0.3)
        await supervisor.roll()
        assert [child.pid for child in supervisor.replicas] == before
        await supervisor.stop()

    _run(story())
    assert "the old ones stay" in caplog.text


@pytest.mark.parametrize("command", [[sys.executable, "-S", "-c", "raise SystemExit(1)"], ["/no/such/program"]])
def test_roll_leaves_the_old_ones_where_the_tables_are_not_brought_up_to_date(
    command: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A new version would not find what it needs."""

    async def story() -> None:
        supervisor = Supervisor([_program(f"{READY}{WAIT}")], [], Program("A migration", command))
        assert await supervisor.ready()
        (before,) = supervisor.replicas
        await supervisor.roll()
        assert supervisor.replicas == [before]
        await supervisor.stop()

    _run(story())
    assert "the old processes stay" in caplog.text


def test_supervisor_that_stops_in_the_middle_of_a_roll_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the new child nor the old one."""

    async def story() -> None:
        supervisor = Supervisor([_program(f"{READY}{WAIT}")], [])
        assert await supervisor.ready()
        (old,) = supervisor.replicas
        supervisor.replicas[0].program = _program(f"{READY.replace('print', 'str')}{WAIT}")  # never ready
        roll = asyncio.ensure_future(supervisor.roll())
        await _until(lambda: supervisor._others and next(iter(supervisor._others)).pid)
        (new,) = supervisor._others
        pids = old.pid, new.pid
        roll.cancel()
        await supervisor.stop()
        assert not any(psutil.pid_exists(pid) for pid in pids if pid)

    _run(story())


def test_address_that_somebody_has_is_named(tmp_path: Path) -> None:
    """One line says what is in the way."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = gateway_settings("", "http://127.0.0.1:9", tmp_path, listen=("127.0.0.1", port))
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port} .* is another one running"):
            listen(settings)


def test_socket_is_inherited_as_it_is(tmp_path: Path) -> None:
    """A replica listens where the supervisor does."""
    bound = listen(gateway_settings("", "http://127.0.0.1:9", tmp_path, listen=("127.0.0.1", 0)))
    same = inherited(os.dup(bound.fileno()))
    assert same.getsockname() == bound.getsockname()
    assert (bound.gettimeout(), same.gettimeout()) == (0, 0)
    same.close()
    bound.close()


def test_supervisor_rolls_at_sighup_and_ends_at_sigterm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The children get the socket, or nothing, and the environment that they were meant to."""
    seen = tmp_path / "seen"
    write = f"import os; open({str(seen)!r}, 'a').write(' '.join([*sys.argv[1:], os.environ['OURS'], '.']))"
    monkeypatch.setattr(serve, "COMMAND", (sys.executable, "-S", "-c", f"import sys; {write}; {READY}{WAIT}"))
    settings = gateway_settings("", "http://127.0.0.1:9", tmp_path, listen=("127.0.0.1", 0))

    async def story() -> None:
        with listen(settings) as listening:
            running = asyncio.ensure_future(serve.supervise(settings, listening, {**os.environ, "OURS": "x"}))
            await _until(lambda: "listens on" in caplog.text and seen.read_text().count(".") == 2)
            os.kill(os.getpid(), signal.SIGHUP)
            await _until(lambda: "All processes are new." in caplog.text)
            os.kill(os.getpid(), signal.SIGTERM)
            await running
            assert seen.read_text().split(".")[2] == "migrate x "  # before any new one
            started = sorted(seen.read_text().split("."))
            replicas = [f"replica {listening.fileno()} x "] * 2
            assert started == ["", "migrate x ", *replicas, *["worker --supervised x "] * 2]

    with caplog.at_level(logging.INFO):
        _run(story())


def test_supervisor_says_that_nothing_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And goes on trying."""
    monkeypatch.setattr(serve, "COMMAND", (sys.executable, "-S", "-c", "raise SystemExit(1)"))
    monkeypatch.setattr(serve, "READY_SECONDS", 0.1)
    settings = gateway_settings("", "http://127.0.0.1:9", tmp_path, listen=("127.0.0.1", 0), workers=0)

    async def story() -> None:
        with listen(settings) as listening:
            running = asyncio.ensure_future(serve.supervise(settings, listening))
            await _until(lambda: "does not work yet" in caplog.text)
            caplog.clear()
            await _until(lambda: "is started again" in caplog.text)
            os.kill(os.getpid(), signal.SIGTERM)
            await running

    _run(story())


def test_replica_answers_until_its_supervisor_is_gone(
    conninfo: str, vendor: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It says that it is ready, and ends by itself: what it has begun is answered."""
    settings = gateway_settings(conninfo, vendor.url, tmp_path, listen=("127.0.0.1", 0))
    ours, theirs = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(ours))

    async def story() -> None:
        listening = listen(settings)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{settings.service_prefix}"
        serve.end_with_supervisor()
        replica = asyncio.ensure_future(serve.serve_replica(settings, listening))
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{url}/api/v1/services/")).status_code == 200
            os.close(theirs)
            await replica
            with pytest.raises(httpx.ConnectError):
                await client.get(url)

    _run(story())
    sys.stdin.close()
    assert capfd.readouterr().out == "ready\n"


def test_replica_that_ends_sends_nothing_paid_late(
    conninfo: str, vendor: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor asks to be left alone, and another clip waits for its turn: both are free to be made elsewhere."""
    monkeypatch.setattr(serve, "SEND_SECONDS", 0.0)
    settings = gateway_settings(conninfo, vendor.url, tmp_path, listen=("127.0.0.1", 0), per_student=1)
    vendor.script("submit", TooMany(200))

    async def story() -> None:
        listening = listen(settings)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{settings.service_prefix}"
        replica = asyncio.ensure_future(serve.serve_replica(settings, listening))
        async with Database(conninfo, size=1) as database:
            headers = {"Authorization": f"Bearer {await Tokens(database).make(Person('ann'))}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
                refused = asyncio.ensure_future(client.post("/luma/videos", json=BOAT))
                await _until(lambda: vendor.seen("submit"))
                waiting = asyncio.ensure_future(client.post("/luma/videos", json=BOAT))
                async with asyncio.timeout(20), database.connection() as connection:
                    while not (await connection.execute("SELECT FROM waiting")).rowcount:
                        await asyncio.sleep(0.005)
                os.kill(os.getpid(), signal.SIGTERM)
                answers = [await refused, await waiting]
                await replica
            ledger = Ledger(database)
            assert await ledger.unconfirmed() == []
            assert (await ledger.left(Person("ann"))).reserved == 0
        assert [answer.status_code for answer in answers] == [429, 429]
        assert len(vendor.seen("submit")) == 1
        assert vendor.tasks == []

    _run(story())


def test_what_is_sent_last_is_answered_before_its_process_is_killed() -> None:
    """The vendor has its whole time, and there is some to write the answer down."""
    assert SUBMIT_TIMEOUT.read
    assert serve.SEND_SECONDS + SUBMIT_TIMEOUT.read < serve.DRAIN_SECONDS


@pytest.mark.parametrize(
    ("usual", "most", "wanted"),
    [(1024, 4096, 4096), (1024, 10**6, MOST_FILES), (1024, resource.RLIM_INFINITY, MOST_FILES), (10**5, 10**6, 10**5)],
)
def test_replica_opens_as_many_files_as_it_may(
    monkeypatch: pytest.MonkeyPatch, usual: int, most: int, wanted: int
) -> None:
    """Each look-up that is held is one; what the system says at most stays as it is."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (usual, most))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: told.append(limits))
    serve.allow_many_files()
    assert told == [(wanted, most)]


# All together.


class Process:
    """A gateway of processes: ``luma-gateway serve``."""

    def __init__(self, conninfo: str, vendor: Server, folder: Path, replicas: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{PREFIX}"
        config = folder / "luma-gateway.toml"
        config.write_text(
            f'database = "{conninfo}"\nurl = "{self.url}"\nlisten = "127.0.0.1:{port}"\nsigning_key = "{"s" * 32}"\n'
            f'acedata_token = "{KEY}"\nacedata_base_url = "{vendor.url}"\nacedata_platform_url = "{vendor.url}"\n'
            f'acedata_price = 0.1\nmedia = "{(folder / "media").as_uri()}"\nper_student = 1000\n'
            f"replicas = {replicas}\nworkers = 0\n"
        )
        self.log = folder / "log"
        command = [sys.executable, "-m", "luma_jupyter.gateway", "--config", str(config), "serve"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)
        until(lambda: "listens on" in self.log.read_text() or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log.read_text()

    @property
    def replicas(self) -> list[psutil.Process]:
        """The processes that this supervisor keeps running."""
        return psutil.Process(self.process.pid).children()

    def end(self) -> int:
        """End it by SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(15)

    def close(self) -> None:
        """Kill what is left."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children():
                child.kill()
            self.process.kill()
            self.process.wait(10)


class Load:
    """Students that make clips, one after the other, in threads; `failures` is what they met."""

    def __init__(self, url: str, token: str, threads: int = 4) -> None:
        self.answers: list[int] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, thread: int) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=20, trust_env=False) as client:
            number = 0
            while not self._stop.wait(0.05):  # new replicas need the processor, too
                number += 1
                key = {"Idempotency-Key": f"{thread}-{number}"}
                try:
                    answer = client.post(
                        "/luma/videos", json={"prompt": f"{thread} {number}", "async": True}, headers=key
                    )
                    self.answers.append(answer.status_code)
                    if answer.status_code != 200:
                        self.failures.append(answer.text)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))

    def more(self, number: int) -> None:
        """Wait for so many more answers."""
        target = len(self.answers) + number
        until(lambda: len(self.answers) >= target, 20)

    def end(self) -> None:
        """Stop after the requests that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def _token(conninfo: str) -> str:
    async def make() -> str:
        async with Database(conninfo, size=1) as database:
            await database.migrate()
            return await Tokens(database).make(Person("ann"))

    return asyncio.run(make())


@pytest.mark.slow
def test_replicas_are_replaced_under_load_without_losing_a_request(
    conninfo: str, vendor: Server, tmp_path: Path
) -> None:
    """SIGHUP replaces all, SIGKILL costs what a replica had in hand and no more, SIGTERM ends in order."""
    vendor.seconds = 1000.0
    gateway = Process(conninfo, vendor, tmp_path, replicas=2)
    try:
        load = Load(gateway.url, _token(conninfo))
        load.more(20)
        before = {process.pid for process in gateway.replicas}
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: "All processes are new." in gateway.log.read_text(), 30)
        load.more(10)
        load.end()
        after = {process.pid for process in gateway.replicas}
        assert load.failures == []
        assert len(before) == len(after) == 2
        assert not before & after
        assert len(vendor.tasks) == len(load.answers)  # each was made once

        killed = gateway.replicas[0].pid
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in {process.pid for process in gateway.replicas} and len(gateway.replicas) == 2)
        with httpx.Client(base_url=gateway.url, trust_env=False) as client:
            assert client.get("/api/v1/services/").status_code == 200  # the other one has answered all the time
        assert gateway.end() == 0
        assert not any(psutil.pid_exists(pid) for pid in after)
    finally:
        gateway.close()
