"""Who asks: the Hub's users and the gateway's own, also while the Hub is down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.identity import HubAway, Identity, NotInClass, Tokens
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.settings import GatewaySettings

SETTINGS = GatewaySettings(
    database="", url="http://hub/services/luma", service_prefix="/services/luma", signing_key=Secret("s" * 32)
)
ACCESS = "access:services!service=luma"
ANN = {"kind": "user", "name": "ann", "groups": ["films"], "scopes": [ACCESS, "read:users!user=ann"]}


class FakeHub:
    """Answers for tokens as told; ``user`` None: nobody's. An error is raised."""

    def __init__(self, user: Mapping[str, Any] | Exception | None = ANN) -> None:
        self.user = user
        self.asked: list[str] = []

    async def __call__(self, token: str) -> Mapping[str, Any] | None:
        self.asked.append(token)
        await asyncio.sleep(0)
        if isinstance(self.user, Exception):
            raise self.user
        return self.user


class Time:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _identity(hub: FakeHub, clock: Callable[[], float] | None = None) -> Identity:
    return Identity(SETTINGS, Database(""), ask_hub=hub, clock=clock or Time())


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def test_hub_user_is_known_by_either_scheme() -> None:
    """Name, groups and role come from the Hub, whatever the header calls a token."""
    teacher = {**ANN, "name": "eve", "groups": [], "scopes": ["access:services", "custom:luma:teach"]}

    async def story() -> None:
        for scheme in ("Bearer", "token", "bearer "):
            assert await _identity(FakeHub()).who(f"{scheme} abc") == Person("ann", ("films",))
        assert await _identity(FakeHub(teacher)).who("Bearer abc") == Person("eve", teaches=True)

    _run(story())


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic abc"])
def test_header_without_a_token_is_nobodys(header: str | None) -> None:
    """Nobody is asked."""
    hub = FakeHub()
    _run(_expect(_identity(hub), header, None))
    assert hub.asked == []


@pytest.mark.parametrize("user", [None, {**ANN, "kind": "service"}, {"kind": "user", "scopes": [ACCESS]}, {}])
def test_token_of_no_user_is_nobodys(user: Mapping[str, Any] | None) -> None:
    """Services are no students, and what the Hub does not know is nobody."""
    _run(_expect(_identity(FakeHub(user)), "Bearer abc", None))


async def _expect(identity: Identity, header: str | None, person: Person | None) -> None:
    assert await identity.who(header) == person


def test_user_without_access_is_told_what_to_do() -> None:
    """A role alone is not enough before the server was restarted, and another service's is none."""
    hub = FakeHub({**ANN, "scopes": ["access:services!service=other"]})
    identity = _identity(hub)

    async def story() -> None:
        for _ in range(2):
            with pytest.raises(NotInClass, match="stop and start your server"):
                await identity.who("Bearer abc")

    _run(story())
    assert len(hub.asked) == 1


def test_many_questions_at_once_ask_the_hub_once_and_again_after_a_while() -> None:
    """What the Hub said counts for 20 seconds, for each token by itself."""
    hub, clock = FakeHub(), Time()
    identity = _identity(hub, clock)

    async def story() -> None:
        assert set(await asyncio.gather(*(identity.who("Bearer abc") for _ in range(20)))) == {
            Person("ann", ("films",))
        }
        clock.now += 19
        await identity.who("Bearer abc")
        await identity.who("Bearer other")
        assert hub.asked == ["abc", "other"]
        clock.now += 2
        await identity.who("Bearer abc")
        assert hub.asked == ["abc", "other", "abc"]

    _run(story())


