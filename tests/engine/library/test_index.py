"""The index of the media folder: what it reads, what it does not, and what nobody but `%luma doctor` finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.note import Note
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import index as index_module
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import replace_note
from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.library.whole_files import replacing
from luma_jupyter.engine.store import folders
from luma_jupyter.engine.store.folders import Claims, FolderTable
from luma_jupyter.engine.store.journal import MIGRATIONS, Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.engine.store.wanted import EVERYTHING, Wanted
from luma_jupyter.engine.task_spec import TaskSpec
from tests.engine.library.test_sidecars import a_task, placed
from tests.engine.store.journals import plain

FOX, MILL = (TaskSpec(request=GenerateRequest(prompt=prompt)) for prompt in ("A red fox", "A mill"))
LATER = 1e9  # seconds: so long ago everything was written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "luma_videos"
    folder.mkdir()
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "home")) as journal:
        yield journal


@pytest.fixture
def index(journal: Journal) -> MediaIndex:
    """A kernel's index, so late that no time of a file is of this moment."""
    return late(journal)


def late(journal: Journal) -> MediaIndex:
    return MediaIndex(lambda: journal.folders, lambda: index_module.time.time() + LATER)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sidecars that are read into the index."""
    names: list[str] = []
    claims = sidecars.read_claims

    def note(path: Path) -> Claims:
        names.append(path.name)
        return claims(path)

    monkeypatch.setattr(sidecars, "read_claims", note)
    return names


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that are listed."""
    found: list[Path] = []
    scandir = os.scandir

    def note(path: Path) -> Any:
        found.append(path)
        return scandir(path)

    monkeypatch.setattr(index_module.os, "scandir", note)
    return found


def find(index: MediaIndex, folder: Path, *specs: TaskSpec) -> list[list[str]]:
    """The file names of what is found."""
    return [[task.filename for task in tasks] for tasks in index.find_equal(folder, specs or [FOX])]


def many(folder: Path) -> list[Task]:
    requests = [FOX.request, *(GenerateRequest(prompt=f"Film {number}") for number in range(20))]
    return [placed(a_task(folder, request, intent=f"{number:032x}")) for number, request in enumerate(requests)]


def test_folder_is_read_once(folder: Path, journal: Journal, read: list[str], listed: list[Path]) -> None:
    """Each sidecar is read by the first look-up; then a hit reads its own file, and a miss none, in each kernel."""
    fox, *_ = many(folder)
    index = late(journal)
    assert find(index, folder) == [[fox.filename]]
    assert (len(read), len(listed)) == (21, 1)
    assert find(index, folder, FOX, MILL) == [[fox.filename], []]
    assert (len(read), len(listed)) == (21, 1)
    assert find(late(journal), folder) == [[fox.filename]]
    assert (len(read), len(listed)) == (21, 2), "a new kernel looks whether any file has changed"


def test_clip_is_found_by_any_name(folder: Path, index: MediaIndex) -> None:
    """Who renames a clip's files still has the clip."""
    fox = placed(a_task(folder))
    for end in (".mp4", ".json"):
        (folder / fox.filename).with_suffix(end).rename(folder / f"favourite{end}")
    assert find(index, folder) == [["favourite.mp4"]]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(search="fox"), [0]),
        (Wanted(search="film 1"), [2, *range(11, 21)]),
        (Wanted(search="abend"), [3, 4]),
        (Wanted(search="film abend"), [3, 4]),
        (Wanted(search="nacht"), [5]),
        (Wanted(starred=True), [4, 5]),
        (Wanted(search="abend", starred=True), [4]),
        (Wanted(action="generate", newest=2), [19, 20]),
        (Wanted(action="modify"), []),
    ],
)
def test_search_is_the_same_with_and_without_the_index(
    folder: Path, journal: Journal, tmp_path: Path, wanted: Wanted, numbers: list[int]
) -> None:
    """By the table, at the first look, and where nothing can be entered; a note of the journal's comes first."""
    tasks = many(folder)
    for number, note in {3: Note(text="ABEND"), 4: Note(True, "Abend"), 5: Note(True, "Abend"), 6: Note(True)}.items():
        replace_note((folder / tasks[number].filename).with_suffix(".json"), note)
    journal.descriptions.set_note(tasks[5].intent, Note(True, "Nacht"))
    journal.descriptions.set_note(tasks[6].intent, Note())
    index = late(journal)
    for _ in range(2):
        assert [int(key[1], 16) for key in index.listed(folder, wanted)] == numbers
    (tmp_path / "in the way").write_text("")
    with closing(Journal(tmp_path / "in the way")) as unusable:
        found = late(unusable).listed(folder, Wanted(search="fox"))
        assert [intent for _, intent, *_ in found] == [tasks[0].intent]
        assert late(unusable).described(wanted, []) == []


