"""Notebooks that a process of its own runs, and what is in the file that it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.demo import make_films_short


def run(module: str, *arguments: str, folder: Path, short_films: bool = True, **environment: str) -> None:
    """Run a module in a folder, without any key of the machine."""
    if short_films:
        make_films_short(folder / "ipython")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}
    subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={
            **clean,
            "IPYTHONDIR": str(folder / "ipython"),
            "LUMA_JUPYTER_HOME": str(folder / "home"),
            **environment,
        },
        check=True,
        capture_output=True,
    )


def outputs(notebook: Path) -> list[dict[str, Any]]:
    """All outputs of a notebook, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]
