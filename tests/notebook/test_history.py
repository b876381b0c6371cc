"""``%luma history``: all clips of a folder or of a day, as a table, and as a DataFrame."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter import settings
from luma_jupyter.engine.engine import Engine
from luma_jupyter.errors import ClipError, ClipFailed, ConfigError, InvalidRequest
from luma_jupyter.models import ExtendRequest, GenerateRequest, Status, Task
from luma_jupyter.notebook.history import COLUMNS, History
from tests.notebook.conftest import FakeService, Shell, reach

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
NOON = datetime(2026, 11, 22, 12, 0).timestamp()


def task(status: Status = Status.COMPLETED, **changes: object) -> Task:
    """A task that took 42 s, completed unless told otherwise."""
    done = status is Status.COMPLETED
    known = Task(
        intent="3f9c2a1b" * 4,
        request=GenerateRequest(prompt="A sunset"),
        provider="acedata",
        status=status,
        created_at=NOON,
        submitted_at=NOON,
        ended_at=NOON + 42 if status.ended else None,
        filename="a-sunset-3f9c2a1b.mp4",
        path=Path("/videos/luma_videos/a-sunset-3f9c2a1b.mp4") if done else None,
        name="sunset",
    )
    return known.evolve(**changes)


def history(*tasks: Task) -> History:
    return History(tasks, Path("/videos"), NOON + 60)


def columns(shown: History) -> dict[str, str]:
    """The last row of the text table, by column."""
    header, *_, row = repr(shown).splitlines()
    starts = [header.index(name.upper()) for name in COLUMNS]
    cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return dict(zip(COLUMNS, cells, strict=True))


class Page(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# The table.


def test_a_row_has_all_that_is_known() -> None:
    """Time of making, names, status, how long it took, cost, file, source and prompt; columns are aligned."""
    longer = task(request=ExtendRequest(prompt="On and on"), source_label="sunset", name=None, created_at=NOON + 60)
    assert columns(history(task(), longer)) == {
        "made": "2026-11-22 12:01",
        "name": "-",
        "action": "extend",
        "service": "acedata",
        "status": "completed",
        "time": "0:42",
        "cost": "?",
        "file": "luma_videos/a-sunset-3f9c2a1b.mp4",
        "source": "sunset",
        "prompt": "On and on",
    }


def test_a_running_clip_has_no_file_and_goes_on() -> None:
    """Its time is the one until now."""
    row = columns(history(task(Status.RUNNING)))
    assert (row["status"], row["time"], row["file"]) == ("running", "1:00", "-")


@pytest.mark.parametrize(
    ("status", "price", "cost", "words"),
    [
        (Status.COMPLETED, 0.5, 0.5, "$0.50"),
        (Status.COMPLETED, None, 0.45, "$0.45"),
        (Status.COMPLETED, 0.35, None, "~$0.35"),
        (Status.COMPLETED, None, None, "?"),
        (Status.COMPLETED, 0.0, None, "$0.00"),
        (Status.RUNNING, 0.35, None, "~$0.35"),
        (Status.UNCONFIRMED, 0.35, None, "~$0.35"),
        (Status.FAILED, 0.35, None, "$0.00"),
        (Status.CANCELLED, None, None, "$0.00"),
    ],
)
def test_costs(status: Status, price: float | None, cost: float | None, words: str) -> None:
    """Reported costs are exact, expected ones have a ~, unknown ones are a question mark, and no video is $0.00."""
    assert columns(history(task(status, price=price, cost=cost)))["cost"] == words


def test_the_page_has_the_same_table() -> None:
    """In a notebook it is an HTML table of the same cells."""
    shown = history(task(price=0.5), task(Status.FAILED, name=None))
    page = Page(shown._repr_html_())
    assert page.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.texts[: len(COLUMNS)] == list(COLUMNS)
    assert page.texts[-len(COLUMNS) :] == list(columns(shown).values())


def test_every_text_is_escaped() -> None:
    """Whatever somebody wrote into a prompt, a name or a source, it stays text, on one line."""
    hostile = task(request=GenerateRequest(prompt=f"{HOSTILE}\n" * 9), name=HOSTILE, source_label=HOSTILE)
    page = Page(history(hostile)._repr_html_())
    assert not page.tags & {"script", "img"}
    assert HOSTILE in page.texts
    assert len(repr(history(hostile)).splitlines()) == 2


def test_without_clips_it_says_so() -> None:
    """An empty table is a sentence."""
    assert (repr(history()), history()._repr_html_(), len(history())) == ("No clips.", "No clips.", 0)


# For pandas.


def test_the_dataframe_has_types() -> None:
    """Times are times with a zone, seconds and cost are numbers, a missing value is missing."""
    frame = history(task(price=0.35, task_id="task-1"), task(Status.RUNNING)).dataframe()
    assert list(frame.columns) == [
        *("made", "name", "prompt", "action", "service", "status", "seconds", "cost", "file", "source", "task_id"),
        "ended",
    ]
    for name in ("made", "ended"):
        assert frame[name].dtype.kind == "M"
        assert frame[name].dt.tz is not None
    assert frame["made"][0].timestamp() == NOON
    assert (frame["seconds"].dtype, frame["cost"].dtype) == ("float64", "float64")
    assert frame["seconds"].tolist() == [42.0, 60.0]
    assert frame["cost"].isna().tolist() == [False, True]
    assert frame["ended"].isna().tolist() == [False, True]
    assert frame["file"].tolist()[0] == "luma_videos/a-sunset-3f9c2a1b.mp4"
    assert frame["file"].isna().tolist() == [False, True]
    assert frame.groupby("status")["cost"].sum().to_dict() == {"completed": 0.35, "running": 0.0}


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone with summer time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def test_the_dataframe_of_a_year_has_one_type_for_times(berlin: None) -> None:
    """Clips made in summer and in winter time go into one column of times."""
    july = datetime(2026, 7, 1, 12).timestamp()
    frame = history(task(), task(created_at=july, submitted_at=july, ended_at=july + 5)).dataframe()
    assert (frame["made"].dtype.kind, frame["ended"].dtype.kind) == ("M", "M")
    assert [made.timestamp() for made in frame["made"]] == [NOON, july]
    assert frame["cost"].dtype == "float64"


def test_an_empty_dataframe_has_the_same_columns() -> None:
    """Without clips a DataFrame has no rows, but the columns and types that code asks for."""
    frame, full = history().dataframe(), history(task(price=0.35)).dataframe()
    assert len(frame) == 0
    assert list(frame.columns) == list(full.columns)
    assert frame["made"].dtype.kind == "M"
    assert frame["cost"].sum() == 0


def test_without_pandas_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the command; the table itself needs no pandas."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="A DataFrame needs pandas: pip install pandas"):
        history(task()).dataframe()
    assert "sunset" in repr(history(task()))


# What is in it.


def prompts(shown: Any) -> list[str]:
    return [row["prompt"] for row in shown]


@pytest.fixture
def used(notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """A shell in ``tmp_path`` with one clip of an earlier kernel there, and one in another folder."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.restart()
    monkeypatch.setattr(settings, "_folder_at_load", tmp_path / "elsewhere")
    notebook.run("%%luma -o boat --wait\nA boat")
    monkeypatch.setattr(settings, "_folder_at_load", tmp_path)
    return notebook


