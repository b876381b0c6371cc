"""Requests, which check themselves when they are built; and what a source is called."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import (
    ExtendRequest,
    FrameRef,
    GenerateRequest,
    ModifyRequest,
    Request,
    VideoRef,
    parse_video_ref,
)
from luma_jupyter.domain.vocabulary import ACTIONS, ASPECT_RATIOS
from luma_jupyter.errors import InvalidRequest

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
Make = Callable[..., Request]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEB, VideoRef(url=WEB)),
        (UUID, VideoRef(video_id=UUID)),
        (UUID.replace("-", ""), VideoRef(video_id=UUID.replace("-", ""))),
    ],
)
def test_video_ref_is_read_from_text(text: str, expected: VideoRef) -> None:
    """A source given as text is a URL or a UUID-like id."""
    assert parse_video_ref(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text",
    ["", "sunset", "my-clip", "ftp://h/a.mp4", "file:///a.mp4", "1234", f"{UUID} x", "http://", "clip.mp4", "./clip"],
)
def test_video_ref_is_none_for_other_text(text: str) -> None:
    """What is neither an address nor an id names no video at a service."""
    assert parse_video_ref(text) is None


def test_video_ref_is_called_by_its_id() -> None:
    """Where a video has both, its id names it; one without anything is a question mark."""
    assert str(VideoRef(UUID, WEB)) == UUID
    assert str(VideoRef()) == "?"


@ALL
def test_prompt_is_trimmed(make: Make) -> None:
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
def test_bad_parameter_of_every_action_is_refused(make: Make, fields: dict[str, object], message: str) -> None:
    """A bad prompt or callback is refused when the request is made, in one line."""
    with pytest.raises(InvalidRequest) as caught:
        make(**fields)
    assert str(caught.value) == message


RATIOS = "16:9, 9:16, 1:1, 4:3, 3:4, 21:9, 9:21"


@pytest.mark.parametrize(
    ("make", "fields", "message"),
    [
        (generate, {"aspect_ratio": "2:1"}, f"There is no ratio 2:1; choose {RATIOS}."),
        (generate, {"aspect_ratio": None}, f"There is no ratio None; choose {RATIOS}."),
        (generate, {"loop": "no"}, "loop must be True or False, not 'no'."),
        (generate, {"loop": None}, "loop must be True or False, not None."),
        (generate, {"enhancement": 1}, "enhancement must be True or False, not 1."),
        (
            generate,
            {"start_image": "ftp://h/a"},
            "start_image must be an http(s) URL, not 'ftp://h/a'.",
        ),
        (generate, {"end_image": ""}, "end_image must be an http(s) URL, not ''."),
        (extend, {"end_image": "sunset"}, "end_image must be an http(s) URL, not 'sunset'."),
        (generate, {"start_image": b"picture"}, "start_image must be text, not bytes."),
        (modify, {"watermark": 1}, "watermark must be True, False or a watermark id, not 1."),
        (modify, {"watermark": ""}, "The watermark id is empty: leave it out, or give one."),
        (modify, {"source": VideoRef(UUID)}, f"modify needs a clip or a URL: a video id alone ({UUID}) is not enough."),
    ],
)
def test_bad_parameter_of_one_action_is_refused(make: Make, fields: dict[str, object], message: str) -> None:
    """Each bad value is refused when the request is made, in one line that says what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        make(**fields)
    assert str(caught.value) == message


@ALL
def test_request_is_frozen_and_comparable(make: Make) -> None:
    """A request cannot change once checked; equal ones are equal, hash alike, and survive pickling."""
    request = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.prompt = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(request)) == request == make()
    assert hash(request) == hash(make())


@pytest.mark.parametrize(("make", "name"), [(generate, "start_image"), (generate, "end_image"), (extend, "end_image")])
def test_requests_with_equal_files_are_equal(make: Make, name: str) -> None:
    """A picture counts by its content, whatever it is called and whether its bytes are at hand."""
    one = LocalFile.of(b"picture", "image/png", "first.png")
    other = LocalFile.of(b"picture", "image/png", "copy.png", keep=False)
    request = make(**{name: one})
    assert request == make(**{name: other}) == pickle.loads(pickle.dumps(request))
    assert hash(request) == hash(make(**{name: other}))
    assert request != make(**{name: LocalFile.of(b"another", "image/png", "first.png")})


def test_request_error_does_not_quote_a_long_value() -> None:
    """A frame pasted as a data URI gives a message of one readable line, not of a megabyte."""
    with pytest.raises(InvalidRequest) as caught:
        generate(start_image="data:image/png;base64," + "A" * 100_000)
    assert len(str(caught.value)) < 300


def test_request_names_its_action() -> None:
    """There is one kind of request for each action."""
    assert (generate().action, extend().action, modify().action) == ACTIONS


@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
def test_generate_takes_every_aspect_ratio(ratio: str) -> None:
    """All seven aspect ratios are accepted."""
    assert generate(aspect_ratio=ratio).aspect_ratio == ratio


@pytest.mark.parametrize(
    ("when", "kept", "shown"),
    [
        ("first", "first", "storm@first"),
        ("last", "last", "storm@last"),
        (0, "first", "storm@first"),
        (-0.0, "first", "storm@first"),
        (2, 2.0, "storm@2"),
        (2.5, 2.5, "storm@2.5"),
        (np.float64(0.5), 0.5, "storm@0.5"),
        (np.int64(3), 3.0, "storm@3"),
    ],
)
def test_frame_is_called_by_clip_and_moment(when: float, kept: float | str, shown: str) -> None:
    """A moment is first, last, or seconds of whatever library; the first frame is that at 0 s."""
    ref = FrameRef("a" * 32, when, "storm")
    assert (ref.when, str(ref)) == (kept, shown)
    assert str(FrameRef("a" * 32, when)) == shown.replace("storm", "a clip")


@pytest.mark.parametrize("when", ["", "middle", "LAST", "2.5", -1, -0.01, float("nan"), float("inf"), True, None, [1]])
def test_moment_that_no_video_has_is_refused(when: Any) -> None:
    """In one line, which says what there is."""
    with pytest.raises(InvalidRequest, match=r"^A frame is 'first', 'last' or a number of seconds from 0 on, not "):
        FrameRef("a" * 32, when)


def test_a_ratio_may_have_the_colon_of_a_chinese_keyboard() -> None:
    """The full-width one, which looks the same; sent is the other."""
    assert generate(aspect_ratio="9：16").aspect_ratio == "9:16"
