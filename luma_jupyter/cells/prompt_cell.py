"""Cells that are written for somebody, to be run as they are or changed first."""

from __future__ import annotations

import re

from luma_jupyter.cells.expressions import escape_braces, quoted
from luma_jupyter.cells.parser import write_line
from luma_jupyter.domain.requests import GenerateRequest, Request

# What IPython takes away from a cell: what is copied out of a shell, and all of a line of blanks.
_TAKEN_AWAY = re.compile(
    r"""
    >(?=>>) | \A(?:\.(?=\.\.) | I(?=n[ ]\[) | \[(?=(?:nav|ins)\])) | ^[^\S\n](?=[^\S\n]*$)
    """,
    re.VERBOSE | re.MULTILINE,
)


def write_cell(line: str, body: str) -> str:
    """A ``%%luma`` cell: its line, and below it what stands for its prompt."""
    text = _TAKEN_AWAY.sub(lambda first: quoted(first[0]), body.strip())
    return f"%%luma {line}".rstrip() + f"\n{text}"


def prompt_cell(request: Request) -> str:
    """The cell that uses a prompt again: it sends exactly this prompt, whatever braces are in it.

    Of a generate request it asks for the same video, but for given frames; of others for a new one.
    """
    options = prompt_fields(request)
    prompt = str(options.pop("prompt"))
    return write_cell(write_line("generate", "", **options), prompt)


def prompt_fields(request: Request) -> dict[str, str | bool]:
    """The prompt of that cell, and its options that are not as ever: what a form holds that does the same."""
    options: dict[str, str | bool] = {"prompt": escape_braces(request.prompt)}
    if isinstance(request, GenerateRequest):
        plain = GenerateRequest(prompt=request.prompt)
        names = ("aspect_ratio", "loop", "enhancement")
        options |= {name: getattr(request, name) for name in names if getattr(request, name) != getattr(plain, name)}
    return options
