"""A class gateway, played: the fake services behind one address and one token, with a ledger and held look-ups."""

from __future__ import annotations

import asyncio

import httpx

from luma_jupyter.providers.gateway import WAITS_FOR_TURN
from tests.support.fake_service import Answer, FakeService, Kind, reply

GATEWAY = "https://hub.example/services/luma"
TOKEN = "hub-token-5c1d"
HELD_FOR = 20.0  # seconds that a look-up is held without news
PROXY_PAGE = "<html><body>503 : Proxy target missing</body></html>"
LOST: Answer = reply(502, {"error": {"code": "unconfirmed", "message": "The service did not answer."}})
NO_TURN: Answer = reply(
    429, {"error": {"code": "too_many_requests", "message": WAITS_FOR_TURN}}, headers={"Retry-After": "7"}
)


def proxy_page(status: int = 503) -> Answer:
    """A scripted answer: a page of the Hub's proxy, behind which the gateway is not there."""
    return reply(status, content=PROXY_PAGE.encode(), headers={"Content-Type": "text/html"})


class FakeGateway(FakeService):
    """Both APIs at the gateway's address. A repeated key gets the first task again; ``holds``: look-ups are held.

    ``asked`` has all requests as they came, those to other hosts among them.
    """

    def __init__(self, epoch: float = 0.0) -> None:
        super().__init__(epoch)
        self.idempotent = True
        self.holds = True
        self.asked: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.host != "hub.example":
            return await super().__call__(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"error": {"code": "invalid_token", "message": "Who is that?"}})
        path = request.url.raw_path.decode().removeprefix("/services/luma")
        runapi = any(f"/{name}" in path for name in ("modify_video", "me/", "price_quotes", "files/prepare"))
        host = "runapi.ai" if runapi else "api.acedata.cloud"
        inner = httpx.Request(
            request.method, f"https://{host}{path}", headers=request.headers, content=await request.aread()
        )
        inner.headers["host"] = host
        return await super().__call__(inner)

    async def hold_up(self, kind: Kind) -> None:
        if kind != "look" or not self.holds:
            return
        now, ids = asyncio.get_running_loop().time(), self.all_seen[-1].ids
        known = [self._submitted[task_id] + self.seconds - now for task_id in ids if task_id in self._submitted]
        if len(known) == len(ids):
            await asyncio.sleep(max(0.0, min(HELD_FOR, *known)))
