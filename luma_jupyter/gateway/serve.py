"""The processes of a gateway: replicas that answer, workers, and the supervisor that starts them.

The supervisor binds the socket and holds it for as long as it lives. The replicas inherit it: connections wait in the
socket's queue while one of them is replaced, and none is refused. A child that ends is started again, whatever its exit
code. Each child says ``ready`` on its standard output, and ends when its standard input does: with the supervisor, even
where that was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from luma_jupyter.errors import ConfigError
from luma_jupyter.gateway.api import Gateway
from luma_jupyter.gateway.app import application, open_gateway
from luma_jupyter.gateway.callbacks import LARGEST
from luma_jupyter.gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

BACKLOG = 1024  # connections that wait while a replica is replaced
DRAIN_SECONDS = 100.0  # for what is under way when a process ends
SEND_SECONDS = 5.0  # of these, in which paid requests are still sent: a vendor has 90 for its answer
READY_SECONDS = 60.0  # in which a new replica has to be ready before it replaces an old one
SHORTEST_LIFE = 10.0  # seconds; a child that ends sooner is started again later and later
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds before it is started again
IDLE_SECONDS = 10.0  # for a connection on which nothing comes
BODY_SECONDS = 600.0  # in which a body has to come, a large file over a slow line, too
MOST_FILES = 65_536  # open at once, connections among them
LONGEST_HEADERS = 16_000  # bytes
READY = b"ready\n"
PROGRAM = "luma_jupyter.gateway"
COMMAND = (sys.executable, "-m", PROGRAM)


# A replica.


class Server(HTTPServer):
    """An HTTP server that can wait for what it has begun to answer."""

    def initialize(self, *arguments: object, **options: object) -> None:
        """Count connections from now on."""
        super().initialize(*arguments, **options)  # type: ignore[arg-type]
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def handle_stream(self, stream: IOStream, address: tuple[object, ...]) -> None:
        """Take a connection."""
        self._open += 1
        self._idle.clear()
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Count a connection that has ended."""
        super().on_close(server_conn)
        self._open -= 1
        if not self._open:
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Take no more connections, and answer those that there are, for so many seconds at most."""
        self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        await self.close_all_connections()


def http_server(gateway: Gateway) -> Server:
    """The server of a replica, which listens to nothing yet."""
    return Server(
        application(gateway),
        no_keep_alive=True,  # a proxy would send into a connection that is about to be closed
        max_header_size=LONGEST_HEADERS,
        max_body_size=LARGEST,  # of what is in memory as a whole; those of the vendors' endpoints are not
        idle_connection_timeout=IDLE_SECONDS,
        body_timeout=BODY_SECONDS,
    )


async def serve_replica(settings: GatewaySettings, listening: socket.socket) -> None:
    """Answer on a socket that listens already, until SIGTERM or SIGINT."""
    stop = stop_signal()
    allow_many_files()
    async with open_gateway(settings) as gateway:
        server = http_server(gateway)
        server.add_socket(listening)
        say_ready()
        await stop.wait()
        gateway.draining.set()
        asyncio.get_running_loop().call_later(SEND_SECONDS, gateway.vendors.closing.set)
        await server.drain(DRAIN_SECONDS)
        await gateway.submissions.drain()


def allow_many_files() -> None:
    """Let this process have more files open than is usual: each look-up that is held is one."""
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
    if usual not in (resource.RLIM_INFINITY, wanted):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(usual, wanted), most))


def say_ready() -> None:
    """Tell the supervisor that this child works."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), READY)


def end_with_supervisor() -> None:
    """Have the running loop end this child, as by SIGTERM, when its supervisor is gone."""
    loop, supervisor = asyncio.get_running_loop(), sys.stdin.fileno()

    def gone() -> None:
        loop.remove_reader(supervisor)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(supervisor, gone)  # nothing ever comes on it but its end


def stop_signal() -> asyncio.Event:
    """What is set at SIGTERM or SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


# The supervisor.


@dataclass(frozen=True)
class Program:
    """What a child runs, by its name in the log; ``files`` are the descriptors that it inherits."""

    name: str
    command: Sequence[str]
    files: Sequence[int] = ()
    environ: Mapping[str, str] | None = None


class Child:
    """A process that is started again whenever it ends, until it is told to stop."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: asyncio.subprocess.Process | None = None
        self._ready, self._stopping = asyncio.Event(), asyncio.Event()
        self._life = asyncio.ensure_future(self._live())

    @property
    def pid(self) -> int | None:
        """The number of the process; None while there is none."""
        return self._process.pid if self._process else None

    async def ready(self, seconds: float) -> bool:
        """Wait until it works; False where it does not in time."""
        return await _happens(self._ready, seconds)

    async def stop(self, seconds: float) -> None:
        """End it, and wait until it has ended what it does; for so many seconds at most."""
        self._stopping.set()
        self._send(signal.SIGTERM)
        done, _ = await asyncio.wait({self._life}, timeout=seconds)
        if not done:
            log.warning("%s did not end in time, and is killed.", self.program.name)
            self._send(signal.SIGKILL)
            await asyncio.wait({self._life})

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self._process:
                self._process.send_signal(number)

    async def _live(self) -> None:
        pause, clock = 0.0, asyncio.get_running_loop().time
        while not self._stopping.is_set():
            started = clock()
            await self._run()
            lived = clock() - started
            pause = 0.0 if lived >= SHORTEST_LIFE else min(LONGEST_PAUSE, 2 * pause or SHORTEST_PAUSE)
            if not await _happens(self._stopping, pause):
                log.warning("%s ended after %.0f s and is started again.", self.program.name, lived)

    async def _run(self) -> None:
        try:
            await self._run_once()
        except OSError as error:  # no memory, no process number: it passes
            log.error("%s does not start: %s", self.program.name, error)

    async def _run_once(self) -> None:
        program = self.program
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=tuple(program.files),
            env=program.environ,
            start_new_session=True,  # Ctrl+C in a terminal is for the supervisor, which ends them in order
        )
        self._process = process
        log.info("%s is process %d.", program.name, process.pid)
        if self._stopping.is_set():  # told so while it was started
            self._send(signal.SIGTERM)
        try:
            assert process.stdout is not None
            while line := await process.stdout.readline():
                if line == READY:
                    self._ready.set()
            await process.wait()
        finally:
            self._ready.clear()
            self._process = None


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event happens within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


