"""A back-up that is made while a class works, and what a gateway on another machine makes of it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.gateway.acedata_api import MOST_LISTED
from luma_jupyter.gateway.settings import GatewaySettings
from tests.support.gateway import gateway_settings, running_gateway
from tests.support.misbehaving import Server
from tests.support.postgres import PostgresServer, programs_or_skip
from tests.support.waiting import until

PAUSE = 0.05  # seconds between two clips of a student
BODY = {"prompt": "a heron", "async": True}


@pytest.fixture
def fresh_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that has heard of nothing."""
    server = PostgresServer(programs_or_skip())
    yield server
    server.close()


class Class:
    """Students that make clips, one after the other; ``made`` has the task of each idempotency key."""

    def __init__(self, url: str, token: str, students: int = 2) -> None:
        self.made: dict[str, str] = {}
        self.refused: list[str] = []
        self._stop = threading.Event()
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(students)]
        for thread in self._threads:
            thread.start()

    def _work(self, student: int) -> None:
        number = 0
        while not self._stop.wait(PAUSE):
            number += 1
            answer = submit(self._client, f"{student}-{number}")
            if answer.status_code == 200:
                self.made[f"{student}-{number}"] = answer.json()["task_id"]
            else:
                self.refused.append(answer.text)

    def more(self, number: int) -> None:
        """Wait for so many more clips."""
        target = len(self.made) + number
        until(lambda: len(self.made) >= target)

    def end(self) -> None:
        """Stop, when what is under way has been answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
        self._client.close()


def submit(client: httpx.Client, key: str) -> httpx.Response:
    """Ask for the clip of an idempotency key."""
    return client.post("/luma/videos", json={**BODY, "prompt": key}, headers={"Idempotency-Key": key})


def _settings(conninfo: str, vendor: Server, folder: Path) -> GatewaySettings:
    return gateway_settings(conninfo, vendor.url, folder, per_student=1000)


def test_back_up_under_load_is_restored_and_nothing_in_it_is_paid_again(
    postgres: PostgresServer, template: str, fresh_server: PostgresServer, vendor: Server, tmp_path: Path
) -> None:
    """As docs/how-to/class.md says: the dump, then the videos, each into its place; the ledger answers again."""
    name, old, new = postgres.create(template), tmp_path / "old", tmp_path / "new"
    with running_gateway(_settings(postgres.conninfo(name), vendor, old)) as running:
        lesson = Class(running.url, token := running.token("ann"))
        lesson.more(10)
        running.look()
        running.save()
        lesson.more(10)
        made_before = dict(lesson.made)
        dump = postgres.dump(name, "--format=custom")
        shutil.copytree(old / "media", new / "media")
        lesson.more(10)
        lesson.end()
    assert lesson.refused == []
    paid = len(vendor.tasks)
    assert paid == len(lesson.made)

    restored = fresh_server.conninfo(fresh_server.restore(dump))
    with running_gateway(_settings(restored, vendor, new)) as running:
        assert running.run(running.gateway.ledger.check()) == []
        with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
            repeated = {key: submit(client, key).json() for key in made_before}
            assert {key: answer["task_id"] for key, answer in repeated.items()} == made_before
            assert all(answer["task_replayed"] for answer in repeated.values())
            assert len(vendor.tasks) == paid

            def all_are_done() -> bool:  # a round has not time for all of them
                running.look()
                running.save()
                return _videos(client) >= min(len(made_before), MOST_LISTED)

            until(all_are_done, 60)
            # Of what came after the dump the ledger knows nothing: asked for again, it is paid again.
            later = next(key for key in reversed(lesson.made) if key not in made_before and not _is_known(running, key))
            assert submit(client, later).json()["task_id"] != lesson.made[later]
        assert running.run(running.gateway.ledger.check()) == []
    postgres.drop(name)


def _videos(client: httpx.Client) -> int:
    """How many clips can be fetched."""
    tasks = client.post("/luma/tasks", json={"action": "retrieve_batch", "limit": MOST_LISTED}).json()["items"]
    urls = [task["response"]["video_url"] for task in tasks if "video_url" in task["response"]]
    return sum(client.get(url).status_code == 200 for url in urls)


def _is_known(running: Any, key: str) -> bool:
    return running.run(running.gateway.ledger.find("ann", "acedata", key)) is not None
