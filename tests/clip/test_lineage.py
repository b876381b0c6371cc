"""The tree that a clip belongs to: what is in it, in which order, in text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import luma_jupyter
from luma_jupyter.api.create import batch, generate
from luma_jupyter.clip.lineage import lineage_nodes
from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, FrameRef, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.views import lineage_svg
from luma_jupyter.views.lineage_svg import Lineage
from tests.support.notebook import PromptService, Shell, wait_for_status

KINDS = {"generate": GenerateRequest, "extend": ExtendRequest, "modify": ModifyRequest}


def intent(number: int) -> str:
    return f"{number:032x}"


def task(number: int, after: int | None = None, action: str = "extend", **request: Any) -> Task:
    """A completed task of the second ``number``, made from the task of the number ``after``."""
    return Task(
        intent=intent(number),
        request=KINDS[action](**{"prompt": f"Prompt {number}", **request}),
        provider="acedata",
        status=Status.COMPLETED,
        created_at=float(number),
        filename="x.mp4",
        name=f"clip_{number}",
        source_intent=None if after is None else intent(after),
        source_label=None if after is None else f"clip_{after}",
        video=Video(f"https://cdn.example/{number}.mp4", f"video-{number}"),
    )


def shape(tasks: list[Task], here: int) -> list[tuple[str, int]]:
    """The labels and depths of a tree."""
    found = lineage_nodes({one.intent: one for one in tasks}, intent(here), lambda one: one.name or "")
    return [(node.label, node.depth) for node in found]


def film(number: int, *parts: int | str) -> Task:
    """A completed film of the clips of these numbers, and of files of these names."""
    pieces = tuple(
        Piece(source=intent(part), label=f"clip_{part}@1-2")
        if isinstance(part, int)
        else Piece(source=FilmFile("ab" * 32, part))
        for part in parts
    )
    made = task(number, action="generate")
    return made.evolve(request=FilmRequest(parts=pieces), provider="local", video=Video(None))


FAMILY = [
    task(1, action="generate"),
    task(2, 1),
    task(3, 1, take=2),
    task(4, 2, "modify"),
    task(5, 3),
    task(6, action="generate"),
]


@pytest.mark.parametrize("here", [1, 2, 3, 4, 5])
def test_lineage_is_the_whole_tree_from_wherever_one_asks(here: int) -> None:
    """Root, sources, siblings such as takes, and all that came of them, oldest first; strangers are not in it."""
    assert shape(FAMILY, here) == [("clip_1", 0), ("clip_2", 1), ("clip_4", 2), ("clip_3", 1), ("clip_5", 2)]


FILMED = [*FAMILY, film(7, 4, 6, 2, "waves.mp4"), task(8, 7, "modify")]


@pytest.mark.parametrize("here", [7, 8])
def test_lineage_of_a_film_begins_with_its_parts(here: int) -> None:
    """Below a film are its parts, in their order, each once, and then what came of it."""
    parts = [(f"made of {part}", 1) for part in ("clip_4", "clip_6", "clip_2", "waves.mp4")]
    assert shape(FILMED, here) == [("clip_7", 0), *parts, ("clip_8", 1)]


def test_lineage_of_a_part_has_its_film() -> None:
    """What was made of a clip stands under it, films too; their other parts are not in its tree."""
    assert shape(FILMED, 6) == [("clip_6", 0), ("clip_7", 1), ("clip_8", 2)]
    assert ("clip_7", 2) in shape(FILMED, 4)


def test_lineage_of_a_film_of_films_has_each_film_once() -> None:
    """A film may be a part of another one, and may be in a circle where records are forged."""
    assert shape([*FILMED, film(9, 7, 1)], 9) == [("clip_9", 0), ("made of clip_7", 1), ("made of clip_1", 1)]
    assert shape([film(7, 9), film(9, 7)], 9) == [("clip_9", 0), ("clip_7", 1)]


def test_lineage_of_a_film_whose_parts_are_not_here_names_them() -> None:
    """Of a film that somebody handed on without its clips, these are from elsewhere."""
    assert shape([film(7, 4, 6)], 7) == [("clip_7", 0), ("made of clip_4", 1), ("made of clip_6", 1)]


def test_lineage_of_a_clip_alone_is_one_line() -> None:
    """One clip, one line, one box."""
    assert shape(FAMILY, 6) == [("clip_6", 0)]
    found = lineage_nodes({intent(6): FAMILY[5]}, intent(6), lambda one: "sunset")
    assert lineage_svg.text(found) == "sunset: generate 16:9, “Prompt 6”, completed  ← this clip"
    assert lineage_svg.svg(found).count("<rect") == 1


def test_lineage_text_has_a_line_for_each_clip() -> None:
    """A line for each clip: name, what was asked for, prompt and status; the clip itself is marked."""
    found = lineage_nodes({one.intent: one for one in FAMILY}, intent(3), lambda one: one.name or "")
    assert lineage_svg.text(found).splitlines() == [
        "clip_1: generate 16:9, “Prompt 1”, completed",
        "├── clip_2: extend clip_1, “Prompt 2”, completed",
        "│   └── clip_4: modify clip_2, “Prompt 4”, completed",
        "└── clip_3: extend clip_1, take 2, “Prompt 3”, completed  ← this clip",
        "    └── clip_5: extend clip_3, “Prompt 5”, completed",
    ]


def test_lineage_root_may_be_a_video_from_elsewhere() -> None:
    """What is nobody's clip has its place too, and all that was made from it stands below, siblings included."""
    url = VideoRef(url="https://x.example/v.mp4")
    others = [task(7, None, "modify", source=url), task(8, None, "extend", source=url)]
    assert shape([*FAMILY, *others], 8) == [("https://x.example/v.mp4", 0), ("clip_7", 1), ("clip_8", 1)]
    lost = task(9, 99)  # its source was deleted from the folder
    assert shape([lost], 9) == [("clip_99", 0), ("clip_9", 1)]
    assert shape([task(9, None, "extend")], 9) == [("a video", 0), ("clip_9", 1)]