class Supervisor:
    """Keeps replicas and workers running, one for each of the programs; ``migration`` is run before they are replaced.

    New processes may know tables that there are not yet; old ones do not mind what is added.
    """

    def __init__(
        self, replicas: Sequence[Program], workers: Sequence[Program], migration: Program | None = None
    ) -> None:
        self._migration = migration
        self.replicas = [Child(program) for program in replicas]
        self.workers = [Child(program) for program in workers]
        self._others: set[Child] = set()  # that replace one, or are replaced
        self._rolling = asyncio.Lock()

    async def ready(self) -> bool:
        """Wait until all replicas work; False where one does not in time."""
        return all(await asyncio.gather(*(child.ready(READY_SECONDS) for child in self.replicas)))

    async def roll(self) -> None:
        """Replace one process after the other, each when the new one works; where that does not, the old ones stay."""
        async with self._rolling:
            if not await self._migrate():
                log.error("The tables are not up to date: the old processes stay.")
                return
            for children in (self.replicas, self.workers):
                for number in range(len(children)):
                    if not await self._replace(children, number):
                        return
            log.info("All processes are new.")

    async def _migrate(self) -> bool:
        """Have the new version bring the tables up to date; False where it does not."""
        if self._migration is None:
            return True
        with suppress(OSError):
            process = await asyncio.create_subprocess_exec(
                *self._migration.command, env=self._migration.environ, start_new_session=True
            )
            return await process.wait() == 0
        return False

    async def _replace(self, children: list[Child], number: int) -> bool:
        """Replace one child; False where the new one does not work."""
        old, new = children[number], Child(children[number].program)
        self._others = {new}
        works = await new.ready(READY_SECONDS)
        if works:
            children[number] = new
        else:
            log.error("%s that is new does not work: the old ones stay.", new.program.name)
        self._others = {old if works else new}
        await (old if works else new).stop(DRAIN_SECONDS)
        self._others = set()
        return works

    async def stop(self) -> None:
        """End all, each when it has ended what it does."""
        children = (*self.replicas, *self.workers, *self._others)
        await asyncio.gather(*(child.stop(DRAIN_SECONDS) for child in children))


def listen(settings: GatewaySettings) -> socket.socket:
    """The socket of the gateway, which listens. Raises ConfigError where somebody else has the address."""
    host, port = settings.listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"The gateway cannot listen on {host}:{port} ({reason}): is another one running?") from None
    listening.setblocking(False)
    return listening


def inherited(descriptor: int) -> socket.socket:
    """The supervisor's socket, in a replica."""
    listening = socket.socket(fileno=descriptor)
    listening.setblocking(False)
    return listening


async def supervise(
    settings: GatewaySettings, listening: socket.socket, environ: Mapping[str, str] | None = None
) -> None:
    """Run a gateway on a socket that listens until SIGTERM or SIGINT; SIGHUP replaces its processes one by one.

    ``environ`` is the children's environment.
    """
    stop, loop = stop_signal(), asyncio.get_running_loop()
    number = listening.fileno()
    replica = Program("A replica", [*COMMAND, "replica", str(number)], [number], environ)
    worker = Program("A worker", [*COMMAND, "worker", "--supervised"], (), environ)
    migration = Program("The migration", [*COMMAND, "migrate"], (), environ)
    supervisor = Supervisor([replica] * settings.replicas, [worker] * settings.workers, migration)
    rolls: set[asyncio.Task[None]] = set()

    def roll() -> None:
        task = asyncio.ensure_future(supervisor.roll())
        rolls.add(task)
        task.add_done_callback(rolls.discard)

    loop.add_signal_handler(signal.SIGHUP, roll)
    try:
        if await supervisor.ready():
            log.info("The gateway listens on %s:%d.", *settings.listen)
        else:
            log.error("The gateway does not work yet: what its replicas say stands above.")
        await stop.wait()
    finally:
        for task in rolls:
            task.cancel()
        await supervisor.stop()
