"""A notebook's folder with as many clips as one likes: their files are links to a few, the journal knows them all."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import Request
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.store.journal import Journal

MOST_LINKS = 1000  # to one file: it has some 65,000 names at most, a disk may allow fewer


def fill(folder: Path, requests: Sequence[Request], film: Path, *, media: Path, home: Path) -> None:
    """Completed clips of today in a notebook's folder, the last one the newest, each with its sidecar and its entry.

    ``film`` is what all of them show, and the picture beside it, where there is one, their thumbnail.
    """
    media.mkdir(parents=True)
    originals = [file for file in (film, film.with_suffix(".jpg")) if file.is_file()]
    now = time.time()
    journal = Journal(home)
    with closing(journal), journal.transaction():
        for number, request in enumerate(requests):
            task = completed_task(request, number, media, folder, now + (number - len(requests)) / 1000)
            assert task.path
            originals = [_place(file, task.path, number) for file in originals]
            with task.path.with_suffix(".json").open("wb") as file:
                sidecars.write(file, task, task.file_size or 0)
            journal._put(task, None)


def _place(original: Path, video: Path, number: int) -> Path:
    """Link a file to where it belongs beside a video; the file to link to next."""
    target = video.with_suffix(original.suffix)
    if number % MOST_LINKS == 0:
        shutil.copyfile(original, target)
        return target
    os.link(original, target)
    return original


def completed_task(request: Request, number: int, media: Path, folder: Path, ended: float) -> Task:
    """A task that took a minute, and ended at ``ended`` in Unix seconds."""
    name = sidecars.video_file_name(request.prompt, f"{number:08x}")
    created = ended - 60
    return Task(
        intent=f"{number:08x}{'0' * 24}",
        request=request,
        provider="acedata",
        status=Status.COMPLETED,
        created_at=created,
        submitted_at=created,
        sent_at=created,
        ended_at=ended,
        task_id=f"task-{number}",
        video=Video("https://media.example/film.mp4"),
        filename=name,
        media=media,
        path=media / name,
        file_size=4096,
        folder=folder,
        fingerprint=fingerprint(request, None),
        base_url="https://api.acedata.cloud",
        price=0.35,
    )
