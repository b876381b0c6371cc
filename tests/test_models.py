"""Requests that check themselves, and the snapshots that the layers hand each other."""

from __future__ import annotations

import base64
import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter import choices, models
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.models import ExtendRequest, GenerateRequest, ModifyRequest, Status, Task, TaskPhase, VideoRef

UUID = "7f3b2c1d-1111-4222-8333-444455556666"
WEB = "https://example.com/a.mp4"
SOURCE = VideoRef(url=WEB)


def generate(**fields: Any) -> GenerateRequest:
    return GenerateRequest(**{"prompt": "a fox", **fields})


def extend(**fields: Any) -> ExtendRequest:
    return ExtendRequest(**{"prompt": "a fox", "source": SOURCE, **fields})


def modify(**fields: Any) -> ModifyRequest:
    return ModifyRequest(**{"prompt": "a fox", "source": SOURCE, **fields})


ALL = pytest.mark.parametrize("make", [generate, extend, modify])
# A picture of one pixel.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Make = Callable[..., models.Request]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEB, VideoRef(url=WEB)),
        (UUID, VideoRef(video_id=UUID)),
        (UUID.replace("-", ""), VideoRef(video_id=UUID.replace("-", ""))),
    ],
)
def test_sources_as_text(text: str, expected: VideoRef) -> None:
    """A source given as text is a URL or a UUID-like id."""
    assert models.parse_video(text) == expected
    assert str(expected) == text


def test_an_id_is_what_a_source_is_called() -> None:
    """Where a video has both, its id names it; one without anything is a question mark."""
    assert str(VideoRef(UUID, WEB)) == UUID
    assert str(VideoRef()) == "?"


@pytest.mark.parametrize("text", ["clip.mp4", "./clip", "~/a.mov", r"C:\films\a.mp4", "films/a.mp4", "/tmp/none/a.mp4"])
def test_a_source_can_be_a_file(text: str) -> None:
    """What looks like a path is read as one; a missing file is refused by name."""
    with pytest.raises(InvalidRequest, match="The source: there is no file"):
        models.parse_video(text)


@pytest.mark.parametrize(
    "text", ["", "sunset", "my-clip", "ftp://h/a.mp4", "file:///a.mp4", "1234", f"{UUID} x", "http://"]
)
def test_no_sources(text: str) -> None:
    """What is neither is refused in one line that says what a source may be."""
    with pytest.raises(InvalidRequest, match="neither a clip, a video id, an http") as caught:
        models.parse_video(text)
    assert type(caught.value) is InvalidRequest


@ALL
def test_prompts_are_trimmed(make: Make) -> None:
    """Blanks and line breaks around a cell's text are no part of the prompt; those inside are."""
    assert make(prompt="\n  a fox\nruns \n").prompt == "a fox\nruns"


@ALL
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": ""}, "The prompt is empty: say what the video should show."),
        ({"prompt": " \n\t"}, "The prompt is empty: say what the video should show."),
        ({"prompt": None}, "The prompt must be text, not NoneType."),
        ({"prompt": b"a fox"}, "The prompt must be text, not bytes."),
        ({"callback_url": "example.com"}, "callback_url must be an http(s) URL, not 'example.com'."),
        ({"callback_url": 5}, "callback_url must be text, not int."),
        ({"take": 0}, "take must be a whole number from 1 to 999, not 0."),
        ({"take": 1000}, "take must be a whole number from 1 to 999, not 1000."),
        ({"take": True}, "take must be a whole number from 1 to 999, not True."),
        ({"take": 2.0}, "take must be a whole number from 1 to 999, not 2.0."),
    ],
)
def test_bad_input_to_every_action(make: Make, fields: dict[str, object], message: str) -> None:
    """A bad prompt or callback is refused when the request is made, in one line."""
    with pytest.raises(InvalidRequest) as caught:
        make(**fields)
    assert str(caught.value) == message


RATIOS = "16:9, 9:16, 1:1, 4:3, 3:4, 21:9, 9:21"


