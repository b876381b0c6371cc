"""A user's script is checked with the package's own types, as ``py.typed`` promises, by mypy and by pyright."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a user writes, with the types that an editor shows; each line with `wrong` is one that a checker must refuse.
SCRIPT = """
from pathlib import Path
from typing import assert_type

import luma_jupyter as luma
from luma_jupyter.errors import LumaError

luma.configure(budget=5, provider="demo")
sunset = luma.generate("a sunset", aspect_ratio="16:9")
assert_type(sunset, luma.Clip)
assert_type(sunset.wait(), luma.Clip)
assert_type(sunset.path, Path | None)
assert_type(sunset.starred, bool)
longer: luma.Clip = luma.extend(sunset, "it goes down")
foggy: luma.Clip = luma.modify(longer, "in fog")
beasts = luma.batch(["a fox", "an owl"])
assert_type(beasts[0], luma.Clip)
assert_type([clip.prompt for clip in beasts], list[str])
movie: luma.Clip = luma.film([sunset, longer.cut(1, 2), foggy])
movie.save("movie.mp4")
print(str(luma.film([sunset], dry_run=True)), luma.errors.LumaError)
try:
    luma.generate("")
except luma.InvalidRequest as error:
    print(str(error))
except LumaError:
    raise
luma.generate(prompt=3)  # wrong: a prompt is text
luma.generat("a sunset")  # wrong: there is no such name
sunset.prompt = "another"  # wrong: it is read alone
"""


def refused(output: str) -> set[int]:
    """The lines of the script that a checker calls wrong."""
    return {int(number) for number in re.findall(r"user\.py:(\d+):.*\berror\b", output)}


WRONG = {number for number, line in enumerate(SCRIPT.splitlines(), 1) if "# wrong" in line}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The user's script, in a folder of its own."""
    path = tmp_path / "user.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_mypy_knows_our_types(script: Path) -> None:
    """What is right passes in its strict mode, and exactly what is wrong is refused."""
    kept = str(ROOT / "build/mypy")  # to read all packages that ours imports takes longer than all else
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", kept, "--config-file", os.devnull, script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    assert refused(done.stdout) == WRONG, done.stdout + done.stderr


def test_pyright_knows_our_types(script: Path) -> None:
    """The checker of many editors agrees."""
    pyright = shutil.which(
        "pyright", path=os.pathsep.join([str(ROOT / "build/pyright/node_modules/.bin"), os.environ["PATH"]])
    )
    if not pyright:
        pytest.skip("there is no pyright: npm install --prefix build/pyright pyright")
    command = [pyright, "--pythonpath", sys.executable, script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    assert refused(done.stdout) == WRONG, done.stdout + done.stderr
