"""`luma_jupyter.clips()`: a list of what there is, of which each clip is read when it is looked at."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from luma_jupyter.api.create import batch, generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.api.views import clips
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.lazy_clip_list import LazyClipList
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.views.text import MOST_LINES
from tests.engine.library.test_sidecars import a_task, placed
from tests.support.notebook import PromptService, Shell, wait_for_end, wait_for_status

SMALL = 100_000  # bytes that a notebook may keep of any of these


def enter(count: int, **changes: object) -> None:
    """So many completed clips of an earlier kernel, in the journal alone."""
    now = kernel.session.settings()
    journal = kernel.session.engine.journal
    with journal.transaction():
        for number in range(count):
            request = GenerateRequest(prompt=f"Film {number}")
            task = a_task(now.media_folder, request, f"{number:08x}{'0' * 24}")
            task = task.evolve(folder=now.folder, created_at=task.created_at + number, **changes)
            journal.add(task).write(task)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The intents of the rows that are read from the journal."""
    intents: list[str] = []
    find_all = Journal.find_all

    def note(journal: Journal, wanted: Sequence[str]) -> object:
        intents.extend(wanted)
        return find_all(journal, wanted)

    monkeypatch.setattr(Journal, "find_all", note)
    return intents


def prompts(found: Sequence[object]) -> list[str]:
    return [clip.prompt for clip in found]  # type: ignore[attr-defined]


def test_clips_are_a_list_in_all_that_reads_it(notebook: Shell) -> None:
    """Length, places, slices, order, membership, sums and comparisons are those of a list; it cannot be changed."""
    enter(5)
    found = clips()
    same = list(found)
    assert prompts(found) == [f"Film {number}" for number in range(5)]
    assert (len(found), bool(found), bool(found[:0])) == (5, True, False)
    assert (found[0], found[-1]) == (same[0], same[-1])
    for part in (slice(1, 3), slice(None, None, -1), slice(-2, None), slice(9, 12)):
        assert type(found[part]) is LazyClipList
        assert found[part] == same[part]
    assert list(reversed(found)) == same[::-1]
    assert same[2] in found
    assert same[2] not in found[3:]
    assert "Film 2" not in found
    assert (found.index(same[2]), found.count(same[2])) == (2, 1)
    assert found == same == found
    assert found != same[:4]
    assert found != tuple(same)
    one = [same[0]]
    assert found + one == same + one
    assert one + found == one + same
    assert found + found == same * 2
    first, *others = found
    assert [first, *others] == same
    for wrong in (lambda: found[5], lambda: found[-6]):
        with pytest.raises(IndexError):
            wrong()
    for value in (same[4], "no clip"):
        with pytest.raises(ValueError, match="is not in the list"):
            found.index(value, 0, 4)
    with pytest.raises(TypeError):
        found + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        1 + found  # type: ignore[operator]
    with pytest.raises(TypeError):
        hash(found)


def test_clips_are_read_when_they_are_looked_at(notebook: Shell, read: list[str]) -> None:
    """To list, count and cut reads nothing; a clip that is looked at is read, and no other."""
    enter(500)
    found = clips()
    assert (len(found), len(found[10:400]), len(found.completed), read) == (500, 390, 500, [])
    assert found[10:400][-1].prompt == "Film 399"
    assert read == [f"{399:08x}{'0' * 24}"]
    repr(found)
    assert len(read) == 1 + MOST_LINES
    assert prompts(found) == [f"Film {number}" for number in range(500)]


def test_completed_clips_are_those_of_now(notebook: Shell, service: PromptService, read: list[str]) -> None:
    """Also one that nobody followed when the list was made: that one is read, and no other."""
    enter(300)
    service.running = True
    stopped, running = (generate(prompt, timeout=1e9) for prompt in ("Stopped", "Running"))
    for clip in (stopped, running):
        wait_for_status(clip, "running")
    stopped.stop()
    wait_for_end(stopped)
    found = clips()
    service.running = False
    stopped.retry()
    for clip in (stopped, running):
        assert wait_for_end(clip) == "completed"
    read.clear()
    completed = found.completed
    assert read == [stopped.task.intent]
    assert completed[300:] == [stopped, running]


def test_text_of_many_clips_has_the_last_ones_and_says_what_is_left_out(notebook: Shell) -> None:
    """It is a screenful, however many there are; a slice shows others."""
    enter(MOST_LINES + 1000)
    for found in (clips(), ClipList(clips())):
        line, header, *rows = repr(found).splitlines()
        assert line == "1,000 earlier clips are left out here: a slice, such as [:60], shows them."
        assert header.startswith("NAME")
        assert (len(rows), rows[-1].endswith("Film 1059")) == (MOST_LINES, True)
        assert len(repr(found)) < SMALL
        assert len(repr(found[:MOST_LINES]).splitlines()) == MOST_LINES + 1
    assert repr(clips()[:0]) == "No clips."
    line, *_ = repr(clips()[: MOST_LINES + 1]).splitlines()
    assert line.startswith("1 earlier clip is left out here")


