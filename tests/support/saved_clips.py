"""Completed clips of the demo service in a media folder, made by hand: copies of one film with a sidecar each."""

from __future__ import annotations

import shutil
from pathlib import Path

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars


def place_clip(film: Path, folder: Path, number: int, prompt: str, words: str, size: tuple[int, int]) -> Path:
    """Put one into a folder, by its ``number``; its file's name begins with ``words``. ``size`` in pixels."""
    request = GenerateRequest(prompt=prompt)
    intent = f"{number:032x}"[::-1]
    task = Task(
        intent=intent,
        request=request,
        provider="demo",
        status=Status.COMPLETED,
        created_at=1_700_000_000.0 + number,
        filename=f"{words}-{intent[:8]}.mp4",
        fingerprint=fingerprint(request, None),
        ended_at=1_700_000_090.0 + number,
        task_id=f"task-{number}",
        video=Video("http://127.0.0.1:9/film.mp4", None, *size),
    )
    video = folder / task.filename
    shutil.copyfile(film, video)
    with video.with_suffix(".json").open("wb") as file:
        sidecars.write(file, task, video.stat().st_size)
    return video
