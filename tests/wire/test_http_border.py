"""The border: no exception of httpx passes it, and an environment that httpx cannot use is a clear ConfigError."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from luma_jupyter.errors import ConfigError, ConnectionLost, LumaError, ServiceError, Unconfirmed, Unreachable
from luma_jupyter.settings import Secret
from luma_jupyter.wire.http import Http
from luma_jupyter.wire.partial import Partial


def subclasses(root: type[Exception]) -> Iterator[type[Exception]]:
    """A class and all that derive from it."""
    yield root
    for kind in root.__subclasses__():
        yield from subclasses(kind)


# Other packages of the process may have derived classes of their own.
HTTPX_ERRORS = sorted(
    {
        kind
        for root in (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
        for kind in subclasses(root)
        if kind.__module__.startswith("httpx")
    },
    key=lambda kind: kind.__name__,
)
NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
BAD_ADDRESS = {"InvalidURL", "UnsupportedProtocol"}


def instance(kind: type[Exception]) -> Exception:
    """An instance, however its constructor wants it."""
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", "https://a.example")
        return kind("it happened", request=request, response=httpx.Response(500, request=request))
    if issubclass(kind, httpx.StreamError) and kind is not httpx.StreamError:
        return kind()
    return kind("it happened")


Do = Callable[..., Any]


@pytest.fixture
def do(run_virtually: Callable[[Any], Any]) -> Do:
    """Go through one of the three doors."""

    def through(door: str, http: Http, url: str = "https://a.example/x") -> Any:
        if door == "look":
            return run_virtually(http.look("RunAPI", "GET", url, key=Secret("k")))
        if door == "submit":
            return run_virtually(http.submit("RunAPI", url, key=Secret("k"), payload={}))
        file = Partial(io.BytesIO())
        return run_virtually(http.download(url, file, largest=100, trusted_origin="https://runapi.ai"))

    return through


DOORS = pytest.mark.parametrize("door", ["look", "submit", "download"])


def test_all_exceptions_of_httpx_are_walked() -> None:
    """The walk below sees every public exception class of httpx that is installed."""
    public = {
        name for name in dir(httpx) if isinstance(value := getattr(httpx, name), type) if issubclass(value, Exception)
    }
    assert {kind.__name__ for kind in HTTPX_ERRORS} == public
    assert len(public) > 20


@DOORS
@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
def test_no_exception_of_httpx_passes(fake: Any, do: Do, door: str, kind: type[Exception]) -> None:
    """Each becomes ours: Unreachable where certainly nothing was sent, ConfigError for an address, else doubt."""
    service = fake(instance(kind))
    with pytest.raises(LumaError) as caught:
        do(door, service.http)
    if kind.__name__ in BAD_ADDRESS:
        expected: type[LumaError] = ConfigError
    elif kind.__name__ in NOT_SENT:
        expected = Unreachable
    else:
        expected = Unconfirmed if door == "submit" else ConnectionLost
    assert type(caught.value) is expected
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


@DOORS
def test_an_address_that_httpx_refuses(fake: Any, do: Do, door: str) -> None:
    """An address that httpx cannot even parse is an error about the setting; nothing is sent."""
    service = fake({})
    with pytest.raises(ConfigError, match="the address cannot be used"):
        do(door, service.http, "https://１２７.example/")
    assert service.requests == []


@DOORS
@pytest.mark.parametrize("variable", ["ALL_PROXY", "HTTPS_PROXY", "http_proxy"])
@pytest.mark.parametrize("proxy", ["socks5://me:pass-word@proxy:1080", "socks5h://me:pass-word@proxy"])
def test_socks_proxies(do: Do, door: str, variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy without its package is an error that says what to install; nothing is sent."""
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigError) as caught:
        do(door, Http())
    assert str(caught.value) == (
        "A SOCKS proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) needs: pip install 'httpx[socks]'"
    )


@DOORS
@pytest.mark.parametrize(
    "proxy",
    [
        "ftp://me:pass-word@proxy:21",
        "http://me:pass-word@proxy:99999",
        "http://me:pass-word@proxy:port",
        "http://me:pass-/word@proxy:8080",
        "http://[::1",
    ],
)
def test_bad_proxies(do: Do, door: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable that is no usable URL is an error that says so, without its password."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError) as caught:
        do(door, Http())
    assert str(caught.value) == (
        "A proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) is not a URL such as http://host:8080."
    )


@DOORS
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_bad_certificates(
    do: Do, door: str, content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A certificate file that cannot be read is an error that names the variable; nothing is sent."""
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigError, match=r"\(SSL_CERT_FILE, SSL_CERT_DIR\) cannot be read"):
        do(door, Http())


def test_an_interrupt_passes(fake: Any, do: Do) -> None:
    """Cancellation is no error of the network."""
    with pytest.raises(asyncio.CancelledError):
        do("look", fake(asyncio.CancelledError()).http)


def test_closing_and_going_on(fake: Any) -> None:
    """A closed client closes its connections, twice without harm, and opens new ones when it is used again."""

    async def story() -> int:
        service = fake({"task_id": "t"})
        http = service.http
        await http.aclose()
        for _ in range(2):
            await http.look("S", "GET", "https://a.example", key=Secret("k"))
            await http.submit("S", "https://a.example", key=Secret("k"), payload={})
            await http.aclose()
        return len(service.requests)

    assert asyncio.run(story()) == 4


def test_errors_are_of_the_service_that_was_asked(fake: Any, do: Do) -> None:
    """The error names the service that it is about."""
    with pytest.raises(ServiceError, match=r"^RunAPI cannot be reached"):
        do("look", fake(httpx.ConnectError("x")).http)
    with pytest.raises(ServiceError, match=r"^The host of the file cannot be reached"):
        do("download", fake(httpx.ConnectError("x")).http)
