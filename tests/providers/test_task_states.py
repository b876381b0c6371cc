"""What look-ups say of a task: running in every shape seen, completed only with a result, failed only for sure."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from luma_jupyter.domain.task import TaskPhase, TaskState, Video
from luma_jupyter.errors import InvalidKey, RateLimited, ServiceDown, ServiceError, TaskFailed, UnusableAnswer
from luma_jupyter.providers.responses import RUNNING_WORDS

RUNNING, COMPLETED, FAILED = TaskPhase
URL = "https://cdn.example/v.mp4"
RESULT = {
    "success": True,
    "task_id": "t",
    "video_id": "v-1",
    "prompt": "a fox",
    "video_url": URL,
    "video_width": 1280,
    "video_height": 720,
    "state": "completed",
    "thumbnail_url": "https://cdn.example/t.jpg",
    "thumbnail_width": 640,
    "thumbnail_height": 360,
}
VIDEO = Video(url=URL, video_id="v-1", width=1280, height=720, thumbnail_url="https://cdn.example/t.jpg")
CODED = {"code": "api_error", "message": "fetch  failed\n"}


def task(response: Any = None, **more: Any) -> dict[str, Any]:
    """A task as AceDataCloud documents it."""
    echo = {"action": "generate", "start_image_url": "https://mine.example/a.png"}
    return {"_id": "x", "id": "t", "created_at": 1.0, "request": echo, "response": response, "trace_id": "tr", **more}


def fetch_task(fake: Any, answer: Any) -> TaskState | None:
    """What AceDataCloud's answer to a single look-up says of task ``t``."""
    return asyncio.run(fake(answer).acedata().fetch(["t"])).get("t")  # type: ignore[no-any-return]


ABSENT = {name: value for name, value in task().items() if name != "response"}


@pytest.mark.parametrize(
    "answer",
    [
        ABSENT,
        task(None),
        task({}),
        task([]),
        task("pending"),
        task({"data": []}),
        task({"data": None}),
        task({"success": True, "task_id": "t"}),
        task({"success": True, "task_id": "t"}, finished_at=2.0),
        task({"state": ""}),
        task({"state": None, "status": "queued"}),
        task({"success": False, "error": "try later"}),
        task({"success": False}),
        task({"success": False, "video_url": URL}),
        task({"success": False, "error": {"message": "without a code"}}),
        task({"state": "processing"}, finished_at=2.0),
        task({"state": "processing", "success": False, "error": CODED}, finished_at=2.0),
        task({**RESULT, "state": "processing"}),
        task({**RESULT, "status": "pending"}),
        task({"data": [RESULT], "state": "queued"}),
        task({"success": True, "state": "completed"}),
        task({"state": "completed", "video_url": ""}),
        task({"state": "completed", "video_url": "not a url"}),
        task({"state": "completed", "video_url": ["https://cdn.example/v.mp4"]}),
        task({"state": "completed", "thumbnail_url": URL, "url": URL, "image_url": URL}),
        task({"state": "completed", "request": {"video_url": URL}}),
        task({**RESULT}, request={"action": "extend", "video_url": URL}),
        task(None, request={"video_url": URL, "state": "completed"}),
        {"id": "t", "success": True},
        {"success": True},
    ],
    ids=str,
)
def test_acedata_task_is_running(fake: Any, answer: Any) -> None:
    """Every undocumented shape without a sure end is a running task; an echoed request is never its result."""
    assert fetch_task(fake, answer) == TaskState("t", RUNNING, trace_id=answer.get("trace_id"))


@pytest.mark.parametrize(
    "answer",
    [
        task(RESULT),
        task(RESULT, finished_at=2.0),
        task({**RESULT, "state": "SUCCEEDED"}),
        task({**RESULT, "success": False}),
        task({**RESULT, "success": False, "error": "hiccup"}),
        task({name: value for name, value in RESULT.items() if name != "state"}),
        task({name: value for name, value in RESULT.items() if name not in ("state", "success")}),
        task({"data": RESULT}),
        task({"success": True, "data": [None, {}, RESULT]}),
        RESULT,
        {**RESULT, "id": "t", "response": None},
    ],
    ids=str,
)
def test_acedata_task_is_completed(fake: Any, answer: Any) -> None:
    """A result URL with a done word, or with no word and no refusal, is a finished video with all that is reported."""
    assert fetch_task(fake, answer) == TaskState("t", COMPLETED, video=VIDEO, trace_id=answer.get("trace_id"))


