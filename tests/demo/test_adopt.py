"""A task that another program made at the demo service becomes a clip of the notebook's."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import luma_jupyter
from luma_jupyter.api.kernel import kernel
from luma_jupyter.demo.server import DemoService
from luma_jupyter.errors import InvalidRequest


@pytest.fixture
def own(service: DemoService, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernel's demo service is the one that is running; there is no key."""
    monkeypatch.setenv("LUMA_JUPYTER_DEMO_SECONDS", "0")
    engine = kernel.session.engine
    monkeypatch.setattr(engine.providers, "_demo", service)
    yield
    engine.loop_thread.run(engine.providers.aclose())
    engine.providers.reset()  # other tests have that service too


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("path", ["/luma/videos", "/api/v1/luma/modify_video"])
def test_task_of_a_plain_client_is_adopted(api: httpx.Client, clip: dict[str, Any], path: str) -> None:
    """By its id alone it is found, followed and saved; without a key the demo service is asked."""
    bodies = {
        "/luma/videos": {"action": "generate", "prompt": "A paper boat", "aspect_ratio": "9:16", "async": True},
        "/api/v1/luma/modify_video": {
            "model": "luma-modify-video",
            "prompt": "Fog",
            "source_video_url": clip["video_url"],
        },
    }
    answer: dict[str, Any] = api.post(path, json=bodies[path]).json()
    task_id = answer.get("task_id") or answer["id"]
    adopted = luma_jupyter.adopt(task_id).wait()
    assert adopted.task_id == task_id
    assert adopted.provider == "demo"
    assert adopted.path.stat().st_size > 1000
    if path == "/luma/videos":
        assert (adopted.prompt, adopted.action) == ("A paper boat", "generate")
    assert luma_jupyter.adopt(f" {task_id} ") is adopted


@pytest.mark.usefixtures("own")
def test_unknown_task_is_one_line() -> None:
    """The demo service knows its own tasks alone."""
    with pytest.raises(InvalidRequest, match=r"knows a task 'no-such-task'\. Nothing was sent but the question"):
        luma_jupyter.adopt("no-such-task")


@pytest.mark.parametrize("task_id", ["", "  ", None, 7])
def test_what_is_no_id_is_refused(task_id: Any) -> None:
    """Nobody is asked for it."""
    with pytest.raises(InvalidRequest, match="A task id is a text"):
        luma_jupyter.adopt(task_id)


def test_service_that_there_is_not_is_refused() -> None:
    """The error names those that there are."""
    with pytest.raises(InvalidRequest, match="There is no provider 'luma': choose acedata, runapi, demo"):
        luma_jupyter.adopt("task-1", provider="luma")  # type: ignore[arg-type]
