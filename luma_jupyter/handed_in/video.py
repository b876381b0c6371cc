"""A video as it is handed in: its file, what its sidecar says to others, its captions, and a person's note."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import captions_path
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.printable import printable_json
from luma_jupyter.views.clip_state import ClipState

LARGEST_CAPTIONS = 1_000_000  # bytes


@dataclass(frozen=True)
class SavedVideo:
    """A whole video: ``task`` is what its sidecar tells, None where it has none; ``size`` in bytes."""

    file: Path
    task: Task | None
    size: int
    note: Note = NO_NOTE
    captions: str = ""

    @classmethod
    def read(cls, file: Path) -> SavedVideo | None:
        """The video of a file; None where it is not whole, or its sidecar is none of ours. Raises OSError."""
        sidecar = file.with_suffix(".json")
        task = sidecars.read(sidecar) if sidecar.is_file() else None
        if (sidecar.is_file() and (task is None or task.path is None)) or not sidecars.is_whole(file):
            return None
        note = task and sidecars.read_note(sidecar, task.intent)
        return cls(file, task, size_of(file), note or NO_NOTE, _captions(file))

    @classmethod
    def of(cls, file: Path, size: int, sidecar: bytes | None, captions: bytes) -> SavedVideo | None:
        """A whole video, by the content of the files beside it; None where its sidecar is none of ours.

        It is drawn by its file alone: an address in the sidecar, which may be anybody's, could play another video.
        """
        told = (None, NO_NOTE) if sidecar is None else sidecars.parse(sidecar, file, size)
        return told and cls(file, told[0] and _without_addresses(told[0]), size, told[1], _text(captions))

    @property
    def sidecar(self) -> dict[str, Any]:
        """What others get of its task: what this version knows, and the note; nothing else that may stand there."""
        assert self.task is not None
        written = io.BytesIO()
        sidecars.write(written, self.task.evolve(extra={}), self.size, self.note)
        sidecar: dict[str, Any] = json.loads(written.getvalue())
        return sidecar

    def state(self, media: str | None, *, data: str | None = None, remark: str = "", served: bool = True) -> ClipState:
        """All that a drawing of it needs: ``media`` is its path relative to the page, which can play it from there if
        ``served``; ``data`` its data URI, ``remark`` why there is none."""
        assert self.task is not None
        now, model = self.task.ended_at or self.task.created_at, prior(self.task.provider)
        state = ClipState(self.task, self.task.name, now, model, media, served=served, data=data, remark=remark)
        return replace(state, captions=self.captions)


def _without_addresses(task: Task) -> Task:
    return task.evolve(video=task.video and replace(task.video, url=None, thumbnail_url=None))


def sidecar_text(data: Mapping[str, Any]) -> str:
    """A sidecar as its file has it."""
    return printable_json(json.dumps(data, ensure_ascii=False, indent=1))


def _captions(video: Path) -> str:
    """The captions beside a video; none where they cannot be read."""
    file = captions_path(video)
    try:
        return _text(file.read_bytes()) if file.is_file() and file.stat().st_size <= LARGEST_CAPTIONS else ""
    except OSError:
        return ""


def _text(captions: bytes) -> str:
    """Captions as text; none where they can be none."""
    try:
        return captions.decode() if len(captions) <= LARGEST_CAPTIONS else ""
    except UnicodeDecodeError:
        return ""
