"""The lists of the hosts, the search for Pythons, and the table; the run itself is ``make hosts``."""

from __future__ import annotations

import re
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import __main__ as run
from tests.hosts import pythons
from tests.hosts.environment import change, free
from tests.hosts.features import NOTE_WARNINGS, live
from tests.hosts.hosts import NAMES, read_host
from tests.hosts.pythons import SUPPORTED, answers, find_python, supported_pythons
from tests.hosts.table import Column, table

PROJECT = Path(__file__).parents[2]
BOUND = re.compile(r"([\w-]+)>=([\w.]+)$")


@pytest.mark.parametrize("name", NAMES)
def test_each_list_says_what_it_is(name: str) -> None:
    """Title, Pythons, source and date are in its head, and each other line is a package."""
    host = read_host(name)
    assert host.title
    assert host.source
    assert host.date
    assert all(re.fullmatch(r"3\.\d+", version) for version in host.pythons)
    lines = [line for line in host.requirements.read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+(==[\w.]+)?", line) for line in lines)


def test_lowest_list_is_that_of_the_bounds() -> None:
    """What pyproject.toml allows is what is tried: a bound that is lowered or raised is so in the list as well."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["media"], *extras["demo"], *extras["lab"]]
    bounds = {match[1]: match[2] for text in declared if (match := BOUND.match(text))}
    del bounds["jupyterlab"]  # no part of a kernel
    listed = dict(
        line.split("==") for line in read_host("lowest").requirements.read_text().splitlines() if "==" in line
    )
    assert listed.keys() == bounds.keys()
    for package, bound in bounds.items():
        assert f"{listed[package]}.".startswith(f"{bound}."), package


def a_python(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="these stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("system", "shim", "other", "found"),
    [
        ("echo 3.99.0", "echo 3.99.1", "exit 1", "system/python3.99"),
        ("exit 1", "echo 3.99.1", "echo 3.99.2", "bin/python3.99"),
        ("exit 1", "exit 127", "echo 3.99.2", "pyenv/versions/3.99.2/bin/python"),
        ("exit 1", "echo 3.9.9", "echo 3.99.2", "pyenv/versions/3.99.2/bin/python"),
        ("exit 1", "exit 127", "exit 1", None),
    ],
)
def test_a_python_counts_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, shim: str, other: str, found: str | None
) -> None:
    """The system's own comes first, then one on the path, then pyenv's; what fails, or is of another version, does not.

    The system's fails where it cannot make environments.
    """
    monkeypatch.setattr(pythons, "SYSTEM", tmp_path / "system")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    a_python(tmp_path / "system" / "python3.99", system)
    a_python(tmp_path / "bin" / "python3.99", shim)
    a_python(tmp_path / "pyenv" / "versions" / "3.99.2" / "bin" / "python", other)
    assert find_python("3.99") == (tmp_path / found if found else None)


def test_supported_pythons_are_those_of_this_machine_oldest_first() -> None:
    """The one that runs this test is among them, by its version; the newest packages are tried with each."""
    found = supported_pythons()
    versions = [next(version for version in SUPPORTED if answers([str(path)], version)) for path in found]
    assert versions == sorted(versions, key=SUPPORTED.index)
    assert f"3.{sys.version_info.minor}" in versions
    assert read_host("newest").pythons == SUPPORTED


def test_what_is_missing_is_in_the_table_as_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of Python that the machine has not is a column that says so, with the reason below."""
    monkeypatch.setattr(run, "find_python", lambda version: None)
    columns = [Column("here", "3.13.0", {"load": "works"}), *run.try_hosts(["lowest"], Path("no.whl"))]
    shown = table(columns)
    assert shown.splitlines()[0] == "|  | here, Python 3.13.0 | lowest bounds, Python 3.11 |"
    assert "| load | works | not tried |" in shown
    assert "lowest bounds, Python 3.11: not tried, since there is no Python 3.11 on this machine." in shown
    assert not any(column.failures for column in columns)


def test_table_has_failures_short_and_below_in_full() -> None:
    """A failure's first words are in its cell, on one line, all of it below; and it is one to the run."""
    column = Column("here", "3.13.0", {"load": f"fails: a\n|{'b' * 200}"})
    shown = table([column])
    assert f"| load | fails: a \\|{'b' * 69}… |" in shown
    assert "b" * 200 in shown
    assert column.failures == [f"load: fails: a\n|{'b' * 200}"]


def test_rows_in_which_all_hosts_are_alike_are_one_row() -> None:
    """Only those next to each other: the order of what was tried stays."""
    alike = {"load": "works", "wait": "works", "studio": "told", "history": "works"}
    shown = table([Column("here", "3.13.0", alike), Column("there", "3.11.7", alike)])
    assert shown.splitlines()[2:] == [
        "| load, wait | works | works |",
        "| studio | told | told |",
        "| history | works | works |",
    ]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"a": ("1", 10), "b": ("2", 2_000_000)}, "adds 1, 2.0 MB, none changed"),
        ({"a": ("2", 10), "b": ("2", 2_000_000)}, "adds 1, 2.0 MB; CHANGES a"),
        ({"b": ("2", 2_000_000)}, "adds 1, 2.0 MB; CHANGES a"),
    ],
)
def test_change_tells_additions_from_all_else(after: dict[str, tuple[str, int]], words: str) -> None:
    """A package that is new is an addition; one of another version, or gone, is a change."""
    assert str(change({"a": ("1", 10)}, after)) == words
    assert bool(Column("here", "3.13.0", {"pip install": words}).failures) is ("CHANGES" in words)


def test_no_key_reaches_a_host() -> None:
    """Nothing there may cost money."""
    assert free({"RUNAPI_API_KEY": "k", "ACEDATACLOUD_API_TOKEN": "k", "LUMA_JUPYTER_PROVIDER": "x", "PATH": "p"}) == {
        "PATH": "p"
    }


@pytest.mark.parametrize(
    ("filename", "category", "noted"),
    [
        ("/site-packages/luma_jupyter/clip/clip.py", DeprecationWarning, 1),
        ("/site-packages/ipywidgets/widgets/widget.py", DeprecationWarning, 0),
        ("sys", ResourceWarning, 1),
    ],
)
def test_warnings_of_ours_are_noted(filename: str, category: type[Warning], noted: int) -> None:
    """What is attributed to us, and what is left to the collector; nothing else."""
    cell: dict[str, Any] = {}
    with warnings.catch_warnings():
        exec(NOTE_WARNINGS, cell)
        warnings.warn_explicit("old", category, filename, 1)
    assert len(cell["noted"]) == noted


@pytest.mark.parametrize(
    ("bundle", "became"),
    [
        ({"application/vnd.jupyter.widget-view+json": {}, "text/html": ""}, "works"),
        ({"text/html": ""}, "falls back to plain HTML"),
    ],
)
def test_a_live_part_works_or_falls_back(bundle: dict[str, Any], became: str) -> None:
    """Where no widget is shown, plain HTML is."""
    assert live([{"text/plain": ""}, bundle]) == became


def test_a_live_part_that_shows_nothing_fails() -> None:
    """Neither widget nor HTML is a failure."""
    with pytest.raises(AssertionError):
        live([{"text/plain": "<Clip>"}])