@pytest.mark.parametrize("known", [[], [0, 20, 99], range(20), range(30)])
@pytest.mark.parametrize("wanted", [EVERYTHING, Wanted(newest=2), Wanted(search="film 1")])
def test_known_clips_are_left_out(folder: Path, journal: Journal, wanted: Wanted, known: Collection[int]) -> None:
    """By the table and at the first look alike, before the newest are chosen."""
    many(folder)
    index, intents = late(journal), frozenset(f"{number:032x}" for number in known)
    everyone = [2, *range(11, 21)] if wanted.search else range(21)
    unknown = [number for number in everyone if number not in known]
    for _ in range(2):
        found = [int(key[1], 16) for key in index.listed(folder, wanted, intents)]
        assert found == unknown[-wanted.newest if wanted.newest else 0 :]


def test_own_clips_are_entered_without_listing(
    folder: Path, journal: Journal, read: list[str], listed: list[Path]
) -> None:
    """What a kernel saves is known at once; that others have changed nothing meanwhile is looked for later."""
    index = MediaIndex(lambda: journal.folders, lambda: folder.stat().st_mtime)
    placed(a_task(folder, MILL.request))
    assert find(index, folder) == [[]]
    for number in (1, 2):
        save(a_task(folder, intent=f"{number}" * 32), index)
        find(index, folder)
    before = len(listed)
    for number in (3, 4, 5):
        save(a_task(folder, intent=f"{number}" * 32), index)
        assert len(find(index, folder)[0]) == number
    assert len(listed) == before
    assert [len(tasks) for tasks in find(late(journal), folder)] == [5]


def test_own_clips_are_listed_once_it_is_quiet_before_anybody_asks(
    folder: Path, journal: Journal, listed: list[Path]
) -> None:
    """A kernel that has saved clips lists their folder when nobody waits for it, and only once."""
    now = [folder.stat().st_mtime]
    index = MediaIndex(lambda: journal.folders, lambda: now[0])
    find(index, folder)
    save(a_task(folder, intent="1" * 32), index)
    index.settle()
    before = len(listed)
    now[0] += LATER
    index.settle()
    assert len(listed) == before + 1
    index.settle()
    assert [len(tasks) for tasks in find(index, folder)] == [1]
    assert len(listed) == before + 1


def save(task: Task, index: MediaIndex) -> None:
    path = (task.media / task.filename).with_suffix(".json")
    with replacing(path, index.own) as file:
        sidecars.write(file, task, 4)


def test_own_changes_between_those_of_others_are_not_trusted(folder: Path, journal: Journal) -> None:
    """Where somebody else has changed the folder between two changes of this kernel, it is listed."""
    index = MediaIndex(lambda: journal.folders, lambda: folder.stat().st_mtime)
    save(a_task(folder, intent="1" * 32), index)
    find(index, folder)
    placed(a_task(folder, intent="2" * 32))
    save(a_task(folder, intent="3" * 32), index)
    assert len(find(index, folder)[0]) == 3


def test_edit_in_place_is_found_where_nothing_else_is(folder: Path, index: MediaIndex) -> None:
    """A file with the prompt's words that was edited in place answers; one that does not any more is no answer."""
    take = GenerateRequest(prompt="A red fox", take=2)
    path = (folder / placed(a_task(folder, take)).filename).with_suffix(".json")
    assert find(index, folder) == [[]]
    with path.open("wb") as file:
        sidecars.write(file, a_task(folder), 4)
    assert find(index, folder, FOX, TaskSpec(request=take)) == [[path.with_suffix(".mp4").name], []]


