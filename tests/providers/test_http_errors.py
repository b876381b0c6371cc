"""Errors of httpx: each is translated into ours, and an environment that httpx cannot use is a clear ConfigError."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError, ConnectionLost, LumaError, ServiceError, Unconfirmed, Unreachable
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.http.requests import Call


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


Send = Callable[..., Any]


@pytest.fixture
def send(run_virtually: Callable[[Any], Any]) -> Send:
    """Send a request of one of the three kinds."""

    def send_kind(how: str, http: HttpClient, url: str = "https://a.example/x") -> Any:
        if how == "fetch":
            return run_virtually(http.requests.fetch(Call("RunAPI", "GET", url, Secret("k"))))
        if how == "submit":
            return run_virtually(http.requests.submit(Call("RunAPI", "POST", url, Secret("k"), {})))
        file = Partial(io.BytesIO())
        return run_virtually(http.transfers.download(url, file, largest=100, trusted_origin="https://runapi.ai"))

    return send_kind


HOW = pytest.mark.parametrize("how", ["fetch", "submit", "download"])


def test_all_httpx_exceptions_are_covered() -> None:
    """The test below tries every public exception class of httpx that is installed."""
    public = {
        name for name in dir(httpx) if isinstance(value := getattr(httpx, name), type) if issubclass(value, Exception)
    }
    assert {kind.__name__ for kind in HTTPX_ERRORS} == public
    assert len(public) > 20


@HOW
@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
def test_httpx_exception_is_translated(fake: Any, send: Send, how: str, kind: type[Exception]) -> None:
    """Each becomes ours: Unreachable where nothing was sent, ConfigError for an address, else a lost answer."""
    service = fake(instance(kind))
    with pytest.raises(LumaError) as caught:
        send(how, service.http)
    if kind.__name__ in BAD_ADDRESS:
        expected: type[LumaError] = ConfigError
    elif kind.__name__ in NOT_SENT:
        expected = Unreachable
    else:
        expected = Unconfirmed if how == "submit" else ConnectionLost
    assert type(caught.value) is expected
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


@HOW
def test_address_that_httpx_refuses_is_a_config_error(fake: Any, send: Send, how: str) -> None:
    """An address that httpx cannot even parse is an error about the setting; nothing is sent."""
    service = fake({})
    with pytest.raises(ConfigError, match="the address cannot be used"):
        send(how, service.http, "https://１２７.example/")
    assert service.requests == []


@HOW
@pytest.mark.parametrize("variable", ["ALL_PROXY", "HTTPS_PROXY", "http_proxy"])
@pytest.mark.parametrize("proxy", ["socks5://me:pass-word@proxy:1080", "socks5h://me:pass-word@proxy"])
def test_socks_proxy_without_its_package_is_an_error(
    send: Send, how: str, variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SOCKS proxy without its package is an error that says what to install; nothing is sent."""
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigError) as caught:
        send(how, HttpClient())
    assert str(caught.value) == (
        "A SOCKS proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) needs: pip install 'httpx[socks]'"
    )


@HOW
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
def test_unusable_proxy_is_a_config_error(send: Send, how: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable that is no usable URL is an error that says so, without its password."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError) as caught:
        send(how, HttpClient())
    assert str(caught.value) == (
        "A proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) is not a URL such as http://host:8080."
    )


@HOW
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_unreadable_certificates_are_a_config_error(
    send: Send, how: str, content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A certificate file that cannot be read is an error that names the variable; nothing is sent."""
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigError, match=r"\(SSL_CERT_FILE, SSL_CERT_DIR\) cannot be read"):
        send(how, HttpClient())


def test_cancellation_is_not_translated(fake: Any, send: Send) -> None:
    """Cancellation is no error of the network."""
    with pytest.raises(asyncio.CancelledError):
        send("fetch", fake(asyncio.CancelledError()).http)


def test_closed_client_opens_new_connections(fake: Any) -> None:
    """A closed client closes its connections, twice without harm, and opens new ones when it is used again."""

    async def story() -> int:
        service = fake({"task_id": "t"})
        http = service.http
        await http.aclose()
        for _ in range(2):
            await http.requests.fetch(Call("S", "GET", "https://a.example", Secret("k")))
            await http.requests.submit(Call("S", "POST", "https://a.example", Secret("k"), {}))
            await http.aclose()
        return len(service.requests)

    assert asyncio.run(story()) == 4


def test_error_names_the_service_that_was_asked(fake: Any, send: Send) -> None:
    """The error names the service that it is about."""
    with pytest.raises(ServiceError, match=r"^RunAPI cannot be reached"):
        send("fetch", fake(httpx.ConnectError("x")).http)
    with pytest.raises(ServiceError, match=r"^The host of the file cannot be reached"):
        send("download", fake(httpx.ConnectError("x")).http)
