"""The kinds of pages, their environments, and how what is seen becomes a table; the run itself is ``make pages``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from PIL import Image

from tests.pages import __main__ as run
from tests.pages.environment import NotInstalled, server_python
from tests.pages.judgement import SAVED, Look, is_false, judge, names_what_is_missing
from tests.pages.kinds import BY_NAME, KINDS, Kind
from tests.pages.table import Row, table
from tests.pages.updates import DisplayUpdates
from tests.pages.visit import COLUMNS, PAGES, differ, judge_end

PLAIN = Look("A kite", "A kite 0", live=False)
FORWARD = Look("A kite, done", "A kite 1", live=False)
LIVE = Look("A kite", "A kite 0", live=True)


def test_no_server_has_the_package() -> None:
    """Only kernels have it; each kind but the first has what an earlier one has, and front ends that there are."""
    assert not [package for kind in KINDS for package in kind.packages if "luma" in package]
    assert all(set(kind.front_ends) <= PAGES.keys() for kind in KINDS)
    for number, kind in enumerate(KINDS[1:], 1):
        assert any(set(earlier.packages) < set(kind.packages) for earlier in KINDS[:number])
    for name in ("alone", "widgets"):
        assert BY_NAME[name].missing not in BY_NAME[name].packages


class Uv:
    """In the place of uv: notes its commands, and fails where it has been told how."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.commands: list[str] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command[4])
        if command[4] == "venv":
            Path(command[-1]).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, 1 if self.failure else 0, "", self.failure)


def test_an_environment_is_made_anew_where_its_list_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same list finds what was made of it; another one, or one that failed half-way, is made from the start."""
    monkeypatch.setattr("subprocess.run", uv := Uv())
    for packages in (("a",), ("a",), ("a", "b")):
        python = server_python(Kind("kind", "of a test", packages), tmp_path)
    assert python == tmp_path / "kind" / "bin" / "python"
    assert uv.commands == ["venv", "pip", "venv", "pip"]
    uv.failure = "no such\n  package"
    for _ in range(2):
        with pytest.raises(NotInstalled, match="no such package"):
            server_python(Kind("other", "of a test", ("c",)), tmp_path)
    assert uv.commands[4:] == ["venv", "venv"]


def test_what_cannot_be_installed_is_in_the_table_as_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason below; that is no failure."""

    def fail(kind: Kind) -> Path:
        raise NotInstalled("there is no such package")

    monkeypatch.setattr(run, "server_python", fail)
    rows = run.try_kind(BY_NAME["alone"], None)
    shown = table(rows, COLUMNS)
    assert f"| JupyterLab alone |{' not tried |' * len(COLUMNS)}" in shown
    assert "Notebook 7 alone: not tried, since there is no such package" in shown
    assert [row.failures for row in rows] == [[], []]


def test_the_table_shows_failures_in_full() -> None:
    """What is false, what was not seen, and why; what a page need not have is no failure."""
    row = Row("here", ["card", "table", "studio"], {"card": "live", "table": "false: a|b"}, troubles=["end: too late"])
    shown = table([row, Row("there", ["card"], {"card": "static"})], ["card", "table", "studio"])
    assert shown.splitlines()[:4] == [
        "| page | card | table | studio |",
        "| --- | --- | --- | --- |",
        "| here | live | false: a\\|b | not seen |",
        "| there | static | – | – |",
    ]
    assert row.failures == ["table: false: a|b", "studio: not seen", "end: too late"]
    assert all(f"here: {failure}" in shown for failure in row.failures)


@pytest.mark.parametrize(
    ("looks", "word"), [([PLAIN, PLAIN], "static"), ([PLAIN, FORWARD], "forward"), ([LIVE, FORWARD], "live")]
)
def test_an_output_is_judged_by_what_became_of_it(looks: list[Look], word: str) -> None:
    """A live part outranks HTML that changed, and that outranks HTML that stayed."""
    assert judge(looks) == judge_end(looks) == word


def test_a_false_sentence_outranks_all() -> None:
    """Each is named once, a red box as well, and what else is wrong; at the end only the last look counts for it."""
    false = Look(f"{SAVED} was being made. Click to show javascript error.", "", live=True)
    word = judge([false, false], [SAVED], ["nothing moves"])
    assert is_false(word)
    assert word == f"false: “Click to show javascript error”; “{SAVED}”; nothing moves"
    assert judge_end([Look(SAVED, "", live=False), FORWARD], [SAVED]) == "forward"


@pytest.mark.parametrize(
    ("text", "names_it"),
    [
        ("The studio needs anywidget: pip install anywidget, then reload.\nIn cells: %luma help", True),
        ("The studio: run this cell.", False),
        ("pip install jupyterlab", False),
        ("pip install anywidget\npip install anywidget", False),
    ],
)
def test_one_line_names_what_is_missing(text: str, names_it: bool) -> None:
    """One, not several; and of the right package."""
    assert names_what_is_missing(text, "anywidget") is names_it


class Socket:
    """A page with one websocket, which gets what is sent here."""

    def __init__(self, path: str = "api/kernels/1/channels") -> None:
        self.url = f"ws://127.0.0.1/{path}?session_id=1"
        self.send: Any = None

    def on(self, event: str, take: Any) -> None:
        if event == "websocket":
            take(self)
        else:
            self.send = take


def message(kind: str, request: str, display: str, html: str = "") -> bytes:
    """A frame as a kernel's websocket brings it."""
    parts: list[dict[str, Any]] = [
        {"msg_type": kind},
        {"msg_id": request},
        {},
        {"data": {"text/html": html}, "transient": {"display_id": display} if display else {}},
    ]
    frame: bytes = serialize_msg_to_ws_v1([json.dumps(part).encode() for part in parts], "iopub")
    return frame


def test_display_updates_are_counted_for_the_cell_that_displayed_the_words() -> None:
    """Those of all outputs of that cell, and of no other one."""
    socket = Socket()
    updates = DisplayUpdates(socket)
    for cell, words in (("1", "A kite"), ("2", "A lamp")):
        socket.send(message("display_data", cell, f"card {cell}", words))
        socket.send(message("display_data", cell, f"widget {cell}"))
    socket.send(message("execute_result", "1", "", "A kite"))
    for display in ("card 1", "card 2", "widget 1", "card 1", "card 3"):
        socket.send(message("update_display_data", "9", display))
    socket.send("{}")
    assert (updates.of("A kite"), updates.of("A lamp"), updates.of("A boat")) == (3, 1, 0)


def test_only_the_sockets_of_kernels_are_listened_to() -> None:
    """What the people of a document send each other has another form."""
    DisplayUpdates(other := Socket("api/collaboration/room/1"))
    assert other.send is None


def test_pictures_differ_by_one_pixel_or_by_size() -> None:
    """A bar that has moved a little is seen."""
    first = Image.new("RGB", (4, 4))
    second = first.copy()
    assert not differ(first, second)
    second.putpixel((3, 3), (1, 0, 0))
    assert differ(first, second)
    assert differ(first, Image.new("RGB", (4, 5)))
