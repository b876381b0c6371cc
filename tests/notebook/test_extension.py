"""What loading the extension costs, and what it brings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from luma_jupyter import settings
from luma_jupyter.engine.glance import FILE_NAME, may_be_unfinished
from luma_jupyter.engine.journal import Journal
from luma_jupyter.models import GenerateRequest, Status, Task
from tests.notebook.conftest import Shell

LOADED = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "luma_jupyter")
shell.run_cell("import os\\nprint = os.path")
shell.Completer.complete("os.pa")
print(json.dumps(sorted(set(sys.modules) - before)))
"""
HEAVY = {"httpx", "ipywidgets", "anywidget", "tornado", "av", "numpy", "PIL", "pandas", "psutil", "nest_asyncio2"}


def loaded(tmp_path: Path) -> set[str]:
    """The modules that a notebook has because of its line ``%load_ext luma_jupyter``."""
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("journal", ["none", "finished"])
def test_loading_imports_almost_nothing(tmp_path: Path, journal: str) -> None:
    """A notebook that only loads the extension has none of the libraries behind it, nor our own engine."""
    if journal == "finished":
        _write(Status.COMPLETED, tmp_path)
    modules = loaded(tmp_path)
    assert not modules & HEAVY
    ours = {name for name in modules if name.startswith("luma_jupyter.")}
    assert "luma_jupyter.notebook.extension" in ours
    assert not ours & {
        f"luma_jupyter.{name}" for name in ("models", "engine.engine", "notebook.magics", "notebook.clip")
    }


def _write(status: Status, folder: Path) -> Journal:
    journal = Journal(settings.current().home_folder)
    request = GenerateRequest(prompt="A fox")
    task = Task(
        intent="0" * 32,
        request=request,
        provider="acedata",
        status=status,
        created_at=1.7e9,
        filename="a-fox.mp4",
        folder=folder,
        task_id="t",
    )
    journal.add(task)
    journal.close()
    return journal


@pytest.mark.parametrize(
    ("status", "there", "asked"),
    [
        (Status.RUNNING, True, True),
        (Status.UNCONFIRMED, True, True),
        (Status.COMPLETED, True, False),
        (Status.FAILED, True, False),
        (Status.RUNNING, False, True),
    ],
)
def test_a_glance_at_the_journal(tmp_path: Path, status: Status, there: bool, asked: bool) -> None:
    """Only where a clip of this folder, or of one that is gone, is unfinished has the journal to be opened."""
    home, elsewhere = settings.current().home_folder, tmp_path / "elsewhere"
    assert not may_be_unfinished(home, tmp_path)
    _write(status, tmp_path if there else elsewhere)
    assert may_be_unfinished(home, tmp_path) is asked
    if there:
        assert not may_be_unfinished(home, elsewhere)
    elsewhere.mkdir()
    assert may_be_unfinished(home, tmp_path) is (asked and there)


def test_a_damaged_journal_has_to_be_asked() -> None:
    """What cannot be read at a glance is left to those who can set it aside and say so."""
    home = settings.current().home_folder
    home.mkdir()
    (home / FILE_NAME).write_bytes(b"garbage" * 1000)
    assert may_be_unfinished(home, Path())
    assert (home / FILE_NAME).read_bytes() == b"garbage" * 1000


def test_the_magic_explains_itself(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """The help is there where IPython looks for it, for the line and the cell, although nothing was loaded before."""
    terminal.run("luma_help = get_ipython().find_cell_magic('luma').__doc__")
    assert "%%luma [generate|extend|modify]" in terminal.user_ns["luma_help"]
    assert terminal.ip.find_line_magic("luma") is terminal.ip.find_cell_magic("luma")


def test_what_is_loaded_can_be_unloaded(terminal: Shell) -> None:
    """After unloading there is neither magic nor completion; loading again brings both once."""
    before = len(terminal.ip.Completer.custom_matchers)
    terminal.ip.run_line_magic("unload_ext", "luma_jupyter")
    assert terminal.ip.find_cell_magic("luma") is None
    assert len(terminal.ip.Completer.custom_matchers) == before - 1
    terminal.ip.run_line_magic("load_ext", "luma_jupyter")
    assert len(terminal.ip.Completer.custom_matchers) == before
