"""The code on README and the documentation's pages: what can run here does so, with the demo; all else is read."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from luma_jupyter.cells.options import LINE_WORDS
from luma_jupyter.gateway import command
from tests.docs.pages import PAGES, ROOT, blocks, name_of

LANGUAGES = {"python", "ipython", "sh", "powershell", "text"}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.slow
def test_blocks_run_with_the_demo(tmp_path: Path) -> None:
    """Each page's blocks of Python and of cells, in order: none raises, and nothing is asked of any paid service."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}
    environment = {
        **clean,
        "HOME": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "LUMA_JUPYTER_HOME": str(tmp_path / "home"),
        "LUMA_JUPYTER_PROVIDER": "demo",
        "LUMA_JUPYTER_DEMO_SECONDS": "0",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "tests.docs.run_blocks"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_can_be_read(page: Path) -> None:
    """Those that cannot run, too: Python compiles, cells begin with a magic that there is, shell lines are whole."""
    for block in blocks(page):
        assert block.language in LANGUAGES
        if block.language == "python":
            ast.parse(block.code)
        elif block.language == "ipython" and block.code.startswith("%luma"):
            assert block.code.split()[1] in {word.word for word in LINE_WORDS}
        elif block.language == "sh":
            lines = [shlex.split(line, comments=True) for line in block.code.splitlines()]
            for line in lines:
                assert line
                if line[0] == "luma-gateway":
                    command._parser().parse_args(line[1:])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    """What `make` and `luma-gateway` are told to do can be done, and extras of the package are there."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for extras in re.findall(r"(?:luma-jupyter|\.)\[([a-z,]+)\]", text):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
