"""Whether a process works, and figures for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.web import RequestHandler

from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway import monitoring
from tests.support.gateway import PREFIX, RunningGateway
from tests.support.misbehaving import DropAfter, Server
from tests.support.postgres import PostgresServer
from tests.support.waiting import until

BODY = {"prompt": "a heron", "async": True}


@pytest.fixture
def anybody(gateway: RunningGateway) -> Any:
    """A client without a token."""
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=20) as client:
        yield client


def _figures(answer: httpx.Response) -> dict[tuple[str, ...], float]:
    """The samples of an answer by their name and the values of their labels, without the process."""
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "process")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_health_is_told_to_anybody_without_details(
    anybody: httpx.Client, gateway: RunningGateway, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 while PostgreSQL answers, 503 while it does not, and nothing that helps an attacker."""
    answer = anybody.get("/health")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert "Server" not in answer.headers
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.1)
    postgres.stop()
    try:
        answer = anybody.get("/health")
        assert (answer.status_code, answer.text) == (503, "not now\n")
    finally:
        postgres.start()
    gateway.forget()
    assert anybody.get("/health").status_code == 200


def test_health_does_not_wait_for_ever(anybody: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that takes connections and then says nothing is one that does not work."""
    monkeypatch.setattr(monitoring, "PATIENCE", 0.0)
    assert anybody.get("/health").status_code == 503


def test_metrics_tell_of_clips_money_jobs_and_trouble_of_all_processes(
    ann: httpx.Client, bob: httpx.Client, anybody: httpx.Client, gateway: RunningGateway, vendor: Server
) -> None:
    """What is in PostgreSQL, whoever wrote it there; amounts in dollars."""
    vendor.seconds = 1000.0
    assert ann.post("/luma/videos", json=BODY).status_code == 200
    vendor.script("submit", DropAfter())
    assert bob.post("/luma/videos", json={**BODY, "prompt": "snow"}).status_code == 502

    async def more() -> None:
        async with gateway.gateway.database.connection() as connection:
            await connection.execute("UPDATE submissions SET state = 'completed' WHERE state = 'accepted'")
            await connection.execute("INSERT INTO trouble (kind, subject, words) VALUES ('key', 'acedata', 'secret')")
            await connection.execute("INSERT INTO waiting (owner, key) VALUES ('eve', '1'), ('eve', '2')")
            await connection.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('save', 'luma.save', '{}')"
            )

    gateway.run(more())
    figures = _figures(anybody.get("/metrics"))
    expected = {
        ("luma_gateway_database_up",): 1,
        ("luma_gateway_submissions", "completed", "acedata"): 1,
        ("luma_gateway_submissions", "unconfirmed", "acedata"): 1,
        ("luma_gateway_reserved_dollars",): 0.3,
        ("luma_gateway_spent_dollars",): 0.3,
        ("luma_gateway_jobs_waiting", "luma.save"): 1,
        ("luma_gateway_turns_waiting",): 2,
        ("luma_gateway_troubles", "key"): 1,
        ("luma_gateway_troubles", "store"): 0,
    }
    assert {name: figures.get(name) for name in expected} == expected
    gateway.run(_empty_jobs(gateway))


async def _empty_jobs(gateway: RunningGateway) -> None:
    async with gateway.gateway.database.connection() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")


def test_metrics_count_requests_and_time_of_this_process(anybody: httpx.Client, ann: httpx.Client) -> None:
    """By handler, method and status; a method that nobody knows makes no series of its own."""

    def counted(figures: Mapping[tuple[str, ...], float], *labels: str) -> float:
        return figures.get(("luma_gateway_http_requests_total", *labels), 0)

    before = _figures(anybody.get("/metrics"))
    ann.get("/api/v1/apis/")
    for method in ("BREW", "STEEP"):
        assert anybody.request(method, "/health").status_code == 405
    expected = {("ApisHandler", "GET", "200"): 1, ("HealthHandler", "other", "405"): 2}

    def as_expected() -> bool:  # a request is counted when it has been answered
        after = _figures(anybody.get("/metrics"))
        return all(counted(after, *labels) - counted(before, *labels) == more for labels, more in expected.items())

    until(as_expected)
    text = anybody.get("/metrics").text
    after = _figures(anybody.get("/metrics"))
    assert after[("luma_gateway_http_request_duration_seconds_count", "ApisHandler")] >= 1
    assert f'process="{os.getpid()}"' in text
    assert "BREW" not in text


def test_metrics_tell_that_the_database_is_away(
    anybody: httpx.Client, gateway: RunningGateway, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape succeeds all the same, so that an alarm can say what is wrong."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.1)
    postgres.stop()
    try:
        figures = _figures(anybody.get("/metrics"))
    finally:
        postgres.start()
    assert figures[("luma_gateway_database_up",)] == 0
    assert not any(name == "luma_gateway_submissions" for name, *_ in figures)
    gateway.forget()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_metrics_are_not_for_those_who_come_through_a_proxy(anybody: httpx.Client, header: str) -> None:
    """The Hub's proxy is on the same machine: its clients are not."""
    assert anybody.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer a-long-token", 200), ("Bearer another-token", 403), ("Bearer é", 403), ("", 403)],
)
def test_metrics_token_is_the_only_way_where_it_is_set(
    anybody: httpx.Client, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, authorization: str, status: int
) -> None:
    """Then the own machine does not count, and a proxy does not matter."""
    monkeypatch.setattr(type(gateway.settings), "metrics_token", Secret("a-long-token"))
    monkeypatch.setitem(vars(gateway.gateway.settings), "metrics_token", Secret("a-long-token"))
    headers = {"Authorization": authorization.encode(), "X-Forwarded-For": "203.0.113.9"}
    assert anybody.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.1", 403), (None, 403)])
def test_metrics_are_not_for_other_machines(
    anybody: httpx.Client, monkeypatch: pytest.MonkeyPatch, address: str | None, status: int
) -> None:
    """An address that is none of this machine, and none at all."""

    def come_from(handler: RequestHandler) -> None:
        handler.request.remote_ip = address

    monkeypatch.setattr(monitoring.MetricsHandler, "prepare", come_from)
    assert anybody.get("/metrics").status_code == status


def test_metric_names_follow_the_conventions(anybody: httpx.Client, client_of: Callable[[str], httpx.Client]) -> None:
    """One prefix, base units, ``_total`` for what only grows (Prometheus, "Metric and label naming"), a help each."""
    client_of("ann").get("/api/v1/apis/")
    answer = anybody.get("/metrics")
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.text))
    assert {"luma_gateway_http_requests", "luma_gateway_database_up"} <= {family.name for family in families}
    for family in families:
        assert family.name.startswith("luma_gateway_")
        assert family.documentation.endswith(".") or family.name.endswith("_created")
        assert family.type in ("counter", "gauge", "histogram")
        assert PREFIX not in family.name