@pytest.mark.parametrize(
    ("make", "fields", "message"),
    [
        (generate, {"aspect_ratio": "2:1"}, f"aspect_ratio must be one of {RATIOS}, not '2:1'."),
        (generate, {"aspect_ratio": None}, f"aspect_ratio must be one of {RATIOS}, not None."),
        (generate, {"loop": "no"}, "loop must be True or False, not 'no'."),
        (generate, {"loop": None}, "loop must be True or False, not None."),
        (generate, {"enhancement": 1}, "enhancement must be True or False, not 1."),
        (
            generate,
            {"start_image": "ftp://h/a"},
            "start_image must be an http(s) URL, or a picture's path, not 'ftp://h/a'.",
        ),
        (generate, {"end_image": ""}, "end_image must be an http(s) URL, or a picture's path, not ''."),
        (extend, {"end_image": "sunset"}, "end_image: there is no file 'sunset'."),
        (modify, {"watermark": 1}, "watermark must be True, False or a watermark id, not 1."),
        (modify, {"watermark": ""}, "The watermark id is empty."),
        (modify, {"source": VideoRef(UUID)}, f"modify needs a URL or a clip: a video id alone ({UUID}) is not enough."),
    ],
)
def test_bad_input_to_one_action(make: Make, fields: dict[str, object], message: str) -> None:
    """Each bad value is refused when the request is made, in one line that says what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        make(**fields)
    assert str(caught.value) == message


@pytest.mark.parametrize(("make", "name"), [(generate, "start_image"), (generate, "end_image"), (extend, "end_image")])
def test_an_image_can_be_a_file(make: Make, name: str, tmp_path: Path) -> None:
    """A picture on the disk becomes a checked file in the request; equal pictures make equal requests."""
    file = tmp_path / "first.png"
    file.write_bytes(PICTURE)
    by_path, by_bytes = make(**{name: file}), make(**{name: PICTURE})
    assert getattr(by_path, name).mime == "image/png"
    assert by_path == by_bytes
    assert by_path == pickle.loads(pickle.dumps(by_path))
    assert hash(by_path) == hash(by_bytes)


def test_a_long_value_is_not_shown_whole() -> None:
    """A frame pasted as a data URI gives a message of one readable line, not of a megabyte."""
    with pytest.raises(InvalidRequest) as caught:
        generate(start_image="data:image/png;base64," + "A" * 100_000)
    assert len(str(caught.value)) < 300


@ALL
def test_requests_are_frozen_and_comparable(make: Make) -> None:
    """A request cannot change once checked; equal ones are equal, hash alike, and survive pickling."""
    request = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.prompt = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(request)) == request == make()
    assert hash(request) == hash(make())


def test_actions() -> None:
    """Each request names its action; there are these actions, providers and ratios."""
    assert (generate().action, extend().action, modify().action) == choices.ACTIONS == ("generate", "extend", "modify")
    assert choices.PROVIDERS == ("acedata", "runapi", "demo")
    assert ", ".join(choices.ASPECT_RATIOS) == RATIOS


@pytest.mark.parametrize("ratio", choices.ASPECT_RATIOS)
def test_every_ratio_of_the_service(ratio: str) -> None:
    """All seven aspect ratios are accepted."""
    assert generate(aspect_ratio=ratio).aspect_ratio == ratio


def test_status_words() -> None:
    """The status words and which of them are ends are part of the public interface."""
    assert {str(status): status.ended for status in Status} == {
        "queued": False,
        "submitting": False,
        "running": False,
        "saving": False,
        "completed": True,
        "failed": True,
        "unconfirmed": True,
        "detached": True,
        "cancelled": True,
    }
    assert [str(phase) for phase in TaskPhase] == ["running", "completed", "failed"]


INTENT = UUID.replace("-", "")


def a_task(**fields: Any) -> Task:
    values = {"intent": INTENT, "request": generate(), "provider": "demo", "status": Status.QUEUED, "filename": "f.mp4"}
    return Task(**{**values, "created_at": 100.0, **fields})


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 60.0),
        ({"submitted_at": 110.0}, 50.0),
        ({"submitted_at": 110.0, "ended_at": 130.0}, 20.0),
        ({"ended_at": 130.0}, 30.0),
        ({"submitted_at": 170.0}, 0.0),
    ],
)
def test_elapsed(fields: dict[str, float], seconds: float) -> None:
    """Time counts from submission (before it, from creation) to now or the end, and is never negative."""
    assert a_task(**fields).elapsed(160.0) == seconds


def test_a_snapshot_evolves_into_another() -> None:
    """A change makes a new snapshot and leaves the old one as it was; both survive pickling."""
    task = a_task()
    later = task.evolve(status=Status.RUNNING, task_id="t")
    assert (later.status, later.task_id, later.key) == (Status.RUNNING, "t", "7f3b2c1d")
    assert task.status is Status.QUEUED
    assert pickle.loads(pickle.dumps(later)) == later
