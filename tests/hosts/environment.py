"""An environment of a host, with the wheel in it: what the wheel brings along, and what can be done there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

FEATURES = Path(__file__).parent / "features.py"
UV = (sys.executable, "-m", "uv")
TIMEOUT = 600  # seconds, for any one step
# Each installed package with its version and the bytes of its files.
PACKAGES = """
import json
from importlib.metadata import distributions
def size(file):
    path = file.locate()
    return path.stat().st_size if path.is_file() else 0
print(json.dumps({d.metadata["Name"].lower(): [d.version, sum(map(size, d.files or ()))] for d in distributions()}))
"""
# Import and exit, with each warning an error: nothing else may be said, whatever was done in between.
SCRIPTS = {
    "import and exit": "import luma_jupyter as luma; dir(luma); luma.generate",
    "a video, and exit": "import luma_jupyter as luma; luma.generate('A sea').wait().frame('last')",
    "exit in the middle": "import luma_jupyter as luma, time; luma.generate('A sea').lineage(); time.sleep(1)",
}
ENDED = "luma_jupyter: 1 clip of the demo service ended unfinished."
Packages = Mapping[str, tuple[str, int]]  # version and bytes


@dataclass(frozen=True)
class Change:
    """What an installation did to the packages of an environment."""

    added: Packages
    changed: tuple[str, ...]

    def __str__(self) -> str:
        """How many are new, how large they are, and which are not what they were."""
        size = sum(size for _, size in self.added.values()) / 1e6
        changed = f"; CHANGES {', '.join(self.changed)}" if self.changed else ", none changed"
        return f"adds {len(self.added)}, {size:.1f} MB{changed}"


def change(before: Packages, after: Packages) -> Change:
    """What is new in ``after``, and what was in ``before`` and is gone or has another version."""
    added = {name: after[name] for name in after if name not in before}
    changed = sorted(name for name in before if name not in after or after[name][0] != before[name][0])
    return Change(added, tuple(changed))


class HostEnvironment:
    """A virtual environment in ``folder``, made anew by ``python``."""

    def __init__(self, folder: Path, python: Path, requirements: Path) -> None:
        self._folder = folder
        self._python = folder / "bin" / "python"
        _run(*UV, "venv", "--quiet", "--clear", "--seed", "--python", python, folder)
        _run(*UV, "pip", "install", "--quiet", "--python", self._python, "--requirement", requirements)

    def install(self, wheel: str | Path) -> None:
        """Install a wheel as a person would; raises CalledProcessError where it cannot be had with what is there."""
        _run(self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)

    def packages(self) -> Packages:
        """What is installed."""
        return {name: (version, size) for name, (version, size) in json.loads(self._output(PACKAGES)).items()}

    def version(self) -> str:
        """Python's own."""
        return self._output("import platform; print(platform.python_version())").strip()

    def without_demo(self) -> str:
        """What becomes of the demo where the extra ``demo`` is not installed, though its packages may be."""
        said = self._script("import luma_jupyter as luma; luma.generate('A sea').wait()")
        if "pip install 'luma-jupyter[demo]'" in said:
            return "told"
        return f"fails: {said}" if said else "works"

    def scripts(self) -> dict[str, str]:
        """What became of `SCRIPTS`, with each warning an error."""
        became = {name: self._script(script) for name, script in SCRIPTS.items()}
        return {f"`-W error`: {name}": f"fails: {said}" if said else "works" for name, said in became.items()}

    def features(self) -> dict[str, str]:
        """What became of each feature in a real kernel."""
        results = self._folder / "features.json"
        _run(self._python, FEATURES, results)
        return dict(json.loads(results.read_text(encoding="utf-8")))

    def remove(self) -> None:
        """Take it away again."""
        shutil.rmtree(self._folder)

    def _output(self, script: str) -> str:
        return _run(self._python, "-c", script)

    def _script(self, script: str) -> str:
        """What a script said to stderr, with each warning an error, in a folder of its own."""
        with TemporaryDirectory(prefix="luma_jupyter_host_") as folder:
            own = {"LUMA_JUPYTER_HOME": f"{folder}/home", "LUMA_JUPYTER_DEMO_SECONDS": "0"}
            done = subprocess.run(
                [self._python, "-W", "error", "-c", script],
                cwd=folder,
                env={**free(os.environ), **own},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        return done.stderr.replace(ENDED, "").strip()


def free(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without keys and settings of ours: nothing here may cost money."""
    return {key: value for key, value in environ.items() if not key.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env=free(os.environ),
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return done.stdout
