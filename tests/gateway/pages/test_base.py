"""Who may see and change what; what browsers are told; pages that are held until there is news."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from luma_jupyter.gateway.database import DatabaseAway, News
from luma_jupyter.gateway.identity import HubAway, NotInClass
from tests.support.gateway import RunningGateway
from tests.support.visitor import Visitor, enter
from tests.support.waiting import until

PAGES = ("/", "/mine", "/class", "/class/changes", "/class/clips.csv", "/class/students.csv", "/wall")
CHANGES = ("stop", "release", "hide", "show", "cap", "pause", "resume")


def test_pages_are_for_those_who_have_signed_in(gateway: RunningGateway) -> None:
    """All others go to the sign-in, and come back; what a script or a form asks for is refused."""
    with Visitor(gateway.url) as nobody:
        for page in PAGES:
            answer = nobody.get(page)
            assert (answer.status_code, answer.headers["Location"]) == (
                302,
                f"/services/luma/login?next=%2Fservices%2Fluma{page.replace('/', '%2F')}",
            )
        nobody.see("/login")
        for what in CHANGES:
            nobody.do(f"/class/{what}", status=401)
        assert nobody.get("/mine", headers={"Sec-Fetch-Mode": "cors", "X-XSRFToken": nobody.xsrf}).status_code == 401


def test_changes_are_for_teachers(gateway: RunningGateway, student: Visitor) -> None:
    """A student's form is refused, with a good token."""
    for what in CHANGES:
        student.do(f"/class/{what}", status=403, id=1, kind="class", in_all="5")
    assert gateway.run(gateway.gateway.ledger.changes()) == []


@pytest.mark.parametrize("token", [None, "", "x", "2|00000000|00000000000000000000000000000000|1"])
def test_change_without_the_pages_token_is_refused(
    gateway: RunningGateway, teacher: Visitor, token: str | None
) -> None:
    """A teacher's too, signing out too; nothing is changed."""
    for what in (*(f"/class/{what}" for what in CHANGES), "/logout", "/login"):
        fields = {"id": "1", "kind": "class", "in_all": "5"} | ({} if token is None else {"_xsrf": token})
        assert teacher.post(what, data=fields).status_code == 403
    assert gateway.run(gateway.gateway.ledger.changes()) == []
    teacher.see("/class")


def test_token_of_another_browser_is_refused(teacher: Visitor, student: Visitor) -> None:
    """It belongs to a cookie."""
    teacher.xsrf = student.xsrf
    teacher.do("/class/pause", status=403)


def test_cookie_that_a_script_has_planted_makes_no_token_good(
    gateway: RunningGateway, teacher: Visitor, student: Visitor
) -> None:
    """A student's script on the Hub's origin sets cookies for our path, and knows what it has put into them."""
    session = teacher.cookies["luma-session"]
    for token in ("ab" * 16, student.xsrf):
        headers = {"Cookie": f"luma-session={session}; luma-xsrf={token}"}
        fields = {"_xsrf": token, "kind": "class", "in_all": "none"}
        assert teacher.post("/class/cap", data=fields, headers=headers).status_code == 403
        read = {**headers, "X-XSRFToken": token, "Sec-Fetch-Mode": "cors"}
        assert teacher.get("/class", headers=read).status_code == 403
    assert gateway.run(gateway.gateway.ledger.changes()) == []
    teacher.do("/class/cap", kind="class", in_all="none")


