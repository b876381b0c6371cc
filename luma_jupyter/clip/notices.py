"""What is printed when the extension is loaded, of clips that earlier kernels left."""

from __future__ import annotations

from collections.abc import Sequence

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import ngettext


def ended_text(ended: Sequence[Task]) -> str | None:
    """What ended with an earlier kernel: a line for what was not sent, one for films, one for the demo's; None where
    nothing has."""
    films = sum(task.provider == "local" for task in ended)
    unsent = sum(task.status is Status.CANCELLED for task in ended) - films
    of_demo = len(ended) - unsent - films
    lines = [
        ngettext(
            "{count} clip of this folder was not sent before the kernel ended, and cost nothing. Run its cell again to "
            "make it.",
            "{count} clips of this folder were not sent before the kernel ended, and cost nothing. Run their cells "
            "again to make them.",
            unsent,
        ).format(count=unsent),
        ngettext(
            "{count} film of this folder was not made before the kernel ended. Run its cell again to make it.",
            "{count} films of this folder were not made before the kernel ended. Run their cells again to make them.",
            films,
        ).format(count=films),
        ngettext(
            "{count} clip of this folder was not finished: the demo ended with its kernel. Run its cell again to make "
            "it.",
            "{count} clips of this folder were not finished: the demo ended with its kernel. Run their cells again to "
            "make them.",
            of_demo,
        ).format(count=of_demo),
    ]
    counts = (unsent, films, of_demo)
    return "\n".join(f"luma_jupyter: {line}" for line, count in zip(lines, counts, strict=True) if count) or None


def unfinished_text(tasks: Sequence[Task]) -> str | None:
    """One line on clips that nobody watches; None where there are none."""
    if not tasks:
        return None
    unconfirmed = sum(task.status is Status.UNCONFIRMED for task in tasks)
    left = ngettext(
        "{count} clip of this folder is unfinished; %luma resume watches it again.",
        "{count} clips of this folder are unfinished; %luma resume watches them again.",
        len(tasks),
    )
    in_doubt = ngettext(
        "{count} is unconfirmed: it may have been made and paid.",
        "{count} are unconfirmed: they may have been made and paid.",
        unconfirmed,
    )
    line = f"luma_jupyter: {left.format(count=len(tasks))}"
    return f"{line} {in_doubt.format(count=unconfirmed)}" if unconfirmed else line