@pytest.mark.parametrize("word", ["completed", "complete", "succeeded", "succeed", "success", "finished", "Finished"])
def test_done_word_completes_a_task(fake: Any, word: str) -> None:
    """Each word that the vendors' clients know as done is, for both APIs and in any case."""
    done = TaskState("t", COMPLETED, video=Video(URL), trace_id="tr")
    assert fetch_task(fake, task({"status": word, "video_url": URL})) == done
    answer = {"id": "t", "status": word, "videos": [{"url": URL}]}
    found = asyncio.run(fake(answer).runapi().fetch(["t"]))
    assert found == {"t": TaskState("t", COMPLETED, video=Video(URL))}


@pytest.mark.parametrize("word", ["failed", "failure", "error", "cancelled", "canceled", "rejected", "FAILED"])
def test_failed_word_fails_a_task(fake: Any, word: str) -> None:
    """Each failing word ends a task as failed, even beside a URL and a success flag, for both APIs."""
    state = fetch_task(fake, task({**RESULT, "state": word}))
    assert state is not None
    assert state.phase is FAILED
    answer = {"id": "t", "status": word, "videos": [{"url": URL}], "error": "no luck"}
    assert asyncio.run(fake(answer).runapi().fetch(["t"]))["t"].phase is FAILED


@pytest.mark.parametrize(
    ("answer", "words", "code"),
    [
        (task({"success": False, "error": CODED}), "fetch failed", "api_error"),
        (task({"success": False, "error": "boom"}, finished_at=2.0), "boom", None),
        (task({"success": False, "error": "boom", "finished_at": 2.0}), "boom", None),
        (task({"success": False}, finished_at=2.0), "it ended without a video", None),
        (task({"state": "failed", "message": "too dark"}), "too dark", None),
        (task({"state": "failed", "error": {"code": "c", "detail": "d"}}), "d", "c"),
        (task({"data": [{"state": "failed", "error": {"code": "c", "message": "m"}}]}), "m", "c"),
        (
            task({"state": "completed", "success": True}, finished_at=2.0),
            "it ended as completed, without a video",
            None,
        ),
        ({"id": "t", "success": False, "error": CODED, "trace_id": "tr"}, "fetch failed", "api_error"),
        ({"id": "t", "status": "failed", "response": None, "trace_id": "tr"}, "it ended without a video", None),
    ],
)
def test_acedata_task_is_failed(fake: Any, answer: Any, words: str, code: str | None) -> None:
    """A sure failure carries the service's own words, its code and its trace id."""
    state = fetch_task(fake, answer)
    assert state is not None
    assert state.phase is FAILED
    assert state.video is None
    assert isinstance(state.error, TaskFailed)
    assert (state.error.words, state.error.code, state.error.trace_id) == (words, code, "tr")
    assert "generally not billed" in str(state.error)


