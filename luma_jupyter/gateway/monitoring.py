"""What a monitor asks: whether a process works (``/health``), and figures in Prometheus' format (``/metrics``).

Figures of the class are read from PostgreSQL, so any replica tells them for all. Requests are those of the process that
happens to answer, which is a label: sums of rates are right, ``sum(rate(luma_gateway_http_requests_total[10m]))``.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from tornado.web import HTTPError, RequestHandler

from luma_jupyter.gateway.database import Connection, Database, DatabaseAway
from luma_jupyter.gateway.handler import Handler
from luma_jupyter.gateway.records import MICROS
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.trouble import Kind

PATIENCE = 5.0  # seconds for PostgreSQL's answer
BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # seconds; look-ups are held for 20
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
# What a proxy adds. The Hub's is on this machine, and so all the world seems to be.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


class Requests:
    """What one process has answered."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._process = str(os.getpid())
        self._answered = Counter(
            "luma_gateway_http_requests",
            "Requests that were answered.",
            ["process", "handler", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "luma_gateway_http_request_duration_seconds",
            "Time until a request was answered; look-ups and videos that are not there yet are held.",
            ["process", "handler"],
            buckets=BUCKETS,
            registry=self.registry,
        )

    def note(self, handler: RequestHandler) -> None:
        """Count a request that has just been answered."""
        name, method = type(handler).__name__, handler.request.method
        known = method if method in METHODS else "other"  # else anybody could make series without end
        self._answered.labels(self._process, name, known, handler.get_status()).inc()
        self._seconds.labels(self._process, name).observe(handler.request.request_time())


@dataclass(frozen=True)
class Figures(Collector):
    """What PostgreSQL knew of all processes when it was asked."""

    families: list[Metric]

    def collect(self) -> Iterable[Metric]:
        """What is exposed."""
        return self.families


async def read_figures(database: Database) -> Figures:
    """The figures of the class; of a database that is away, that it is."""
    up = GaugeMetricFamily("luma_gateway_database_up", "Whether PostgreSQL answers.")
    try:
        async with asyncio.timeout(PATIENCE), database.connection() as connection:
            families = [
                await _submissions(connection),
                *await _money(connection),
                await _counts(connection, "jobs_waiting", "Jobs that no worker has begun.", "task", _JOBS),
                await _counts(connection, "turns_waiting", "Requests whose turn it is not.", None, _TURNS),
                await _trouble(connection),
            ]
    except (DatabaseAway, TimeoutError):
        families = []
    up.add_metric([], float(bool(families)))
    return Figures([up, *families])


async def _submissions(connection: Connection) -> Metric:
    family = GaugeMetricFamily(
        "luma_gateway_submissions", "Clips that were asked for, by where they stand.", labels=["state", "vendor"]
    )
    cursor = await connection.execute("SELECT state, vendor, count(*) FROM submissions GROUP BY state, vendor")
    for state, vendor, number in await cursor.fetchall():
        family.add_metric([state, vendor], number)
    return family


async def _money(connection: Connection) -> list[Metric]:
    cursor = await connection.execute(
        "SELECT coalesce(sum(reserved), 0)::bigint, coalesce(sum(spent), 0)::bigint FROM wallets"
        " WHERE kind = 'class' AND day = '-infinity'"
    )
    (row,) = await cursor.fetchall()
    words = ("reserved", "Money for clips under way."), ("spent", "Money that clips have cost.")
    return [
        GaugeMetricFamily(f"luma_gateway_{name}_dollars", text, value=amount / MICROS)
        for (name, text), amount in zip(words, row, strict=True)
    ]


async def _counts(connection: Connection, name: str, words: str, label: str | None, query: Any) -> Metric:
    """A count for each value of a label, or one in all; each row of ``query`` ends with it."""
    family = GaugeMetricFamily(f"luma_gateway_{name}", words, labels=[label] if label else [])
    cursor = await connection.execute(query)
    for *values, number in await cursor.fetchall():
        family.add_metric(values, number)
    return family


async def _trouble(connection: Connection) -> Metric:
    family = GaugeMetricFamily("luma_gateway_troubles", "What a teacher has to know of, by kind.", labels=["kind"])
    cursor = await connection.execute("SELECT kind, count(*) FROM trouble GROUP BY kind")
    counts: dict[str, int] = dict(await cursor.fetchall())
    for kind in get_args(Kind):
        family.add_metric([kind], counts.get(kind, 0))
    return family


_JOBS = "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' GROUP BY task_name"
_TURNS = "SELECT count(*) FROM waiting WHERE granted_at IS NULL AND seen_at > now() - interval '5 seconds'"


class _MonitorHandler(Handler):
    """Answers a monitor, and tells nobody else anything."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say no more than the status."""
        self.finish()


class HealthHandler(_MonitorHandler):
    """``GET <prefix>/health``, which anybody may ask: 200, or 503 where PostgreSQL does not answer this process."""

    def initialize(self, database: Database) -> None:
        """Take what handlers of one application share."""
        self.database = database

    async def get(self) -> None:
        """Say whether requests can be served."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/plain")
        try:
            async with asyncio.timeout(PATIENCE), self.database.connection() as connection:
                await connection.execute("SELECT 1")
        except (DatabaseAway, TimeoutError):
            self.set_status(503)
        self.finish("ok\n" if self.get_status() == 200 else "not now\n")


class MetricsHandler(_MonitorHandler):
    """``GET <prefix>/metrics``, for who has the token of the setting, or without one for who is on this machine."""

    def initialize(self, settings: GatewaySettings, database: Database, requests: Requests) -> None:
        """Take what handlers of one application share."""
        self.gateway_settings = settings
        self.database = database
        self.requests = requests

    async def get(self) -> None:
        """Tell the figures."""
        if not self._is_permitted():
            raise HTTPError(403)
        figures = await read_figures(self.database)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.requests.registry) + generate_latest(figures))

    def _is_permitted(self) -> bool:
        headers, token = self.request.headers, self.gateway_settings.metrics_token
        if token:
            given = headers.get("Authorization", "").removeprefix("Bearer ").strip()
            return hmac.compare_digest(given.encode("utf-8", "replace"), token.reveal().encode())
        return _is_loopback(self.request.remote_ip) and not any(name in headers for name in FORWARDED)


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:  # a socket of this machine's without an address
        return False
