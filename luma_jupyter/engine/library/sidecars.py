"""Sidecars: the JSON file beside each video, which says where it came from, and by which it is found again.

Video and sidecar alone are enough to play a notebook through without a journal and without a key: that is how a lesson
is handed out. So a sidecar may come from anybody. It is checked like any input, and it names no path: the video is the
file beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.folding import fold
from luma_jupyter.domain.media import check_video
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.note import read_note as note_of_record
from luma_jupyter.domain.requests import FILM_OF, LONGEST_PROMPT, Request, addresses_in, shown_request
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.urls import is_cut, shown_url
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library.slugs import WORDLESS, slug, slug_of_0_1_0
from luma_jupyter.engine.store.database import storable
from luma_jupyter.engine.store.descriptions import searched_text
from luma_jupyter.engine.store.folders import Claims
from luma_jupyter.engine.store.serialization import Unreadable, dump, load
from luma_jupyter.operating_system import patiently, plain_form
from luma_jupyter.printable import printable_json

SCHEMA = 2
LARGEST = 1_000_000  # bytes
# A longer one is read if that is its prompt's doing: a character takes up to 6 bytes in JSON, and all else is little.
LARGEST_BESIDE_PROMPT = 100_000  # bytes
LARGEST_WITH_PROMPT = LARGEST_BESIDE_PROMPT + 6 * LONGEST_PROMPT
_PROMPT = re.compile(rb'"prompt": "(?:[^"\\]++|\\.)*+"', re.DOTALL)
# What is nobody else's business: where the maker's files lie, which API and key it was, and the body that was sent.
_PRIVATE = ("base_url", "account", "media", "folder", "payload")
# What the video beside a sidecar says, or what does not count where there is one.
_SAID_BY_VIDEO = ("filename", "file_size", "status", "error", "problem", "doubts")


def video_file_name(prompt: str, key: str) -> str:
    """The name of a video: the prompt's first words and the key, such as ``astronauts-shuttle-3f9c2a1b.mp4``."""
    return f"{slug(prompt)}-{key}.mp4"


def short_file_name(key: str) -> str:
    """The name of a video in a folder that is too deep for its prompt's words."""
    return f"{WORDLESS}-{key}.mp4"


def shareable(task: Task) -> dict[str, Any]:
    """A task as plain data that others may have: no folder, and no address with what may be a secret in it."""
    video = task.video
    if video:
        thumbnail = video.thumbnail_url
        video = replace(video, url=video.url and shown_url(video.url), thumbnail_url=thumbnail and shown_url(thumbnail))
    label = task.source_label and shown_url(task.source_label)
    shown = task.evolve(request=shown_request(task.request), video=video, source_label=label)
    return {name: value for name, value in dump(shown).items() if name not in _PRIVATE}


def write(file: BinaryIO, task: Task, size: int, note: Note = NO_NOTE) -> None:
    """Write the sidecar of a video of ``size`` bytes."""
    data = {name: value for name, value in shareable(task).items() if name not in _SAID_BY_VIDEO}
    _write(file, {"schema": SCHEMA, "bytes": size, **data}, note)


def _write(file: BinaryIO, data: dict[str, Any], note: Note) -> None:
    noted = {} if note == NO_NOTE else {"note": note.record}
    file.write(printable_json(json.dumps({**data, **noted}, ensure_ascii=False, indent=1)).encode())


def write_note(file: BinaryIO, path: Path, note: Note) -> None:
    """Write what is in a sidecar, with this note in the place of its own. Raises OSError or ValueError."""
    data = json.loads(_content(path))
    _write(file, {name: value for name, value in data.items() if name != "note"}, note)


def read_note(path: Path, intent: str) -> Note | None:
    """The note in the sidecar of a task; None where there is no sidecar of that intent."""
    try:
        data = json.loads(_content(path))
        mine = data["schema"] == SCHEMA and data["intent"] == intent
        return note_of_record(data.get("note")) if mine else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def read(path: Path) -> Task | None:
    """The completed task that a sidecar tells of, without a path where its video is not whole; None if unusable.

    Its fingerprint is the one of its request, but where addresses were cut: then nobody can tell.
    """
    try:
        video = path.with_suffix(".mp4")
        return _completed(json.loads(_content(path)), video, whole_size(video))
    except (OSError, ValueError, RecursionError):
        return None


def parse(content: bytes, video: Path, size: int) -> tuple[Task, Note] | None:
    """What the content of a sidecar tells of its whole video of ``size`` bytes, as `read`, and the note in it."""
    try:
        data = json.loads(_checked(content))
        return _completed(data, video, size), note_of_record(data.get("note"))
    except (ValueError, RecursionError):
        return None


def _completed(data: object, video: Path, size: int | None) -> Task:
    """The task that a sidecar's content tells of; ``size`` is its video's in bytes. Raises Unreadable."""
    said = {"status": Status.COMPLETED.value, "filename": video.name, "file_size": size}
    task = load({**_public(data), **said})
    if task.video is None or not (_is_proven(task) or any(map(is_cut, addresses_in(task.request).values()))):
        raise Unreadable("fingerprint")
    return task.evolve(media=video.parent, path=None if size is None else video)


