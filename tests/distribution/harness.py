"""Builds what is released into ``dist``, checks it, and makes a clip from it: ``make dist``.

The wheel is built twice, from the repository and from the source distribution, and must be the same. It is installed
into an empty environment of the oldest and of the newest Python that this machine has, where a script and a cell make
a clip each.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from tests.hosts.environment import free
from tests.hosts.pythons import supported_pythons

ROOT = Path(__file__).parents[2]
DIST, DIRECT = ROOT / "dist", ROOT / "build/dist"
WAY = {"LUMA_JUPYTER_HOME": "home", "LUMA_JUPYTER_DEMO_SECONDS": "0", "LUMA_JUPYTER_LANG": "en"}
SCRIPT = """
import luma_jupyter as luma
clip = luma.generate("a lighthouse at dusk").wait()
assert clip.path.stat().st_size > 10_000, clip
print(luma.__file__)
"""
CELLS = """
%load_ext luma_jupyter
get_ipython().run_cell_magic("luma", "-o lighthouse --wait", "a lighthouse at night")
assert lighthouse.path.stat().st_size > 10_000
"""


def main() -> None:
    """Do all of it; ends with an error at the first thing that is wrong."""
    for folder in (DIST, DIRECT):
        shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)  # the wheel from the source distribution
    run(sys.executable, "-m", "build", "--wheel", "--outdir", DIRECT, ROOT)
    [wheel], [source] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    if wheel.read_bytes() != (DIRECT / wheel.name).read_bytes():
        sys.exit(f"{wheel.name} is another one when it is built from {source.name}.")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, source)
    run(Path(sys.executable).parent / "check-wheel-contents", wheel)
    print(f"{source.name}: {source.stat().st_size / 1e3:,.0f} kB")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e3:,.0f} kB, {contents(wheel)}; the same from both")
    pythons = supported_pythons()
    for python in dict.fromkeys([pythons[0], pythons[-1]]):
        with TemporaryDirectory(prefix="luma_jupyter_dist_") as folder:
            print(try_out(wheel, python, Path(folder)))


def contents(wheel: Path) -> str:
    """How many files of each kind are in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        kinds = Counter(PurePosixPath(name).suffix or "other" for name in archive.namelist())
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def try_out(wheel: Path, python: Path, folder: Path) -> str:
    """Install a wheel into an empty environment and make two clips there; how long that took."""
    begun = time.perf_counter()
    run(python, "-m", "venv", folder / "venv")
    own = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(own, "-m", "pip", "install", "--quiet", f"luma-jupyter[demo] @ {wheel.as_uri()}")
    installed = time.perf_counter()
    at = run(own, "-W", "error", "-c", SCRIPT, folder=folder)
    made = time.perf_counter()
    assert str(folder) in at, at
    cells = folder / "cells.ipy"
    cells.write_text(CELLS, encoding="utf-8")
    run(own, "-m", "IPython", "--no-banner", cells, folder=folder)
    version = run(own, "-V").strip()
    return f"{version}: installed in {installed - begun:.1f} s, first clip {made - installed:.1f} s after that"


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command to its end, with nothing of ours in its environment; what it said."""
    environ = {**free(os.environ), **WAY}
    environ.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
