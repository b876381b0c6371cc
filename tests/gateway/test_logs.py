"""The log: what is on a line, and what never is."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator

import httpx
import pytest

from luma_jupyter.gateway import logs
from luma_jupyter.gateway.app import log
from tests.support.gateway import KEY, PREFIX, RunningGateway
from tests.support.misbehaving import DropAfter, Server, Status
from tests.support.waiting import until

PROMPT = "a heron whose name is nobody's business"
SECRETS = (PROMPT, KEY, "s" * 32, "signature=", "heron")


@pytest.fixture(autouse=True)
def nothing_is_logged_after_the_test(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A gateway in a thread may log when its client has its answer, and nobody captures that any more."""
    yield
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if handler.get_name() != logs.HANDLER]


def _until_written(capsys: pytest.CaptureFixture[str], word: str) -> str:
    """The log once it has a word: a request is logged when it has been answered."""
    written: list[str] = []

    def has_come() -> bool:
        written.append(capsys.readouterr().err)
        return word in "".join(written)

    until(has_come)
    return "".join(written)


def _class_story(gateway: RunningGateway, ann: httpx.Client, vendor: Server) -> None:
    """What may happen in a lesson: clips, a cap, lost answers, broken keys, hostile requests, faults of our own."""
    key = {"Idempotency-Key": "one-key"}
    body = {"prompt": PROMPT, "async": True}
    assert ann.post("/luma/videos", json=body, headers=key).status_code == 200
    gateway.look()
    gateway.save()
    task = ann.post("/luma/tasks", json={"action": "retrieve_batch", "limit": 1}).json()["items"][0]
    assert httpx.get(task["response"]["video_url"], trust_env=False).status_code == 200
    assert ann.post("/api/v1/luma/modify_video", json={"prompt": PROMPT, "source_video_url": "no"}).status_code >= 400
    vendor.script("submit", DropAfter(), Status(401, {"error": {"message": f"{KEY} {PROMPT}"}}), Status(500))
    for number in range(3):
        ann.post("/luma/videos", json={**body, "prompt": f"{PROMPT} {number}"})
    gateway.run(gateway.gateway.ledger.set_cap("class", "", 1, None, by="teacher"))
    assert ann.post("/luma/videos", json={**body, "prompt": f"{PROMPT} over"}).status_code == 403
    ann.post("/luma/videos", content=f"{{{PROMPT}")
    ann.post("/luma/videos", json={**body, "prompt": f"{PROMPT}\0"})
    ann.get(f"/{PROMPT}", headers={"Authorization": f"Bearer luma-{PROMPT}"})
    ann.post("/api/v1/files/", files={"file": (f"{PROMPT}.png", PROMPT.encode())})
    host, port = httpx.URL(gateway.url).host, httpx.URL(gateway.url).port
    gateway.run(_malformed(host, port or 0))


async def _malformed(host: str, port: int) -> None:
    """A request whose token has a character that no header may have."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {PREFIX}/health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer luma-{PROMPT}\x01\r\n\r\n".encode())
    await reader.read()
    writer.close()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_and_no_prompt_is_in_the_log_of_a_class(
    log_format: logs.LogFormat,
    gateway: RunningGateway,
    ann: httpx.Client,
    vendor: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever happens: the log says that and where it happened, and of which request."""
    logs.set_up(log_format)
    _class_story(gateway, ann, vendor)

    async def fail(*_: object) -> None:
        raise RuntimeError(PROMPT)

    monkeypatch.setattr(gateway.gateway.bodies, "prepare", fail)
    assert ann.post("/luma/videos", json={"prompt": PROMPT, "async": True}).status_code == 500
    monkeypatch.undo()
    monkeypatch.setattr(gateway.gateway.vendors, "submit", fail)
    gateway.run(gateway.gateway.ledger.set_cap("class", "", None, None, by="teacher"))
    assert ann.post("/luma/videos", json={"prompt": PROMPT, "async": True}).status_code == 502
    ann.get("/health")
    log = _until_written(capsys, "HealthHandler")
    assert "VideosHandler" in log
    assert "RuntimeError" in log
    assert "is sent to acedata" in log
    _, _, token = ann.headers["Authorization"].partition(" ")
    assert [secret for secret in (*SECRETS, token) if secret in log] == []


def test_json_lines_of_a_request_have_its_number_which_is_in_the_answer(
    gateway: RunningGateway, ann: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes on in the background for it has that number, too; errors tell it as the trace id."""
    logs.set_up("json")
    answer = ann.post("/luma/videos", json={"prompt": PROMPT, "async": True})
    other = ann.post("/luma/videos", json={"prompt": PROMPT})
    assert other.json()["trace_id"] == other.headers["X-Request-Id"] != answer.headers["X-Request-Id"]
    ann.get("/health")
    lines = [json.loads(line) for line in _until_written(capsys, "HealthHandler").splitlines()]
    sent, answered = (line for line in lines if line.get("request") == answer.headers["X-Request-Id"])
    assert (sent["message"], sent["submission"], sent["vendor"]) == ("Submission 1 is sent to acedata.", 1, "acedata")
    assert {name: answered[name] for name in ("level", "method", "handler", "status")} == {
        "level": "INFO",
        "method": "POST",
        "handler": "VideosHandler",
        "status": 200,
    }
    assert answered["milliseconds"] >= 0
    assert answered["time"].endswith("+00:00")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_prompts_are_logged_where_the_setting_asks_for_them(
    log_format: logs.LogFormat, gateway: RunningGateway, ann: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """On one line, whatever is in them."""
    logs.set_up(log_format, prompts=True)
    ann.post("/luma/videos", json={"prompt": "a\nheron", "async": True})
    assert '"a\\nheron"' in _until_written(capsys, "VideosHandler")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_words_of_errors_are_not_logged(log_format: logs.LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    """They may quote a request: of an exception its type and its place are, of asyncio's lists of objects nothing."""
    logs.set_up(log_format)
    try:
        raise ValueError(PROMPT)
    except ValueError:
        log.exception("It failed")
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %s", PROMPT, exc_info=True)
    written = capsys.readouterr().err
    assert "It failed" in written
    assert "never retrieved" in written
    assert written.count("\n    ValueError" if log_format == "text" else 'nValueError"') == 2
    assert "test_logs.py" in written
    assert PROMPT not in written


def test_text_of_others_looks_like_no_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A line end in a message is followed by spaces."""
    logs.set_up()
    log.warning("It says: %s", "no\n2026-01-01 00:00:00,000 1 INFO All is well")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("It says: no")
    assert second.startswith("    2026")


def test_last_set_up_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """A command logs text until it knows its settings."""
    logs.set_up()
    logs.set_up("json")
    log.info("once")
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], "request" in line) == ("once", False)
    assert sum(handler.get_name() == logs.HANDLER for handler in logging.getLogger().handlers) == 1
    assert sys.stderr is logging.getLogger().handlers[-1].stream  # type: ignore[attr-defined]
