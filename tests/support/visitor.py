"""Somebody at the gateway's pages, with a browser's cookies but without its script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx

from tests.support.gateway import RunningGateway

_TOKEN = re.compile(r'name="xsrf" content="([^"]+)"')


class Visitor(httpx.Client):
    """A browser at ``url``; ``xsrf`` is what the last page had."""

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(base_url=url, timeout=30, trust_env=False, verify=False, **more)  # certificates take a while
        self.xsrf = ""

    def see(self, page: str, status: int = 200, **more: Any) -> str:
        """The text of a page, which is as expected."""
        answer = self.get(page, **more)
        assert answer.status_code == status, (answer.status_code, answer.text)
        self._remember(answer)
        return answer.text

    def do(self, what: str, status: int = 303, **fields: Any) -> httpx.Response:
        """Send a form as a page does; the answer is as expected."""
        answer = self.post(what, data={"_xsrf": self.xsrf, **fields})
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    def sign_in(self, token: str) -> None:
        """Sign in with one of the gateway's own tokens."""
        self.see("/login?token")
        self.do("/login", token=token)
        self.see("/mine")

    def _remember(self, answer: httpx.Response) -> None:
        if found := _TOKEN.search(answer.text):
            self.xsrf = unescape(found[1])


def visitor(gateway: RunningGateway, name: str, *groups: str, teaches: bool = False) -> Visitor:
    """A person who has signed in with a token."""
    opened = Visitor(gateway.url)
    opened.sign_in(gateway.token(name, *groups, teaches=teaches))
    return opened


def enter(gateway: RunningGateway, owner: str, prompt: str, number: int = 1, state: str = "completed") -> None:
    """Enter clips of a student's that were made before; the first ones have this prompt, too."""

    async def insert() -> None:
        async with gateway.gateway.database.connection() as connection:
            await connection.execute(
                "INSERT INTO submissions (owner, day, vendor, key, body, fingerprint, state, price, ended_at)"
                " SELECT %s, current_date, 'acedata', gen_random_uuid(), jsonb_build_object('prompt', %s || n), '', %s,"
                " 300000, now() FROM generate_series(1, %s) AS n",
                (owner, f"{prompt} ", state, number),
            )

    gateway.run(insert())
