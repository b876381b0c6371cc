"""A person's ★ and note on clips: kept beside the video, or in the journal; told to who listens; searched."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas
import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import whole_files
from luma_jupyter.engine.notes import Notes
from luma_jupyter.errors import ConfigError, InvalidRequest
from tests.support.notebook import Kernels, PromptService, wait_for_end

pytestmark = pytest.mark.usefixtures("engine")


def sidecar(clip: Clip) -> dict[str, Any]:
    assert clip.path
    data: dict[str, Any] = json.loads(clip.path.with_suffix(".json").read_bytes())
    return data


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Have all folders refuse to be written, or not any more."""
    write = whole_files.create_file

    def refuse(path: Path, *rest: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    return lambda refused: monkeypatch.setattr(whole_files, "create_file", refuse if refused else write)


def test_note_is_in_the_sidecar_beside_the_facts(kernels: Kernels) -> None:
    """A ★ and a note go where the video goes, and another kernel knows them; all else in the sidecar stays."""
    clip = luma.generate("A sunset").wait()
    assert (clip.starred, clip.note) == (False, "")
    before = sidecar(clip)
    clip.starred = True
    clip.note = "the light  of\nthe first"
    assert sidecar(clip) == {**before, "note": {"starred": True, "text": "the light of the first"}}
    kernels.kill()
    kernels.start()
    (found,) = luma.clips()
    assert (found.starred, found.note) == (True, "the light of the first")
    found.starred, found.note = False, ""
    assert sidecar(found) == before


def test_note_that_is_made_just_while_the_video_is_saved_is_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who made it found no sidecar yet; that one is written, and looked after, before the note is in the journal."""
    clip = luma.generate("A sunset").wait()
    write, found_none = Notes._write, []
    saving = threading.Thread(target=kernel.session.engine.notes.settle, args=[clip.task])

    def find_none(self: Notes, task: Task, note: Note) -> bool:
        if found_none:
            return write(self, task, note)
        found_none.append(note)
        saving.start()
        saving.join(0.05)  # where it does not wait for this thread, it has looked by now
        return False

    monkeypatch.setattr(Notes, "_write", find_none)
    clip.note = "good"
    saving.join()
    assert sidecar(clip)["note"] == {"starred": False, "text": "good"}


def test_note_is_no_part_of_the_request(service: PromptService) -> None:
    """A clip with a note answers its request as ever: nothing is paid for again."""
    clip = luma.generate("A sunset").wait()
    clip.note = "good"
    assert luma.generate("A sunset").wait() is clip
    assert len(service.sent) == 1


def test_listeners_hear_of_each_note() -> None:
    """Who listens gets the clip, until it has heard enough."""
    heard: list[tuple[Clip, Note]] = []
    clip = luma.generate("A sunset").wait()
    end = kernel.session.listen_notes(lambda noted: heard.append((noted, kernel.session.note_of(noted))))
    clip.starred = True
    end()
    end()
    clip.starred = False
    assert heard == [(clip, Note(True))]
    assert kernel.session.note_of(clip) == NO_NOTE


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("starred", "yes", "starred must be True or False, not 'yes'"),
        ("note", None, "A note must be text, not None"),
        ("note", 2_001 * "x", "The note has 2,001 characters, and may have 2,000"),
    ],
)
def test_what_is_no_note_is_refused_in_one_line(name: str, value: object, why: str) -> None:
    """What is there already stays."""
    clip = luma.generate("A sunset").wait()
    clip.note = "mine"
    with pytest.raises(InvalidRequest, match=why):
        setattr(clip, name, value)
    assert kernel.session.note_of(clip) == Note(text="mine")


def test_clips_are_found_by_words_and_stars() -> None:
    """All words have to be there, in prompt, name or note, or within words there."""
    fox, chinese, street = (luma.generate(prompt).wait() for prompt in ("A red fox", "一只狐狸在雪中", "Die Straße"))
    street.note = "Best of İstanbul"
    fox.starred = True
    for search, found in {
        "ｆｏｘ": [fox],
        "fox RED": [fox],
        "狐狸": [chinese],
        "STRASSE": [street],
        "istanbul die": [street],
        "İ": [street],
        "fox dog": [],
        "  ": [fox, chinese, street],
        "%": [],
    }.items():
        assert luma.clips(search=search) == found, search
        assert luma.clips(search=search, folder="all") == found, search
    assert luma.clips(starred=True) == [fox]
    assert luma.clips(starred=True, search="fox", since="today", action="generate") == [fox]
    assert luma.clips(action="extend") == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"search": 3}, "search must be a text, such as 'fox', not 3"),
        ({"search": "a b " * 60 + " ".join(map(str, range(101)))}, "search can have at most 100 words"),
        ({"action": "delete"}, "There is no action 'delete'; choose generate, extend, modify, film"),
        ({"since": "friday"}, "'friday' is not a day: write it as 2026-11-22, or today"),
        ({"since": pandas.NaT}, "NaT is not a day: write it as 2026-11-22, or today"),
        ({"starred": 1}, "starred must be True or False, not 1"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_in_one_line(options: dict[str, Any], why: str) -> None:
    """Nothing is looked up for it."""
    with pytest.raises(InvalidRequest, match=why):
        luma.clips(**options)


def test_read_only_folder_has_its_notes_in_the_journal(kernels: Kernels, read_only: Callable[[bool], None]) -> None:
    """What cannot be written beside a video is known all the same, and found; once it can be, it is written there."""
    clip = luma.generate("A sunset").wait()
    clip.starred = True
    read_only(True)
    clip.starred, clip.note = False, "Abend"
    assert sidecar(clip)["note"] == {"starred": True, "text": ""}
    kernels.kill()
    kernels.start()
    assert luma.clips(starred=True) == []
    (found,) = luma.clips(search="abend")
    assert (found.starred, found.note) == (False, "Abend")
    read_only(False)
    found.starred = True
    assert sidecar(found)["note"] == {"starred": True, "text": "Abend"}
    assert luma.clips(starred=True, search="abend") == [found]


def test_note_of_a_clip_without_a_video_is_in_the_journal(kernels: Kernels) -> None:
    """A failed clip has no sidecar."""
    clip = luma.generate("A dragon [fail]")
    assert wait_for_end(clip) == "failed"
    clip.note = "why?"
    kernels.kill()
    kernels.start()
    (found,) = luma.clips(search="why?")
    assert (found.status, found.note) == ("failed", "why?")
    found.note = ""
    assert luma.clips(search="why?") == []


def test_journal_that_cannot_be_used_is_in_no_sidecar_s_way(tmp_path: Path) -> None:
    """What has a sidecar can be noted all the same; of all else it is told in one line, and nothing is heard of it."""
    clip, failed = luma.generate("A sunset").wait(), luma.generate("A dragon [fail]")
    wait_for_end(failed)
    (tmp_path / "in the way").write_text("")
    luma.configure(home=tmp_path / "in the way")
    heard: list[Clip] = []
    kernel.session.listen_notes(heard.append)
    clip.starred = True
    assert clip.starred
    assert sidecar(clip)["note"]["starred"]
    with pytest.raises(ConfigError, match="LUMA_JUPYTER_HOME"):
        failed.starred = True
    assert not failed.starred
    assert heard == [clip]


def test_note_that_is_made_before_the_video_goes_into_its_sidecar(service: PromptService, tmp_path: Path) -> None:
    """Whoever gets the folder alone has it then."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    clip.starred = True
    assert clip.starred
    service.gate.set()
    clip.wait()
    assert sidecar(clip)["note"] == {"starred": True, "text": ""}
    assert kernel.session.engine.journal.descriptions.notes([clip.task.intent]) == {}


def test_folder_that_is_handed_over_brings_its_notes(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the journal, on another machine, what was starred there is starred here."""
    clip = luma.generate("A sunset").wait()
    clip.starred, clip.note = True, "Abend"
    luma.generate("A boat").wait()
    kernels.kill()
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "luma_videos", other / "luma_videos")
    monkeypatch.setenv("LUMA_JUPYTER_HOME", str(tmp_path / "new home"))
    kernels.start(other)
    (found,) = luma.clips(starred=True)
    assert luma.clips(search="abend sunset") == [found]
    assert (found.prompt, found.note) == ("A sunset", "Abend")


def test_copy_in_another_folder_has_the_note(kernels: Kernels, tmp_path: Path) -> None:
    """What answers a request in another notebook's folder brings its note along; one that is there already stays."""
    first = luma.generate("A sunset").wait()
    first.starred, first.note = True, "Abend"
    kernels.kill()
    kernels.start(tmp_path / "elsewhere")
    copied = luma.generate("A sunset").wait()
    assert copied.path
    assert first.path != copied.path
    assert (copied.starred, copied.note) == (True, "Abend")


def test_star_in_another_folder_is_found_in_all_of_them(kernels: Kernels, tmp_path: Path) -> None:
    """What the index knows of other notebooks' folders counts where all clips are looked for."""
    clip = luma.generate("A sunset").wait()
    clip.starred = True
    kernels.kill()
    kernels.start(tmp_path / "elsewhere")
    luma.generate("A boat").wait()
    assert luma.clips(starred=True) == []
    assert [found.prompt for found in luma.clips(folder="all", starred=True)] == ["A sunset"]


def test_star_beside_a_video_in_an_earlier_media_folder_is_found(kernels: Kernels, tmp_path: Path) -> None:
    """What was made before the setting was changed is found here by its note, as it is listed here."""
    clip = luma.generate("A sunset").wait()
    luma.configure(media=tmp_path / "videos")
    clip.note = "Abend"
    assert sidecar(clip)["note"]["text"] == "Abend"
    assert luma.clips(search="abend") == luma.clips() == [clip]


@pytest.mark.parametrize(
    ("note", "known"),
    [
        ("words", NO_NOTE),
        ({"starred": "yes", "text": ["x"]}, NO_NOTE),
        ({"starred": True, "text": 3000 * "x"}, Note(True, 2000 * "x")),
        ({"text": "a\x1b[31mb\u202ec\n\ud800"}, Note(text="a�[31mbc �")),
        (None, NO_NOTE),
    ],
)
def test_sidecar_with_a_wrong_note_stays_usable(kernels: Kernels, note: object, known: Note) -> None:
    """A note that somebody wrote by hand is bounded, and the clip is found and played as ever."""
    clip = luma.generate("A sunset").wait()
    assert clip.path
    clip.path.with_suffix(".json").write_text(json.dumps({**sidecar(clip), "note": note}))
    kernels.kill()
    luma.configure(home=kernel.session.settings().home_folder / "new")
    kernels.start()
    (found,) = luma.clips(search="sunset")
    assert kernel.session.note_of(found) == known
    assert found.path == clip.path
