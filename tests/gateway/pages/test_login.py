"""The way in: by the Hub at any replica, or with a token; nobody is sent elsewhere, and one's own sign-in counts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from luma_jupyter.domain.secret import Secret
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import Server
from tests.support.postgres import PostgresServer
from tests.support.visitor import Visitor

SECRET = "the-services-own-token"
SCOPES = {"scopes": ["access:services!service=luma"], "groups": ["films"], "kind": "user"}


class FakeHub:
    """The Hub's OAuth, as JupyterHub has it; ``down``: it answers nobody, ``odd``: not in JSON."""

    def __init__(self) -> None:
        self.codes: dict[str, tuple[str, str]] = {}  # who, and the PKCE challenge
        self.down = self.odd = False
        self.sockets = bind_sockets(0, "127.0.0.1")
        self.url = f"http://127.0.0.1:{self.sockets[0].getsockname()[1]}/hub/api"

    def authorize(self, address: str, name: str) -> str:
        """Where the Hub sends the browser of somebody who has signed in."""
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query, strict_parsing=True))
        assert parts.path == "/hub/api/oauth2/authorize"
        assert query["client_id"] == "service-luma"
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(8)
        self.codes[code] = (name, query["code_challenge"])
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"

    def application(self) -> Application:
        """Its API."""
        hub = self

        class Token(RequestHandler):
            def post(self) -> None:
                given = {name: self.get_body_argument(name) for name in self.request.body_arguments}
                if hub.down:
                    self.send_error(503)
                    return
                if hub.odd:
                    self.finish("<html>a proxy's page</html>")
                    return
                name, challenge = hub.codes.pop(given["code"], ("", ""))
                digest = hashlib.sha256(given["code_verifier"].encode()).digest()
                good = base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
                if not good or given["client_secret"] != SECRET:
                    self.send_error(400)
                    return
                self.finish({"access_token": f"hub-{name}", "token_type": "Bearer"})

        class User(RequestHandler):
            def get(self) -> None:
                name = self.request.headers["Authorization"].removeprefix("token hub-")
                teaches = ["custom:luma:teach"] if name == "miss" else []
                scopes = [] if name == "stranger" else [*SCOPES["scopes"], *teaches]
                self.finish({**SCOPES, "name": name, "scopes": scopes})

        return Application(
            [(r"/hub/api/oauth2/token", Token), (r"/hub/api/user", User)], log_function=lambda handler: None
        )


@pytest.fixture(scope="module")
def hub_and_replicas(
    postgres: PostgresServer, template: str, all_vendors: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FakeHub, list[RunningGateway]]]:
    """A Hub, and two replicas of a gateway beside it."""
    name, folder, hub = postgres.create(template), tmp_path_factory.mktemp("gateway"), FakeHub()
    settings = gateway_settings(
        postgres.conninfo(name), all_vendors.url, folder, hub_api_url=hub.url, hub_api_token=Secret(SECRET)
    )
    with ExitStack() as stack:
        replicas = [stack.enter_context(running_gateway(settings)) for _ in range(2)]

        async def serve() -> HTTPServer:
            server = HTTPServer(hub.application())
            server.add_sockets(hub.sockets)
            return server

        server = replicas[0].run(serve())
        yield hub, replicas

        async def close() -> None:
            server.stop()
            await server.close_all_connections()

        replicas[0].run(close())
    postgres.drop(name)


@pytest.fixture
def hub(hub_and_replicas: tuple[FakeHub, list[RunningGateway]]) -> FakeHub:
    """The Hub, as it is mostly."""
    hub_and_replicas[0].down = hub_and_replicas[0].odd = False
    return hub_and_replicas[0]


@pytest.fixture
def replicas(hub_and_replicas: tuple[FakeHub, list[RunningGateway]]) -> list[RunningGateway]:
    """Two replicas."""
    return hub_and_replicas[1]


class Browser(httpx.AsyncClient):
    """A browser that meets another replica at each request, as behind one address."""

    def __init__(self, replicas: list[RunningGateway], turn: int = 0) -> None:
        super().__init__(timeout=30, trust_env=False)
        self._hosts = [replica.url.removesuffix("/services/luma") for replica in replicas]
        self._turn = turn

    async def go(self, path: str) -> httpx.Response:
        """Go to a page, without following where it leads."""
        self._turn += 1
        return await self.get(self._hosts[self._turn % len(self._hosts)] + path)

    async def sign_in(self, hub: FakeHub, name: str, page: str = "/services/luma/mine") -> httpx.Response:
        """Go to a page, sign in at the Hub, and come back to it."""
        login = (await self.go(page)).headers["Location"]
        callback = hub.authorize((await self.go(login)).headers["Location"], name)
        return await self.go((await self.go(callback)).headers["Location"])


@pytest.mark.usefixtures("patient_database")
def test_forty_sign_in_at_once_at_two_replicas(hub: FakeHub, replicas: list[RunningGateway]) -> None:
    """Each begins at one and ends at the other, and sees the own page."""

    async def one(number: int) -> None:
        async with Browser(replicas, number) as browser:
            page = await browser.sign_in(hub, f"student-{number}", "/services/luma/mine?before=7")
            assert page.status_code == 200
            assert f"<bdi>student-{number}</bdi>" in page.text
            assert page.url.query == b"before=7"

    async def all_() -> None:
        await asyncio.gather(*(one(number) for number in range(40)))

    asyncio.run(all_())


def _story(replicas: list[RunningGateway], play: Any) -> None:
    async def run() -> None:
        async with Browser(replicas) as browser:
            await play(browser)

    asyncio.run(run())


