"""``%luma history``: the clips of this folder, of another one, of a day."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.api.views import clips
from luma_jupyter.engine.engine import Engine
from luma_jupyter.errors import ClipError, ClipFailed, ConfigError, InvalidRequest
from luma_jupyter.views.history import History
from tests.support import settings
from tests.support.notebook import PromptService, Shell, wait_for_status


def prompts_of(shown: Any) -> list[str]:
    return [row["prompt"] for row in shown]


@pytest.fixture
def two_folders(notebook: Shell, tmp_path: Path) -> Shell:
    """A shell in ``tmp_path`` with one clip of an earlier kernel there, and one in another folder."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.restart(tmp_path / "elsewhere")
    notebook.run("%%luma -o boat --wait\nA boat")
    notebook.restart(tmp_path)
    return notebook


def test_history_shows_the_clips_of_this_folder(two_folders: Shell) -> None:
    """Those of earlier kernels, of this one, and whatever became of them."""
    with pytest.raises(ClipFailed):
        two_folders.run("%%luma -o broken --wait\nA [fail] dawn")
    shown = two_folders.run("%luma history")
    assert [(row["name"], row["status"]) for row in shown] == [("sunset", "completed"), ("broken", "failed")]
    assert re.fullmatch(r"luma_videos/a-sunset-\w+\.mp4", next(iter(shown))["file"])


def test_history_has_stars_notes_and_the_sum(two_folders: Shell) -> None:
    """A star and a note have their columns; below stands how many there are, and what all cost."""
    two_folders.run(
        "import luma_jupyter\nsunset = luma_jupyter.clips()[0]\nsunset.starred = True\nsunset.note = '狐狸'"
    )
    for words in ("--starred", "狐狸 sunset"):
        shown = two_folders.run(f"%luma history {words}")
        assert [(row["starred"], row["note"]) for row in shown] == [(True, "狐狸")]
        header, _, below = repr(shown).splitlines()
        assert ("★" in header, "NOTE" in header) == (True, True)
        assert below.startswith("1 clip: 1 completed. Cost: ")
    assert len(two_folders.run("%luma history nothing")) == 0


def test_history_can_be_kept_in_a_variable(two_folders: Shell) -> None:
    """As a cell's last line it shows itself; ``h = %luma history`` keeps it."""
    two_folders.run("h = %luma history\nframe = h.dataframe()")
    assert two_folders.user_ns["frame"]["prompt"].tolist() == ["A sunset"]
    assert isinstance(two_folders.user_ns["h"], History)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--all", ["A sunset", "A boat"]),
        ("--folder elsewhere", ["A boat"]),
        ("--folder {folder}/elsewhere", ["A boat"]),
        ("--folder elsewhere/luma_videos", ["A boat"]),
        ("--day today", ["A sunset"]),
        ("--day {today}", ["A sunset"]),
        ("--day {yesterday}", []),
        ("--all --day today", ["A sunset", "A boat"]),
        ("--folder elsewhere --day {yesterday}", []),
        ("--since {yesterday}", ["A sunset"]),
        ("--since {tomorrow}", []),
        ("--since {yesterday} --day today", ["A sunset"]),
        ("SUN a", ["A sunset"]),
        ("boat", []),
        ("boat --all", ["A boat"]),
        ("--action generate sunset", ["A sunset"]),
        ("--action modify", []),
        ("--starred", []),
    ],
)
def test_history_of_folders_and_days(two_folders: Shell, tmp_path: Path, words: str, expected: list[str]) -> None:
    """Folders, days, words and actions choose, also together."""
    today = date.today()
    days = {"today": today, "yesterday": today - timedelta(days=1), "tomorrow": today + timedelta(days=1)}
    words = words.format(folder=tmp_path, **days)
    assert prompts_of(two_folders.run(f"%luma history {words}")) == expected


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("--day yesterday", "'yesterday' is not a day: write it as 2026-11-22, or today."),
        ("--day 22.11.2026", "'22.11.2026' is not a day: write it as 2026-11-22, or today."),
        ("--day", "needs a value"),
        ("--dy today", "There is no option --dy: did you mean --day? Usage: %luma history [WORDS…]"),
        ("--action delete", "There is no action 'delete'; choose generate, extend, modify, film."),
        ("--star", "There is no option --star: did you mean --starred?"),
        ("--since", "needs a value"),
        ("--folder nowhere", "nowhere'."),
        ("--day today --day today", "--day is there twice: take one of them out."),
        ("—all", "—all does not begin with a hyphen: write --all."),
        ("--all --folder elsewhere", "--all and --folder do not go together: take one of them out."),
    ],
)
def test_history_mistake_is_one_line(notebook: Shell, words: str, answer: str) -> None:
    """What cannot be read is answered by how it is written."""
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(f"%luma history {words}")
    assert answer in str(caught.value)
    assert "\n" not in str(caught.value)