# Words that nobody knows, and ends without a video.


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (task({"state": "aborted", "error": {"message": "out of memory"}}), "aborted: out of memory"),
        (task({"state": "aborted", "error": {"code": "oom"}}), "it ended as aborted, without a video"),
        (task({"state": "Timed out"}, finished_at=2.0), "it ended as timed out, without a video"),
        (task({"state": "nsfw", "message": "too much skin", "finished_at": 2.0}), "nsfw: too much skin"),
        (task({**RESULT, "state": "revoked", "error": {"code": "c", "message": "m"}}, finished_at=2.0), "revoked: m"),
        (task({"state": "finished", "error": "no frames"}, finished_at=2.0), "finished: no frames"),
    ],
    ids=str,
)
def test_unusual_end_of_an_acedata_task_is_quoted(fake: Any, answer: Any, words: str) -> None:
    """A word that nobody knows, beside an error object or an end, fails a task, as does an end without a video."""
    state = fetch_task(fake, answer)
    assert state is not None
    assert state.phase is FAILED
    assert isinstance(state.error, TaskFailed)
    assert state.error.words == words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": "expired", "error": {"code": "c", "message": "too late"}}, "expired: too late"),
        ({"status": "expired", "finished_at": "2026-11-25T10:00:00Z"}, "it ended as expired, without a video"),
        ({"status": "expired", "finished_at": 5, "error": "too late"}, "expired: too late"),
        ({"status": "completed", "videos": [], "finished_at": 5}, "it ended as completed, without a video"),
    ],
    ids=str,
)
def test_unusual_end_of_a_runapi_task_is_quoted(fake: Any, answer: Any, words: str) -> None:
    """At RunAPI as at AceDataCloud."""
    state = asyncio.run(fake({"id": "t", "trace_id": "tr"} | answer).runapi().fetch(["t"]))["t"]
    assert (state.phase, state.trace_id) == (FAILED, "tr")
    assert isinstance(state.error, TaskFailed)
    assert (state.error.words, state.error.trace_id) == (words, "tr")


@pytest.mark.parametrize("word", ["aborted", "paused", "upscaling"])
def test_unknown_word_alone_says_nothing(fake: Any, word: str) -> None:
    """A word that nobody knows, without an end, is a running task, with a bare error string or a video beside it."""
    for response in ({"state": word}, {"state": word, "error": "hiccup"}, {"state": word, "video_url": URL}):
        state = fetch_task(fake, task(response))
        assert state is not None
        assert state.phase is RUNNING
    for more in ({}, {"error": "hiccup"}, {"videos": [{"url": URL}]}):
        answer = {"id": "t", "status": word, **more}
        assert asyncio.run(fake(answer).runapi().fetch(["t"]))["t"].phase is RUNNING


def test_video_of_a_finished_task_is_delivered_whatever_its_word(fake: Any) -> None:
    """A video with an end and no error is paid for, so a word that nobody knows does not keep it back."""
    state = fetch_task(fake, task({**RESULT, "state": "ready"}, finished_at=2.0))
    assert state == TaskState("t", COMPLETED, video=VIDEO, trace_id="tr")
    answer = {"id": "t", "status": "ready", "videos": [{"url": URL}], "finished_at": 2}
    assert asyncio.run(fake(answer).runapi().fetch(["t"])) == {"t": TaskState("t", COMPLETED, video=Video(URL))}


@pytest.mark.parametrize("word", sorted(RUNNING_WORDS))
def test_running_word_outranks_an_end(fake: Any, word: str) -> None:
    """Words that mean that it runs are believed before a ``finished_at`` and an error, as one was seen beside both."""
    state = fetch_task(fake, task({**RESULT, "state": word.upper(), "error": CODED}, finished_at=2.0))
    assert state is not None
    assert state.phase is RUNNING


# How long tasks took.

BEGUN = 1_700_000_000.0


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({"created_at": BEGUN, "started_at": BEGUN + 20, "finished_at": BEGUN + 80, "elapsed": 60}, 80.0),
        ({"created_at": BEGUN, "finished_at": BEGUN + 80}, 80.0),
        ({"created_at": None, "started_at": BEGUN, "finished_at": BEGUN + 60, "elapsed": 61.5}, 61.5),
        ({"created_at": None, "started_at": BEGUN, "finished_at": BEGUN + 60}, 60.0),
        ({"created_at": None, "elapsed": 61.5}, 61.5),
        ({"created_at": BEGUN, "elapsed": 61.5}, 61.5),
        ({"created_at": BEGUN, "finished_at": BEGUN - 5, "elapsed": 61.5}, 61.5),
        ({"created_at": None, "started_at": BEGUN, "finished_at": BEGUN + 60, "elapsed": 60_000}, 60.0),
        ({"created_at": None, "elapsed": 60_000}, None),
        ({"created_at": None, "elapsed": -1}, None),
        ({"created_at": None, "elapsed": True}, None),
        ({"created_at": None, "elapsed": "61.5"}, None),
        ({"created_at": None, "started_at": "yesterday", "finished_at": BEGUN}, None),
        ({"created_at": BEGUN}, None),
    ],
    ids=str,
)
def test_duration_is_by_the_clock_of_the_service(fake: Any, times: dict[str, Any], seconds: float | None) -> None:
    """From creation to end, with the queue; else what ``elapsed`` says in seconds, or the time since it started."""
    state = fetch_task(fake, task(RESULT, **times))
    assert state is not None
    assert state.seconds == seconds


