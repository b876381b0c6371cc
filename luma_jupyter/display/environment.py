"""Where this code runs: what can be seen of it, for the decision in `views.host`."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from IPython import get_ipython

from luma_jupyter.settings import SettingsSource
from luma_jupyter.views.host import Host, Surroundings, decide, is_colabs_page

VSCODE_MARKER = "__vsc_ipynb_file__"


class Environment:
    """The process and its front end, as they are at the moment of asking. ``settings`` gives those of the moment."""

    def __init__(self, settings: SettingsSource) -> None:
        self._settings = settings

    def host(self, embed: bool | None = None) -> Host:
        """The host of this moment; ``embed`` comes before the setting of that name."""
        return decide(detect_surroundings(), self._settings().embed if embed is None else embed)

    @property
    def in_kernel(self) -> bool:
        """Whether a Jupyter kernel runs this code (else: a terminal, or a plain script)."""
        return detect_surroundings().in_kernel

    def cells_wait(self, wait: bool | None = None) -> bool:
        """Whether a cell that makes or shows clips waits for them; ``wait`` is the cell's own word."""
        return next(word for word in (wait, self._settings().wait, self.host().waits) if word is not None)

    @property
    def shown_clips_wait(self) -> bool:
        """Whether a cell waits for a clip that it only shows; in a terminal there are words of their own for that."""
        return bool(self._settings().wait) or (self.host().how != "path" and self.cells_wait())

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
    return Surroundings(
        in_ipython=shell is not None,
        in_kernel=getattr(shell, "kernel", None) is not None,
        in_marimo=getattr(sys.modules.get("marimo"), "running_in_notebook", bool)(),
        marked=shell is not None and VSCODE_MARKER in shell.user_ns,
        isatty=bool(sys.stdout and sys.stdout.isatty()),
        environ=os.environ,
        modules=sys.modules.keys(),
    )
