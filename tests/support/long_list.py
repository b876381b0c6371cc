"""A list of so many clips that nobody may read them all."""

from __future__ import annotations

from typing import Any

from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from tests.support.states import clip_state


class LongList(ClipList):
    """Completed clips of which only those exist that somebody reads; ``read`` says which."""

    def __init__(self, count: int, read: list[slice] | None = None, prompt: str = "Boat") -> None:
        super().__init__()
        self.prompt = prompt
        self.count = count
        self.read = [] if read is None else read

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return completed_clip(index, self.prompt)
        if index == slice(None):
            return LongList(self.count, self.read, self.prompt)
        self.read.append(index)
        return ClipList(completed_clip(number, self.prompt) for number in range(*index.indices(self.count)))

    def __iter__(self) -> Any:
        raise AssertionError("not all of them are read")

    def __contains__(self, clip: object) -> bool:
        return isinstance(clip, Clip) and int(clip.task.key, 16) < self.count

    def index(self, clip: Clip, *span: Any) -> int:
        return int(clip.task.key, 16)

    def find(self, key: str) -> Clip:
        return completed_clip(int(key, 16), self.prompt)

    def counts(self) -> dict[Status, int]:
        return {Status.COMPLETED: self.count}

    def standing(self) -> tuple[dict[Status, int], dict[int, Clip]]:
        return self.counts(), {}

    @property
    def completed(self) -> LongList:
        return self

    @property
    def identity(self) -> int:
        return id(self.read)


def completed_clip(number: int, prompt: str) -> Clip:
    """The clip of a task that was completed before."""
    task = clip_state(name=None, request=GenerateRequest(prompt=f"{prompt} {number}")).task
    return kernel.session.clip_for_task(task.evolve(intent=f"{number:08x}{'0' * 24}"))
