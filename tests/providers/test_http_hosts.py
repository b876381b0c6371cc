"""Which hosts are reached for files that a service names: the whole table by GET, HEAD and PUT, and real sockets."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import pytest

from luma_jupyter.errors import ConfigError, DownloadError, LumaError, ServiceError, Unreachable, UnusableAnswer
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.http.public import look_up
from luma_jupyter.providers.http.transfers import UploadTarget
from tests.support.misbehaving import Server, Status

API = "http://127.0.0.1:5000"  # the configured base URL
PUBLIC, OTHER, PUBLIC6 = "93.184.216.34", "8.8.8.8", "2606:4700::1111"
LOCAL = "local network"


class Row(NamedTuple):
    """A host of a file: ``found`` is what each look-up of its name gives, ``reached`` where the request ends up."""

    url: str
    found: list[list[str]]
    reached: list[str]
    redirect: str | None = None
    error: str = ""


def allowed(host: str, *found: Sequence[str], at: str) -> Row:
    """A host that is reached at an address."""
    return Row(f"http://{host}/v.mp4", [list(addresses) for addresses in found], [at])


def refused(host: str, *found: Sequence[str]) -> Row:
    """A host to which nothing is sent."""
    return Row(f"http://{host}/v.mp4", [list(addresses) for addresses in found], [], error=LOCAL)


TABLE = {
    # public
    "public name": allowed("cdn.example", [PUBLIC], at=PUBLIC),
    "public name, IPv6": allowed("cdn.example", [PUBLIC6], at=PUBLIC6),
    "public name, both: IPv4 first": allowed("cdn.example", [PUBLIC6, PUBLIC], at=PUBLIC),
    "public address": allowed(PUBLIC, [PUBLIC], at=PUBLIC),
    "public IPv6 address": allowed(f"[{PUBLIC6}]", [PUBLIC6], at=PUBLIC6),
    "public, in brackets as mapped": allowed("[::ffff:8.8.8.8]", ["::ffff:8.8.8.8"], at="::ffff:8.8.8.8"),
    "public name in another script": allowed("bücher.example", [PUBLIC], at=PUBLIC),
    "public host with user info of a local one": allowed("127.0.0.1@cdn.example", [PUBLIC], at=PUBLIC),
    # this machine and its network
    "loopback": refused("127.0.0.1:8888"),
    "localhost": refused("localhost"),
    "localhost with a dot": refused("localhost."),
    "below localhost": refused("a.localhost"),
    "name without a domain": refused("nas"),
    "mDNS name": refused("printer.local"),
    "private": refused("192.168.1.1"),
    "link-local: a cloud's metadata": refused("169.254.169.254"),
    "shared by a provider's customers": refused("100.64.0.1"),
    "multicast": refused("224.0.0.1"),
    "any address": refused("0.0.0.0"),
    "any IPv6 address": refused("[::]"),
    "IPv6 loopback": refused("[::1]"),
    "IPv6 unique local": refused("[fd00::1]"),
    "IPv6 site-local, of old": refused("[fec0::1]"),
    "IPv6 with a zone": refused("[fe80::1%25eth0]"),
    "public IPv6 with a zone": refused("[2606:4700::1111%25eth0]"),
    # look-alikes
    "ideographic dots": refused("127。0。0。1:8888"),
    "ideographic dots, private": refused("192。168。1。1"),
    "half-width dots": refused("127｡0｡0｡1"),
    "full-width digits": refused("１２７.０.０.１"),
    "full-width name": refused("ｌｏｃａｌｈｏｓｔ"),
    "circled digits": refused("⑫⑦.⓪.⓪.①"),
    "soft hyphen": refused("127.0.0\u00ad.1"),
    "hexadecimal": refused("0x7f.1"),
    "octal": refused("017700000001"),
    "one number": refused("2130706433"),
    "short": refused("127.1"),
    "with a dot": refused("127.0.0.1."),
    "percent-encoded": refused("%31%32%37.0.0.1"),
    "user info of a public host": refused("cdn.example@127.0.0.1"),
    "mapped": refused("[::ffff:127.0.0.1]"),
    "mapped, in hexadecimal": refused("[::ffff:7f00:1]"),
    "compatible": refused("[::127.0.0.1]"),
    # IPv4 inside of IPv6
    "NAT64 of a public address": allowed("cdn.example", [f"64:ff9b::{PUBLIC}"], at=f"64:ff9b::{PUBLIC}"),
    "NAT64 of loopback": refused("[64:ff9b::127.0.0.1]"),
    "name behind NAT64 of a private address": refused("cdn.example", ["64:ff9b::10.0.0.1"]),
    "NAT64 of a network's own": refused("[64:ff9b:1::808:808]"),
    "6to4 of a public address": allowed("cdn.example", ["2002:808:808::1"], at="2002:808:808::1"),
    "6to4 of loopback": refused("[2002:7f00:1::]"),
    "Teredo": refused("[2001:0:808:808::1]"),
    # what a name stands for
    "name of loopback": refused("cdn.example", ["127.0.0.1"]),
    "name of a private address": refused("cdn.example", ["10.1.2.3", "fd00::1"]),
    "name of both: only the public one": allowed("cdn.example", ["10.1.2.3", PUBLIC, "::1"], at=PUBLIC),
    "name of a zone": refused("cdn.example", ["fe80::1%eth0"]),
    "name of the fake address of a proxy": allowed("cdn.example", ["198.18.3.4"], at="198.18.3.4"),
    "rebinding: public first": allowed("cdn.example", [PUBLIC], ["127.0.0.1"], at=PUBLIC),
    "rebinding: local first": refused("cdn.example", ["127.0.0.1"], [PUBLIC]),
    # the configured base URL
    "file of the API itself": Row(f"{API}/v.mp4", [], ["127.0.0.1"]),
    "another port of its machine": refused("127.0.0.1:5001"),
    "another name of its machine": refused("localhost:5000"),
    # redirects, which only downloads follow
    "to a public name": Row("http://cdn.example/", [[PUBLIC], [OTHER]], [PUBLIC, OTHER], "http://b.example/v"),
    "to loopback": Row("http://cdn.example/", [[PUBLIC]], [PUBLIC], "http://127.0.0.1:8888/", LOCAL),
    "to a look-alike": Row("http://cdn.example/", [[PUBLIC]], [PUBLIC], "http://127。0。0。1:8888/", LOCAL),
    "to the name of loopback": Row("http://cdn.example/", [[PUBLIC], ["::1"]], [PUBLIC], "http://b.example/", LOCAL),
    "to itself, rebound": Row("http://cdn.example/", [[PUBLIC], ["127.0.0.1"]], [PUBLIC], "/again", LOCAL),
    "from the API to its neighbour": Row(f"{API}/v", [], ["127.0.0.1"], "http://127.0.0.1:5001/", LOCAL),
}


@dataclass
class Network:
    """A network that answers for all addresses, and a resolver with prepared answers; it keeps what reached it."""

    row: Row
    requests: list[httpx.Request] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)

    @property
    def http(self) -> HttpClient:
        return HttpClient(transport=httpx.MockTransport(self._answer), resolve=self._resolve)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.row.redirect and len(self.requests) == 1:
            return httpx.Response(302, headers={"Location": self.row.redirect.encode()})
        return httpx.Response(404 if request.method == "HEAD" else 200, content=b"video")

    async def _resolve(self, host: str, port: int) -> list[str]:
        self.looked_up.append(host)
        return self.row.found[len(self.looked_up) - 1]

    @property
    def reached(self) -> list[str]:
        return [request.url.host for request in self.requests]


def target(url: str) -> UploadTarget:
    return UploadTarget("RunAPI", url, {"x-meta": "1"}, trusted_origin=API)


def download(http: HttpClient, url: str, trusted_origin: str = API) -> bytes:
    """The file at ``url``; the client is closed."""
    file = io.BytesIO()

    async def fetch() -> None:
        try:
            await http.transfers.download(url, Partial(file), largest=1000, trusted_origin=trusted_origin)
        finally:
            await http.aclose()

    asyncio.run(fetch())
    return file.getvalue()


@pytest.mark.parametrize("name", TABLE)
def test_download_reaches_public_hosts_alone(name: str) -> None:
    """GET: to the address that was judged, redirects included; nothing is sent to any other."""
    row = TABLE[name]
    network = Network(row)
    if row.error:
        with pytest.raises(LumaError, match=f"{row.error}|address cannot be used"):
            download(network.http, row.url)
    else:
        assert download(network.http, row.url) == b"video"
    assert network.reached == row.reached


@pytest.mark.parametrize("name", TABLE)
def test_question_whether_a_file_is_gone_reaches_public_hosts_alone(name: str) -> None:
    """HEAD: asked at the address that was judged; of any other host nothing is known. Redirects are not followed."""
    row = TABLE[name]
    network = Network(row)
    gone = asyncio.run(network.http.transfers.is_gone(row.url, trusted_origin=API))
    assert gone is (bool(row.reached) and row.redirect is None)
    assert network.reached == row.reached[:1]


@pytest.mark.parametrize("name", TABLE)
def test_upload_reaches_public_hosts_alone(name: str) -> None:
    """PUT: the file goes to the address that was judged, and to no other. Redirects are not followed."""
    row = TABLE[name]
    network = Network(row)
    put = network.http.transfers.put(target(row.url), b"file", lambda share: None)
    if row.redirect:
        with pytest.raises(ServiceError, match="HTTP 302"):
            asyncio.run(put)
    elif row.error:
        with pytest.raises(UnusableAnswer, match="the host for the file is on a local network"):
            asyncio.run(put)
    else:
        asyncio.run(put)
        assert [request.content for request in network.requests] == [b"file"]
    assert network.reached == row.reached[:1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_request_to_an_address_keeps_the_name(scheme: str) -> None:
    """The Host header, and the name that TLS asks for and checks the certificate against, are those of the URL."""
    network = Network(Row("", [[PUBLIC]], []))
    assert download(network.http, f"{scheme}://bücher.example:8443/v?sig=a%2Fb") == b"video"
    (request,) = network.requests
    assert str(request.url) == f"{scheme}://{PUBLIC}:8443/v?sig=a%2Fb"
    assert request.headers["host"] == "xn--bcher-kva.example:8443"
    assert request.extensions["sni_hostname"] == network.looked_up[0] == "xn--bcher-kva.example"


@pytest.mark.parametrize("failure", [httpx.ConnectError("no route"), httpx.ConnectTimeout("no answer")])
def test_addresses_are_tried_one_after_the_other(failure: Exception) -> None:
    """Where one address of a host does not answer, the next one is tried; local ones never, and all share the time."""
    tried: list[tuple[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append((request.url.host, request.extensions["timeout"]["connect"]))
        if request.url.host == PUBLIC6:
            return httpx.Response(200, content=b"video")
        raise failure

    async def resolve(host: str, port: int) -> list[str]:
        return [PUBLIC6, "10.0.0.1", OTHER, PUBLIC, PUBLIC]

    assert (
        download(HttpClient(transport=httpx.MockTransport(answer), resolve=resolve), "https://cdn.example/") == b"video"
    )
    assert tried == [(OTHER, 5.0), (PUBLIC, 5.0), (PUBLIC6, 5.0)]


def test_host_that_no_address_answers_for_is_unreachable() -> None:
    """The last address's failure is the request's; no more than four addresses are tried."""
    tried: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        raise httpx.ConnectError(f"no route to {request.url.host}")

    async def resolve(host: str, port: int) -> list[str]:
        return [f"8.8.8.{number}" for number in range(9)]

    with pytest.raises(Unreachable, match=r"no route to 8\.8\.8\.3"):
        download(HttpClient(transport=httpx.MockTransport(answer), resolve=resolve), "https://cdn.example/")
    assert len(tried) == 4


async def _not_found(host: str, port: int) -> list[str]:
    raise OSError("Name or service not known")


async def _never(host: str, port: int) -> list[str]:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("resolve", "words"), [(_not_found, "Name or service not known"), (_never, "its name was not found in time")]
)
def test_name_that_is_not_found_is_unreachable(
    run_virtually: Callable[[Any], Any], resolve: Callable[[str, int], Awaitable[list[str]]], words: str
) -> None:
    """A name without an address, or a resolver that does not answer: certainly nothing was sent."""
    network = Network(Row("", [], []))
    http = HttpClient(transport=httpx.MockTransport(network._answer), resolve=resolve)
    get = http.transfers.download("https://cdn.example/", Partial(io.BytesIO()), largest=9, trusted_origin=API)
    with pytest.raises(Unreachable, match=words):
        run_virtually(get)
    assert network.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001"])
def test_look_up_reads_addresses_as_resolvers_do(host: str) -> None:
    """The machine's own resolver is asked: it takes short and hexadecimal forms, which are judged by what they are."""
    assert set(asyncio.run(look_up(host, 80))) == {"127.0.0.1"}