@pytest.mark.parametrize("how", ["doctor", "load"])
def test_edit_that_leaves_size_and_time_is_found_by_doctor_and_load(
    folder: Path, journal: Journal, index: MediaIndex, how: str
) -> None:
    """An edit of another clip's file that changes neither size nor time is found by a look at all files."""
    mill = placed(a_task(folder, MILL.request))
    path = (folder / mill.filename).with_suffix(".json")
    assert find(index, folder) == [[]]
    before, text = path.stat(), path.read_bytes()
    with path.open("wb") as file:
        sidecars.write(file, a_task(folder), 4)
    shorter = path.read_bytes()
    path.write_bytes(shorter.ljust(len(text))[: max(len(text), len(shorter))])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find(index, folder) == [[]]
    if how == "doctor":
        index.look_through(folder)
    assert find(index if how == "doctor" else late(journal), folder) == [[mill.filename]]


def test_long_reading_is_told_once(folder: Path, index: MediaIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for more than a second reads why, in one line."""
    many(folder)
    told: list[str] = []
    index.tell = told.append
    monkeypatch.setattr(index_module, "PATIENCE", 0.0)
    find(index, folder)
    assert told == ["Reading what is in 'luma_videos', once: 1 of 21 clips so far."]


@pytest.mark.parametrize("broken", ["in the way", "newer"])
def test_folder_alone_answers_without_a_usable_journal(folder: Path, tmp_path: Path, broken: str) -> None:
    """Where the index cannot be kept, the folder is listed."""
    fox = placed(a_task(folder))
    home = tmp_path / "other"
    if broken == "newer":
        with closing(Journal(home)) as journal:
            journal.check()
        with closing(plain(home / FILE_NAME)) as file:
            file.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    else:
        home.write_text("")
    with closing(Journal(home)) as journal:
        assert find(late(journal), folder, FOX, MILL) == [[fox.filename], []]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: folder.rmdir(),
        lambda folder: (folder.rmdir(), folder.write_text("")),
        lambda folder: None,
        lambda folder: (folder / "a-red-fox-1.json").symlink_to("nowhere"),
        lambda folder: (folder / "a-red-fox-1.json").mkdir(),
        lambda folder: (folder / os.fsdecode(b"a-red-fox-\xff.json")).write_text("{}"),
    ],
)
def test_folder_without_clips_has_none(folder: Path, index: MediaIndex, spoil: Callable[[Path], object]) -> None:
    """A folder that is gone, is none, or has no clips in it, answers nothing."""
    spoil(folder)
    assert find(index, folder) == find(index, folder) == [[]]


def test_kernel_that_was_slower_overwrites_nothing(
    folder: Path, journal: Journal, index: MediaIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another kernel entered meanwhile stays; what this one has just seen in the folder answers all the same."""
    fox = placed(a_task(folder))
    write, entered = FolderTable.write, []

    def overtaken(table: FolderTable, state: folders.FolderState, *given: Any, **options: Any) -> bool:
        table._file.execute("INSERT OR IGNORE INTO folders VALUES (1, ?, '', 0, 0)", state.folder)
        table._file.execute("UPDATE folders SET version = version + 1")
        entered.append(write(table, state, *given, **options))
        return entered[-1]

    monkeypatch.setattr(FolderTable, "write", overtaken)
    assert find(index, folder) == [[fox.filename]]
    placed(a_task(folder, MILL.request, intent="2" * 32))
    assert find(index, folder, MILL) == [["a-mill-22222222.mp4"]]
    assert entered == [False, False]
    monkeypatch.undo()
    assert find(index, folder, MILL) == [["a-mill-22222222.mp4"]]


def test_busy_journal_holds_up_no_look_up(folder: Path, journal: Journal, index: MediaIndex) -> None:
    """While another kernel writes, the folder answers by what was seen in it; it is entered another time."""
    journal.heartbeat()
    fox = placed(a_task(folder))
    with closing(plain(folder.parent / "home" / FILE_NAME)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert find(index, folder) == [[fox.filename]]
        assert journal.folders.all(journal.folders.state(str(folder))) == {}
        other.execute("ROLLBACK")
    assert find(index, folder) == [[fox.filename]]
    assert len(journal.folders.all(journal.folders.state(str(folder)))) == 1