def test_history_of_a_folder_without_our_journal_is_that_of_its_sidecars(two_folders: Shell, tmp_path: Path) -> None:
    """A folder that somebody handed over is listed, whole or its media folder alone; one that is not there is told."""
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "lesson")
    settings.configure(home=tmp_path / "other home")
    assert prompts_of(two_folders.run("%luma history --folder lesson")) == ["A boat"]
    assert prompts_of(two_folders.run("%luma history --folder lesson/luma_videos")) == ["A boat"]
    assert prompts_of(two_folders.run("%luma history --folder lesson --day 2020-01-01")) == []
    assert [clip.prompt for clip in clips(folder="lesson")] == ["A boat"]
    shutil.rmtree(tmp_path / "lesson")
    for missing in (lambda: two_folders.run("%luma history --folder lesson"), lambda: clips(folder="lesson")):
        with pytest.raises(InvalidRequest, match=r"^There is no folder '.*/lesson'\.$"):
            missing()


def test_history_of_a_folder_that_was_deleted_is_that_of_the_journal(two_folders: Shell, tmp_path: Path) -> None:
    """What the journal knows of it is listed, and that its files are gone."""
    shutil.rmtree(tmp_path / "elsewhere")
    shown = two_folders.run("%luma history --folder elsewhere")
    assert prompts_of(shown) == ["A boat"]
    assert "(gone)" in repr(shown)
    assert "(gone)" not in repr(two_folders.run("%luma history"))


def test_history_shows_what_a_killed_kernel_left_as_detached(notebook: Shell, service: PromptService) -> None:
    """Not as running, for nobody follows it."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    assert [row["status"] for row in notebook.run("%luma history")] == ["running"]
    notebook.restart()
    assert [row["status"] for row in notebook.run("%luma history")] == ["detached"]


def test_history_has_the_costs_known_at_the_call(notebook: Shell) -> None:
    """Prices that were known at the time of the call are in the table; a refused call cost nothing."""
    settings.configure(acedata_price=0.35)
    notebook.run("%%luma -o sunset --wait\nA sunset")
    with pytest.raises(ClipError):
        notebook.run("%%luma --wait\nA [refuse] sunset")
    settings.configure(acedata_price=None)
    notebook.run("%%luma --wait\nA dawn")
    costs = [row["cost"] for row in notebook.run("%luma history")]
    assert costs == [0.35, 0.0, None]


def test_history_without_a_readable_journal_names_the_folder(notebook: Shell, engine: Engine, tmp_path: Path) -> None:
    """History needs the journal, and says which folder cannot be two_folders."""
    (tmp_path / "file").touch()
    settings.configure(home=tmp_path / "file")
    with pytest.raises(ConfigError, match=r"The journal of your clips cannot be .* in .*/file"):
        notebook.run("%luma history")


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("seas = luma.batch(['A calm sea', 'A wild sea', 'A sea of sand', 'A sea of fog'], yes=True)", 4),
        ("%%luma -o seas --takes 4\nA sea", 4),
    ],
)
def test_names_of_a_batch_are_known_to_another_kernel_and_another_machine(
    notebook: Shell, service: PromptService, tmp_path: Path, cell: str, names: int
) -> None:
    """Each clip's place in its variable is in its sidecar: the folder alone is enough to find it by that."""
    service.gate.clear()
    notebook.run("import luma_jupyter as luma")
    notebook.run(cell)
    service.gate.set()
    notebook.run("seas.wait()")
    key = notebook.user_ns["seas"][3].task.key
    sidecars = (json.loads(path.read_bytes()) for path in (tmp_path / "luma_videos").glob("*.json"))
    assert sorted(data["name"] for data in sidecars) == [f"seas[{number}]" for number in range(names)]
    notebook.restart()
    advice = rf"seas\[3\] was made here before; run its cell, or use clip:{key}"
    with pytest.raises(InvalidRequest, match=advice):
        notebook.run("%luma show seas[3]")
    shutil.copytree(tmp_path / "luma_videos", tmp_path / "handed over" / "luma_videos")
    notebook.restart(tmp_path / "handed over")
    settings.configure(home=tmp_path / "another home")
    with pytest.raises(InvalidRequest, match=advice):
        notebook.run("%luma show seas[3]")
    assert [row["name"] for row in notebook.run("%luma history seas[3]")] == ["seas[3]"]
    assert notebook.run(f"%luma show clip:{key}") is None


def test_name_that_cannot_be_told_costs_no_video(notebook: Shell, service: PromptService) -> None:
    """Whatever the user's variables hold, a paid clip is saved."""
    notebook.run("class Odd:\n    __class__ = property(lambda self: 1 / 0)\nodd = Odd()\nimport luma_jupyter as luma")
    notebook.run("clips = [luma.generate('A sunset')]\nclip = clips[0].wait()")
    assert notebook.user_ns["clip"].path.is_file()