# On real sockets.


OK = Status(200, b"video", {"Content-Type": "video/mp4"})


async def send_all(http: HttpClient, url: str) -> list[Any]:
    """What GET, HEAD and PUT come to; an error by its kind."""
    get = http.transfers.download(url, Partial(io.BytesIO()), largest=100, trusted_origin=API)
    head = http.transfers.is_gone(url, trusted_origin=API)
    put = http.transfers.put(target(url), b"file", lambda share: None)
    results = [await asyncio.gather(request, return_exceptions=True) for request in (get, head, put)]
    await http.aclose()
    return [type(result) if isinstance(result, Exception) else result for (result,) in results]


def test_name_of_this_machine_is_not_even_connected_to() -> None:
    """A server on loopback sees no connection from files whose host's name stands for it."""

    async def story() -> None:
        connections: list[asyncio.StreamWriter] = []

        async def resolve(host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        server = await asyncio.start_server(lambda reader, writer: connections.append(writer), "127.0.0.1", 0)
        async with server:
            url = f"http://cdn.example:{server.sockets[0].getsockname()[1]}/"
            results = await send_all(HttpClient(resolve=resolve), url)
            await asyncio.sleep(0)
        assert results == [DownloadError, False, UnusableAnswer]
        assert connections == []

    asyncio.run(story())


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_proxy_looks_names_up_by_itself(server: Server, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Behind a proxy names are not looked up here, and go there as they are; local ones by their name do not."""
    server.script("other", OK, OK, OK)
    monkeypatch.setenv(variable, server.url.removeprefix("http://"))
    results = asyncio.run(send_all(HttpClient(resolve=_not_found), "http://cdn.invalid/v"))
    assert results == [None, False, None]
    through_the_proxy = [(method, "http://cdn.invalid/v") for method in ("GET", "HEAD", "PUT")]
    assert [(request.method, request.path) for request in server.requests] == through_the_proxy
    for url in ("http://127。0。0。1:8888/", "http://router.local/", "http://nas/"):
        results = asyncio.run(send_all(HttpClient(resolve=_not_found), url))
        assert results == [DownloadError, False, UnusableAnswer]
    assert len(server.requests) == 3


def test_host_that_goes_around_the_proxy_is_judged(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NO_PROXY names is connected to from here, so its address is judged here."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.1"]

    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "campus.example")
    results = asyncio.run(send_all(HttpClient(resolve=resolve), "http://files.campus.example/v"))
    assert results == [DownloadError, False, UnusableAnswer]
    assert server.requests == []


def test_unusable_proxy_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, too, say which variables to look at, and nothing of what is in them."""
    monkeypatch.setenv("ALL_PROXY", "http://me:pass-/word@proxy:8080")
    with pytest.raises(ConfigError, match=r"A proxy of the environment .* is not a URL") as caught:
        download(HttpClient(), "https://cdn.example/")
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("resolve", "addresses"), [(None, []), (_not_found, []), (look_up, ["127.0.0.1"])], ids=["test", "none", "own"]
)
def test_addresses_are_those_that_files_are_fetched_from(resolve: Any, addresses: list[str]) -> None:
    """What doctor looks at; nothing where no name is looked up, or none is found."""
    http = HttpClient(transport=httpx.MockTransport(lambda request: httpx.Response(200)), resolve=resolve)
    assert sorted(set(asyncio.run(http.addresses("127.0.0.1")))) == addresses


def test_api_on_loopback_is_reached_as_ever(server: Server) -> None:
    """Files of a configured base URL that is itself on loopback, as the demo's, come without any look-up."""
    server.script("other", OK)
    http = HttpClient(resolve=_not_found)
    assert download(http, f"{server.url}/v", trusted_origin=server.url) == b"video"
    assert len(server.requests) == 1
