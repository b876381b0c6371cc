"""Where a notebook is, and which files its page can reach: what can be told from paths alone, without the page."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from luma_jupyter.languages import N_

# Drives of JupyterLab's, as jupyter-collaboration's "RTC:a.ipynb"; one letter is a disk of Windows.
_DRIVE = re.compile(r"^[A-Za-z][\w-]+:")


def notebook_file(told: str, started_in: Path) -> Path | None:
    """The notebook's path as a front end tells it; None where that is no path.

    It is absolute, or begins at the server's root, which nobody tells; a kernel starts in its notebook's folder.
    """
    path = Path(told)
    if path.is_absolute():
        return path
    name = re.split(r"[/\\]", _DRIVE.sub("", told))[-1]
    return started_in / name if name else None


def path_from(folder: Path, path: Path) -> str | None:
    """A path as a page beside the notebook would have it; None on another drive.

    One that leaves ``folder`` only as it is written, through a link, is given as it is.
    """
    written = _relative(path, folder)
    if not _leaves(written):
        return written
    real = _relative(path.resolve(), folder.resolve())
    return written if _leaves(real) else real


@lru_cache(maxsize=64)  # asked at each drawing
def doubt(folder: Path, media: Path) -> str:
    """Why a page beside the notebook may not reach the files in ``media``, as a sentence; empty where it should.

    A Jupyter server serves what is below its root, but no hidden folders, and no links that lead out of it
    (jupyter_server, ``AuthenticatedFileHandler``). Its root is the notebook's folder, or above: only the page knows.
    """
    path = path_from(folder, media)
    if path is None or _leaves(path):
        return N_("The folder of the videos is outside the notebook's folder.")
    if any(part.startswith(".") for part in Path(path).parts):
        return N_("The folder of the videos is hidden, and Jupyter servers serve no hidden folders.")
    if _leaves(_relative(media.resolve(), folder.resolve())):
        return N_("The folder of the videos is a link that leads out of the notebook's folder.")
    return ""


def _relative(path: Path, folder: Path) -> str | None:
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # another drive
        return None


def _leaves(relative: str | None) -> bool:
    return relative is None or Path(relative).parts[:1] == (os.pardir,)
