"""Callbacks: a hint to look now, from those who know the path alone; nothing that they say is believed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from luma_jupyter.gateway.bodies import callback_url
from luma_jupyter.gateway.callbacks import CALLBACK_PATH, CallbackHandler
from luma_jupyter.gateway.looks import LookTable
from luma_jupyter.gateway.records import State, Vendor
from tests.support.class_room import ANN, ClassRoom, runner

PUBLIC = "https://class.example"
VENDORS: tuple[Vendor, ...] = ("acedata", "runapi")
Post = Callable[[str | None, object], Awaitable[int]]


@asynccontextmanager
async def served(room: ClassRoom) -> AsyncIterator[Post]:
    """The handler on a real socket; gives what posts to one of the public addresses there."""
    sockets = bind_sockets(0, "127.0.0.1")
    shared = {"settings": room.settings, "table": LookTable(room.database, room.jobs.ledger)}
    server = HTTPServer(Application([(CALLBACK_PATH, CallbackHandler, shared)]))
    server.add_sockets(sockets)
    base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    async with httpx.AsyncClient() as client:

        async def post(url: str | None, body: object) -> int:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            return (await client.post(base + (url or "").removeprefix(PUBLIC), content=content)).status_code

        yield post
    server.stop()
    await server.close_all_connections()


def test_callback_has_its_task_looked_at_and_is_not_believed(conninfo: str, tmp_path: Path) -> None:
    """It says failed, with another video; the look-up says what is true."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        await room.rows("UPDATE submissions SET next_look_at = now() + interval '1 hour'")
        lie = {"success": False, "task_id": clip.task_id, "state": "failed", "video_url": "https://evil.example"}
        async with served(room) as post:
            assert await post(callback_url(room.settings, "acedata"), {"data": [], "response": lie}) == 204
        assert (await room.get(clip.id)).state is State.ACCEPTED
        assert await room.rows("SELECT next_look_at <= now() FROM submissions") == [(True,)]
        await room.follow()
        assert (await room.get(clip.id)).state is State.COMPLETED

    runner(conninfo, tmp_path, callback_url=PUBLIC)(story)


def test_callback_from_elsewhere_or_for_another_vendor_does_nothing(conninfo: str, tmp_path: Path) -> None:
    """A wrong path is none at all; bodies that are none are refused; nothing is looked at sooner."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        await room.rows("UPDATE submissions SET next_look_at = now() + interval '1 hour'")
        ours, theirs = (callback_url(room.settings, vendor) for vendor in VENDORS)
        body = {"id": clip.task_id}
        async with served(room) as post:
            assert await post(f"{PUBLIC}/callbacks/{'0' * 32}", body) == 404
            assert await post(ours, b"not JSON") == 400
            assert await post(ours, b"[" * 100_000) == 400
            assert await post(ours, bytes(300_000)) == 404
            for harmless in ({"id": 7}, {"id": "\0"}, ["x"], {"task": {"data": {"id": "other"}}}):
                assert await post(ours, harmless) == 204
            assert await post(theirs, body) == 204
        assert await room.rows("SELECT next_look_at > now() FROM submissions") == [(True,)]

    runner(conninfo, tmp_path, callback_url=PUBLIC)(story)
