"""What a word in a cell means: a variable, one of a list, a clip's key, a frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.api.kernel import kernel
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.views.text import SHORT_STATUS_TEXT
from tests.support import settings
from tests.support.notebook import PromptService, Shell, wait_for_status
from tests.support.pictures import PICTURE, encoded

DETACHED = SHORT_STATUS_TEXT[Status.DETACHED]


def test_a_cell_takes_a_frame_of_a_clip(notebook: Shell, filmed: PromptService) -> None:
    """``sunset@last`` is what ``sunset.at("last")`` is in Python."""
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma -o night --start-image sunset@last --end-image sunset@0.2\nNight falls")
    night = notebook.user_ns["night"].wait()
    assert filmed.sent[-1]["start_image_url"] == "https://media.example/uploaded-1"
    assert filmed.sent[-1]["end_image_url"] == "https://media.example/uploaded-2"
    sunset = notebook.user_ns["sunset"]
    assert luma.generate("Night falls", start_image=sunset.at("last"), end_image=sunset.at(0.2)) is night


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("nothing@last", "There is no variable nothing"),
        ("clip:00000000@last", "There is no clip '00000000' in this folder"),
        ("sunset@9", "no frame at 9 s"),
        ("sunset@middle", r"^sunset@middle: write sunset@first, sunset@last or sunset@2\.5 \(seconds\)\.$"),
        ("sunset@2x.png", r"^--start-image: there is no file 'sunset@2x\.png'\.$"),
        ("sunset@-1", r"^sunset@-1: write sunset@first"),
        ("sunset@1-4.5", r"^sunset@1-4\.5 is a part of a clip\. For a frame, write sunset@first, sunset@last or"),
        ("suns@last", r"^There is no variable suns: did you mean sunset\?$"),
    ],
)
def test_a_frame_that_is_not_there_is_refused(notebook: Shell, filmed: PromptService, image: str, words: str) -> None:
    """In one line, and nothing is sent."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    with pytest.raises(InvalidRequest, match=words):
        notebook.run(f"%%luma --start-image {image}\nNight falls")
    assert len(filmed.sent) == 1


def test_a_clip_can_be_called_by_its_key(notebook: Shell, service: PromptService) -> None:
    """The key of tables and file names, of this kernel's clips and of an earlier one's."""
    notebook.run("%%luma --wait\nA sunset")
    key = notebook.user_ns["_luma"].task.key
    notebook.run(f"%%luma extend clip:{key} -o longer\nThe sun is gone")
    longer = notebook.user_ns["longer"].wait()
    notebook.restart()
    notebook.run(f"%%luma extend clip:{key} -o again\nThe sun is gone")
    assert notebook.user_ns["again"].task_id == longer.task_id
    notebook.run(f"%luma status clip:{key}")
    assert len(service.sent) == 2


@pytest.mark.parametrize("word", ["first.png", "./first.png", "picture", "raw", "array", "path"])
def test_image_options_take_a_path_or_a_variable_with_a_picture(
    notebook: Shell, filmed: PromptService, tmp_path: Path, word: str
) -> None:
    """--start-image and --end-image take a path, and a variable with any kind of picture."""
    path = tmp_path / "first.png"
    path.write_bytes(encoded())
    notebook.user_ns.update(picture=PICTURE, raw=encoded(), array=np.asarray(PICTURE), path=path)
    notebook.run(f"%%luma --wait --start-image {word}\nA sunset")
    assert filmed.sent[-1]["start_image_url"] == "https://media.example/uploaded-1"
    notebook.run(f"%%luma extend _luma --wait --end-image {word}\nIt goes on")
    assert filmed.sent[-1]["end_image_url"] == "https://media.example/uploaded-1"
    assert len(filmed.uploaded) == 1


