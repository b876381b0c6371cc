"""The table of what went over the wire: bounded, forgiving, and never in the way of what costs."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from luma_jupyter.domain.exchange import FIRST, LAST, Exchange, Recorded, Step
from luma_jupyter.engine.store import exchanges as table
from luma_jupyter.engine.store.database import Busy
from luma_jupyter.engine.store.journal import MIGRATIONS, Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import ConfigError
from tests.engine.store.journals import plain

WHOLE = Exchange(
    at=1.5,
    step=Step.SUBMIT,
    seconds=0.25,
    method="POST",
    url="https://api.example/x",
    headers={"Idempotency-Key": "k"},
    body='{"prompt": "狐狸 \ud83e"}',
    status=200,
    answer_headers={"Retry-After": "7"},
    answer="{}",
    trouble="it broke",
    shared=3,
)


def looks(count: int, since: int = 0, **more: str) -> list[Exchange]:
    return [Exchange(at=float(since + number), step=Step.LOOK, **more) for number in range(count)]  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def test_what_was_added_is_read_as_it_was(journal: Journal) -> None:
    """All that an exchange has comes back, also from another kernel, and half a character harms nothing."""
    journal.exchanges.add({"a": [WHOLE], "b": looks(1)})
    journal.exchanges.add({"a": looks(2, 10)})
    assert journal.exchanges.read("a") == Recorded((WHOLE, *looks(2, 10)))
    assert journal.exchanges.read("b") == Recorded((*looks(1),))
    assert journal.exchanges.read("c") == Recorded()


def test_of_a_clip_the_first_and_the_last_steps_are_kept(journal: Journal) -> None:
    """The middle of very many is counted, however they were added."""
    for begin in range(0, 1000, 50):
        journal.exchanges.add({"a": looks(50, begin)})
    recorded = journal.exchanges.read("a")
    assert [one.at for one in recorded.exchanges] == [*range(FIRST), *range(1000 - LAST, 1000)]
    assert recorded.left_out == 1000 - FIRST - LAST


def test_a_row_is_bounded_however_long_its_steps_are(tmp_path: Path, journal: Journal) -> None:
    """Steps with long bodies leave room by leaving out what is in the middle."""
    journal.exchanges.add({"a": looks(30, body="x" * 8000, answer="狐" * 8000)})
    recorded = journal.exchanges.read("a")
    assert len(recorded.exchanges) + recorded.left_out == 30
    assert (recorded.exchanges[0].at, recorded.exchanges[-1].at) == (0.0, 29.0)
    with closing(plain(tmp_path / FILE_NAME)) as file:
        ((length,),) = file.execute("SELECT LENGTH(told) FROM exchanges").fetchall()
    assert length < table.LONGEST_ROW + 1000


def test_in_all_the_oldest_clips_are_forgotten(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whose last step is longest ago, whatever their intents."""
    monkeypatch.setattr(table, "MOST_CLIPS", 3)
    for number, intent in enumerate("dbeac"):
        journal.exchanges.add({intent: looks(1, number)})
    journal.exchanges.add({"e": looks(1, 100)})
    assert [intent for intent in "abcde" if journal.exchanges.read(intent).exchanges] == ["a", "c", "e"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("not JSON", Recorded()),
        ("[]", Recorded()),
        ('{"exchanges": 1, "left_out": 0}', Recorded()),
        ('{"exchanges": [1, {"at": "x"}, {}], "left_out": 2}', Recorded((), 2)),
        (b"\xff\xfe", Recorded()),
    ],
)
def test_a_row_that_is_not_understood_is_left_out(
    tmp_path: Path, journal: Journal, told: object, expected: Recorded
) -> None:
    """A damaged or forged row is no error, and the next step is added to what could be read."""
    journal.check()
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute("INSERT INTO exchanges VALUES ('a', 1.0, ?)", (told,))
    assert journal.exchanges.read("a") == expected
    journal.exchanges.add({"a": [WHOLE]})
    assert journal.exchanges.read("a").exchanges == (WHOLE,)


def test_a_step_of_a_later_version_is_told_as_such(tmp_path: Path, journal: Journal) -> None:
    """What it was for is not known here; all else is shown."""
    journal.exchanges.add({"a": [WHOLE]})
    with closing(plain(tmp_path / FILE_NAME)) as file:
        ((text,),) = file.execute("SELECT told FROM exchanges").fetchall()
        told = json.loads(text)
        told["exchanges"][0] |= {"step": "teleport", "more": 1}
        file.execute("UPDATE exchanges SET told = ?", (json.dumps(told),))
    (exchange,) = journal.exchanges.read("a").exchanges
    assert (exchange.step, exchange.url) == (Step.OTHER, WHOLE.url)
    assert "newer version" in exchange.why


def test_a_busy_journal_is_not_waited_for(tmp_path: Path, journal: Journal) -> None:
    """Where another program writes, it is told at once; the money's patience of 30 seconds is for the money."""
    journal.check()
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            journal.exchanges.add({"a": [WHOLE]})
    journal.exchanges.add({"a": [WHOLE]})
    assert journal.exchanges.read("a").exchanges == (WHOLE,)


def test_a_newer_journal_is_never_written(tmp_path: Path) -> None:
    """It is read, if it has such a table."""
    with closing(Journal(tmp_path)) as journal:
        journal.exchanges.add({"a": [WHOLE]})
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with closing(Journal(tmp_path)) as newer:
        with pytest.raises(ConfigError, match="newer version"):
            newer.exchanges.add({"a": looks(1)})
        assert newer.exchanges.read("a").exchanges == (WHOLE,)


def test_an_earlier_journal_gets_the_table(tmp_path: Path) -> None:
    """A journal that was made before there was such a table has one from now on, and keeps its version."""
    with closing(Journal(tmp_path)) as journal:
        journal.check()
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute("DROP TABLE exchanges")
    with closing(Journal(tmp_path)) as journal:
        journal.exchanges.add({"a": [WHOLE]})
        assert journal.exchanges.read("a").exchanges == (WHOLE,)
    with closing(plain(tmp_path / FILE_NAME)) as file:
        assert file.execute("PRAGMA user_version").fetchall() == [(len(MIGRATIONS),)]


def test_each_field_of_an_exchange_is_kept() -> None:
    """A field that is added to `Exchange` has to be read, too."""
    assert all(getattr(WHOLE, one.name) != one.default for one in fields(Exchange) if one.default is not MISSING)
