"""One running demo service for the whole folder, and what most tests need of it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from luma_jupyter.demo.server import DemoService, start
from tests.support.waiting import until

Ended = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def service() -> Iterator[DemoService]:
    """A service whose tasks take no longer than the rendering of a short film."""
    service = start(seconds=0, film_seconds=1)
    yield service
    service.close()


@pytest.fixture(scope="session")
def api(service: DemoService) -> Iterator[httpx.Client]:
    """A client with the key."""
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def platform(service: DemoService) -> Iterator[httpx.Client]:
    """A client of AceDataCloud's platform, with its own token."""
    headers = {"Authorization": f"Bearer {service.platform_token}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def clip(api: httpx.Client) -> dict[str, Any]:
    """The result of a blocking generate call: a finished clip."""
    answer = api.post("/luma/videos", json={"prompt": "Astronauts shuttle from space to volcano"})
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


@pytest.fixture
def slow(service: DemoService) -> Iterator[None]:
    """Tasks submitted meanwhile do not end within a test."""
    service.seconds = 1000
    yield
    service.seconds = 0


@pytest.fixture(scope="session")
def ended_task(api: httpx.Client) -> Ended:
    """An AceData task, once it has ended, by its id."""

    def ended(task_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            task: dict[str, Any] = api.post("/luma/tasks", json={"id": task_id, "action": "retrieve"}).json()
            return task if task["finished_at"] else None

        task: dict[str, Any] = until(look, 20)
        return task

    return ended


@pytest.fixture(scope="session")
def ended_modify(api: httpx.Client) -> Ended:
    """A RunAPI task, once it has ended, by its id."""

    def ended(task_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            task: dict[str, Any] = api.get(f"/api/v1/luma/modify_video/{task_id}").json()
            return task if task["status"] in ("completed", "failed") else None

        task: dict[str, Any] = until(look, 20)
        return task

    return ended
