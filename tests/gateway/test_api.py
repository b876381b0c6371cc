"""What both wires have in common, over a real socket: whose is what, refusals, look-ups that are held."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from luma_jupyter.gateway.api import request_fingerprint
from luma_jupyter.gateway.records import Intent, Person
from luma_jupyter.gateway.trouble import Troubles
from tests.support.gateway import KEY, RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import MODIFY, DropAfter, Late, Server, Status
from tests.support.postgres import PostgresServer
from tests.support.waiting import until

BOAT = {"action": "generate", "prompt": "A boat", "async": True}
FOG = {"model": "luma-modify-video", "prompt": "Fog", "source_video_url": "https://example.com/v.mp4"}


def submit(client: httpx.Client, key: str = "", **changes: Any) -> httpx.Response:
    """Ask for a video at AceDataCloud."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/luma/videos", json={**BOAT, **changes}, headers=headers)


def ask_and_go(client: httpx.Client, key: str, when: Callable[[], bool]) -> None:
    """Ask for a video at AceDataCloud, and go away unanswered once ``when`` is true."""
    request = client.build_request("POST", "/luma/videos", json=BOAT, headers={"Idempotency-Key": key})
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((request.url.host, request.url.port or 0)) as connection:
        connection.sendall(f"POST {request.url.path} HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        until(when)


def retrieve(client: httpx.Client, task_id: str) -> httpx.Response:
    """Look up one task at AceDataCloud."""
    return client.post("/luma/tasks", json={"id": task_id, "action": "retrieve"})


# Whose is what.


def test_student_sees_no_task_of_another(gateway: RunningGateway, ann: httpx.Client, bob: httpx.Client) -> None:
    """Neither by its id, alone or in a batch, nor in a list, nor on the statement; its owner does."""
    task_id = submit(ann).json()["task_id"]
    modified = ann.post(MODIFY, json=FOG).json()["id"]
    gateway.look()
    batch = {"ids": [task_id, "unknown"], "action": "retrieve_batch"}
    assert retrieve(bob, task_id).status_code == 404
    assert bob.post("/luma/tasks", json=batch).json() == {"items": [], "count": 0}
    assert bob.post("/luma/tasks", json={"action": "retrieve_batch"}).json()["items"] == []
    assert bob.get(f"{MODIFY}/{modified}").status_code == 404
    assert bob.get("/api/v1/usage/apis/").json()["items"] == []
    assert bob.post("/luma/tasks", json={"id": modified, "action": "retrieve"}).status_code == 404
    assert [task["id"] for task in ann.post("/luma/tasks", json=batch).json()["items"]] == [task_id]
    listed = ann.post("/luma/tasks", json={"action": "retrieve_batch"}).json()["items"]
    assert [task["id"] for task in listed] == [task_id]
    assert ann.get(f"{MODIFY}/{modified}").status_code == 200


def test_key_of_another_student_is_a_conflict(vendor: Server, ann: httpx.Client, bob: httpx.Client) -> None:
    """It joins and makes nothing, and tells nothing of the other's task; the vendor never sees the key either.

    So a kernel that repeats with another student's token what it has lost an answer to pays nothing a second time.
    """
    file = ann.post("/api/v1/files/", files={"file": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100))}).json()["file_url"]
    first, forged = [submit(client, "one", start_image_url=file) for client in (ann, bob)]
    one, other = (client.post(MODIFY, json=FOG, headers={"Idempotency-Key": "two"}) for client in (ann, bob))
    assert (forged.status_code, forged.json()["error"]["code"]) == (409, "conflict")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert first.json()["task_id"] not in forged.text
    assert one.json()["id"] not in other.text
    again = submit(ann, "one", start_image_url=file)
    assert (again.json()["task_id"], again.json()["task_replayed"]) == (first.json()["task_id"], True)
    assert len(vendor.tasks) == 2
    assert "two" not in {task.idempotency_key for task in vendor.tasks}


def test_key_with_another_request_is_a_conflict(vendor: Server, ann: httpx.Client) -> None:
    """Nothing is made by the second one."""
    submit(ann, "one")
    conflict = submit(ann, "one", prompt="A ship")
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "conflict")
    assert len(vendor.tasks) == 1


def test_requests_without_a_key_are_tasks_of_their_own(vendor: Server, ann: httpx.Client) -> None:
    """As at the vendor, whose own client sends none."""
    assert submit(ann).json()["task_id"] != submit(ann).json()["task_id"]
    assert len(vendor.tasks) == 2


