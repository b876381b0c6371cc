"""Posters: the thumbnail beside a video, or a picture made of its first frame."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library.thumbnails import LONGEST_SIDE, thumbnail


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A saved video of 960 × 540 pixels, red from its first frame on, without a thumbnail."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        red = np.zeros((540, 960, 3), np.uint8)
        red[:, :, 0] = 200
        video.mux(stream.encode(av.VideoFrame.from_ndarray(red)))
        video.mux(stream.encode())
    request = GenerateRequest(prompt="Red")
    return Task(
        intent="0" * 32,
        request=request,
        provider="demo",
        status=Status.COMPLETED,
        created_at=0.0,
        filename=path.name,
        path=path,
    )


def test_thumbnail_is_made_of_the_first_frame_once(task: Task, tmp_path: Path) -> None:
    """It lies beside the video, is no larger than a thumbnail, and is not made again."""
    made = thumbnail(task.path)
    assert made == tmp_path / "film.jpg"
    with Image.open(made) as image:
        assert image.size == (LONGEST_SIDE, LONGEST_SIDE * 9 // 16)
        assert image.getpixel((100, 100))[0] > 150
    made.write_bytes(b"kept")
    assert thumbnail(task.path) == made
    assert made.read_bytes() == b"kept"


def test_thumbnail_is_none_without_a_video(task: Task, tmp_path: Path) -> None:
    """A clip without a file has none; nor has a file that is no video, and nothing is left beside it."""
    assert thumbnail(None) is None
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert thumbnail(broken) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.mp4", "film.mp4"]
