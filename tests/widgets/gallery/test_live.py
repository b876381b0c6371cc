"""A gallery while clips are made, noted and searched: what its page is told, and what it has in Python; no browser."""

from __future__ import annotations

import gc
import re
from collections import deque
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.cells.prompt_cell import prompt_cell
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.engine.repository import Repository
from luma_jupyter.errors import ConfigError
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.widgets.gallery.gallery import Gallery
from luma_jupyter.widgets.gallery.live import MOST_SEARCHES, STEPS, GalleryModel, LiveGallery
from tests.engine.library.test_sidecars import a_task, placed
from tests.support.notebook import PromptService, Shell, announce_late, wait_for_end, wait_for_status
from tests.support.waiting import until

Said = list[dict[str, Any]]


def flush() -> None:
    """Have all drawn that has news."""
    kernel.presenter.updates.flush_all()


def live_part(shown: Gallery) -> LiveGallery:
    return shown._live("key")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """What pages are told beside traits; the list fills."""
    told: Said = []
    monkeypatch.setattr(GalleryModel, "send", lambda model, content: told.append(content))
    return told


@pytest.fixture
def made(notebook: Shell) -> list[Clip]:
    """Two completed clips."""
    clips = [luma.generate(prompt).wait() for prompt in ("A boat", "A fox")]
    assert notebook.user_ns
    return clips


def view(live: LiveGallery) -> tuple[int, str, list[int]]:
    """How many tiles the page is told of, its heading, and the places of those that came last."""
    flush()
    return live.model.view["total"], live.model.view["heading"], live.model.view["added"]


def ask(live: LiveGallery, **content: Any) -> None:
    """The page sends a message."""
    ask_model(live.model, **content)


def ask_model(model: Any, **content: Any) -> None:
    """The page sends a message to a model."""
    model._handle_custom_msg(content, [])


def prompts(answer: dict[str, Any]) -> list[str]:
    """The prompts of the tiles that a page got."""
    return [re.findall(r'font-weight:600" title="([^"]*)"', html)[0] for html in answer["tiles"]]


def test_clips_that_are_completed_later_come_by_themselves(notebook: Shell, service: PromptService) -> None:
    """A batch is under way when the gallery is shown; the page is told of its end, and Python has it too."""
    luma.generate("Old").wait()
    service.gate.clear()
    clips = luma.batch(["One", "Two", "Three [fail]"])
    shown = luma.gallery()
    live = live_part(shown)
    assert (len(shown), view(live)[:2]) == (1, (1, "1 clip, 3 being made"))
    service.gate.set()
    for clip in clips:
        wait_for_end(clip)
    total, heading, _ = view(live)
    assert (total, heading) == (3, "3 clips")
    assert live.model.view["left_out"] == "1 clip without a video is not shown"
    assert [clip.prompt for clip in shown] == ["Two", "One", "Old"]
    assert (shown[0], clips[1] in shown) == (clips[1], True)


def test_page_is_told_where_new_clips_are(notebook: Shell, service: PromptService) -> None:
    """Each at its place in the order of the gallery, so that what is there already can stay as it is."""
    service.gate.clear()
    first, second, third = clips = luma.batch(["One", "Two", "Three"])
    service.gate.set()
    wait_for_end(second)
    for clip in clips:
        wait_for_end(clip)
    flush()
    service.gate.clear()
    fourth = luma.generate("Four")
    given = ClipList([third, fourth, first])
    live = live_part(luma.gallery(given))
    assert view(live) == (2, "2 clips, 1 being made", [])
    service.gate.set()
    wait_for_end(fourth)
    assert view(live) == (3, "3 clips", [1])