def test_a_clip_given_as_an_image_is_explained(notebook: Shell, filmed: PromptService) -> None:
    """Who gives a clip as an image learns how to take its frame, in a cell as in Python; nothing is sent."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    sunset = notebook.user_ns["sunset"]
    notebook.user_ns["seas"] = ClipList([sunset])
    for word, clip in (("sunset", "sunset"), ("seas", "seas[0]"), ("seas[0]", "seas[0]")):
        with pytest.raises(InvalidRequest) as caught:
            notebook.run(f"%%luma --start-image {word}\nAnother")
        assert str(caught.value) == (
            f"--start-image {word}: this is a clip; a frame of it is {clip}@first, {clip}@last or {clip}@2.5 (seconds)."
        )
    with pytest.raises(InvalidRequest, match=r"clip\.at\('last'\)"):
        luma.generate("Another", start_image=sunset)
    assert len(filmed.sent) == 1


@pytest.mark.parametrize("when", [".2", "0.2", "0.20"])
def test_a_moment_is_written_in_any_form_of_a_number(notebook: Shell, filmed: PromptService, when: str) -> None:
    """``sunset@.2`` is ``sunset@0.2``."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run(f"%%luma -o night --wait --start-image sunset@{when}\nNight falls")
    frame = notebook.user_ns["sunset"].at(0.2)
    assert luma.generate("Night falls", start_image=frame) is notebook.user_ns["night"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%luma extend foks\nx", "There is no variable foks: did you mean fox?"),
        ("%%luma extend sees[0]\nx", "There is no variable sees: did you mean seas[0]?"),
        ("%luma wait foks", "There is no variable foks: did you mean fox?"),
        ("%%luma --start-image phto\nx", "--start-image: there is no variable phto; did you mean photo?"),
        ("%%luma\nA {{colr}} boat", "{{colr}}: there is no variable colr; did you mean {{color}}?"),
        (
            "%%luma\nA {{colr:.1f}} boat",
            "{{colr:.1f}}: there is no variable colr; did you mean {{color:.1f}}?",
        ),
    ],
)
def test_a_name_that_is_mistyped_is_told_the_one_that_was_meant(notebook: Shell, cell: str, said: str) -> None:
    """Where a clip is wanted, a clip or a list of them; else any variable."""
    notebook.run("%%luma -o fox --wait\nA fox")
    clip = notebook.user_ns["fox"]
    notebook.user_ns.update(seas=ClipList([clip]), photo=encoded(), color="red", foks_="no clip")
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(cell)
    assert str(caught.value) == said


@pytest.mark.parametrize("line", ["extend {name}", "--start-image {name}@last"])
def test_a_name_that_this_folder_knows_leads_to_its_clip(notebook: Shell, filmed: PromptService, line: str) -> None:
    """After a restart the error has the word that works, for one clip and for one of several."""
    notebook.run("%%luma -o fox --wait\nA fox")
    notebook.run("%%luma -o seas --takes 2 --wait\nA sea")
    keys = {"fox": notebook.user_ns["fox"].task.key, "seas[1]": notebook.user_ns["seas"][1].task.key}
    notebook.restart()
    for name, key in keys.items():
        with pytest.raises(InvalidRequest) as caught:
            notebook.run(f"%%luma {line.format(name=name)}\nIt runs")
        variable = name.partition("[")[0]
        assert str(caught.value) == (
            f"There is no variable {variable}: {name} was made here before; run its cell, or use clip:{key}."
        )
        notebook.run(f"%%luma {line.format(name=f'clip:{key}')} --dry-run\nIt runs")


def test_a_variable_that_was_deleted_leads_to_its_clip(notebook: Shell, service: PromptService) -> None:
    """Also where the clip had got its name from a later cell."""
    notebook.run("%%luma --wait\nA fox")
    notebook.run("%%luma -o fox\nA fox")
    notebook.run("del fox")
    with pytest.raises(InvalidRequest, match=f"fox was made here before; .* clip:{notebook.user_ns['_luma'].task.key}"):
        notebook.run("%%luma extend fox\nIt runs")


def test_a_picture_named_as_an_earlier_clip_leads_to_its_frame(notebook: Shell, filmed: PromptService) -> None:
    """Who names the clip where a picture is wanted gets the word for a frame; ``seas`` leads to its first."""
    notebook.run("%%luma -o seas --takes 2 --wait\nA sea")
    key = notebook.user_ns["seas"][0].task.key
    notebook.restart()
    with pytest.raises(InvalidRequest, match=rf"^--start-image: .* seas; seas was made .* or use clip:{key}@last\.$"):
        notebook.run("%%luma --start-image seas\nNight falls")


def test_a_name_of_a_clip_that_failed_is_not_offered(notebook: Shell, service: PromptService) -> None:
    """There is nothing to go on from; nor where the journal cannot be read."""
    notebook.run("%%luma -o fox\nA [fail] fox")
    notebook.user_ns["fox"].handle.done.result(timeout=10)
    notebook.restart()
    for _ in range(2):
        with pytest.raises(
            InvalidRequest, match="no variable fox: first run the cell that makes it, or check the name"
        ):
            notebook.run("%%luma extend fox\nIt runs")
        settings.configure(home=Path(__file__))


