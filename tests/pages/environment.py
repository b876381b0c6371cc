"""The environment that a server runs in, made by uv, which takes a second where pip takes fourteen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.pages.kinds import Kind

BUILD = Path(__file__).parents[2] / "build" / "pages"
TIMEOUT = 600  # seconds, for any one step
FOUND = "import importlib.util as u, json, sys; print(json.dumps([n for n in sys.argv[1:] if u.find_spec(n)]))"


class NotInstalled(Exception):
    """The packages of an environment cannot be had together; the text says why."""


def server_python(kind: Kind, build: Path = BUILD) -> Path:
    """The Python of a server's environment, made anew where its list has changed. Raises NotInstalled."""
    folder = build / kind.name
    python, made_of = folder / "bin" / "python", folder / "packages.json"
    packages = json.dumps(kind.packages)
    if not made_of.is_file() or made_of.read_text(encoding="utf-8") != packages:
        _uv("venv", "--clear", "--python", sys.executable, folder)
        _uv("pip", "install", "--python", python, *kind.packages)
        made_of.write_text(packages, encoding="utf-8")
    return python


def importable(python: Path, names: Sequence[str]) -> list[str]:
    """Those of some modules that a Python can import, outside this project's folder."""
    command = [python, "-I", "-c", FOUND, *names]
    return list(json.loads(subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT).stdout))


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        raise NotInstalled(" ".join(done.stderr.split()) or f"uv ended with {done.returncode}")