@pytest.mark.parametrize("name", ["response", "task"])
def test_trace_id_of_a_task_is_kept(fake: Any, name: str) -> None:
    """The trace id is read where it is: it names what was charged."""
    answer = task(RESULT | {"trace_id": "in response"}) if name == "response" else task(RESULT)
    state = fetch_task(fake, answer)
    assert state is not None
    assert state.trace_id == {"response": "in response", "task": "tr"}[name]
    assert state.cost is None


@pytest.mark.parametrize("size", [0, -1, "1280", None, True, 1e9, float("nan"), [], 10**400])
def test_odd_video_size_is_unknown(fake: Any, size: object) -> None:
    """A size that is no sensible number of pixels is unknown, not an error: the video is paid for."""
    state = fetch_task(fake, (200, json.dumps(task({**RESULT, "video_width": size, "video_height": 719.6}))))
    assert state is not None
    assert state.video == Video(URL, "v-1", None, 719, VIDEO.thumbnail_url)


def test_acedata_fetch_of_a_single_task(fake: Any) -> None:
    """One task is asked for by its id; the answer tells of that task alone."""
    service = fake(task(RESULT))
    assert asyncio.run(service.acedata().fetch(["other"])) == {}
    assert service.payloads == [{"id": "other", "action": "retrieve"}]
    unnamed = {name: value for name, value in task({**RESULT, "task_id": "upstream"}).items() if name != "id"}
    assert fetch_task(fake, unnamed) == TaskState("t", COMPLETED, video=VIDEO, trace_id="tr")
    assert str(service.requests[0].url) == "https://api.acedata.cloud/luma/tasks"


def test_acedata_fetch_of_a_batch(fake: Any) -> None:
    """Several tasks are asked for at once; each state goes to its own task, whatever the order, junk is skipped."""
    items = [
        {**task({"state": "failed"}), "id": "b"},
        None,
        "junk",
        {**task(RESULT), "id": "stranger"},
        {**task(RESULT), "id": "a"},
    ]
    service = fake({"items": items, "count": 2})
    states = asyncio.run(service.acedata().fetch(["a", "b", "c"]))
    assert {task_id: state.phase for task_id, state in states.items()} == {"a": COMPLETED, "b": FAILED}
    assert states["a"].task_id == "a"
    assert service.payloads == [{"ids": ["a", "b", "c"], "action": "retrieve_batch"}]


def test_batch_item_without_an_id_belongs_to_no_task(fake: Any) -> None:
    """An item of a batch that does not say whose it is belongs to nobody, unless its response says so."""
    nobody = {name: value for name, value in task({"state": "failed"}).items() if name != "id"}
    known = {"response": {**RESULT, "task_id": "b"}}
    states = asyncio.run(fake({"items": [nobody, known]}).acedata().fetch(["a", "b"]))
    assert {task_id: state.phase for task_id, state in states.items()} == {"b": COMPLETED}


@pytest.mark.parametrize("body", [{"error": {"code": "not_found"}}, "<html>404</html>", {}])
def test_missing_task_is_left_out(fake: Any, body: Any) -> None:
    """A look-up that answers 404 knows no such task (yet): no state, and no error."""
    assert asyncio.run(fake((404, body)).acedata().fetch(["t"])) == {}
    assert asyncio.run(fake((404, body)).runapi().fetch(["t"])) == {}