def test_stranger_is_told_no_in_each_vendors_shape(gateway: RunningGateway) -> None:
    """Whoever has no token that counts gets a 401, whatever is asked, but for prices, which are for all."""
    headers: list[dict[str, str]] = [{}, {"Authorization": "Bearer luma-unknown"}, {"Authorization": "Basic x"}]
    with httpx.Client(base_url=gateway.url, trust_env=False) as stranger:
        for stranger.headers in headers:
            for answer in (submit(stranger), retrieve(stranger, "x"), stranger.get("/api/v1/applications/")):
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
                assert answer.json()["success"] is False
            for answer in (stranger.post(MODIFY, json=FOG), stranger.get("/api/v1/me/balance")):
                assert answer.status_code == 401
                assert set(answer.json()) == {"error"}
            assert stranger.get("/api/v1/apis/").status_code == 200


def test_shared_request_is_answered_with_a_classmates_video(conninfo: str, vendor: Server, tmp_path: Path) -> None:
    """It is free, says so, and is seen and served as the student's own."""
    settings = gateway_settings(conninfo, vendor.url, tmp_path, share="always")
    with running_gateway(settings) as gateway:
        clients = [
            httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {gateway.token(name)}"})
            for name in ("ann", "bob")
        ]
        first, second = (submit(client).json() for client in clients)
        another = clients[1].post("/luma/videos", json=BOAT, headers={"X-Luma-Take": "2"}).json()
        assert second == {**first, "task_replayed": True, "shared": True}
        assert another["task_id"] != first["task_id"]
        assert len(vendor.tasks) == 2
        gateway.look()
        task = retrieve(clients[1], second["task_id"]).json()
        assert task["response"]["video_url"].startswith(f"{gateway.url}/media/")
        for client in clients:
            client.close()


# Money.


def test_request_over_a_cap_is_refused_in_words_of_money(
    gateway: RunningGateway, vendor: Server, ann: httpx.Client
) -> None:
    """A cap holds one video: the second is refused, and says whom to ask; what is left can be seen before."""
    gateway.run(gateway.gateway.ledger.set_cap("student", "ann", 1_000_000, 600_000, "teacher"))
    assert ann.get("/api/v1/applications/").json()["items"][0]["remaining_amount"] == 0.6
    assert ann.get("/api/v1/me/balance").json()["balance_cents"] == 60
    assert submit(ann).status_code == 200
    assert ann.get("/api/v1/me/balance").json()["balance_cents"] == 30
    runapi = ann.post(MODIFY, json=FOG)
    assert (runapi.status_code, runapi.json()["error"]["code"]) == (402, "insufficient_credits")
    submit(ann)
    acedata = submit(ann)
    assert (acedata.status_code, acedata.json()["error"]["code"]) == (403, "used_up")
    assert "set by your teacher" in acedata.json()["error"]["message"]
    assert len(vendor.tasks) == 2


@pytest.mark.parametrize(("cap", "status", "reserved"), [(None, 200, 300_000), (0, 403, 0)])
def test_shared_request_that_is_repeated_is_paid_where_the_classmates_is_lost(
    conninfo: str, vendor: Server, tmp_path: Path, cap: int | None, status: int, reserved: int
) -> None:
    """It is sent for its own student then: at its price, and within the caps."""
    with running_gateway(gateway_settings(conninfo, vendor.url, tmp_path, share="always")) as gateway:
        ledger, (ann, bob) = gateway.gateway.ledger, (Person("ann"), Person("bob"))
        asked = partial(Intent, vendor="acedata", body=BOAT, price=300_000, lesson=True)
        fingerprint = request_fingerprint("acedata", BOAT)
        gateway.run(ledger.set_cap("student", "bob", cap, None, "teacher"))
        first = gateway.run(ledger.admit(asked(ann, key="first", fingerprint=fingerprint))).submission
        joined = gateway.run(ledger.known(asked(bob, key="one", fingerprint=fingerprint)))
        assert joined
        assert joined.shared
        headers = {"Authorization": f"Bearer {gateway.token('bob')}"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False) as client:
            thread, answers = _in_thread(lambda: submit(client, "one"))
            until(lambda: _held(gateway) == 1)
            gateway.run(ledger.lose(first.id, "no answer"))
            thread.join(20)
        assert [answer.status_code for answer in answers] == [status]
        assert len(vendor.tasks) == (status == 200)
        assert gateway.run(ledger.left(bob)).reserved == reserved
        assert gateway.run(ledger.check()) == []


# What the vendors say.