def test_a_clip_that_begins_after_the_gallery_was_shown_comes_first(notebook: Shell, service: PromptService) -> None:
    """In this folder's gallery and in that of its media folder, not in one of given clips; nobody is told twice."""
    old = luma.generate("Old").wait()
    here, media, given = luma.gallery(), luma.gallery(old.path.parent), luma.gallery([old])
    parts = [live_part(shown) for shown in (here, media, given)]
    service.gate.clear()
    new = luma.generate("New")
    assert [view(part)[1] for part in parts] == ["1 clip, 1 being made", "1 clip, 1 being made", "1 clip"]
    service.gate.set()
    wait_for_end(new)
    assert [view(part) for part in parts] == [(2, "2 clips", [0]), (2, "2 clips", [0]), (1, "1 clip", [])]
    assert [list(shown) for shown in (here, media, given)] == [[new, old], [new, old], [old]]
    assert [part.draw() for part in parts] == [0, 0, 0], "nothing has changed"


def test_clips_that_end_before_anybody_hears_of_them_come(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may be quicker than a busy kernel: a new clip, one that fails, and one that is made again."""
    service.running = True
    stopped = luma.generate("Stopped")
    wait_for_status(stopped, "running")
    stopped.stop()
    wait_for_end(stopped)
    service.running = False
    live = live_part(luma.gallery())
    announce_late(monkeypatch)
    new = luma.generate("New")
    luma.generate("No video [fail]")
    assert view(live)[:2] == (1, "1 clip")
    assert live.model.view["left_out"] == "2 clips without a video are not shown"
    stopped.retry()
    assert view(live) == (2, "2 clips", [1])
    assert live._gallery.shelf.now.clips == [new, stopped]


def stopped_clip(service: PromptService) -> Clip:
    """A clip that nobody follows any more, of which the service has no video yet."""
    service.running = True
    clip = luma.generate("Stopped")
    wait_for_status(clip, "running")
    clip.stop()
    wait_for_end(clip)
    return clip


def test_clips_that_a_function_chose_stay_those(notebook: Shell) -> None:
    """It is asked of what is completed when the gallery is made."""
    shown = luma.gallery(lambda clip: True)
    luma.generate("New").wait()
    assert len(shown) == 0


def test_a_failed_clip_that_is_made_again_comes(notebook: Shell, service: PromptService) -> None:
    """One that was not followed any more; a completed one of which the file is fetched again stays where it is."""
    clip = stopped_clip(service)
    shown = luma.gallery()
    live = live_part(shown)
    assert view(live)[:2] == (0, "0 clips")
    service.running = False
    clip.retry().wait()
    until(lambda: view(live)[0])  # the loop may hear of the end just after who waited
    assert view(live) == (1, "1 clip", [0])
    clip.path.unlink()
    clip.retry().wait()
    assert view(live)[:2] == (1, "1 clip")
    assert live.model.view["left_out"] == ""


def test_a_clip_that_is_made_again_comes_among_given_clips(notebook: Shell, service: PromptService) -> None:
    """They were looked up while nobody followed it; the gallery is made before that, while it is made, or after."""
    clip = stopped_clip(service)
    found = luma.clips()
    before = luma.gallery(found)
    live = live_part(before)
    service.running = False
    service.gate.clear()
    clip.retry()
    during = luma.gallery(found)
    assert view(live)[:2] == (0, "0 clips, 1 being made")
    service.gate.set()
    wait_for_end(clip)
    after = luma.gallery(found)
    assert view(live) == (1, "1 clip", [0])
    assert [list(shown) for shown in (before, during, after)] == [[clip]] * 3
    assert [shown.shelf.now.left_out for shown in (before, during, after)] == [0] * 3


def test_a_clip_that_ends_while_a_gallery_is_made_is_in_it(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal, in which it is under way, is read before the media folder, and each clip after both."""
    service.gate.clear()
    clip = luma.generate("One")
    saved = Repository._saved

    def slow(*given: Any) -> Any:
        service.gate.set()
        wait_for_end(clip)
        return saved(*given)

    monkeypatch.setattr(Repository, "_saved", slow)
    shown = luma.gallery()
    assert (list(shown), shown.shelf.now.left_out) == ([clip], 0)


def test_a_gallery_of_the_media_folder_has_what_is_under_way(notebook: Shell, service: PromptService) -> None:
    """It is not in a sidecar yet; a clip that is saved elsewhere is none of it."""
    old = luma.generate("Old").wait()
    service.gate.clear()
    new = luma.generate("New")
    luma.configure(media="elsewhere")
    other = luma.generate("Other")
    shown = luma.gallery(old.path.parent)
    live = live_part(shown)
    assert view(live)[:2] == (1, "1 clip, 1 being made")
    service.gate.set()
    for clip in (new, other):
        wait_for_end(clip)
    assert view(live) == (2, "2 clips", [0])
    assert list(shown) == [new, old]


def test_a_gallery_that_nobody_holds_is_let_go(notebook: Shell, service: PromptService) -> None:
    """Its clips that are under way do not keep it, and their end breaks nothing."""
    service.gate.clear()
    clip = luma.generate("One")
    begun = len(kernel.session._listeners)
    shown = luma.gallery()
    assert len(kernel.session._listeners) == begun + 1
    del shown
    assert len(kernel.session._listeners) == begun
    service.gate.set()
    assert wait_for_end(clip) == "completed"


def test_plain_form_is_brought_up_to_date_when_all_has_ended(notebook: Shell, service: PromptService) -> None:
    """While somebody may see the live part it is updated once, at the end of what is under way."""
    service.gate.clear()
    notebook.run("import luma_jupyter as luma\nclips = luma.batch(['One', 'Two'])\nshown = luma.gallery()\nshown")
    (live,) = (widget for widget in notebook.displays.models() if isinstance(widget, LiveGallery))
    ask(live, do="here", page="JupyterLab 4")
    begun = len(notebook.displays.outputs)
    (update,) = updates_until_the_end(notebook, service, begun)
    assert update["text/html"].count("<figure") == 2
    assert "2 clips<" in update["text/html"]
    assert saved_size(update["text/html"], update["text/plain"]) <= MOST_SAVED


def updates_until_the_end(notebook: Shell, service: PromptService, begun: int) -> list[dict[str, Any]]:
    """What the plain form becomes, one after the other, until all clips are done."""
    service.gate.set()
    for clip in notebook.user_ns["clips"]:
        wait_for_end(clip)
    flush()
    data = [output["data"] for output in notebook.displays.outputs[begun:]]
    return [shown for shown in data if "luma-tiles" in shown.get("text/html", "")]


def test_plain_form_goes_on_where_nobody_sees_the_live_part(notebook: Shell, service: PromptService) -> None:
    """It is brought forward while clips are made, of many not with each of them; at the end it has all."""
    service.gate.clear()
    batch = "clips = luma.batch([f'Boat {n}' for n in range(40)], yes=True)"
    notebook.run(f"import luma_jupyter as luma\n{batch}\nshown = luma.gallery()\nshown")
    kernel.presenter.updates.run(kernel.presenter.page._take_as_silent)
    updates = updates_until_the_end(notebook, service, len(notebook.displays.outputs))
    assert 1 <= len(updates) <= 2 * STEPS
    assert "40 clips<" in updates[-1]["text/html"]


# A star, a note, a search.


def test_page_sets_star_and_note_and_all_that_is_open_follows(made: list[Clip], said: Said) -> None:
    """Each for itself: what a message does not name stays. The other gallery and the comparison are told, too."""
    (boat, fox), live = made, live_part(luma.gallery())
    others = [live_part(luma.gallery([boat])), luma.compare(boat, fox)._live("key")]
    told: list[object] = []
    others[1].send = told.append
    ask(live, do="note", key=boat.task.key, starred=True)
    ask(live, do="note", key=boat.task.key, text="the light")
    assert (boat.starred, boat.note) == (True, "the light")
    expected = {"noted": boat.task.key, "starred": True, "text": "the light", "trouble": ""}
    assert said[-2:] == [expected, expected]
    assert told[-1] == expected
    ask_model(others[1], do="note", key=fox.task.key, starred=True)
    assert fox.starred
    assert [message["noted"] for message in said[4:]] == [fox.task.key], "the boat's gallery hears nothing of a fox"
    for part in (live, *others):
        part.close()
    boat.starred = False
    assert len(said) == 5, "nobody is told any more"


@pytest.mark.parametrize(
    ("changes", "lines"),
    [({}, 0), ({"starred": "yes"}, 1), ({"text": 7}, 1), ({"text": "x" * 2001}, 1), ({"other": True}, 0)],
)
def test_what_is_no_note_changes_nothing(made: list[Clip], said: Said, changes: dict[str, object], lines: int) -> None:
    """A page may send anything, of any clip; what cannot be kept is said in one line."""
    boat, fox = made
    live = live_part(luma.gallery([boat]))
    ask(live, do="note", key=boat.task.key, **changes)
    ask(live, do="note", key=fox.task.key, starred=True)
    assert (boat.starred, boat.note, fox.starred) == (False, "", False)
    assert [len(message["trouble"].splitlines()) for message in said] == [1] * lines
    assert {message["noted"] for message in said} <= {boat.task.key}


def test_clip_of_another_folder_that_nobody_holds_is_found_for_the_page(
    notebook: Shell, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many clips were drawn since: what the page names is one of the gallery's."""
    monkeypatch.setattr(kernel.session, "_recent", deque(maxlen=1))
    sent = tmp_path / "sent"
    sent.mkdir()
    tasks = [placed(a_task(sent, intent=f"{number:08x}{'0' * 24}")) for number in range(3)]
    gallery = luma.gallery(sent)
    live = live_part(gallery)
    gallery.tiles(gallery.shelf.now, range(3))
    gc.collect()
    assert len(kernel.session.own_clips) == 1
    for task in tasks:
        ask(live, do="note", key=task.key, starred=True)
        assert said[-1] == {"noted": task.key, "starred": True, "text": "", "trouble": ""}
        assert gallery.pick(task.key, "extend")
        assert gallery.picked
        assert gallery.picked.task.intent == task.intent


def test_a_note_that_cannot_be_kept_is_said(made: list[Clip], said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line in the page that set it, together with what the note still is."""
    boat, _ = made

    def refuse(task: object, note: object) -> None:
        raise ConfigError("The journal cannot be written: free some space.")

    monkeypatch.setattr(kernel.session.engine.notes, "set", refuse)
    ask(live_part(luma.gallery()), do="note", key=boat.task.key, starred=True)
    (message,) = said
    assert message == {
        **{"noted": boat.task.key, "starred": False, "text": ""},
        "trouble": "The journal cannot be written: free some space.",
    }


def test_chosen_are_the_clips_with_a_star_now(made: list[Clip]) -> None:
    """In the order of the gallery, of the whole folder and of given clips."""
    boat, fox = made
    shown, given = luma.gallery(), luma.gallery([boat, fox])
    assert shown.chosen == []
    boat.starred = True
    fox.starred = True
    assert isinstance(shown.chosen, ClipList)
    assert (shown.chosen, given.chosen, luma.gallery([fox]).chosen) == ([fox, boat], [boat, fox], [fox])
    boat.starred = False
    assert (shown.chosen, given.chosen) == ([fox], [fox])


def test_tiles_have_their_notes(made: list[Clip]) -> None:
    """As words that are saved, and as attributes that a live part reads; what somebody wrote is only text."""
    boat, fox = made
    boat.starred, boat.note = True, "<b>light</b>"
    for html in (luma.gallery()._repr_html_(), luma.compare(boat, fox)._repr_html_()):
        assert html.count("★ &lt;b&gt;light&lt;/b&gt;</div>") == 1
        assert html.count('data-starred="true" data-note="&lt;b&gt;light&lt;/b&gt;"') == 1
        assert html.count('data-starred="false" data-note=""') == 1


def test_search_finds_prompts_names_and_notes(made: list[Clip], film_bytes: bytes, said: Said) -> None:
    """Of a folder by the database, of given clips as they are; the answer says what it is of, and how many of all."""
    boat, fox = made
    boat.note = "狐狸 too"
    (boat.path.parent / "my fox.mp4").write_bytes(film_bytes)
    for shown, words in (
        (luma.gallery(), "{} of 2 clips"),
        (luma.gallery([boat, fox]), "{} of 2 clips"),
        (luma.gallery(boat.path.parent), "{} of 2 clips and 1 video"),
    ):
        live = live_part(shown)
        for search, starred, found in (
            ("ＢＯＡＴ", False, ["A boat"]),
            ("狐狸", False, ["A boat"]),
            ("fox", False, ["A fox", "my fox.mp4"][: 1 + len(shown.files)]),
            ("fox night", False, []),
            ("", True, []),
        ):
            ask(live, do="rows", search=search, starred=starred, **{"from": 0, "to": 40})
            answer = said[-1]
            assert (answer["search"], answer["starred"], prompts(answer)) == (search, starred, found)
            assert (answer["total"], answer["count"]) == (len(found), words.format(len(found)))
        fox.starred = True
        ask(live, do="rows", search="", starred=True, **{"from": 0, "to": 40})
        assert prompts(said[-1]) == ["A fox"]
        fox.starred = False


def test_an_answer_says_what_was_asked_for(made: list[Clip], said: Said) -> None:
    """By that a page knows what it still has to ask for, also where there are fewer tiles; others may ask, too."""
    live = live_part(luma.gallery())
    for near in (True, False):
        ask(live, do="rows", search="fox", starred=False, near=near, **{"from": 0, "to": 40})
        answer = {name: said[-1][name] for name in ("from", "to", "near", "arrived", "search", "starred")}
        assert answer == {"from": 0, "to": 40, "near": near, "arrived": 0, "search": "fox", "starred": False}
        assert prompts(said[-1]) == ["A fox"]


def test_a_search_that_cannot_be_is_said(made: list[Clip], said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many words, or a journal that cannot be read: a line in the place of the count, and no tiles."""
    live = live_part(luma.gallery())
    ask(live, do="rows", search=" ".join(map(str, range(1000))), starred=False, **{"from": 0, "to": 40})
    assert said[-1]["count"].startswith("search can have at most")
    assert (said[-1]["tiles"], said[-1]["total"]) == ([], 0)
    for number in range(MOST_SEARCHES + 1):
        ask(live, do="rows", search=f"fox {number}", starred=False, **{"from": 0, "to": 40})
        assert said[-1]["count"] == "0 of 2 clips"
    told = len(said)
    ask(live, do="rows", search=7, starred=False, **{"from": 0, "to": 40})
    ask(live, do="rows", search="", starred="yes", **{"from": 0, "to": 40})
    assert len(said) == told


def test_a_prompt_is_used_again_in_the_form_below(notebook: Shell) -> None:
    """As it is, whatever is in it, with the options of its request; the form shows the cell that does the same."""
    clip = luma.generate("A {{boat}}", aspect_ratio="9:16").wait()
    shown = luma.gallery()
    live = live_part(shown)
    ask(live, do="pick", key=clip.task.key, action="again")
    form = live.children[1].children[0]
    assert (form.action, form.source, form.aspect_ratio) == ("generate", "", "9:16")
    assert form.cell == prompt_cell(clip.task.request)
    assert shown.picked is clip
    live.close()


def test_plain_form_shows_a_star_that_was_set_in_the_page(notebook: Shell) -> None:
    """So that it is saved with the notebook."""
    notebook.run("import luma_jupyter as luma\nboat = luma.generate('A boat').wait()\nshown = luma.gallery()\nshown")
    notebook.user_ns["boat"].starred = True
    flush()
    assert any("★</div>" in output.get("text/html", "") for output in notebook.displays.latest())
