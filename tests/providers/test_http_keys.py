"""Keys: they are in the header of the requests to their own service, and nowhere else."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import LumaError
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.runapi import RunApi
from tests.support import misbehaving as m
from tests.support.clients import impatient

REQUEST = GenerateRequest(prompt="x")
MODIFY = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))


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
    kinds = []
    for error in errors_of(service, *calls(getattr(service, name)())):
        kinds.append(type(error))
        shown = [str(error), repr(error), repr(vars(error))]
        shown.append(all_locals(error))
        pickled = pickle.dumps(error)
        key = request.getfixturevalue("key")
        assert key not in "".join(shown)
        assert key.encode() not in pickled
    assert len(kinds) == 2
    assert len(service.requests) >= 2


@pytest.mark.parametrize("name", ["acedata", "runapi"])
@pytest.mark.parametrize(
    "write", [str, lambda text: text.replace("-", "\\u002d"), lambda text: text.replace("s", "\\u0073")]
)
def test_key_that_a_service_quotes_is_masked(fake: Any, key: str, name: str, write: Callable[[str], str]) -> None:
    """However its JSON writes it: with escapes, too, which are no part of the key."""
    body = '{"error": {"code": "invalid_token", "message": "KEY is wrong", "KEY": ["KEY"]}}'.replace("KEY", write(key))
    service = fake((401, body))
    errors = list(errors_of(service, *calls(getattr(service, name)())))
    assert len(errors) == 2
    for error in errors:
        assert key not in f"{error} {vars(error)}"
        assert "‹key›" in str(error)


def test_no_key_in_objects(fake: Any, key: str) -> None:
    """The clients of the APIs can be printed."""
    service = fake()
    for api in (service.acedata(), service.runapi()):
        assert key not in f"{api} {api!r} {vars(api)} {vars(service.http)}"


@pytest.mark.parametrize(
    "fault",
    [m.Status(200, {"task_id": "t"}), m.Status(401, {"task_id": "t"}), m.DropBefore()],
    ids=["200", "401", "lost"],
)
def test_no_key_in_logs(server: m.Server, key: str, fault: m.Fault, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG, httpx's and httpcore's too, no log record of a real request shows the key."""
    caplog.set_level(logging.DEBUG)
    for name in [name for name in logging.root.manager.loggerDict if name.startswith(("httpx", "httpcore", "luma"))]:
        caplog.set_level(logging.DEBUG, name)
    server.script("submit", fault, fault)
    server.script("look", fault, fault)

    async def ask() -> None:
        http = impatient()
        for api in (AceData(http, server.url, Secret(key)), RunApi(http, server.url, Secret(key))):
            for call in calls(api):
                try:
                    await call
                except LumaError:
                    logging.getLogger("test").exception("It failed")
        await http.aclose()

    asyncio.run(ask())
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {key}"] * 4
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert key not in caplog.text
    assert not [record for record in caplog.records if key in repr(record.__dict__)]


def test_no_key_in_the_traceback_of_a_cancelled_call(server: m.Server, request: pytest.FixtureRequest) -> None:
    """A call that is cancelled while it waits for its answer shows no key, with all locals of all libraries."""
    server.script("look", m.Hang())

    async def cancel() -> str:
        http = impatient()
        call = asyncio.create_task(AceData(http, server.url, Secret(request.getfixturevalue("key"))).fetch(["task"]))
        await asyncio.to_thread(server.until, lambda: server.requests)
        call.cancel()
        try:
            await call
        except asyncio.CancelledError as error:
            return all_locals(error)
        finally:
            await http.aclose()
        return "it was not cancelled"

    text = asyncio.run(cancel())
    assert "Bearer" in server.requests[0].headers["authorization"]
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