def test_it_shows_the_clips_of_this_folder(used: Shell) -> None:
    """Those of earlier kernels, of this one, and whatever became of them."""
    with pytest.raises(ClipFailed):
        used.run("%%luma -o broken --wait\nA [fail] dawn")
    shown = used.run("%luma history")
    assert [(row["name"], row["status"]) for row in shown] == [("sunset", "completed"), ("broken", "failed")]
    assert re.fullmatch(r"luma_videos/a-sunset-\w+\.mp4", next(iter(shown))["file"])


def test_it_is_shown_and_can_be_kept(used: Shell) -> None:
    """As a cell's last line it shows itself; ``h = %luma history`` keeps it."""
    used.run("h = %luma history\nframe = h.dataframe()")
    assert used.user_ns["frame"]["prompt"].tolist() == ["A sunset"]
    assert isinstance(used.user_ns["h"], History)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--all", ["A sunset", "A boat"]),
        ("--folder elsewhere", ["A boat"]),
        ("--folder {folder}/elsewhere", ["A boat"]),
        ("--folder nowhere", []),
        ("--day today", ["A sunset"]),
        ("--day {today}", ["A sunset"]),
        ("--day {yesterday}", []),
        ("--all --day today", ["A sunset", "A boat"]),
        ("--folder elsewhere --day {yesterday}", []),
    ],
)
def test_folders_and_days(used: Shell, tmp_path: Path, words: str, expected: list[str]) -> None:
    """``--all``, ``--folder`` and ``--day`` choose, also together."""
    today = date.today()
    words = words.format(folder=tmp_path, today=today, yesterday=today - timedelta(days=1))
    assert prompts(used.run(f"%luma history {words}")) == expected


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("--day yesterday", "'yesterday' is not a day: write it as 2026-11-22, or today."),
        ("--day 22.11.2026", "'22.11.2026' is not a day: write it as 2026-11-22, or today."),
        ("--day", "expected one argument"),
        ("--dy today", "unrecognized arguments: --dy today. Did you mean --day? Usage: [--all | --folder FOLDER]"),
        ("sunset", "unrecognized arguments: sunset"),
        ("--all --folder elsewhere", "not allowed with argument"),
    ],
)
def test_a_mistake_is_one_line(notebook: Shell, words: str, answer: str) -> None:
    """What cannot be read is answered by how it is written."""
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(f"%luma history {words}")
    assert answer in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_killed_kernel_left_is_shown_as_it_stands(notebook: Shell, service: FakeService) -> None:
    """Not as running, for nobody follows it."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    reach(notebook.user_ns["sunset"], "running")
    assert [row["status"] for row in notebook.run("%luma history")] == ["running"]
    notebook.restart()
    assert [row["status"] for row in notebook.run("%luma history")] == ["detached"]


def test_a_real_run_has_its_costs(notebook: Shell) -> None:
    """Prices that were known at the time of the call are in the table; a refused call cost nothing."""
    settings.configure(acedata_price=0.35)
    notebook.run("%%luma -o sunset --wait\nA sunset")
    with pytest.raises(ClipError):
        notebook.run("%%luma --wait\nA [refuse] sunset")
    settings.configure(acedata_price=None)
    notebook.run("%%luma --wait\nA dawn")
    costs = [row["cost"] for row in notebook.run("%luma history")]
    assert costs == [0.35, 0.0, None]


def test_a_home_that_cannot_be_read_is_told(notebook: Shell, engine: Engine, tmp_path: Path) -> None:
    """History needs the journal, and says which folder cannot be used."""
    (tmp_path / "file").touch()
    settings.configure(home=tmp_path / "file")
    with pytest.raises(ConfigError, match=r"The journal cannot be .* in .*/file"):
        notebook.run("%luma history")
