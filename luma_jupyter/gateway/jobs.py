"""What workers do: jobs of procrastinate, all of which may run again, twice at once, or half.

poll       a round of look-ups at a vendor, every few seconds (`looks`)
save       fetch a video; deferred in the transaction that completes its submission (`saving`)
unsaved    defer again what is still to be fetched, should its job have gone
lost       give up what nobody sends any more, and look for what is unconfirmed (`settling`)
statement  settle what was charged
sweep      remove what was kept for long enough (`media`)
rescue     put the jobs of workers that were killed back into the queue

Periodic jobs have a ``queueing_lock``, so that they do not pile up, and no ``lock``: one whose worker was killed would
hold it for ever.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import psycopg
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.database import PATIENCE, Connection, Database, DatabaseAway
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.looks import Looks, LookTable
from luma_jupyter.gateway.media import Media
from luma_jupyter.gateway.records import Vendor
from luma_jupyter.gateway.saving import Saving
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.settling import Settling
from luma_jupyter.gateway.storage import StoreAway, StoreFull
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.gateway.vendors import Vendors
from luma_jupyter.providers.http.client import HttpClient

log = logging.getLogger(__name__)

SAVE, POLL = "luma.save", "luma.poll"
PERIODIC_JOBS, DOWNLOADS = 10, 6  # that a worker does at once
SCHEDULED_LATE = (
    2.0  # seconds, at most, that a job runs later than it was scheduled for; of new ones word comes at once
)
HEARTBEAT, STALLED = 10.0, 30.0  # seconds
GRACE = 20.0  # seconds that a worker which is to end waits for its jobs; then their time comes again
JUMP, CLOCK_SEEN_EVERY = 30.0, 5.0  # seconds by which a clock jumps that counts; between two looks at it
FAILED_KEPT_HOURS = 24
LONGEST_PAUSE = 600  # seconds between two tries to fetch a video
MOST_TRIES = 200  # to fetch a video: some 30 hours
GONE_AFTER = 14  # tries at which its host does not serve it: some hour
# When periodic jobs run: the fields of cron, with seconds last.
EVERY_5_SECONDS, EVERY_10_SECONDS, EVERY_30_SECONDS = (f"* * * * * */{seconds}" for seconds in (5, 10, 30))
EVERY_MINUTE, EVERY_5_MINUTES, EVERY_10_MINUTES = (f"*/{minutes} * * * * 0" for minutes in (1, 5, 10))


class Patience(BaseRetryStrategy):
    """Try again ever more seldom: what was paid for is worth many tries."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the next try is; None after the last one."""
        if job.attempts >= MOST_TRIES:
            return None
        if isinstance(exception, asyncio.CancelledError):  # its worker ends
            return RetryDecision(retry_in={"seconds": 0})
        return RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts, 10), LONGEST_PAUSE)})