def test_vendors_401_says_whom_to_tell(vendor: Server, ann: httpx.Client) -> None:
    """The class's key is the teacher's business; no answer has it, though the vendor's quotes it."""
    refusal = {"success": False, "error": {"code": "invalid_token", "message": f"{KEY} is wrong"}}
    vendor.script("submit", Status(401, refusal), Status(401, {"error": f"{KEY} is wrong"}))
    acedata, runapi = submit(ann), ann.post(MODIFY, json=FOG)
    for answer in (acedata, runapi):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "class_key")
        assert answer.json()["error"]["message"] == "The class key does not work. Your teacher can change that."
        assert KEY not in answer.text


def test_vendors_refusal_comes_in_its_own_words(vendor: Server, ann: httpx.Client) -> None:
    """What a prompt did wrong is for its author, who tries again with another key: a late copy makes nothing."""
    moderated = {"success": False, "error": {"code": "forbidden", "message": "not this"}}
    vendor.script("submit", Status(403, moderated), Status(422, {"error": {"message": "no such video"}}))
    acedata, runapi = submit(ann, "one"), ann.post(MODIFY, json=FOG)
    for answer in (acedata, submit(ann, "one")):
        assert (answer.status_code, answer.json()["error"]) == (403, moderated["error"])
    assert (runapi.status_code, runapi.json()["error"]["message"]) == (422, "no such video")
    assert submit(ann, "two").status_code == 200


def test_vendor_that_cannot_be_reached_is_a_passing_trouble(
    vendor: Server, gateway: RunningGateway, ann: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was made, and the client may come again: a 429, never a 5xx."""
    vendor.refuse()

    async def at_once(seconds: float) -> None:
        """Wait for nothing."""

    vendors = gateway.gateway.vendors
    monkeypatch.setattr(vendors.http.connections, "sleep", at_once)
    monkeypatch.setattr(vendors, "troubles", Troubles(gateway.gateway.database))  # the pause is for this test alone
    answer = submit(ann, "one")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["error"]["message"].startswith("AceDataCloud cannot be reached")
    vendor.listen()
    assert submit(ann, "one").status_code == 200


def test_lost_answer_of_the_vendor_is_unconfirmed_and_never_repeated(vendor: Server, ann: httpx.Client) -> None:
    """However often the kernel asks with its key, the ledger answers."""
    vendor.script("submit", DropAfter())
    for _ in range(3):
        lost = submit(ann, "one")
        assert (lost.status_code, lost.json()["error"]["code"]) == (502, "unconfirmed")
    assert len(vendor.tasks) == 1


def test_lost_answer_of_the_gateway_is_repeated_and_paid_once(vendor: Server, ann: httpx.Client) -> None:
    """A kernel that has gone while its request was sent finds the task with the same key."""
    vendor.script("submit", Late(0.3))
    ask_and_go(ann, "one", lambda: "submit" in {request.kind for request in vendor.requests})
    answer = submit(ann, "one").json()
    assert (answer["task_id"], answer["task_replayed"]) == (vendor.tasks[0].id, True)
    assert len(vendor.tasks) == 1


def test_request_whose_kernel_has_gone_before_its_turn_is_not_sent(
    gateway: RunningGateway, ann: httpx.Client, vendor: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next kernel asks for it again with its key, or it was given up: whoever waits behind it has the turn."""
    turns = gateway.gateway.submissions._turns
    monkeypatch.setattr(turns, "_per_student", 1)
    submit(ann, "one")
    ask_and_go(ann, "two", lambda: ("ann", "acedata two") in turns._waiting)
    until(lambda: not turns._waiting)
    gateway.look()
    assert submit(ann, "three").status_code == 200
    gateway.look()
    assert len(vendor.tasks) == 2
    assert submit(ann, "two").status_code == 200
    assert len(vendor.tasks) == 3


# What is not taken.


BAD_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"prompt": ""}, "The prompt is empty"),
    ({"prompt": "a\0b"}, "NUL"),
    ({"prompt": "a\ud800b"}, "half a character"),
    ({"prompt": 5}, "prompt"),
    ({"surprise": 1}, "surprise: the class gateway does not know this"),
    ({"start_image_url": "http://169.254.169.254/latest"}, "cannot reach"),
    ({"start_image_url": "http://127.0.0.1:8081/hub"}, "cannot reach"),
    ({"start_image_url": "file:///etc/passwd"}, "http"),
    ({"action": "extend", "video_id": "a\0b"}, "NUL"),
    ({"async": False}, "set async to true"),
    ({"callback_url": "http://10.0.0.1/"}, "callback_url"),
]