def test_refusal_has_no_token(teacher: Visitor) -> None:
    """A script reads it, and would be let in by what it finds there."""
    answers = [teacher.get(page, headers={"Sec-Fetch-Mode": "cors"}) for page in ("/class", "/login", "/login?token")]
    answers += [teacher.post(what, data={"_xsrf": "x"}) for what in ("/class/pause", "/logout", "/login")]
    for answer in answers:
        assert answer.status_code == 403
        assert 'name="xsrf" content=""' in answer.text
        assert 'name="_xsrf"' not in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_change_from_another_site_is_refused(teacher: Visitor, site: str) -> None:
    """With a good token: one of a Hub's own subdomains may have planted it."""
    answer = teacher.post("/class/pause", data={"_xsrf": teacher.xsrf}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403


def test_script_of_another_page_reads_none_of_ours(teacher: Visitor) -> None:
    """Students' servers are on the same origin: what fetches a page with a teacher's cookies needs the token."""
    for mode in ("cors", "no-cors", "same-origin"):
        assert teacher.get("/class", headers={"Sec-Fetch-Mode": mode}).status_code == 403
        own = {"Sec-Fetch-Mode": mode, "X-XSRFToken": teacher.xsrf}
        assert teacher.get("/class", headers=own).status_code == 200
    assert teacher.get("/class", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_change_by_a_link_is_none(teacher: Visitor) -> None:
    """Forms alone change something."""
    for what in (*(f"/class/{what}" for what in CHANGES), "/logout"):
        teacher.see(what, status=405)


def test_pages_tell_browsers_to_keep_them_to_themselves(teacher: Visitor) -> None:
    """Every page, every fault: what may be loaded and run, who may frame it, what is told of it elsewhere."""
    nonces = set()
    for page in (*PAGES[1:], "/login?token", "/class/pause", "/mine?before=x"):
        headers = teacher.get(page).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        nonces.add(re.findall(r"'nonce-([^']+)'", policy)[0])
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Opener-Policy"] == "noopener-allow-popups"
        assert "Server" not in headers
    assert len(nonces) == 9, "each has its own"


def test_cookies_are_sent_to_the_gateway_alone(gateway: RunningGateway) -> None:
    """And no script reads them; over https alone, where the gateway is there."""
    with Visitor(gateway.url) as someone:
        someone.see("/login")
        cookies = someone.do("/login", token=gateway.token("ann")).headers.get_list("Set-Cookie")
        cookies += someone.get("/login").headers.get_list("Set-Cookie")
    assert cookies
    assert all("HttpOnly" in cookie and "Path=/services/luma/" in cookie for cookie in cookies)
    assert all("SameSite=Lax" in cookie for cookie in cookies)


def test_files_of_the_pages_are_served_and_no_others(teacher: Visitor) -> None:
    """By addresses that change with them."""
    page = teacher.see("/class")
    for name, kind in (("style.css", "text/css"), ("live.js", "text/javascript")):
        address = re.search(rf'"/services/luma(/static/{re.escape(name)}\?v=\w+)"', page)
        assert address
        answer = teacher.get(address[1])
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/static/../base.py", "/static/%2e%2e/base.py", "/static/class.html", "/static/"):
        assert teacher.get(path).status_code == 404


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (DatabaseAway(), 503, "passes by itself"),
        (HubAway("x"), 503, "passes by itself"),
        (NotInClass("You are not in a class."), 403, "You are not in a class."),
        (RuntimeError("secret"), 500, "a fault of the class gateway"),
    ],
)
def test_trouble_is_a_page_that_says_what_to_do(
    gateway: RunningGateway,
    teacher: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    words: str,
) -> None:
    """And nothing else."""

    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(gateway.gateway.identity, "who", fail)
    page = teacher.see("/class", status=status)
    assert words in page
    assert "secret" not in page


# Pages that are held.


def _poll(teacher: Visitor, tag: str, page: str = "/class") -> httpx.Response:
    headers = {"X-XSRFToken": teacher.xsrf, "If-None-Match": tag, "Prefer": "wait=20", "Sec-Fetch-Mode": "cors"}
    return teacher.get(page, headers=headers)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are held for a moment only."""
    monkeypatch.setattr("luma_jupyter.gateway.pages.base.HOLD", 0.2)
    monkeypatch.setattr("luma_jupyter.gateway.pages.base.SPACING", 0.02)


@pytest.mark.usefixtures("quick")
def test_page_that_stays_the_same_is_not_sent_again(teacher: Visitor) -> None:
    """Its tokens do not count."""
    tag = teacher.get("/class").headers["ETag"]
    answer = _poll(teacher, tag)
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    assert _poll(teacher, '"another"').status_code == 200


@pytest.fixture
def listening(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What listens to news at this moment."""
    news, now = gateway.gateway.database.news, []

    @contextmanager
    def counted(*given: Any) -> Iterator[News]:
        with news(*given) as told:
            now.append(told)
            try:
                yield told
            finally:
                now.remove(told)

    monkeypatch.setattr(gateway.gateway.database, "news", counted)
    return now


def test_page_is_sent_as_soon_as_something_changes(
    gateway: RunningGateway, teacher: Visitor, student: Visitor, listening: list[object]
) -> None:
    """For a teacher any clip, for a student the own and what a teacher does; not 20 seconds later."""
    enter(gateway, "ann", "Boat", state="sent")
    pages = ((teacher, "/class"), (student, "/mine"))
    tags = {page: visitor.get(page).headers["ETag"] for visitor, page in pages}
    with ThreadPoolExecutor() as pool:
        begun = time.monotonic()
        answers = [pool.submit(_poll, visitor, tags[page], page) for visitor, page in pages]
        until(lambda: len(listening) == 2)
        gateway.run(gateway.gateway.ledger.accept(1, "task-1", None, None))
        assert all("under way" in answer.result().text for answer in answers)
        assert time.monotonic() - begun < 15


def test_page_is_let_go_when_nobody_waits_for_it(
    gateway: RunningGateway, teacher: Visitor, listening: list[object]
) -> None:
    """Its window was closed."""
    tag, begun = teacher.get("/class").headers["ETag"], time.monotonic()
    teacher.timeout = httpx.Timeout(30, read=0.3)
    with pytest.raises(httpx.ReadTimeout):
        _poll(teacher, tag)
    until(lambda: not listening)
    assert time.monotonic() - begun < 15


def test_page_that_is_held_is_let_go_when_its_process_ends(gateway: RunningGateway, teacher: Visitor) -> None:
    """So that a replica is replaced at once."""
    gateway.gateway.draining.set()
    try:
        begun = time.monotonic()
        assert _poll(teacher, teacher.get("/class").headers["ETag"]).status_code == 304
        assert time.monotonic() - begun < 5
    finally:
        gateway.gateway.draining.clear()