def frame(number: int, label: str = "") -> FrameRef:
    return FrameRef(intent(number), "last", label or f"clip_{number}")


def test_lineage_has_steps_by_frames_with_a_line_of_their_own() -> None:
    """The first frame's clip is the parent, else the last one's; the other is named, as it is beside a source."""
    tasks = [
        *FAMILY[:2],
        task(7, action="generate", start_image=frame(2), end_image=frame(6)),
        task(8, action="generate", end_image=frame(7)),
        task(9, 7, end_image=frame(6)),
    ]
    found = lineage_nodes({one.intent: one for one in tasks}, intent(7), lambda one: one.name or "")
    assert lineage_svg.text(found).splitlines() == [
        "clip_1: generate 16:9, “Prompt 1”, completed",
        "└── clip_2: extend clip_1, “Prompt 2”, completed",
        "    └┄┄ clip_7: generate 16:9, from clip_2@last, to clip_6@last, “Prompt 7”, completed  ← this clip",
        "        ├┄┄ clip_8: generate 16:9, to clip_7@last, “Prompt 8”, completed",
        "        └── clip_9: extend clip_7, to clip_6@last, “Prompt 9”, completed",
    ]
    drawn = ElementTree.fromstring(lineage_svg.svg(found)).iter("{http://www.w3.org/2000/svg}path")
    assert ["stroke-dasharray" in path.attrib for path in drawn] == [False, True, True, False]


def test_lineage_of_a_frame_from_elsewhere_begins_with_its_clip() -> None:
    """A clip that this folder does not know is named as the user named it."""
    assert shape([task(9, action="generate", start_image=frame(99, "storm"))], 9) == [("storm", 0), ("clip_9", 1)]
    assert shape([task(9, action="generate", start_image=FrameRef(intent(99), 0))], 9) == [
        *(("a clip", 0), ("clip_9", 1))
    ]


def test_lineage_of_frames_in_a_forged_circle_has_each_clip_once() -> None:
    """Also of a clip that names itself."""
    circle = [task(1, action="generate", start_image=frame(2)), task(2, action="generate", start_image=frame(1))]
    assert sorted(label for label, _ in shape(circle, 1)) == ["clip_1", "clip_2"]
    assert shape([task(1, action="generate", start_image=frame(1))], 1) == [("clip_1", 0)]


@pytest.mark.parametrize("source", [VideoRef("video-2"), VideoRef(url="https://cdn.example/2.mp4")])
def test_lineage_knows_a_source_that_was_given_by_its_id_or_address(source: VideoRef) -> None:
    """A source written out by hand is known again where it is some clip's video."""
    assert ("clip_7", 2) in shape([*FAMILY, task(7, None, "extend", source=source)], 7)