def test_an_image_can_be_a_variable_with_a_url(notebook: Shell, service: PromptService) -> None:
    """``--start-image NAME`` takes the URL that the variable holds."""
    notebook.user_ns["first"] = "https://example.com/first.png"
    notebook.run(
        "%%luma --wait --start-image first --end-image https://example.com/last.png --no-enhancement\nA sunset"
    )
    sent = service.sent[0]
    assert (sent["start_image_url"], sent["end_image_url"]) == (
        "https://example.com/first.png",
        "https://example.com/last.png",
    )
    assert sent["enhancement"] is False


def test_words_and_steps_take_a_list_or_one_of_it(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``wait``, ``stop`` and ``status`` take all of a variable or one; a step takes one."""
    service.running = True
    notebook.run("%%luma -o seas --takes 3 --timeout 1e9\nA calm sea")
    for clip in notebook.user_ns["seas"]:
        wait_for_status(clip, "running")
    capsys.readouterr()
    notebook.run("%luma stop seas[1]")
    assert capsys.readouterr().out == "Stopped watching seas[1].\n"
    notebook.user_ns["seas"][1].handle.done.result(timeout=10)
    notebook.run("%luma status seas")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "seas[0]", "seas[1]", "seas[2]"]
    assert [next(w for w in ("running", DETACHED) if w in line) for line in lines[1:]] == [
        *("running", DETACHED, "running")
    ]
    notebook.run("%luma stop seas")
    assert capsys.readouterr().out.splitlines()[1] == f"seas[1] has ended already: {DETACHED}."
    for clip in notebook.user_ns["seas"]:
        clip.handle.done.result(timeout=10)
    service.running = False
    notebook.run("%luma resume seas")
    notebook.run("%luma wait seas")
    notebook.run("%%luma extend seas[-1] -o longer --wait\nOn and on")
    assert notebook.user_ns["longer"].source is notebook.user_ns["seas"][2]
    notebook.run("%luma retry seas[0]")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%luma extend seas\nOn", "seas is a list: take one of its clips, seas[0] to seas[1]."),
        ("%%luma extend nothing\nOn", "nothing is an empty list."),
        ("%luma retry seas", "seas is a list: take one of its clips, seas[0] to seas[1]."),
        ("%%luma extend seas[2]\nOn", "There is no seas[2]: the last one is seas[1]."),
        ("%%luma extend sea[0]\nOn", "There is no variable sea: did you mean seas[0]?"),
        ("%luma wait one[0]", "one is no list of clips, but of type Clip."),
        ("%luma wait number", "number is no clip, but of type int. "),
        ("%%luma\nThe {{seas}}", "{{seas}} is a list of clips, and a prompt takes text."),
        ("%%luma --takes many\nA sea", "--takes must be a whole number from 1 to 999, not 'many'."),
        ("%%luma --takes 0\nA sea", "--takes must be a whole number from 1 to 999, not 0."),
        ("%%luma --takes 1000\nA sea", "--takes must be a whole number from 1 to 999, not 1000."),
    ],
)
def test_a_list_in_the_wrong_place_is_told_and_sends_nothing(
    notebook: Shell, service: PromptService, cell: str, words: str
) -> None:
    """One line says what would be right, and nothing is sent."""
    notebook.run("%%luma -o seas --takes 2 --wait\nA calm sea")
    notebook.user_ns.update(nothing=ClipList(), one=notebook.user_ns["seas"][0], number=7)
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(cell)
    assert str(caught.value).startswith(words)
    assert len(service.sent) == 2


@pytest.fixture
def storm(notebook: Shell, filmed: PromptService) -> Clip:
    """A clip of one second that is done: in ``storm``, and in the list ``seas``."""
    notebook.run("%%luma -o storm --wait\nA storm")
    clip: Clip = notebook.user_ns["storm"]
    notebook.user_ns["seas"] = ClipList([clip])
    return clip


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("storm", lambda clip: clip),
        ("storm@0.2-0.8", lambda clip: clip[0.2:0.8]),
        ("storm@.2-", lambda clip: clip[0.2:]),
        ("storm@0-1", lambda clip: clip[:1]),
        ("seas", lambda clip: [clip]),
        ("seas[0]", lambda clip: clip),
        ("seas[0]@0.2-0.8", lambda clip: clip[0.2:0.8]),
        ("clip:{key}@0.2-0.8", lambda clip: clip[0.2:0.8]),
        ("opening", lambda clip: clip[:0.5]),
        ("picture", lambda clip: PICTURE),
        ("films/storm.mp4", lambda clip: "films/storm.mp4"),
        ("storm@2x.png", lambda clip: "storm@2x.png"),
        ("card.png@2.5", lambda clip: ("card.png", 2.5)),
        ("films/storm@1-3", lambda clip: "films/storm@1-3"),
    ],
)
def test_a_part_of_a_film_is_a_clip_a_cut_a_variable_or_a_path(
    notebook: Shell, storm: Clip, word: str, meant: Callable[[Clip], object]
) -> None:
    """A clip, all of a list, a part of a clip, what else a variable holds; paths stay for who makes the film."""
    notebook.user_ns.update(opening=storm[:0.5], picture=PICTURE)
    assert Lookup.of(kernel.session).part(word.format(key=storm.task.key)) == meant(storm)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("storm@-0.5", "storm@-0.5: write storm@0-0.5 for a part from its beginning, or storm@1- to its end."),
        ("storm@-", "storm@-: write storm@0-4.5 for a part from its beginning, or storm@1- to its end."),
        ("storm@last", "storm@last: write storm, or storm@1-4.5 for a part of it (seconds), or storm@1- to its end."),
        ("storm@1–3", "storm@1–3: write storm, or storm@1-4.5 for a part of it (seconds), or storm@1- to its end."),
        ("seas@x", "seas@x: write seas[0], or seas[0]@1-4.5 for a part of it (seconds), or seas[0]@1- to its end."),
        ("seas@0-1", "seas is a list: take one of its clips, seas[0] to seas[0]."),
        ("storm@0.8-0.2", "A part must end after it begins: not from 0.8 s to 0.2 s."),
        ("storm@1-9", "There is no storm@1-9: storm is 1.00 s long."),
        ("strom", "There is no variable strom: did you mean storm?"),
        ("strom@1-3", "There is no variable strom: did you mean storm?"),
        ("nothing", "There is no variable nothing: first run the cell that makes it, or check the name."),
    ],
)
def test_a_word_that_is_no_part_of_a_film_is_refused(notebook: Shell, storm: Clip, word: str, said: str) -> None:
    """In one line that says what to write."""
    with pytest.raises(InvalidRequest) as caught:
        Lookup.of(kernel.session).part(word)
    assert str(caught.value) == said


@pytest.mark.parametrize("action", ["extend", "modify"])
def test_a_part_of_a_clip_is_no_source(notebook: Shell, storm: Clip, filmed: PromptService, action: str) -> None:
    """The services take whole videos: who names a part learns how it becomes one; nothing is sent."""
    notebook.user_ns["opening"] = storm[:0.5]
    for word, name in (("storm@0.2-0.8", "storm@0.2-0.8"), ("opening", "storm@0-0.5")):
        with pytest.raises(InvalidRequest) as caught:
            notebook.run(f"%%luma {action} {word}\nIt goes on")
        assert str(caught.value) == (
            f"{name} is a part of a clip, and the source must be a whole one: make a clip of it first, with %luma film "
            "or luma_jupyter.film."
        )
    with pytest.raises(InvalidRequest, match=r"^storm@0-0\.5 is a part of a clip"):
        getattr(luma, action)(storm[:0.5], "It goes on")
    assert len(filmed.sent) == 1


@pytest.mark.parametrize("word", ["storm@0.2-0.8", "storm@last", "seas[0]@0-", "clip:00000000@0-"])
@pytest.mark.parametrize("line", ["wait", "show", "status", "stop", "retry"])
def test_a_part_of_a_clip_is_no_clip_for_other_words(notebook: Shell, storm: Clip, word: str, line: str) -> None:
    """They are for whole clips, and say so."""
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(f"%luma {line} {word}")
    assert str(caught.value) == f"{word}: here goes a whole clip: write {word.partition('@')[0]}."


def test_a_part_of_a_clip_is_no_picture(notebook: Shell, storm: Clip, filmed: PromptService) -> None:
    """As a variable, and in Python; nothing is sent."""
    notebook.user_ns["opening"] = storm[:0.5]
    with pytest.raises(
        InvalidRequest, match=r"^--start-image takes a picture\. Of a clip, take a frame: clip\.at\('last'\)"
    ):
        notebook.run("%%luma --start-image opening\nIt goes on")
    with pytest.raises(
        InvalidRequest, match=r"^start_image takes a picture\. Of a clip, take a frame: clip\.at\('last'\)"
    ):
        luma.generate("It goes on", start_image=storm[:0.5])
    assert len(filmed.sent) == 1
