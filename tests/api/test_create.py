"""`generate`, `extend`, `modify`: what they send, what they refuse, what answers an equal request."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import luma_jupyter as luma
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell
from tests.support.pictures import PICTURE, encoded

pytestmark = pytest.mark.usefixtures("engine")


def test_the_python_functions_send_what_they_are_given(service: PromptService) -> None:
    """Every argument of generate, extend and modify reaches the wire."""
    sunset = luma.generate(
        "A sunset",
        aspect_ratio="9:16",
        loop=True,
        enhancement=False,
        start_image="https://example.com/a.png",
        end_image="https://example.com/b.png",
        callback_url="https://example.com/hook",
        provider="acedata",
        timeout=60,
    ).wait()
    sunset.extend("On", end_image="https://example.com/c.png", callback_url="https://example.com/hook").wait()
    sunset.modify("Fog", watermark=True, callback_url="https://example.com/hook", provider="runapi").wait()
    luma.extend("155838f8-7f1e-44d8-b387-192f3b4b509d", "On").wait()
    luma.extend(" https://example.com/v.mp4 ", "On").wait()
    hook = {"callback_url": "https://example.com/hook"}
    assert service.sent == [
        {
            "action": "generate",
            "prompt": "A sunset",
            "aspect_ratio": "9:16",
            "loop": True,
            "enhancement": False,
            "start_image_url": "https://example.com/a.png",
            "end_image_url": "https://example.com/b.png",
            "async": True,
            **hook,
        },
        {
            "action": "extend",
            "prompt": "On",
            "video_id": "video-of-task-1",
            "end_image_url": "https://example.com/c.png",
            "async": True,
            **hook,
        },
        {
            "model": "luma-modify-video",
            "prompt": "Fog",
            "source_video_url": "https://media.example/task-1.mp4",
            "watermark": True,
            **hook,
        },
        {"action": "extend", "prompt": "On", "video_id": "155838f8-7f1e-44d8-b387-192f3b4b509d", "async": True},
        {"action": "extend", "prompt": "On", "video_url": "https://example.com/v.mp4", "async": True},
    ]
    assert luma.clips()[0] is sunset
    assert len(luma.clips()) == 5


def test_a_source_of_another_kind_is_refused() -> None:
    """A source is a clip, an id or a URL."""
    with pytest.raises(InvalidRequest, match="must be a clip, a video id, a URL or a video's path, not int"):
        luma.extend(7, "x")  # type: ignore[arg-type]


@pytest.mark.parametrize("again", [False, True])
def test_an_equal_request_gives_the_same_clip_unless_again(service: PromptService, again: bool) -> None:
    """generate, extend and modify answer an equal request by the clip that there is; ``again=True`` makes a new one."""

    def film() -> list[luma.Clip]:
        clip = luma.generate("A sunset", again=again)
        clips = [clip, clip.extend("On", again=again), clip.modify("Fog", again=again)]
        return [clip.wait() for clip in clips]

    first, second = film(), film()
    assert len({*first, *second}) == len(service.sent) == (6 if again else 3)


@pytest.mark.parametrize("function", [luma.extend, luma.modify])
def test_extend_and_modify_take_again(service: PromptService, function: Callable[..., luma.Clip]) -> None:
    """`luma_jupyter.extend` and `modify` do as the methods."""
    clips = [function("https://example.com/v.mp4", "x", again=again).wait() for again in (False, False, True)]
    assert [clips.index(clip) for clip in clips] == [0, 0, 2]
    assert len(service.sent) == 2


def test_generate_takes_pictures_of_any_kind(notebook: Shell, filmed: PromptService, tmp_path: Path) -> None:
    """Pictures of any kind go up once, and the last frame of one clip begins the next."""
    (tmp_path / "first.png").write_bytes(encoded())
    for number, picture in enumerate([tmp_path / "first.png", encoded(), PICTURE, np.asarray(PICTURE)]):
        luma.generate(f"Take {number}", start_image=picture).wait()
        assert filmed.sent[-1]["start_image_url"] == "https://media.example/uploaded-1"
    assert len(filmed.uploaded) == 1
    assert encoded() in filmed.uploaded[0]
    first = luma.generate("A sunset")
    luma.generate("It goes on", start_image=first.frame("last"), end_image=PICTURE).wait()
    assert filmed.sent[-1]["start_image_url"] == "https://media.example/uploaded-2"
    assert filmed.sent[-1]["end_image_url"] == "https://media.example/uploaded-1"


def test_extend_takes_a_local_video(notebook: Shell, filmed: PromptService, film_bytes: bytes, tmp_path: Path) -> None:
    """Extend takes a video from the disk, in Python and in the magic; the same request is found again."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "mine.mp4").write_bytes(film_bytes)
    notebook.run("%%luma extend films/mine.mp4 --wait -o longer\nIt goes on")
    assert filmed.sent[-1]["video_url"] == "https://media.example/uploaded-1"
    longer = notebook.user_ns["longer"]
    assert longer.source == "mine.mp4"
    shutil.move(tmp_path / "films" / "mine.mp4", tmp_path / "moved.mp4")
    again = luma.extend(tmp_path / "moved.mp4", "It goes on").wait()
    assert again is longer
    assert len(filmed.sent) == 1