@pytest.mark.parametrize("here", [1, 2, 3])
def test_lineage_of_forged_circles_has_each_clip_once(here: int) -> None:
    """Records that name each other as sources, or themselves, give a tree with each clip once."""
    circle = [task(1, 2), task(2, 1), task(3, 1), task(4, 4)]
    found = shape(circle, here)
    assert sorted(label for label, _ in found) == ["clip_1", "clip_2", "clip_3"]
    assert shape(circle, 4) == [("clip_4", 0)]


@settings(max_examples=50, derandomize=True, database=None)
@given(st.lists(st.none() | st.integers(0, 14), min_size=1, max_size=12), st.data())
def test_lineage_of_any_records_stands_below_its_source(sources: list[int | None], data: st.DataObject) -> None:
    """Whatever the records say: each is there once at most, the asked one is, and each stands below its source."""
    tasks = [task(n, source, "generate" if source is None else "extend") for n, source in enumerate(sources)]
    here = data.draw(st.integers(0, len(sources) - 1))
    found = shape(tasks, here)
    labels = [label for label, _ in found]
    assert f"clip_{here}" in labels
    assert len(set(labels)) == len(labels)
    for row, (label, depth) in enumerate(found):
        above = next((other for other, at in reversed(found[:row]) if at == depth - 1), None)
        number = int(label.removeprefix("clip_"))
        assert (depth == 0) == (row == 0)
        assert depth == 0 or above == f"clip_{sources[number]}"


@pytest.mark.parametrize("deep", [True, False])
def test_lineage_of_a_thousand_clips_is_not_drawn_by_recursion(deep: bool) -> None:
    """A chain of a thousand steps and a clip with a thousand takes are drawn, and not by recursion."""
    tasks = [task(0, action="generate"), *(task(n, n - 1 if deep else 0) for n in range(1, 1500))]
    found = lineage_nodes({one.intent: one for one in tasks}, intent(0), lambda one: one.name or "")
    assert len(found) == 1500
    assert max(node.depth for node in found) == (1499 if deep else 1)
    assert len(lineage_svg.text(found).splitlines()) == 1500
    assert ElementTree.fromstring(lineage_svg.svg(found)) is not None


# From a clip.


def test_clip_lineage_has_variables_and_states(notebook: Shell, service: PromptService) -> None:
    """With the names of its variables, while clips are still being made, as text and as a drawing."""
    service.running = True
    sunset = notebook.user_ns["sunset"] = generate("A sunset", timeout=1e9)
    notebook.user_ns["longer"] = longer = sunset.extend("On and on", timeout=1e9)
    notebook.user_ns["takes"] = batch("Fog", action="modify", source=longer, takes=2, timeout=1e9)
    wait_for_status(sunset, "running")
    found = longer.lineage()
    assert isinstance(found, Lineage)
    assert repr(found).splitlines() == [
        "sunset: generate 16:9, “A sunset”, running",
        "└── longer: extend sunset, “On and on”, queued  ← this clip",
        "    ├── takes[0]: modify longer, “Fog”, queued",
        "    └── takes[1]: modify longer, take 2, “Fog”, queued",
    ]
    data, _ = notebook.ip.display_formatter.format(found)
    assert data["image/svg+xml"] == found.svg
    assert data["text/plain"] == repr(found)


def test_clip_lineage_has_clips_of_earlier_kernels(notebook: Shell, service: PromptService) -> None:
    """After a restart the tree is whole, though only one of its clips was asked for again."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    assert repr(notebook.user_ns["sunset"].lineage()).splitlines() == [
        "sunset: generate 16:9, “A sunset”, completed  ← this clip",
        "└── longer: extend sunset, “On and on”, completed",
    ]


def test_clip_lineage_without_a_journal_has_this_kernels_clips(notebook: Shell, tmp_path: Path) -> None:
    """The clips of this kernel are known all the same."""
    sunset = generate("A sunset").wait()
    (tmp_path / "file").touch()
    luma_jupyter.configure(home=tmp_path / "file" / "folder")
    assert repr(sunset.lineage()).startswith(f"{sunset.task.key}: generate 16:9")


def test_clip_lineage_of_forged_sidecars_ends(notebook: Shell) -> None:
    """Two sidecars that name each other as sources are two clips, each once."""
    one = generate("A sunset").wait()
    two = one.extend("On").wait()
    assert one.path
    sidecar = one.path.with_suffix(".json")
    record = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(record | {"source_intent": two.task.intent}))
    notebook.restart()
    assert len(repr(two.lineage()).splitlines()) == 2
