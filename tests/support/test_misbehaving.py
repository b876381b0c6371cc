"""The misbehaving server keeps its word: each fault does what it says. Asked by the standard library alone."""

from __future__ import annotations

import http.client
import json
import math
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import misbehaving as m
from tests.support.films import JPEG

Connection = http.client.HTTPConnection


def connect(server: m.Server, timeout: float = 5.0) -> Connection:
    return Connection(urlsplit(server.url).netloc, timeout=timeout)


def ask(
    where: m.Server | Connection, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """The status, the body (parsed where it is JSON by its type) and the headers of an answer."""
    connection = connect(where) if isinstance(where, m.Server) else where
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        content, found = answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        if connection is not where:
            connection.close()
    return answer.status, json.loads(content) if "json" in found["content-type"] else content, found


def generate(where: m.Server | Connection, prompt: str = "a boat") -> Any:
    return ask(where, "POST", "/luma/videos", {"prompt": prompt, "async": True})


def modify(server: m.Server, key: str) -> Any:
    return ask(server, "POST", m.MODIFY, {"source_video_url": "https://a.example/in.mp4"}, {"Idempotency-Key": key})


def look(where: m.Server | Connection, *ids: str) -> Any:
    if len(ids) == 1:
        return ask(where, "POST", "/luma/tasks", {"id": ids[0], "action": "retrieve"})
    return ask(where, "POST", "/luma/tasks", {"ids": ids, "action": "retrieve_batch"})


def test_an_acedata_task_leads_from_submission_to_video(server: m.Server) -> None:
    """A task is created, is found alone and in a batch, and has a video and a thumbnail; all of it is recorded."""
    assert generate(server)[:2] == (200, {"task_id": "task-1"})
    status, task, _ = look(server, "task-1")
    assert (status, task["id"], task["request"]["prompt"]) == (200, "task-1", "a boat")
    assert task["response"]["video_url"] == server.video_url("task-1")
    assert [item["id"] for item in look(server, "task-1", "task-9")[1]["items"]] == ["task-1"]
    assert look(server, "task-9")[0] == 404
    assert ask(server, "GET", "/media/task-1.mp4")[1] == m.video("task-1")
    assert ask(server, "GET", "/media/task-1.jpg")[1] == JPEG
    assert [(task.id, task.api, task.request["prompt"]) for task in server.tasks] == [("task-1", "acedata", "a boat")]
    assert [r.kind for r in server.requests] == ["submit", "look", "look", "look", "video", "thumbnail"]
    assert server.seen("submit")[0].json["prompt"] == "a boat"


def test_a_task_from_before_is_known_and_over(server: m.Server) -> None:
    """A task that was added has its video, and began and ended when it was said to."""
    server.seconds = 75.0
    server.add_task("old", created=1.7e9)
    task = look(server, "old")[1]
    assert (task["created_at"], task["finished_at"]) == (1.7e9, 1.7e9 + 75)
    assert ask(server, "GET", "/media/old.mp4")[1] == m.video("old")


def test_a_runapi_task_leads_from_submission_to_video(server: m.Server) -> None:
    """A modify task is created with its key recorded, and its status names the video and the source."""
    assert modify(server, "k")[:2] == (200, {"id": "task-1", "task_id": "task-1", "status": "pending"})
    status, task, _ = ask(server, "GET", f"{m.MODIFY}/task-1")
    assert (status, task["status"], task["videos"]) == (200, "completed", [{"url": server.video_url("task-1")}])
    assert task["sources"] == [{"url": "https://a.example/in.mp4"}]
    assert ask(server, "GET", f"{m.MODIFY}/task-9")[0] == 404
    assert [(task.api, task.idempotency_key) for task in server.tasks] == [("runapi", "k")]


@pytest.mark.parametrize(("idempotent", "paid"), [(False, 2), (True, 1)])
def test_a_repeated_key_makes_a_second_task_unless_it_is_honoured(idempotent: bool, paid: int) -> None:
    """A repeated Idempotency-Key makes a second task, unless the server is told to honour it."""
    with m.Server(idempotent=idempotent) as server:
        modify(server, "k")
        modify(server, "k")
        assert len(server.tasks) == paid


def test_a_task_has_no_media_until_its_time_is_over(server: m.Server) -> None:
    """Until its time is over a task runs and has no media; what the answer holds meanwhile can be set."""
    server.seconds = math.inf
    generate(server)
    assert look(server, "task-1")[1]["response"] is None
    server.running = {}
    assert "response" not in look(server, "task-1")[1]
    assert ask(server, "GET", f"{m.MODIFY}/task-1")[1]["status"] == "processing"
    assert ask(server, "GET", "/media/task-1.mp4")[0] == 404
    server.seconds = 0
    assert look(server, "task-1")[1]["response"]["state"] == "completed"


def test_a_task_that_fails_says_so_in_the_form_of_its_api(server: m.Server) -> None:
    """With a failure set, finished tasks say so in the form of either API, and name no video."""
    server.failure = "no luck"
    generate(server)
    task = look(server, "task-1")[1]
    assert task["response"]["error"]["message"] == "no luck"
    assert task["finished_at"]
    assert "video_url" not in task["response"]
    task = ask(server, "GET", f"{m.MODIFY}/task-1")[1]
    assert (task["status"], task["error"], task["videos"]) == ("failed", "no luck", [])


def test_the_video_is_a_whole_mp4_of_the_wanted_size() -> None:
    """Its boxes ftyp, moov and mdat cover it exactly, and no two tasks have the same."""
    content, kinds, position = m.video("task-1", 1000), [], 0
    while position < len(content):
        kinds.append(content[position + 4 : position + 8])
        position += int.from_bytes(content[position : position + 4], "big")
    assert (position, kinds) == (1000, [b"ftyp", b"moov", b"mdat"])
    assert content != m.video("task-2", 1000)


def test_a_download_can_be_resumed(server: m.Server) -> None:
    """A range gives the rest with 206 and the same ETag; past the end it is 416; for another ETag it is the whole."""
    generate(server)
    whole, rest = m.video("task-1"), m.video("task-1")[1000:]
    status, content, headers = ask(server, "GET", "/media/task-1.mp4", headers={"Range": "bytes=1000-"})
    assert (status, content, headers["content-range"]) == (206, rest, f"bytes 1000-{len(whole) - 1}/{len(whole)}")
    etag = headers["etag"]
    assert ask(server, "GET", "/media/task-1.mp4")[2]["etag"] == etag
    for condition, wanted in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=1000-", "If-Range": condition}
        assert ask(server, "GET", "/media/task-1.mp4", headers=headers)[0] == wanted
    assert ask(server, "GET", "/media/task-1.mp4", headers={"Range": f"bytes={len(whole)}-"})[0] == 416


def test_uploads_to_either_service_are_taken(server: m.Server) -> None:
    """AceDataCloud's platform takes a file in one step, RunAPI in three; both say where it is, and it is no task."""
    assert ask(server, "POST", "/api/v1/files/", "a film")[1] == {"file_url": f"{server.url}/files/uploaded"}
    prepared = ask(server, "POST", "/api/v1/files/prepare", {"filename": "film.mp4"})[1]
    assert ask(server, "PUT", urlsplit(prepared["upload_url"]).path, "a film")[0] == 200
    kept = ask(server, "POST", "/api/v1/files/confirm", {"signed_id": prepared["signed_id"]})[1]
    assert kept["url"] == f"{server.url}/files/uploaded"
    assert server.tasks == []


def test_every_video_is_the_film_that_was_set(server: m.Server) -> None:
    """With a film set, it is what each task comes to, byte by byte."""
    server.film = b"a real film"
    generate(server)
    assert ask(server, "GET", "/media/task-1.mp4")[1] == server.video("task-1") == b"a real film"


def test_faults_are_played_in_order_and_then_the_server_is_honest(server: m.Server) -> None:
    """Each fault is for one request of its kind; None lets one pass; afterwards the server is honest."""
    server.script("submit", m.Status(503), None, m.Status(500))
    assert look(server, "task-1")[0] == 404
    assert [generate(server)[0] for _ in range(4)] == [503, 200, 500, 200]
    server.script("submit", m.Status(503))
    server.behave()
    assert generate(server)[0] == 200
    assert len(server.tasks) == 3


@pytest.mark.parametrize(("fault", "paid"), [(m.DropBefore(), 0), (m.DropAfter(), 1)])
def test_a_dropped_connection_closes_without_an_answer(server: m.Server, fault: m.Fault, paid: int) -> None:
    """The request is read and the connection closes unanswered, before or after a task was created."""
    server.script("submit", fault)
    with pytest.raises(http.client.RemoteDisconnected):
        generate(server)
    assert (len(server.tasks), len(server.seen("submit"))) == (paid, 1)


def test_a_reset_connection_is_an_error_of_the_connection(server: m.Server) -> None:
    """The request is read and the connection reset; nothing was done."""
    server.script("submit", m.Reset())
    with pytest.raises(ConnectionResetError):
        generate(server)
    assert (len(server.tasks), len(server.seen("submit"))) == (0, 1)


def test_raw_bytes_are_sent_as_they_are(server: m.Server) -> None:
    """They are sent unchanged, then the connection closes; nothing was done."""
    server.script("submit", m.Raw(b"SSH-2.0\r\n"))
    with pytest.raises(http.client.BadStatusLine, match=r"SSH-2\.0"):
        generate(server)
    assert (len(server.tasks), len(server.seen("submit"))) == (0, 1)


def test_a_request_that_is_cut_short_is_kept_apart(server: m.Server) -> None:
    """What came of it is to be seen; it counts as no request, and nothing is done."""
    connection = connect(server)
    connection.putrequest("POST", "/luma/videos")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"{")
    connection.close()
    server.until(lambda: server.cut_short)
    assert [(request.path, request.body) for request in server.cut_short] == [("/luma/videos", b"{")]
    assert (server.requests, server.tasks) == ([], [])


