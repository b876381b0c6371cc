"""Frames as steps in a notebook, in cells and in Python: bound at once, shown by name, stopped, found again."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas
import pytest

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain.requests import FrameRef
from luma_jupyter.errors import ClipFailed, InvalidRequest
from luma_jupyter.views.clip_html import waiting_html
from luma_jupyter.views.table import table_text
from tests.support.fake_service import reply
from tests.support.notebook import PromptService, Shell, wait_for_end, wait_for_status
from tests.support.pictures import PICTURE, encoded

NAMES = ["one", "two", "three", "four", "five"]
RunAll: TypeAlias = Callable[[Shell], list[Clip]]


def by_cells(notebook: Shell) -> list[Clip]:
    """Run the cells of a five-shot chain."""
    notebook.run("%%luma -o one\nShot one")
    for before, name in pairwise(NAMES):
        notebook.run(f"%%luma -o {name} --start-image {before}@last\nShot {name}")
    return [notebook.user_ns[name] for name in NAMES]


def by_python(notebook: Shell) -> list[Clip]:
    """The same in Python."""
    notebook.run("import luma_jupyter as luma\none = luma.generate('Shot one')")
    for before, name in pairwise(NAMES):
        notebook.run(f"{name} = luma.generate('Shot {name}', start_image={before}.at('last'))")
    return [notebook.user_ns[name] for name in NAMES]


CHAINS = pytest.mark.parametrize("run_all", [by_cells, by_python])


@CHAINS
def test_chain_returns_at_once_and_is_made_shot_by_shot(
    notebook: Shell, filmed: PromptService, run_all: RunAll
) -> None:
    """No cell waits for a shot; each is sent when the one before is done, and shown with where it comes from."""
    filmed.gate.clear()
    shots = run_all(notebook)
    wait_for_status(shots[0], "running")
    assert [shot.status for shot in shots[1:]] == ["queued"] * 4
    assert "queued: needs one first; nothing is sent yet" in waiting_html(shots[1].state)
    assert "two@last" in table_text([shot.state for shot in shots]).splitlines()[3]
    filmed.gate.set()
    assert [wait_for_end(shot) for shot in shots] == ["completed"] * 5
    assert [sent["prompt"] for sent in filmed.sent] == [f"Shot {name}" for name in NAMES]
    assert all((before.task.ended_at or 1e12) <= (shot.task.submitted_at or 0) for before, shot in pairwise(shots))
    assert repr(shots[2].lineage()).splitlines() == [
        "one: generate 16:9, “Shot one”, completed",
        "└┄┄ two: generate 16:9, from one@last, “Shot two”, completed",
        "    └┄┄ three: generate 16:9, from two@last, “Shot three”, completed  ← this clip",
        "        └┄┄ four: generate 16:9, from three@last, “Shot four”, completed",
        "            └┄┄ five: generate 16:9, from four@last, “Shot five”, completed",
    ]
    assert shots[2].lineage().svg.count("stroke-dasharray") == 4
    history = notebook.run("%luma history")
    assert [row["source"] for row in history] == [None, "one@last", "two@last", "three@last", "four@last"]


@CHAINS
def test_chain_is_found_again_at_the_second_run(notebook: Shell, filmed: PromptService, run_all: RunAll) -> None:
    """At Restart & Run All nothing is sent; also not where the other language made it, as the request is the same."""
    task_ids = [shot.wait().task_id for shot in run_all(notebook)]
    for again in (run_all, by_cells, by_python):
        notebook.restart()
        assert [shot.wait().task_id for shot in again(notebook)] == task_ids
    assert len(filmed.sent) == 5
    assert "five: generate 16:9, from four@last" in repr(notebook.user_ns["one"].lineage())


@CHAINS
def test_chain_that_an_earlier_version_made_is_found_again(
    notebook: Shell, filmed: PromptService, run_all: RunAll, capsys: pytest.CaptureFixture[str]
) -> None:
    """It had read each frame, and knew the clips by what was in it; here they are shown with where they come from."""
    notebook.run("import luma_jupyter as luma\none = luma.generate('Shot one')")
    for before, name in pairwise(NAMES):
        notebook.run(f"{name} = luma.generate('Shot {name}', start_image={before}.frame('last'))")
    task_ids = [notebook.user_ns[name].wait().task_id for name in NAMES]
    notebook.restart()
    shots = run_all(notebook)
    assert [shot.wait().task_id for shot in shots] == task_ids
    assert [line.split("five: ")[1] for line in repr(shots[0].lineage()).splitlines()[4:]] == [
        "generate 16:9, from four@last, “Shot five”, completed"
    ]
    assert "as sent: four@last" in shots[4]._repr_html_()  # type: ignore[operator]
    notebook.run("%%luma --start-image four@last --dry-run\nShot five")
    assert "without --again nothing is sent or paid" in capsys.readouterr().out
    assert len(filmed.sent) == 5


@CHAINS
def test_chain_that_is_stopped_in_the_middle_sends_nothing_more(
    notebook: Shell, filmed: PromptService, run_all: RunAll
) -> None:
    """What comes after the stopped shot ends, and says why; the next run makes the rest."""
    filmed.gate.clear()
    shots = run_all(notebook)
    wait_for_status(shots[0], "running")
    shots[2].stop()
    assert wait_for_end(shots[2]) == "cancelled"
    assert [wait_for_end(shot) for shot in shots[3:]] == ["failed", "failed"]
    assert str(shots[3].error) == ("Nothing was sent: its source three ended as cancelled; run that one again first.")
    filmed.gate.set()
    shots[1].wait()
    assert len(filmed.sent) == 2
    assert [shot.wait().status for shot in run_all(notebook)] == ["completed"] * 5
    assert len(filmed.sent) == 5


@CHAINS
def test_chain_whose_first_shot_fails_sends_nothing_more(
    notebook: Shell, filmed: PromptService, run_all: RunAll
) -> None:
    """Each later shot fails, without having been sent."""
    filmed.script("submit", reply(403, {"error": {"code": "forbidden", "message": "No dragons."}}))
    shots = run_all(notebook)
    assert [wait_for_end(shot) for shot in shots] == ["failed"] * 5
    assert "Nothing was sent" in str(shots[4].error)
    assert len(filmed.sent) == 1
    assert [shot.wait().status for shot in run_all(notebook)] == ["completed"] * 5


@CHAINS
def test_chain_goes_on_after_a_restart_in_the_middle(notebook: Shell, filmed: PromptService, run_all: RunAll) -> None:
    """The shot under way is followed further, and those that waited are made then; nothing is paid twice."""
    filmed.gate.clear()
    wait_for_status(run_all(notebook)[0], "running")
    notebook.restart()
    filmed.gate.set()
    assert [shot.wait().status for shot in run_all(notebook)] == ["completed"] * 5
    assert [sent["prompt"] for sent in filmed.sent] == [f"Shot {name}" for name in NAMES]


@pytest.fixture
def storm(notebook: Shell, filmed: PromptService) -> Clip:
    """A clip that is under way until the gate is opened."""
    filmed.gate.clear()
    notebook.run("%%luma -o storm\nA storm")
    clip: Clip = notebook.user_ns["storm"]
    return clip


def test_frame_of_a_clip_is_a_light_value(storm: Clip, filmed: PromptService) -> None:
    """It shows what it is, waits for nothing, counts by clip and moment, and is pickled once the clip is done."""
    assert [repr(storm.at(when)) for when in ("first", "last", 2.5, 2, 0, np.float64(0.5))] == [
        *("storm@first", "storm@last", "storm@2.5", "storm@2", "storm@first", "storm@0.5")
    ]
    assert storm.status != "completed"
    assert storm.at("last") == storm.at("last") != storm.at("first")
    assert storm.at(0).ref == FrameRef(storm.task.intent, "first", "another label")
    filmed.gate.set()
    storm.wait()
    assert pickle.loads(pickle.dumps(storm.at("last"))) == storm.at("last")


@pytest.mark.parametrize("when", [-1, float("nan"), float("inf"), "middle", "2.5", True, None, [1], 10**400])
def test_bad_moment_is_refused_at_once(storm: Clip, when: object) -> None:
    """Also of a clip that is not done."""
    with pytest.raises(InvalidRequest, match=r"^A frame is 'first', 'last' or a number of seconds from 0 on, not "):
        storm.at(when)  # type: ignore[arg-type]


def test_moment_behind_the_end_of_a_clip_that_is_done_is_refused_at_once(storm: Clip, filmed: PromptService) -> None:
    """Of one that is not, the step says it when it is."""
    night = luma.generate("Night falls", start_image=storm.at(9))
    filmed.gate.set()
    assert wait_for_end(night) == "failed"
    assert isinstance(night.error, ClipFailed)
    with pytest.raises(InvalidRequest, match=r"no frame at 9 s: it is 1\.00 s long"):
        storm.at(9)
    assert len(filmed.sent) == 1


def test_every_way_to_ask_takes_frames(storm: Clip, notebook: Shell, filmed: PromptService) -> None:
    """generate, both forms of extend, cells with one of a list, a key, a variable with a frame, and other pictures."""
    notebook.user_ns.update(takes=ClipList([storm]), moment=storm.at("first"))
    clips = [
        luma.generate("Both", start_image=storm.at("last"), end_image=storm.at("first")),
        luma.extend("https://example.com/v.mp4", "By address", end_image=storm.at("last")),
        storm.extend("On", end_image=storm.at("first")),
    ]
    for line in (
        "--start-image takes[0]@0.5",
        f"--start-image clip:{storm.task.key}@first",
        "extend storm --end-image storm@last",
        "--end-image moment --start-image https://example.com/a.png",
    ):
        notebook.run(f"%%luma {line}\n{line}")
        clips.append(notebook.user_ns["_luma"])
    assert {clip.status for clip in clips} == {"queued"}
    filmed.gate.set()
    assert [wait_for_end(clip) for clip in clips] == ["completed"] * 7
    summaries = [table_text([clip.state]).splitlines()[1] for clip in clips]
    for summary, words in zip(
        summaries,
        [
            "generate 16:9, from storm@last, to storm@first",
            "extend https://example.com/v.mp4, to storm@last",
            "extend storm, to storm@first",
            "generate 16:9, from storm@0.5",
            "generate 16:9, from storm@first",
            "extend storm, to storm@last",
            "generate 16:9, from a.png, to storm@first",
        ],
        strict=True,
    ):
        assert words in summary


def test_batch_takes_frames_in_lists_and_tables(storm: Clip, notebook: Shell, filmed: PromptService) -> None:
    """As an axis, in dicts, and in a DataFrame; a mistake names the frame."""
    by_list = luma.batch("Night", start_image=[storm.at("first"), storm.at("last")], takes=2)
    by_rows = luma.batch([{"prompt": "Dawn", "end_image": storm.at("last")}, {"prompt": "Noon"}])
    frame = pandas.DataFrame({"prompt": ["Rain", "Snow"], "start_image": [storm.at(0.5), None]})
    by_frame = luma.batch(frame)
    assert {clip.status for clip in [*by_list, by_rows[0], by_frame[0]]} == {"queued"}
    filmed.gate.set()
    assert {wait_for_end(clip) for clip in [*by_list, *by_rows, *by_frame]} == {"completed"}
    given = {str(getattr(clip.task.request, "start_image", None)) for clip in [*by_list, *by_frame]}
    assert given == {"storm@first", "storm@last", "storm@0.5", "None"}
    with pytest.raises(InvalidRequest, match=r"^The prompt \(“A”\) asks for the same video twice\. "):
        luma.batch("A", start_image=[storm.at("last"), storm.at("last")])


def test_dry_run_names_a_frame_that_is_to_come(
    storm: Clip, notebook: Shell, filmed: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """The payload says which frame, and when it will be there."""
    notebook.run("%%luma --dry-run --start-image storm@last\nNight falls")
    assert '"start_image_url": "‹storm@last, when it is done›"' in capsys.readouterr().out
    wait_for_status(storm, "running")
    assert (len(filmed.sent), filmed.uploaded) == (1, [])


PICTURES = {"picture": PICTURE, "raw": encoded(), "array": np.asarray(PICTURE)}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_from_a_variable_is_called_by_it(notebook: Shell, filmed: PromptService, name: str) -> None:
    """On card, table and, in a new kernel, from the journal; in a cell, in Python, and in a batch."""
    notebook.user_ns.update(PICTURES)
    notebook.run(f"%%luma -o dawn --wait --start-image {name}\nThe sun rises")
    value = notebook.user_ns[name]
    clips = [
        notebook.user_ns["dawn"],
        luma.generate("Noon", start_image=value).wait(),
        notebook.user_ns["dawn"].extend("On", end_image=value).wait(),
        *luma.batch(["Dusk"], end_image=[value]).wait(),
    ]
    for clip in clips:
        assert f" {name} " in table_text([clip.state]).replace(",", " ")
        assert f"as sent: {name}" in clip._repr_html_()  # type: ignore[operator]
    notebook.restart()
    assert f"from {name}" in repr(notebook.run("luma_jupyter = __import__('luma_jupyter')\nluma_jupyter.clips()"))


def test_picture_that_no_variable_holds_keeps_its_name(notebook: Shell, filmed: PromptService) -> None:
    """A path that is written out is no variable's, though one has an equal text; nor is what has no name."""
    notebook.run("from pathlib import Path\nimport luma_jupyter as luma\npath = 'dawn.png'")
    with open("dawn.png", "wb") as file:
        file.write(encoded())
    notebook.run("clip = luma.generate('Dawn', start_image='dawn.png')")
    assert "from dawn.png" in table_text([notebook.user_ns["clip"].state])
    notebook.run("other = luma.generate('Noon', start_image=Path('dawn.png').read_bytes())")
    assert "from start_image.png" in table_text([notebook.user_ns["other"].state])