def test_missing_batch_call_is_an_error(fake: Any) -> None:
    """A 404 to a batch is not the absence of a task."""
    with pytest.raises(ServiceError, match="did not find it"):
        asyncio.run(fake((404, {})).acedata().fetch(["a", "b"]))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((200, "<html>"), UnusableAnswer),
        ((200, []), UnusableAnswer),
        ((200, "null"), UnusableAnswer),
        ((200, "[" * 100_000), UnusableAnswer),
        ((200, {"success": False, "error": {"code": "invalid_token", "message": "m"}}), InvalidKey),
        ((200, {"success": False, "error": {"code": "api_error", "message": "m"}, "trace_id": "x"}), UnusableAnswer),
        ((200, {"success": False, "error": "temporary"}), UnusableAnswer),
        ((401, {"error": {"code": "invalid_token"}}), InvalidKey),
        ((429, {}, {"Retry-After": "7"}), RateLimited),
        ((500, {"error": {"code": "api_error"}}), ServiceDown),
        ((504, "<html>"), ServiceDown),
    ],
)
def test_failed_fetch_says_nothing_of_the_task(fake: Any, answer: Any, kind: type[ServiceError]) -> None:
    """An error about the look-up itself is raised; it never makes a paid task a failed one."""
    service = fake(answer)
    with pytest.raises(ServiceError) as caught:
        asyncio.run(service.acedata().fetch(["t"]))
    assert type(caught.value) is kind
    assert caught.value.retry_after == (7.0 if kind is RateLimited else None)
    assert "again" not in str(caught.value)
    assert len(service.requests) == 1


def test_batch_without_items_is_unusable(fake: Any) -> None:
    """A batch answer without its list is an error, not the absence of all tasks."""
    with pytest.raises(UnusableAnswer):
        asyncio.run(fake({"count": 0}).acedata().fetch(["a", "b"]))


SOURCES = {"sources": [{"url": "https://mine.example/source.mp4"}]}


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "t", "status": "pending"},
        {"id": "t", "status": "processing", "videos": [{"url": URL}]},
        {"id": "t", "status": "completed"},
        {"id": "t", "status": "completed", "videos": None},
        {"id": "t", "status": "completed", "videos": []},
        {"id": "t", "status": "completed", "videos": [None, {"url": None}, {"url": "later"}, "x"]},
        {"id": "t", "status": "completed", "videos": SOURCES["sources"], **SOURCES},
        {"id": "t", "status": "completed", **SOURCES},
        {"id": "t", "videos": [{"url": URL}]},
        {"id": "t", "status": None, "error": "hm"},
        {},
    ],
    ids=str,
)
def test_runapi_task_is_running(fake: Any, answer: Any) -> None:
    """A modify task runs until a status word and a real result say otherwise; the wait it asks for is handed on."""
    service = fake((200, answer, {"Retry-After": "12"}))
    assert asyncio.run(service.runapi().fetch(["t"])) == {"t": TaskState("t", RUNNING, retry_after=12.0)}


def test_runapi_task_is_completed(fake: Any) -> None:
    """The first result that is no source is the video; the task is asked for by its id, with nothing in the URL."""
    answer = {"id": "t", "status": "completed", "videos": [*SOURCES["sources"], {"url": URL}], **SOURCES}
    service = fake(answer)
    assert asyncio.run(service.runapi().fetch(["a/b?c"])) == {"a/b?c": TaskState("a/b?c", COMPLETED, Video(URL))}
    (request,) = service.requests
    assert (request.method, request.content) == ("GET", b"")
    assert str(request.url) == "https://runapi.ai/api/v1/luma/modify_video/a%2Fb%3Fc"


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [("no credits", "no credits", None), ({"code": "c", "message": "m"}, "m", "c"), (None, None, None)],
)
def test_runapi_task_is_failed(fake: Any, error: Any, words: str | None, code: str | None) -> None:
    """A failed modify carries the service's words and code, in whichever form they come."""
    state = asyncio.run(fake({"id": "t", "status": "failed", "error": error}).runapi().fetch(["t"]))["t"]
    assert isinstance(state.error, TaskFailed)
    assert (state.phase, state.error.words, state.error.code) == (FAILED, words, code)


@pytest.mark.parametrize("answer", [(200, "<html>"), (200, []), (200, "")])
def test_runapi_response_is_unusable(fake: Any, answer: Any) -> None:
    """A page or a list instead of a task is an error of the look-up."""
    with pytest.raises(UnusableAnswer):
        asyncio.run(fake(answer).runapi().fetch(["t"]))