def test_a_tls_handshake_is_refused(server: m.Server) -> None:
    """The server speaks plain HTTP alone, and says so at once."""
    with pytest.raises(ssl.SSLError):
        http.client.HTTPSConnection(urlsplit(server.url).netloc, timeout=5.0).request("GET", "/")
    assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "status", "paid"),
    [
        (m.Status(504, accepted=True), 504, 1),
        (m.Status(500), 500, 0),
        (m.HtmlPage(), 200, 1),
        (m.HtmlPage(accepted=False, status=502), 502, 0),
    ],
)
def test_a_status_or_page_is_answered_as_told(server: m.Server, fault: m.Fault, status: int, paid: int) -> None:
    """The answer is as told, and a task is created where told."""
    server.script("submit", fault)
    assert (generate(server)[0], len(server.tasks)) == (status, paid)


@pytest.mark.parametrize("accepted", [True, False])
def test_broken_json_does_not_parse_and_holds_no_id(server: m.Server, accepted: bool) -> None:
    """It is a 200 of type JSON that does not parse and does not give the id away."""
    server.script("submit", m.BrokenJson(accepted=accepted))
    with pytest.raises(json.JSONDecodeError) as caught:
        generate(server)
    assert "task-1" not in caught.value.doc
    assert len(server.tasks) == accepted


