"""Keys: they are in the header of the requests to their own service, and nowhere else."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import LumaError
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import Secret

REQUEST = GenerateRequest(prompt="x")
MODIFY = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))


async def at_once(seconds: float) -> None:
    """Wait for nothing."""


def calls(api: Any) -> list[Any]:
    """A submission and a look-up."""
    payload = api.payload(MODIFY if isinstance(api, RunApi) else REQUEST)
    return [api.submit(payload, "i"), api.fetch(["t"])]


def all_locals(error: BaseException) -> str:
    """A traceback that prints all locals, but for those of the test itself."""
    assert error.__traceback__
    error.__traceback__ = error.__traceback__.tb_next
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def errors_of(service: Any, *coroutines: Any) -> Iterator[BaseException]:
    """The errors that some calls end with."""
    for coroutine in coroutines:
        try:
            service.run(coroutine)
        except (LumaError, asyncio.CancelledError) as error:
            yield error


@pytest.mark.parametrize("name", ["acedata", "runapi"])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.InvalidURL("bad"),
        asyncio.CancelledError(),
        (200, "<html>"),
        (401, {"error": {"code": "invalid_token", "message": "wrong"}}),
        (403, {}),
        (429, {}),
        (500, {}),
    ],
    ids=str,
)
def test_no_key_in_errors(fake: Any, name: str, answer: Any, request: pytest.FixtureRequest) -> None:
    """No error shows the key: in its message, attributes and pickle, or in a traceback that prints all locals."""
    service = fake(answer)
    for error in errors_of(service, *calls(getattr(service, name)())):
        shown = [str(error), repr(error), repr(vars(error))]
        shown.append(all_locals(error))
        pickled = pickle.dumps(error)
        key = request.getfixturevalue("key")
        assert key not in "".join(shown)
        assert key.encode() not in pickled
    assert len(service.requests) >= 2


def test_no_key_in_objects(fake: Any, key: str) -> None:
    """The clients of the APIs can be printed."""
    service = fake()
    for api in (service.acedata(), service.runapi()):
        assert key not in f"{api} {api!r} {vars(api)} {vars(service.http)}"


@pytest.mark.parametrize("status", [200, 401, 0])
def test_no_key_in_logs(serving: Any, key: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG, httpx's and httpcore's too, no log record of a real request shows the key."""
    caplog.set_level(logging.DEBUG)
    for name in [name for name in logging.root.manager.loggerDict if name.startswith(("httpx", "httpcore", "luma"))]:
        caplog.set_level(logging.DEBUG, name)

    async def story() -> None:
        async def answer(writer: asyncio.StreamWriter, number: int) -> bool:
            if status:
                writer.write(b'HTTP/1.1 %d X\r\nContent-Length: 16\r\n\r\n{"task_id": "t"}' % status)
                await writer.drain()
            return bool(status)

        async with serving(answer) as (url, received):
            http = HttpClient(sleep=at_once)
            for api in (AceData(http, url, Secret(key)), RunApi(http, url, Secret(key))):
                for call in calls(api):
                    try:
                        await call
                    except LumaError:
                        logging.getLogger("test").exception("It failed")
            await http.aclose()
            assert len(received) == 4
            assert all(b"Bearer " + key.encode() in request for request in received)

    asyncio.run(story())
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert key not in caplog.text
    assert not [record for record in caplog.records if key in repr(record.__dict__)]


def test_no_key_in_the_traceback_of_a_cancelled_call(serving: Any, request: pytest.FixtureRequest) -> None:
    """A call that is cancelled while it waits for its answer shows no key, with all locals of all libraries."""

    async def story() -> str:
        async def never(writer: asyncio.StreamWriter, number: int) -> bool:
            came.set()
            await over.wait()
            return False

        came, over = asyncio.Event(), asyncio.Event()
        async with serving(never) as (url, received):
            http = HttpClient(sleep=at_once)
            call = asyncio.create_task(AceData(http, url, Secret(request.getfixturevalue("key"))).fetch(["task"]))
            await came.wait()
            call.cancel()
            try:
                await call
            except asyncio.CancelledError as error:
                text = all_locals(error)
            over.set()
            await http.aclose()
            assert b"Bearer" in received[0]
            return text

    text = asyncio.run(story())
    assert "httpcore" in text
    assert request.getfixturevalue("key") not in text


@pytest.mark.parametrize("location", ["https://evil.example/x", "http://api.acedata.cloud/x", "//evil.example/x"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_key_to_another_host(fake: Any, location: str, status: int) -> None:
    """A redirect of an API call is not followed: the key goes to the configured address alone."""
    service = fake((status, {}, {"Location": location}))
    assert len(list(errors_of(service, *calls(service.acedata())))) == 2
    assert {str(sent.url.copy_with(path="/")) for sent in service.requests} == {"https://api.acedata.cloud/"}
    assert len(service.requests) == 2


def test_no_key_in_downloads(fake: Any, key: str) -> None:
    """A download carries no key, not even from the API's own host or after an API call on the same client."""
    url = "https://api.acedata.cloud/media/v.mp4"
    service = fake({"task_id": "t"}, (302, "", {"Location": "https://cdn.example/v"}), (200, "video"))
    api = service.acedata()
    asyncio.run(api.submit(api.payload(REQUEST), "i"))
    file = Partial(io.BytesIO())
    asyncio.run(service.http.transfers.download(url, file, largest=9, trusted_origin="https://api.acedata.cloud"))
    assert [key in str(sent.headers.raw) for sent in service.requests] == [True, False, False]
    assert [sent.headers.get("authorization") for sent in service.requests[1:]] == [None, None]
