"""The Pythons of this machine: ``python tests/hosts/pythons.py`` prints those that we support, oldest first."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
SYSTEM = Path("/usr/bin")


def find_python(version: str) -> Path | None:
    """A Python of a version such as ``3.13`` that answers, which a dead shim does not.

    The system's own comes first, then one on the path, then pyenv's: it is what a Hub there runs on, and as a rule the
    oldest release of that version.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    candidates = [SYSTEM / f"python{version}", on_path, *sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    return next((Path(path) for path in candidates if path and answers([str(path)], version)), None)


def answers(command: Sequence[str], version: str) -> bool:
    """Whether a command is a Python of this version that can make environments; some systems have that apart."""
    code = "import ensurepip, platform; print(platform.python_version())"
    try:
        done = subprocess.run([*command, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.startswith(f"{version}.")


def supported_pythons() -> list[Path]:
    """A Python of each version that we support and this machine has, oldest first."""
    return [python for version in SUPPORTED if (python := find_python(version))]


if __name__ == "__main__":
    print(*supported_pythons(), sep="\n")