def test_too_many_requests_says_when_to_come_again_and_creates_nothing(server: m.Server) -> None:
    """A 429 says in seconds or with a date when to come again, and creates nothing."""
    server.script("submit", m.TooMany(2), m.TooMany(60, as_date=True))
    assert generate(server)[2]["retry-after"] == "2"
    status, _, headers = generate(server)
    assert status == 429
    assert 55 < parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time() <= 60
    assert server.tasks == []


@pytest.mark.parametrize("accepted", [True, False])
def test_a_hang_lasts_until_the_server_stops(accepted: bool) -> None:
    """No answer comes in time; stopping the server closes the connection at once."""
    with m.Server() as server:
        server.script("submit", m.Hang(accepted=accepted))
        connection = connect(server, timeout=0.1)
        with pytest.raises(TimeoutError):
            generate(connection)
        assert len(server.tasks) == accepted
        assert connection.sock
        connection.sock.settimeout(5)
        begin = time.monotonic()
    try:
        assert connection.sock.recv(1) == b""
    except ConnectionError:  # how an aborted connection shows
        pass
    finally:
        connection.close()
    assert time.monotonic() - begin < 1


def test_a_late_answer_comes_after_the_task_exists(server: m.Server) -> None:
    """The task exists at once, its answer comes later."""
    server.script("submit", m.Late(0.1))
    before = time.time()
    assert generate(server)[1] == {"task_id": "task-1"}
    assert server.tasks[0].created - before < 0.1 <= time.time() - before


