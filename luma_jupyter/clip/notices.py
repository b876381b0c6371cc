"""What is printed when the extension is loaded, of clips that earlier kernels left."""

from __future__ import annotations

from collections.abc import Sequence

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status


def ended_text(ended: Sequence[Task]) -> str | None:
    """What ended with an earlier kernel: a line for what was not sent, one for films, one for the demo's; None where
    nothing has."""
    films = sum(task.provider == "local" for task in ended)
    unsent = sum(task.status is Status.CANCELLED for task in ended) - films
    lines = [
        _ended_line(unsent, "not sent: the kernel ended before. Nothing was paid for that"),
        _ended_line(films, "not made: the kernel ended before", "film"),
        _ended_line(len(ended) - unsent - films, "not finished: the demo service ended with its kernel"),
    ]
    return "\n".join(filter(None, lines)) or None


def _ended_line(count: int, how: str, what: str = "clip") -> str:
    clips, were, again = f"{what}s", "were", "run their cells again to make them"
    if count == 1:
        clips, were, again = what, "was", "run the cell again to make it"
    return f"luma_jupyter: {count} {clips} of this folder {were} {how}; {again}." if count else ""


def unfinished_text(tasks: Sequence[Task]) -> str | None:
    """One line on clips that nobody follows; None where there are none."""
    if not tasks:
        return None
    unconfirmed = sum(task.status is Status.UNCONFIRMED for task in tasks)
    of_these = f" ({unconfirmed} unconfirmed)" if unconfirmed else ""
    clips, are = ("clip", "is") if len(tasks) == 1 else ("clips", "are")
    follow = "follows it further" if len(tasks) == 1 else "follows them further"
    return f"luma_jupyter: {len(tasks)} {clips} of this folder {are} unfinished{of_these}; %luma resume {follow}."