def test_history_of_many_clips_is_a_screenful_and_has_all_of_them(notebook: Shell) -> None:
    """Its text and its HTML stay small, and say what they leave out; its rows are all there."""
    enter(MOST_LINES + 1000)
    notebook.run("history = %luma history")
    history = notebook.user_ns["history"]
    left_out = "1,000 clips before these are not shown: `%luma history --day 2026-11-22` shows one day"
    line, *rows, below = repr(history).splitlines()
    assert line.startswith(left_out)
    assert len(rows) == 1 + MOST_LINES
    assert below == f"1,060 clips: 1,060 completed. Cost: ~${1060 * 0.35:.2f}."
    assert left_out in history._repr_html_()
    assert history._repr_html_().count("<tr>") == 1 + MOST_LINES
    assert max(len(repr(history)), len(history._repr_html_())) < SMALL
    assert (len(history), len(list(history))) == (MOST_LINES + 1000, MOST_LINES + 1000)


def test_history_looks_only_for_the_files_that_it_shows(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a file is gone is asked of a screenful."""
    enter(200, path=Path("/gone/film.mp4"), file_size=1)
    asked: list[Path] = []
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: asked.append(path) or exists(path))
    notebook.run("history = %luma history")
    asked.clear()
    assert "(gone)" in repr(notebook.user_ns["history"])
    assert len([path for path in asked if path.suffix == ".mp4"]) == MOST_LINES


def test_clips_are_pickled_as_a_list(notebook: Shell) -> None:
    """What comes back is a list that is shown in the same way, of the same clips, and waits for none."""
    enter(3)
    stored = pickle.loads(pickle.dumps(clips()))
    assert type(stored) is ClipList
    assert stored == clips()
    assert stored.settled == frozenset(clips()) == clips().settled
    assert stored.wait() is stored


def test_wait_and_stop_are_for_what_had_not_ended(notebook: Shell, service: PromptService, read: list[str]) -> None:
    """The others are not even read; a part waits for what is in it."""
    enter(300)
    service.running = True
    running = [generate(f"Clip {number}", timeout=1e9) for number in range(2)]
    for clip in running:
        wait_for_status(clip, "running")
    found = clips()
    read.clear()
    assert (found.waited_for, found[:300].waited_for, found[301:].waited_for) == (running, [], running[1:])
    assert found[:300].wait() is not None
    assert running[0] not in found.settled
    read.clear()
    found[301:].stop()
    assert running[1].handle.done.result(10).status is Status.DETACHED
    assert running[0].status == "running"
    found.stop()
    assert running[0].handle.done.result(10).status is Status.DETACHED
    assert read == []


def test_clip_in_a_variable_of_all_clips_is_named_by_its_place(notebook: Shell, read: list[str]) -> None:
    """As one of any list of clips, and found so by the magics; without reading the others."""
    enter(300)
    notebook.user_ns["many"] = clips()
    clip = notebook.user_ns["many"][200]
    assert kernel.session.find_word(clip) == "many[200]"
    assert len(read) == 1
    notebook.run("%luma show many[200]")
    assert kernel.session.clip_by_key(clip.task.key) is clip


def test_batch_takes_all_clips_as_an_axis(notebook: Shell) -> None:
    """As it takes any list."""
    sources = ClipList([generate("A fox").wait(), generate("A mill").wait()])
    assert clips() == sources
    made = batch([{"prompt": "It goes on", "action": "extend", "source": clips()}], yes=True)
    assert [clip.source for clip in made] == sources


def test_data_frames_take_all_clips_as_a_column(notebook: Shell) -> None:
    """A row for each."""
    pandas = pytest.importorskip("pandas")
    enter(3)
    frame = pandas.DataFrame({"source": clips(), "number": range(3)})
    assert list(frame["source"]) == list(clips())
    assert list(pandas.Series(clips())) == list(clips())


def test_clip_whose_file_is_taken_away_is_left_out(notebook: Shell) -> None:
    """A handed-over clip that is gone when it is looked at is no clip any more, and the others move up."""
    media = kernel.session.settings().media_folder
    media.mkdir()
    tasks = [placed(a_task(media, GenerateRequest(prompt=f"Film {number}"), f"{number:032x}")) for number in range(3)]
    found = clips()
    assert len(found) == 3
    (media / tasks[1].filename).with_suffix(".json").unlink()
    assert found[1].prompt == "Film 2"
    assert prompts(found) == ["Film 0", "Film 2"]
    assert len(found) == 2