def _is_proven(task: Task) -> bool:
    """Whether a task has the fingerprint of its request."""
    return task.fingerprint == fingerprint(task.request, task.source_intent)


def whole_size(video: Path) -> int | None:
    """The size of a saved video in bytes; None where it is gone, cut off or damaged, by the rule for downloads.

    One that another program holds, so that nobody else can look into it, was whole when it got its name.
    """
    if not video.is_file():
        return None
    try:
        return _playable_size(video)
    except PermissionError:
        return video.stat().st_size


def is_whole(video: Path) -> bool:
    """Whether any file is a whole video; not where it cannot be read."""
    with suppress(OSError):
        return video.is_file() and _playable_size(video) is not None
    return False


def _playable_size(video: Path) -> int | None:
    with patiently(lambda: video.open("rb")) as file:
        size = file.seek(0, 2)
        return size if check_video(file, size).playable else None


def intent_of(video: Path) -> str | None:
    """The intent of the clip that a video's name is taken by; None where no sidecar says so."""
    try:
        return str(json.loads(_content(video.with_suffix(".json")))["intent"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _content(path: Path) -> bytes:
    """What is in a sidecar. Raises Unreadable for what none can be."""
    if not path.is_file() or path.stat().st_size > LARGEST_WITH_PROMPT:  # a pipe or a device would be read for ever
        raise Unreadable("file")
    return _checked(patiently(path.read_bytes))


def _checked(content: bytes) -> bytes:
    """A content that is not too large: JSON may take much more memory than its text. Raises Unreadable."""
    too_large = len(content) > LARGEST and len(_PROMPT.sub(b"", content, count=1)) > LARGEST_BESIDE_PROMPT
    if too_large or len(content) > LARGEST_WITH_PROMPT:
        raise Unreadable("file")
    return content


def _public(data: object) -> dict[str, Any]:
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise Unreadable("schema")
    return {name: value for name, value in data.items() if name not in (*_PRIVATE, *_SAID_BY_VIDEO)}


def find_equal(folder: Path, prompt: str, wanted: str, request: Request | None = None) -> Iterator[Task]:
    """The completed tasks with the fingerprint ``wanted`` in a folder.

    Their names begin with the prompt, so few files are read. A sidecar whose addresses were cut has to be like the
    ``request`` that is asked for, with its own cut alike.
    """
    return (task for task in _read_each(folder, beginnings(prompt)) if answers(task, wanted, request))


@lru_cache(maxsize=8)  # takes have the same prompt
def beginnings(prompt: str) -> tuple[str, ...]:
    """How the names of a prompt's files begin, in NFC."""
    words = [slug(prompt), slug_of_0_1_0(prompt), WORDLESS]
    if prompt.startswith(FILM_OF):  # what its parts were called then may be another name
        words.append(slug(FILM_OF))
    return tuple(dict.fromkeys(f"{word}-" for word in words))


def answers(task: Task, wanted: str, request: Request | None) -> bool:
    """Whether a sidecar's task has the fingerprint ``wanted``, and rightly so."""
    return task.fingerprint == wanted and (_is_proven(task) or (request is not None and _is_alike(task, request)))


def read_claims(path: Path) -> Claims:
    """What a sidecar says of its task, without a look at its video."""
    try:
        data = json.loads(_content(path))
        fingerprint = storable(str(data["fingerprint"])) if data["schema"] == SCHEMA else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Claims()
    try:
        task = _completed(data, path.with_suffix(".mp4"), None)
    except ValueError:
        return Claims(fingerprint)
    name, task_id = (text and storable(text) for text in (task.name, task.task_id))
    note = note_of_record(data.get("note"))
    return Claims(
        *(fingerprint, task.intent, task.created_at, name, task_id),
        *(task.request.action, searched_text(task.request.prompt, task.name), int(note.starred), fold(note.text)),
        *(task.charge(None), int(task.total.exact)),
    )


def _is_alike(task: Task, request: Request) -> bool:
    """Whether a request is the one of a task, as far as can be told where its addresses were cut."""
    asked, made = (fingerprint(shown_request(one), task.source_intent) for one in (request, task.request))
    return asked == made


def read_listed(path: Path) -> Task | None:
    """As `read`; without a fingerprint where nobody can tell whether it is right."""
    task = read(path)
    return task if task is None or _is_proven(task) else task.evolve(fingerprint="")


def names(folder: Path) -> list[str]:
    """The names of the sidecars in a folder, or of what looks like some; none where it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".json")
    except OSError:
        return []


def _read_each(folder: Path, beginnings: tuple[str, ...]) -> Iterator[Task]:
    """The tasks of a folder whose file names begin in one of these ways."""
    wanted = tuple(map(plain_form, beginnings))  # some archives and disks store other forms
    for name in names(folder):
        if plain_form(name).startswith(wanted) and (task := read(folder / name)):
            yield task


def plain_videos(folder: Path, told: Container[str]) -> list[Path]:
    """The whole videos of a folder, by name, but those beside sidecars that are ``told`` to be usable."""
    try:
        videos = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".mp4")
        return [video for video in videos if video.with_suffix(".json").name not in told and is_whole(video)]
    except OSError:
        return []
