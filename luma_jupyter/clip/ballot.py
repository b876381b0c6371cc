"""Votes on clips that are known by numbers alone, until all of them are voted on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from luma_jupyter.clip.clip import Clip
from luma_jupyter.errors import ClipNotReady

WORST, BEST = 1, 5
_MOST_NAMED = 8


def anonymous_name(clip: Clip) -> str:
    """A name for its file that tells nothing of it, and is always the same."""
    return hashlib.sha256(f"ballot {clip.task.intent}".encode()).hexdigest()[:16]


class Ballot:
    """Votes from 1 to 5 on ``clips``, which are in an order that depends on which they are, and on nothing else."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        seed = "".join(sorted(clip.task.intent for clip in clips))
        self.clips = sorted(clips, key=lambda clip: hashlib.sha256(f"{seed}{clip.task.intent}".encode()).digest())
        self.marks = [0] * len(clips)  # by number; 0: none yet

    def cast(self, number: object, mark: object) -> bool:
        """Take a vote on the clip of a number, from 0 on; False where it is none, and when all have been voted on."""
        if self.is_complete or type(number) is not int or type(mark) is not int:
            return False
        if not (0 <= number < len(self.marks) and WORST <= mark <= BEST):
            return False
        self.marks[number] = mark
        return True

    @property
    def is_complete(self) -> bool:
        """Whether all are voted on."""
        return all(self.marks)

    @property
    def votes(self) -> dict[Clip, int]:
        """The votes. Raises ClipNotReady while some are missing, which says on which."""
        missing = [str(number) for number, mark in enumerate(self.marks, 1) if not mark]
        if missing:
            named = ", ".join(missing[:_MOST_NAMED]) + (" …" if len(missing) > _MOST_NAMED else "")
            raise ClipNotReady(
                f"Votes are still missing ({len(missing)} of {len(self.marks)}): vote on number {named} on the sheet."
            )
        return dict(zip(self.clips, self.marks, strict=True))