class Jobs:
    """The jobs of one process, over its own connections for procrastinate; ``app`` takes them from the queue."""

    def __init__(self, settings: GatewaySettings, database: Database, http: HttpClient | None = None) -> None:
        # Rounds, downloads and what belongs to the queue itself share them; a listener has one more.
        self.app = App(connector=PsycopgConnector(conninfo=settings.database, max_size=4, timeout=PATIENCE))
        self.media = Media(settings, database)
        self.vendors = Vendors(settings, Troubles(database), http)
        self.ledger = Ledger(database, self.defer_save)
        self.looks = Looks(LookTable(database, self.ledger), self.vendors)
        self.saving = Saving(self.media, self.ledger, self.vendors)
        self.settling = Settling(database, self.ledger, self.vendors)
        self._register()

    async def defer_save(self, connection: Connection, id: int) -> None:
        """Have a video fetched, if the transaction of ``connection`` is committed; once is enough."""
        task = self.app.configure_task(SAVE, queueing_lock=f"save {id}", connection=connection)
        try:
            async with connection.transaction():  # what fails here must not fail what it belongs to
                await task.defer_async(id=id)
        except AlreadyEnqueued:
            pass

    async def save(self, id: int, attempts: int = 0) -> None:
        """Fetch a video; after the last try it is written down as lost, unless its host is not to blame."""
        try:
            await self.saving.save(id, GONE_AFTER)
        except (StoreFull, StoreAway, DatabaseAway):
            raise
        except LumaError as error:
            if attempts < MOST_TRIES:
                raise
            await self.saving.give_up(id, str(error))

    async def defer_unsaved(self) -> int:
        """Have fetched what is still to be, and whose job has gone; how many those are."""
        ids = await self.saving.unsaved()
        async with self.ledger.database.connection() as connection:
            for id in ids:
                if not await _has_job(connection, id):
                    await self.defer_save(connection, id)
        return len(ids)

    async def rescue(self, seconds: float = STALLED) -> int:
        """Put back into the queue what workers had in hand that have not been heard of for so long; how many."""
        stalled = list(await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds))
        for job in stalled:
            await self._rescue(job)
        return len(stalled)

    async def _rescue(self, job: Job) -> None:
        try:
            if job.task_name == SAVE:
                try:
                    await self.app.job_manager.retry_job(job)
                    return
                except ConnectorException as error:  # an equal one is in the queue already
                    log.info("Job %s is not put back: %s", job.id, error)
            await self.app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
        except ConnectorException as error:  # it has ended meanwhile, or another worker was quicker
            log.info("Job %s is not rescued: %s", job.id, error)

    async def sweep(self) -> None:
        """Remove what was kept for long enough, and jobs that have failed for good."""
        await self.media.sweep()
        await self.app.job_manager.delete_old_jobs(
            FAILED_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )

    async def run(self, ending: asyncio.Event) -> None:
        """Work until ``ending`` is set, the clock jumps, or PostgreSQL goes away; what is under way is ended first.

        Downloads have a worker of their own, so that long ones hold up nothing else.
        """
        options: dict[str, Any] = {
            "install_signal_handlers": False,
            "delete_jobs": "successful",
            "fetch_job_polling_interval": SCHEDULED_LATE,
            "update_heartbeat_interval": HEARTBEAT,
            "stalled_worker_timeout": STALLED,
            "shutdown_graceful_timeout": GRACE,
        }
        told, jumped = asyncio.create_task(ending.wait()), asyncio.create_task(clock_jumps())
        workers = [
            asyncio.create_task(self.app.run_worker_async(queues=[queue], name=queue, concurrency=number, **options))
            for queue, number in (("periodic", PERIODIC_JOBS), ("save", DOWNLOADS))
        ]
        try:
            await asyncio.wait([told, jumped, *workers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.looks.ending = True
            for task in (told, jumped, *workers):
                task.cancel()
            await asyncio.wait(workers)
        for worker in workers:
            if not worker.cancelled():
                worker.result()

    def _register(self) -> None:
        """Tell the app its tasks. Their names are in the queue: they outlive any version of this code."""

        async def save(context: JobContext, id: int) -> None:
            await self.save(id, context.job.attempts)

        self.app.task(name=SAVE, queue="save", retry=Patience(), pass_context=True)(save)

        vendors: Sequence[Vendor] = ("acedata", "runapi")
        for vendor in vendors:
            if self.vendors.client(vendor).key:
                self._every(EVERY_5_SECONDS, f"{POLL}.{vendor}", partial(self.looks.round, vendor))
        self._every(EVERY_10_SECONDS, "luma.rescue", self.rescue)
        self._every(EVERY_30_SECONDS, "luma.lost", self.settling.find_lost)
        self._every(EVERY_MINUTE, "luma.unsaved", self.defer_unsaved)
        self._every(EVERY_5_MINUTES, "luma.statement", self.settling.read_statement)
        self._every(EVERY_10_MINUTES, "luma.sweep", self.sweep)

    def _every(self, cron: str, name: str, work: Callable[[], Awaitable[object]]) -> None:
        async def run(timestamp: int) -> None:
            await work()

        task = self.app.task(name=name, queue="periodic", queueing_lock=name)(run)
        self.app.periodic(cron=cron)(task)


async def clock_jumps(clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
    """Return when the clock was put on or back, or the machine has slept: what is periodic is to be planned anew.

    The queue's own planning would wait until a clock that was put back is where it was.
    """
    offset = clock() - steady()
    while True:
        await asyncio.sleep(CLOCK_SEEN_EVERY)
        before, offset = offset, clock() - steady()
        if abs(offset - before) > JUMP:
            log.warning("The clock has jumped by %.0f s: this worker ends.", offset - before)
            return


async def work(settings: GatewaySettings) -> None:
    """Be a worker until SIGTERM or SIGINT comes: whoever started it starts it again where it ends by itself.

    Raises DatabaseAway.
    """
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with Database(settings.database) as database:
        await database.migrate()
        jobs = Jobs(settings, database)
        try:
            async with jobs.app.open_async():
                await jobs.run(ending)
        except (ConnectorException, psycopg.Error) as error:
            raise DatabaseAway from error
        finally:
            await jobs.vendors.aclose()


async def _has_job(connection: Connection, id: int) -> bool:
    """Whether a video's download is in the queue, or began not long ago."""
    cursor = await connection.execute(_HAS_JOB, (f"save {id}",))
    return await cursor.fetchone() is not None


_HAS_JOB = """
SELECT 1 FROM procrastinate_jobs AS j
WHERE j.queueing_lock = %s AND (j.status = 'todo' OR j.status = 'doing' AND EXISTS (
    SELECT 1 FROM procrastinate_events AS e
    WHERE e.job_id = j.id AND e.type = 'started' AND e.at > now() - interval '15 minutes'
)) LIMIT 1"""