def test_one_who_asks_goes_away_and_the_others_are_answered() -> None:
    """A kernel that breaks off takes the question from nobody else."""
    identity = _identity(FakeHub())

    async def story() -> None:
        first = asyncio.ensure_future(identity.who("Bearer abc"))
        second = asyncio.ensure_future(identity.who("Bearer abc"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == Person("ann", ("films",))

    _run(story())


def test_hub_is_down_and_those_whom_the_gateway_knows_go_on() -> None:
    """For as long as the grace says; strangers are asked to come back, and a Hub that is down is left alone."""
    hub, clock = FakeHub(), Time()
    identity = _identity(hub, clock)

    async def story() -> None:
        await identity.who("Bearer abc")
        hub.user = HubAway("down")
        clock.now += 100
        for _ in range(3):
            assert await identity.who("Bearer abc") == Person("ann", ("films",))
            with pytest.raises(HubAway):
                await identity.who("Bearer stranger")
        assert hub.asked == ["abc", "abc"]
        clock.now += SETTINGS.hub_grace - 99
        with pytest.raises(HubAway):
            await identity.who("Bearer abc")
        hub.user = ANN
        clock.now += 6
        assert await identity.who("Bearer abc") == Person("ann", ("films",))

    _run(story())


def test_token_that_ended_counts_for_nothing_while_the_hub_is_down() -> None:
    """The grace is for those whom the Hub knew last, not for those whom it refused."""
    hub, clock = FakeHub(None), Time()
    identity = _identity(hub, clock)

    async def story() -> None:
        assert await identity.who("Bearer abc") is None
        hub.user, clock.now = HubAway("down"), clock.now + 30
        with pytest.raises(HubAway):
            await identity.who("Bearer abc")

    _run(story())


def test_memory_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who tries many tokens fills no memory."""
    monkeypatch.setattr("luma_jupyter.gateway.identity.MOST_KNOWN", 3)
    hub = FakeHub()
    identity = _identity(hub)

    async def story() -> None:
        for token in ("a", "b", "c", "d", "a", "d"):
            await identity.who(f"Bearer {token}")

    _run(story())
    assert hub.asked == ["a", "b", "c", "d", "a"]


def test_without_a_hub_only_own_tokens_count(conninfo: str) -> None:
    """A token is made, counts, and ends; it cannot be read from the table, and nobody else's is taken."""

    async def story() -> None:
        async with Database(conninfo) as database:
            identity, tokens = Identity(SETTINGS, database, clock=(clock := Time())), Tokens(database)
            bob = Person("bob", ("films", "two"), teaches=True)
            token = await tokens.make(bob)
            short = await tokens.make(Person("cat"), days=1)
            for header, person in ((token, bob), (short, Person("cat")), ("luma-x", None), ("abc", None)):
                assert await identity.who(f"Bearer {header}") == person
            assert await tokens.end("bob") == 1
            assert await tokens.end("bob") == 0
            async with database.connection() as connection:
                await connection.execute("UPDATE tokens SET ends_at = now() WHERE name = 'cat'")
            clock.now += 21
            assert await identity.who(f"Bearer {token}") is None
            assert await identity.who(f"Bearer {short}") is None
            assert [(row.name, row.groups, row.ended_at is None) for row in await tokens.list()] == [
                ("cat", (), True),
                ("bob", ("films", "two"), False),
            ]
            identity.close()
        with psycopg.connect(conninfo) as connection:
            kept = connection.execute("SELECT * FROM tokens").fetchall()
        assert token.removeprefix("luma-") not in str(kept)

    _run(story())


@asynccontextmanager
async def _hub_server(status: int, body: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A Hub on a real socket, and the tokens that it was asked for."""
    seen: list[str] = []

    class User(RequestHandler):
        def get(self) -> None:
            seen.append(self.request.headers["Authorization"])
            self.set_status(status)
            self.finish(body)

    server = HTTPServer(Application([("/hub/api/user", User)], log_function=lambda handler: None))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([socket])
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}/hub/api", seen
    finally:
        server.stop()
        await server.close_all_connections()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, json.dumps(ANN), Person("ann", ("films",))),
        (403, "{}", None),
        (401, "{}", None),
        (200, "[]", None),
        (302, "", HubAway),
        (503, "", HubAway),
        (200, "<html>", HubAway),
    ],
)
def test_hub_is_asked_by_its_api(status: int, body: str, outcome: object) -> None:
    """A refusal says that the token is nobody's; any other trouble says nothing of it."""

    async def story() -> None:
        async with _hub_server(status, body) as (url, seen):
            identity = Identity(replace(SETTINGS, hub_api_url=url), Database(""))
            try:
                assert await identity.who("Bearer abc") == outcome
            except HubAway:
                assert outcome is HubAway
            identity.close()
        assert seen == ["token abc"]

    _run(story())


def test_hub_that_is_not_there_is_away() -> None:
    """Nothing listens at its address."""

    async def story() -> None:
        identity = Identity(replace(SETTINGS, hub_api_url="http://127.0.0.1:9/hub/api"), Database(""))
        with pytest.raises(HubAway):
            await identity.who("Bearer abc")
        identity.close()

    _run(story())
