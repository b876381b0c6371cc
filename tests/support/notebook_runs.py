"""Notebooks that a process of its own runs, and what is in the file that it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.support.demo import CHEAP_FILMS, QUICK_TASKS, run_first


def run(module: str, *arguments: str, folder: Path, **environment: str) -> None:
    """Run a module in a folder, without any key of the machine."""
    run_first(folder / "ipython", CHEAP_FILMS.format(seconds=1.0, rate=4))
    subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment_of(folder, environment),
        check=True,
        capture_output=True,
    )


def execute(notebook: Path, film_seconds: float = 1.0, allow_errors: bool = True, **environment: str) -> None:
    """Run a notebook in its folder as nbconvert does, without any key of the machine, and save it there."""
    run_first(notebook.parent / "ipython", CHEAP_FILMS.format(seconds=film_seconds, rate=4) + QUICK_TASKS)
    content = nbformat.read(notebook, as_version=4)
    client = NotebookClient(content, allow_errors=allow_errors, resources={"metadata": {"path": str(notebook.parent)}})
    client.execute(env=environment_of(notebook.parent, environment))
    nbformat.write(content, notebook)


def environment_of(folder: Path, more: dict[str, str]) -> dict[str, str]:
    """That of a process whose IPython and home are in a folder: the machine's, without any key."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}
    return {**clean, "IPYTHONDIR": str(folder / "ipython"), "LUMA_JUPYTER_HOME": str(folder / "home"), **more}


def outputs(notebook: Path) -> list[dict[str, Any]]:
    """All outputs of a notebook, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]