def test_a_stale_connection_is_closed_at_its_next_request(server: m.Server) -> None:
    """The scripted request is answered; the next one on its connection is not, whatever its kind; a new one works."""
    server.script("look", m.CloseIdle())
    kept = connect(server)
    assert look(kept, "task-1")[0] == 404
    with pytest.raises(http.client.RemoteDisconnected):
        generate(kept)
    assert (server.tasks, [r.connection for r in server.requests]) == ([], [1, 1])
    assert generate(kept)[0] == 200
    kept.close()


def test_unknown_denies_ids_once(server: m.Server) -> None:
    """Known tasks are denied once: a 404 alone, missing from a batch; or only those that are named."""
    generate(server)
    generate(server)
    server.script("look", m.Unknown(), m.Unknown(), m.Unknown(("task-1",)), m.Unknown(("task-1",)))
    assert look(server, "task-1")[0] == 404
    assert look(server, "task-1", "task-2")[1] == {"items": [], "count": 0}
    assert [item["id"] for item in look(server, "task-1", "task-2")[1]["items"]] == ["task-2"]
    assert look(server, "task-2")[0] == 200
    assert look(server, "task-1")[0] == 200


def test_a_bad_download_is_sent_as_told_and_only_once(server: m.Server) -> None:
    """Cut off; a page; JSON that calls itself a video; an expired link: each as told, and only once."""
    generate(server)
    server.script("video", m.Truncated(10), m.WrongType(), m.NotAVideo(), m.Expired(), m.Expired(410))
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server, "GET", "/media/task-1.mp4")
    assert caught.value.partial == m.video("task-1")[:10]
    answers = [ask(server, "GET", "/media/task-1.mp4") for _ in range(5)]
    assert [status for status, _, _ in answers] == [200, 200, 403, 410, 200]
    assert [headers["content-type"] for _, _, headers in answers[:2]] == ["text/html", "video/mp4"]
    assert json.loads(answers[1][1])["error"]
    assert answers[4][1] == m.video("task-1")


def test_an_oversized_download_goes_on_until_the_client_closes(server: m.Server) -> None:
    """The announced length is huge and the bytes keep coming, until the client closes; the server lives on."""
    generate(server)
    server.script("video", m.Oversized(10**12))
    connection = connect(server)
    connection.request("GET", "/media/task-1.mp4")
    answer = connection.getresponse()
    assert answer.getheader("content-length") == str(10**12)
    assert len(answer.read(10**6)) == 10**6
    connection.close()
    assert ask(server, "GET", "/media/task-1.mp4")[0] == 200


def test_a_slow_download_pauses_after_each_chunk(server: m.Server) -> None:
    """All of it comes, with a pause after each chunk."""
    generate(server)
    server.script("video", m.Slow(1024, 0.02))
    begin = time.monotonic()
    assert ask(server, "GET", "/media/task-1.mp4")[1] == m.video("task-1")
    assert time.monotonic() - begin >= 3 * 0.02


def test_a_closed_port_refuses_connections_until_the_server_listens_again(server: m.Server) -> None:
    """After a last answer, or at once, new connections are refused until the server listens again, on the same port."""
    server.script("submit", m.LastAnswer())
    assert generate(server)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        generate(server)
    server.listen()
    assert generate(server)[0] == 200
    server.refuse()
    with pytest.raises(ConnectionRefusedError):
        generate(server)
    server.listen()
    server.listen()
    assert generate(server)[0] == 200
    assert len(server.tasks) == 3


def test_until_ends_when_its_condition_is_true_or_raises(server: m.Server) -> None:
    """A condition that comes true ends the wait, one that does not raises."""
    server.until(lambda: server.url)
    with pytest.raises(TimeoutError):
        server.until(lambda: server.tasks, timeout=0.05)