def test_role_comes_from_the_hub(hub: FakeHub, replicas: list[RunningGateway]) -> None:
    """By the scope; who may not use the service is told so."""

    async def play(browser: Browser) -> None:
        assert (await browser.sign_in(hub, "miss", "/services/luma/class")).status_code == 200
        browser.cookies.clear()
        assert (await browser.sign_in(hub, "ann", "/services/luma/class")).status_code == 403
        browser.cookies.clear()
        page = await browser.sign_in(hub, "stranger")
        assert page.status_code == 403
        assert "You are not in a class" in page.text

    _story(replicas, play)


def test_sign_in_counts_once_and_in_its_own_browser(hub: FakeHub, replicas: list[RunningGateway]) -> None:
    """Nor where its state is made up, or it has no code, or it took too long."""

    async def begin(browser: Browser) -> str:
        return hub.authorize((await browser.go("/services/luma/login")).headers["Location"], "ann")

    async def play(browser: Browser) -> None:
        callback = await begin(browser)
        async with Browser(replicas) as other:
            assert (await other.go(callback)).status_code == 400
            await begin(other)
            answer = await other.go(callback)
            assert answer.status_code == 400
            assert "Sign in again" in answer.text
        assert (await browser.go(callback)).status_code == 303
        assert (await browser.go(callback)).status_code == 400
        assert (await browser.go("/services/luma/oauth_callback?code=x&state=made-up")).status_code == 400
        state = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
        refused = f"/services/luma/oauth_callback?error=access_denied&error_description=<b>&state={state}"
        assert "<b>" not in (await browser.go(refused)).text
        late = await begin(browser)

        async def age() -> None:
            async with replicas[0].gateway.database.connection() as connection:
                await connection.execute("UPDATE logins SET begun_at = now() - interval '11 minutes'")

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(age(), replicas[0]._loop))
        assert (await browser.go(late)).status_code == 400

    _story(replicas, play)


def test_two_pages_of_a_browser_may_sign_in_at_once(hub: FakeHub, replicas: list[RunningGateway]) -> None:
    """The second does not undo the first."""

    async def play(browser: Browser) -> None:
        addresses = [(await browser.go("/services/luma/login")).headers["Location"] for _ in range(2)]
        for callback in [hub.authorize(address, "ann") for address in addresses]:
            assert (await browser.go(callback)).status_code == 303

    _story(replicas, play)


def test_hub_that_does_not_answer_is_told(hub: FakeHub, replicas: list[RunningGateway]) -> None:
    """What it refuses, too."""

    async def play(browser: Browser) -> None:
        callback = hub.authorize((await browser.go("/services/luma/login")).headers["Location"], "ann")
        hub.down = True
        assert (await browser.go(callback)).status_code == 503
        hub.down, hub.odd = False, True
        callback = hub.authorize((await browser.go("/services/luma/login")).headers["Location"], "ann")
        assert (await browser.go(callback)).status_code == 503
        hub.odd = False
        callback = hub.authorize((await browser.go("/services/luma/login")).headers["Location"], "ann")
        hub.codes.clear()
        assert (await browser.go(callback)).status_code == 400

    _story(replicas, play)


def test_token_signs_in_beside_a_hub(hub: FakeHub, replicas: list[RunningGateway]) -> None:
    """The form has a way to the Hub, too."""
    with Visitor(replicas[0].url) as someone:
        assert "Sign in at the Hub" in someone.see("/login?token")
        someone.do("/login", token=replicas[0].token("ann"))
        assert "<bdi>ann</bdi>" in someone.see("/mine")


# Without a Hub.


@pytest.mark.parametrize("token", ["", "x", "luma-x", "a" * 2000, "ß", "a\r\nb"])
def test_token_of_nobody_is_refused(gateway: RunningGateway, token: str) -> None:
    """With what to do."""
    with Visitor(gateway.url) as someone:
        someone.see("/login")
        assert "This token does not work" in someone.do("/login", status=403, token=token).text


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/",
        "//evil.example/",
        "/services/luma/../../evil",
        "/services/luma/%2e%2e/evil",
        "/services/lumax/",
        "/services/luma/\\evil",
        "/services/luma/\r\nX: y",
        "javascript:alert(1)",
        "",
    ],
)
def test_sign_in_sends_nobody_elsewhere(gateway: RunningGateway, page: str) -> None:
    """Whatever the address of the form says: to a page of the gateway's, or the first one."""
    with Visitor(gateway.url) as someone:
        someone.see("/login", params={"next": page})
        answer = someone.do("/login", token=gateway.token("ann"), next=page)
        assert answer.headers["Location"] == "/services/luma/"
        someone.see("/login")
        again = someone.do("/login", token=gateway.token("ann"), next="/services/luma/class?student=a")
        assert again.headers["Location"] == "/services/luma/class?student=a"


def test_who_signs_out_is_out(gateway: RunningGateway, student: Visitor) -> None:
    """Pages ask for a sign-in again."""
    assert "signed out" in student.do("/logout", status=200).text
    assert student.get("/mine").status_code == 302


def test_cookie_that_was_changed_is_nobodys(gateway: RunningGateway, student: Visitor) -> None:
    """It is signed."""
    cookie = student.cookies["luma-session"]
    student.cookies.clear()
    student.cookies.set("luma-session", f"{cookie[:-2]}00", path="/services/luma/")
    assert student.get("/mine").status_code == 302


def test_callback_without_a_hub_leads_nowhere(gateway: RunningGateway, tmp_path: Path) -> None:
    """Nothing can have begun."""
    with Visitor(gateway.url) as someone:
        someone.see("/oauth_callback?code=x&state=y", status=400)
