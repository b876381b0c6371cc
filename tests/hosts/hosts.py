"""The hosts: lists of packages with their sources; and the Pythons of this machine that could run them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = ("colab", "kaggle", "lowest", "newest")


@dataclass(frozen=True)
class Host:
    """A list of packages, as pip takes it, and the versions of Python that it is for."""

    name: str
    title: str
    pythons: tuple[str, ...]
    source: str
    date: str

    @property
    def requirements(self) -> Path:
        """The list itself."""
        return FOLDER / f"{self.name}.txt"


def read_host(name: str) -> Host:
    """The host of a name; the list begins with comments that say what it is."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    heads = dict(line.removeprefix("# ").split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    return Host(name, heads["host"], tuple(heads["python"].split()), heads["source"], heads["date"])


def find_python(version: str) -> Path | None:
    """A Python of a version such as ``3.13``, on the path or among pyenv's, that answers; a dead shim does not."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    return next((Path(path) for path in candidates if path and answers([str(path)], version)), None)


def answers(command: Sequence[str], version: str) -> bool:
    """Whether a command is a Python of this version."""
    try:
        done = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.startswith(f"Python {version}.")
