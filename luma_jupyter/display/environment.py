"""Where this code runs: what can be seen of it, for the decision in `views.host`."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython import get_ipython

from luma_jupyter.settings import SettingsSource
from luma_jupyter.views.host import Host, Surroundings, decide, is_colabs_page
from luma_jupyter.views.places import doubt, notebook_file

if TYPE_CHECKING:
    from luma_jupyter.domain.task import Task

VSCODE_MARKER = "__vsc_ipynb_file__"
_SESSION = "JPY_SESSION_NAME"


class Environment:
    """The process and its front end, as they are at the moment of asking. ``settings`` gives those of the moment."""

    def __init__(self, settings: SettingsSource) -> None:
        self._settings = settings
        self._answers: dict[Path, int] = {}  # by folder: the HTTP status by which a page's server answers for its files

    def host(self, embed: bool | None = None, folder: Path | None = None) -> Host:
        """The host of this moment; ``embed`` comes before the setting of that name.

        ``folder`` is the one with the videos that are shown, None: where new ones are saved.
        """
        now = self._settings()
        folder = folder or now.media_folder
        answer = self._answers.get(folder)
        return decide(
            detect_surroundings(),
            now.embed if embed is None else embed,
            doubt=doubt(now.folder, folder) if answer is None else "",
            refusal=answer if answer != 200 else None,
        )

    def host_of(self, task: Task, embed: bool | None = None) -> Host:
        """The host as it shows the video of a task, from the folder where that is."""
        return self.host(embed, task.path.parent if task.path else None)

    def note_answer(self, folder: Path, status: int) -> None:
        """A page asked its server for a video of this folder, and heard this HTTP status."""
        self._answers[folder] = status

    @property
    def in_kernel(self) -> bool:
        """Whether a Jupyter kernel runs this code (else: a terminal, or a plain script)."""
        return detect_surroundings().in_kernel

    @property
    def has_page(self) -> bool:
        """Whether a kernel shows more than text (else: a console, a terminal, or a plain script)."""
        return decide(detect_surroundings()).how != "path"

    def cells_wait(self, wait: bool | None = None) -> bool:
        """Whether a cell that makes or shows clips waits for them; ``wait`` is the cell's own word."""
        return next(word for word in (wait, self._settings().wait, self.host().waits) if word is not None)

    @property
    def shown_clips_wait(self) -> bool:
        """Whether a cell waits for a clip that it only shows; in a terminal there are words of their own for that."""
        return bool(self._settings().wait) or (self.has_page and self.cells_wait())

    @property
    def unattended(self) -> bool:
        """Whether the run is set to wait, as runs without a person are: then no widget is shown."""
        return bool(self._settings().wait)

    @property
    def in_colabs_page(self) -> bool:
        """Whether somebody sits in Colab's own page, who can answer it."""
        return is_colabs_page(detect_surroundings()) and not self.unattended


def user_variables() -> MutableMapping[str, Any]:
    """The notebook's variables; outside IPython an empty mapping."""
    shell = get_ipython()
    return shell.user_ns if shell else {}


def notebook_folder() -> Path:
    """The folder of the notebook, where its front end tells it; else the current one."""
    here = Path.cwd()
    shell = get_ipython()
    if shell is None:
        return here
    started_in = Path(next(iter(getattr(shell.history_manager, "dir_hist", ())), here))
    marker, session = shell.user_ns.get(VSCODE_MARKER), os.environ.get(_SESSION)
    for told in (marker, session):
        if not isinstance(told, str) or (folder := _folder_there(told, started_in)) is None:
            continue
        if folder == here or told == marker or not _is_inherited(told):
            return folder
    return here


def session_notebook(folder: Path) -> Path | None:
    """The notebook that this kernel belongs to, where its front end tells it and it is in this ``folder``."""
    for told in (user_variables().get(VSCODE_MARKER), os.environ.get(_SESSION)):
        name = Path(told).name if isinstance(told, str) else ""
        if name.endswith(".ipynb") and os.path.isfile(folder / name):
            return folder / name
    return None


def _folder_there(told: str, started_in: Path) -> Path | None:
    """The folder of a notebook that a front end names, if it is on this machine; the file may be renamed since."""
    file = notebook_file(told, started_in)
    if file and (os.path.isfile(file) or (os.path.isabs(told) and os.path.isdir(file.parent))):
        return file.parent.resolve()
    return None


def _is_inherited(session: str) -> bool:
    """Whether a session's name is that of another notebook, whose cell started papermill, nbconvert or the like."""
    import psutil  # start-up

    try:
        parent = psutil.Process().parent()
        return parent is not None and parent.environ().get(_SESSION) == session
    except (psutil.Error, OSError):
        return False


@cache
def started_by() -> tuple[str, ...]:
    """The command line of the program that started this one; empty where that cannot be told."""
    import psutil  # start-up

    try:
        parent = psutil.Process().parent()
        return tuple(parent.cmdline()) if parent else ()
    except (psutil.Error, OSError):
        return ()


def kernel_id() -> str:
    """The running kernel's id, as its Jupyter server knows it; empty where there is none."""
    try:
        from ipykernel.connect import get_connection_file  # optional: a terminal has no ipykernel

        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except (ImportError, RuntimeError):
        return ""


def cell_number() -> int:
    """The number of the cell that runs, or of the next one."""
    shell = get_ipython()
    return shell.execution_count if shell else 0


def is_run_by_server() -> bool:
    """Whether the Jupyter server itself asked for the cell that runs, and not a page.

    Clients in Python name a message by session, process and number (jupyter_client, `Session.msg_id`), pages do not.
    And a server knows its kernels by a UUID, unlike nbclient and consoles.
    """
    get_parent = getattr(getattr(get_ipython(), "kernel", None), "get_parent", None)
    if get_parent is None or kernel_id().count("-") != 4:
        return False
    message_id: str = get_parent("shell").get("header", {}).get("msg_id", "")
    return message_id.split("_")[1:2] == [os.environ.get("JPY_PARENT_PID")]


def detect_surroundings() -> Surroundings:
    """The surroundings of this process."""
    shell = get_ipython()
    in_kernel = getattr(shell, "kernel", None) is not None
    return Surroundings(
        in_ipython=shell is not None,
        in_kernel=in_kernel,
        in_marimo=getattr(sys.modules.get("marimo"), "running_in_notebook", bool)(),
        marked=shell is not None and VSCODE_MARKER in shell.user_ns,
        isatty=bool(sys.stdout and sys.stdout.isatty()),
        started_by=started_by() if in_kernel else (),
        environ=os.environ,
        modules=sys.modules.keys(),
    )