def test_bad_request_is_refused_before_anything_is_entered(
    vendor: Server, ann: httpx.Client, gateway: RunningGateway
) -> None:
    """A 400 says what is wrong, and neither the vendor nor the ledger has heard of it."""
    for change, words in BAD_CHANGES:
        answer = ann.post("/luma/videos", content=json.dumps({**BOAT, **change}).encode())
        assert answer.status_code == 400, change
        assert words in answer.json()["error"]["message"]
    with psycopg.connect(gateway.settings.database) as connection:
        assert connection.execute("SELECT count(*) FROM submissions").fetchone() == (0,)
    assert vendor.tasks == []


def test_body_that_is_no_object_is_refused(ann: httpx.Client) -> None:
    """Whatever it is instead, and whatever is asked for."""
    for body in (b"", b"{", b"[]", b"[" * 100_000, b"\xff"):
        for path in ("/luma/videos", "/luma/tasks", MODIFY, "/api/v1/price_quotes", "/api/v1/files/prepare"):
            answer = ann.post(path, content=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_key_that_is_none_is_refused(ann: httpx.Client) -> None:
    """It is kept, and compared."""
    for key in ("k" * 513, "käse".encode()):
        answer = ann.post("/luma/videos", json=BOAT, headers={"Idempotency-Key": key})
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.json()["error"]["message"]


def test_large_body_is_refused_after_it_has_come(gateway: RunningGateway, ann: httpx.Client, vendor: Server) -> None:
    """The client reads why, though it sent all of it; as a stream, too."""

    def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 100_000

    for content in (b"x" * 4_000_000, chunks()):
        answer = ann.post("/luma/videos", content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert vendor.tasks == []


BAD_LOOK_UPS: list[dict[str, Any]] = [
    {"action": "delete", "id": "x"},
    {"action": "retrieve"},
    {"action": "retrieve_batch", "ids": []},
    {"action": "retrieve_batch", "ids": ["x"] * 51},
    {"action": "retrieve_batch", "ids": [5]},
    {"action": "retrieve_batch", "limit": -1},
    {"action": "retrieve_batch", "created_at_min": "yesterday"},
    {"action": "retrieve_batch", "created_at_max": [1]},
    {"action": "retrieve_batch", "created_at_max": 1e300},
    {"action": "retrieve", "id": "a\0b"},
]


def test_look_up_that_cannot_be_read_is_refused(ann: httpx.Client) -> None:
    """A 400, not a fault of the gateway's."""
    for body in BAD_LOOK_UPS:
        assert ann.post("/luma/tasks", json=body).status_code == 400, body


def test_address_without_anything_says_so(ann: httpx.Client) -> None:
    """In JSON, as all errors are; a wrong method, too."""
    for path in ("/nowhere", "/luma/videos/x"):
        assert (ann.get(path).status_code, ann.get(path).json()["error"]["code"]) == (404, "not_found")
    assert (ann.get("/luma/videos").status_code, ann.get("/luma/videos").json()["success"]) == (405, False)


def test_answers_name_no_server_and_are_not_kept(ann: httpx.Client) -> None:
    """What is for one student is in no cache."""
    answer = ann.get("/api/v1/me/balance")
    assert "Server" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# Passing trouble.


def test_without_postgresql_all_is_a_429_and_nothing_is_sent(
    postgres: PostgresServer, vendor: Server, ann: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After says when to come again; then the same request is made, once."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.05)
    assert ann.get("/api/v1/me/balance").status_code == 200  # she is known
    postgres.stop()
    try:
        for answer in (submit(ann, "one"), retrieve(ann, "x"), ann.get("/api/v1/me/balance")):
            assert answer.status_code == 429
            assert int(answer.headers["Retry-After"]) > 0
        assert vendor.tasks == []
    finally:
        postgres.start()
    until(lambda: submit(ann, "one").status_code == 200)
    assert len(vendor.tasks) == 1


def test_fault_of_the_gateway_is_logged_without_the_request(
    gateway: RunningGateway, ann: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says where it happened; the student whom to tell; neither has the words of what failed."""

    prompt = "the secret prompt"

    async def fail(*arguments: object) -> None:
        raise RuntimeError(prompt)

    monkeypatch.setattr(gateway.gateway.bodies, "prepare", fail)
    with caplog.at_level(logging.INFO):
        answer = submit(ann, prompt=prompt)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "api_error")
    assert "VideosHandler failed: RuntimeError" in caplog.text
    assert "in fail" in caplog.text
    assert "secret" not in caplog.text + answer.text


def test_log_has_neither_addresses_nor_keys(
    gateway: RunningGateway, ann: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Signed addresses and upload addresses are secrets, too."""
    with caplog.at_level(logging.INFO):
        submit(ann, prompt="the secret prompt")
        ann.put("/storage/a-secret-id")
        ann.get("/media/1.mp4?signature=secret")
        retrieve(ann, "a-secret-task")
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("luma_jupyter"))
    assert "POST VideosHandler 200" in ours
    assert "secret" not in ours
    assert ann.headers["Authorization"].split()[1] not in ours


def test_fingerprint_is_of_what_is_asked_for() -> None:
    """How it is asked does not count; another take does, another vendor, any other field."""
    plain = request_fingerprint("acedata", BOAT)
    told = {**BOAT, "callback_url": "http://x", "timeout": 5, "loop": None}
    assert plain == request_fingerprint("acedata", told) == request_fingerprint("acedata", dict(reversed(BOAT.items())))
    others = [
        request_fingerprint("acedata", BOAT, "2"),
        request_fingerprint("runapi", BOAT),
        request_fingerprint("acedata", {**BOAT, "loop": True}),
    ]
    assert len({plain, *others}) == 4


# Look-ups that are held.


def _in_thread(call: Callable[[], httpx.Response]) -> tuple[threading.Thread, list[httpx.Response]]:
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()
    return thread, answers


def _held(gateway: RunningGateway) -> int:
    """How many look-ups the gateway holds at this moment."""
    return len(gateway.gateway.database._listeners["submissions"])


def test_look_up_is_held_until_the_task_ends(gateway: RunningGateway, ann: httpx.Client) -> None:
    """One look-up is one answer: alone, in a batch with others that go on, and at RunAPI."""
    gateway.gateway.hold_seconds = 20
    first, second = (submit(ann).json()["task_id"] for _ in range(2))
    modified = ann.post(MODIFY, json=FOG).json()["id"]
    batch = {"ids": [first, second], "action": "retrieve_batch"}
    calls: list[Callable[[], httpx.Response]] = [
        lambda: retrieve(ann, first),
        lambda: ann.post("/luma/tasks", json=batch),
        lambda: ann.get(f"{MODIFY}/{modified}"),
    ]
    started = time.monotonic()
    waiting = [_in_thread(call) for call in calls]
    until(lambda: _held(gateway) == 3)
    gateway.look("acedata")
    gateway.look("runapi")
    for thread, _ in waiting:
        thread.join(10)
    assert time.monotonic() - started < 10
    (one,), (both,), (runapi,) = (answers for _, answers in waiting)
    assert one.json()["response"]["state"] == "completed"
    assert "completed" in [task["response"].get("state") for task in both.json()["items"]]
    assert runapi.json()["status"] == "completed"
    assert _held(gateway) == 0


def test_look_up_with_news_or_of_nothing_is_answered_at_once(gateway: RunningGateway, ann: httpx.Client) -> None:
    """An ended task in a batch is news, and so is one that is nobody's: nothing would ever come of it."""
    ended, running = submit(ann).json()["task_id"], None
    gateway.look()
    running = submit(ann).json()["task_id"]
    gateway.gateway.hold_seconds = 20
    started = time.monotonic()
    for ids in ([running, ended], [running, "unknown"]):
        ann.post("/luma/tasks", json={"ids": ids, "action": "retrieve_batch"})
    assert retrieve(ann, "unknown").status_code == 404
    assert time.monotonic() - started < 5


def test_look_up_is_let_go_after_its_time(gateway: RunningGateway, ann: httpx.Client) -> None:
    """It says that the task goes on, and the kernel asks again."""
    gateway.gateway.hold_seconds = 0.05
    answer = retrieve(ann, submit(ann).json()["task_id"])
    assert answer.json()["response"] == {"success": True, "task_id": "task-1", "trace_id": None}


def test_look_up_is_let_go_when_the_kernel_goes_away(gateway: RunningGateway, ann: httpx.Client) -> None:
    """A kernel that ends leaves nothing behind."""
    gateway.gateway.hold_seconds = 20
    task_id = submit(ann).json()["task_id"]
    with pytest.raises(httpx.ReadTimeout):
        ann.post("/luma/tasks", json={"id": task_id, "action": "retrieve"}, timeout=0.2)
    until(lambda: _held(gateway) == 0)


def test_look_up_is_answered_when_the_gateway_ends(conninfo: str, vendor: Server, tmp_path: Path) -> None:
    """A replica that is replaced lets nobody wait, and loses no answer."""
    with running_gateway(gateway_settings(conninfo, vendor.url, tmp_path)) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token('ann')}"}
        client = httpx.Client(base_url=gateway.url, headers=headers)
        task_id = submit(client).json()["task_id"]
        gateway.gateway.hold_seconds = 20
        thread, answers = _in_thread(lambda: retrieve(client, task_id))
        until(lambda: _held(gateway) == 1)
    thread.join(5)
    assert answers[0].json()["id"] == task_id
    client.close()
