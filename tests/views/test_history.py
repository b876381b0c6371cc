"""The table of all tasks, in text and HTML, and as a DataFrame."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from luma_jupyter.domain.note import Note
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ConfigError
from luma_jupyter.views.history import COLUMNS, History
from tests.support.html import HOSTILE, Tags

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


def history(*tasks: Task, notes: Mapping[str, Note] | None = None) -> History:
    return History(tasks, Path("/videos"), NOON + 60, notes=lambda tasks: notes or {})


def columns(shown: History) -> dict[str, str]:
    """The last row of the text table, by column."""
    header, *_, row, _ = repr(shown).splitlines()
    starts = [header.index(name.upper()) for name in COLUMNS]
    cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return dict(zip(COLUMNS, cells, strict=True))


def test_history_row_has_all_that_is_known() -> None:
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


def test_history_row_of_a_running_clip_has_no_file_and_goes_on() -> None:
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
def test_history_cost_tells_exact_from_expected_and_unknown(
    status: Status, price: float | None, cost: float | None, words: str
) -> None:
    """Reported costs are exact, expected ones have a ~, unknown ones are a question mark, and no video is $0.00."""
    assert columns(history(task(status, price=price, cost=cost)))["cost"] == words


def test_history_html_has_the_cells_of_the_text() -> None:
    """In a notebook it is an HTML table of the same cells."""
    shown = history(task(price=0.5), task(Status.FAILED, name=None))
    page = Tags(shown._repr_html_())
    assert page.names == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.texts[: len(COLUMNS)] == list(COLUMNS)
    *cells, below = page.texts
    assert cells[-len(COLUMNS) :] == list(columns(shown).values())
    assert below == "2 clips: 1 completed, 1 failed. Cost: ~$0.50."


def test_history_html_escapes_every_text() -> None:
    """Whatever somebody wrote into a prompt, a name or a source, it stays text, on one line."""
    hostile = task(request=GenerateRequest(prompt=f"{HOSTILE}\n" * 9), name=HOSTILE, source_label=HOSTILE)
    page = Tags(history(hostile)._repr_html_())
    assert not page.names & {"script", "img"}
    assert HOSTILE in page.texts
    assert len(repr(history(hostile)).splitlines()) == 3


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([task(price=0.5, cost=0.5)], "1 clip: 1 completed. Cost: $0.50."),
        ([task(cost=0.5), task(price=0.35)], "2 clips: 2 completed. Cost: ~$0.85."),
        ([task(cost=0.5), task(), task()], "3 clips: 3 completed. Cost: $0.50 and 2 of unknown cost."),
        ([task(Status.FAILED, price=0.35)], "1 clip: 1 failed. Cost: $0.00."),
    ],
)
def test_history_says_how_many_there_are_and_what_all_cost(tasks: list[Task], words: str) -> None:
    """One line below the table, in text and HTML, with a ~ where some of it is only expected."""
    assert repr(history(*tasks)).splitlines()[-1] == words
    assert Tags(history(*tasks)._repr_html_()).texts[-1] == words


def test_history_has_a_column_for_stars_and_notes_where_there_are_some() -> None:
    """Without them it is as narrow as ever; what somebody noted stays text."""
    one, two = task(), task(intent="1" * 32, name="dawn")
    header, first, second, _ = repr(history(one, two, notes={"1" * 32: Note(True)})).splitlines()
    assert header.split()[:4] == ["MADE", "NAME", "★", "PROMPT"]
    assert ("★" in first, "★" in second) == (False, True)
    noted = history(one, two, notes={one.intent: Note(text=HOSTILE), two.intent: Note(True)})
    page = Tags(noted._repr_html_())
    assert page.texts[:5] == ["made", "name", "★", "note", "prompt"]
    assert not page.names & {"script", "img"}
    assert HOSTILE in page.texts
    assert [(row["starred"], row["note"]) for row in noted] == [(False, HOSTILE), (True, None)]
    assert noted.dataframe()["starred"].tolist() == [False, True]


def test_history_without_clips_is_a_sentence() -> None:
    """An empty table is a sentence."""
    assert (repr(history()), history()._repr_html_(), len(history())) == ("No clips.", "No clips.", 0)


# For pandas.


def test_dataframe_has_types() -> None:
    """Times are times with a zone, seconds and cost are numbers, a missing value is missing."""
    frame = history(task(price=0.35, task_id="task-1"), task(Status.RUNNING)).dataframe()
    assert list(frame.columns) == [
        *("made", "name", "prompt", "action", "service", "status", "seconds", "cost", "file", "source", "task_id"),
        *("ended", "starred", "note"),
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


def test_dataframe_of_a_year_has_one_type_for_times(berlin: None) -> None:
    """Clips made in summer and in winter time go into one column of times."""
    july = datetime(2026, 7, 1, 12).timestamp()
    frame = history(task(), task(created_at=july, submitted_at=july, ended_at=july + 5)).dataframe()
    assert (frame["made"].dtype.kind, frame["ended"].dtype.kind) == ("M", "M")
    assert [made.timestamp() for made in frame["made"]] == [NOON, july]
    assert frame["cost"].dtype == "float64"


def test_dataframe_without_rows_has_the_same_columns() -> None:
    """Without clips a DataFrame has no rows, but the columns and types that code asks for."""
    frame, full = history().dataframe(), history(task(price=0.35)).dataframe()
    assert len(frame) == 0
    assert list(frame.columns) == list(full.columns)
    assert frame["made"].dtype.kind == "M"
    assert frame["cost"].sum() == 0


def test_dataframe_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the command; the table itself needs no pandas."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="A DataFrame needs pandas: pip install pandas"):
        history(task()).dataframe()
    assert "sunset" in repr(history(task()))
