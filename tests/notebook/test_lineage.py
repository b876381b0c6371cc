"""The tree that a clip belongs to: what it holds, in which order, as text and as an SVG that any page can show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.models import ExtendRequest, GenerateRequest, ModifyRequest, Status, Task, Video, VideoRef
from luma_jupyter.notebook.batch import batch
from luma_jupyter.notebook.lineage import Lineage, Node, drawing, nodes, tree
from luma_jupyter.notebook.orders import generate
from tests.notebook.conftest import FakeService, Shell, reach
from tests.notebook.test_render import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
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
    found = nodes({one.intent: one for one in tasks}, intent(here), lambda one: one.name or "")
    return [(node.label, node.depth) for node in found]


FAMILY = [
    task(1, action="generate"),
    task(2, 1),
    task(3, 1, take=2),
    task(4, 2, "modify"),
    task(5, 3),
    task(6, action="generate"),
]


@pytest.mark.parametrize("here", [1, 2, 3, 4, 5])
def test_the_whole_tree_from_wherever_one_asks(here: int) -> None:
    """Root, sources, siblings such as takes, and all that came of them, oldest first; strangers are not in it."""
    assert shape(FAMILY, here) == [("clip_1", 0), ("clip_2", 1), ("clip_4", 2), ("clip_3", 1), ("clip_5", 2)]


def test_a_clip_alone_is_a_tree() -> None:
    """One clip, one line, one box."""
    assert shape(FAMILY, 6) == [("clip_6", 0)]
    found = nodes({intent(6): FAMILY[5]}, intent(6), lambda one: "sunset")
    assert tree(found) == "sunset: generate 16:9, “Prompt 6”, completed  ← this clip"
    assert drawing(found).count("<rect") == 1


def test_the_text() -> None:
    """A line for each clip: name, what was asked for, prompt and status; the clip itself is marked."""
    found = nodes({one.intent: one for one in FAMILY}, intent(3), lambda one: one.name or "")
    assert tree(found).splitlines() == [
        "clip_1: generate 16:9, “Prompt 1”, completed",
        "├── clip_2: extend of clip_1, “Prompt 2”, completed",
        "│   └── clip_4: modify of clip_2, “Prompt 4”, completed",
        "└── clip_3: extend of clip_1, take 2, “Prompt 3”, completed  ← this clip",
        "    └── clip_5: extend of clip_3, “Prompt 5”, completed",
    ]


def test_a_video_from_elsewhere_is_the_root() -> None:
    """What is nobody's clip has its place too, and all that was made from it stands below, siblings included."""
    url = VideoRef(url="https://x.example/v.mp4")
    others = [task(7, None, "modify", source=url), task(8, None, "extend", source=url)]
    assert shape([*FAMILY, *others], 8) == [("https://x.example/v.mp4", 0), ("clip_7", 1), ("clip_8", 1)]
    lost = task(9, 99)  # its source was deleted from the folder
    assert shape([lost], 9) == [("clip_99", 0), ("clip_9", 1)]
    assert shape([task(9, None, "extend")], 9) == [("a video", 0), ("clip_9", 1)]


@pytest.mark.parametrize("source", [VideoRef("video-2"), VideoRef(url="https://cdn.example/2.mp4")])
def test_a_clip_that_was_given_by_its_id_or_address(source: VideoRef) -> None:
    """A source written out by hand is known again where it is some clip's video."""
    assert ("clip_7", 2) in shape([*FAMILY, task(7, None, "extend", source=source)], 7)


@pytest.mark.parametrize("here", [1, 2, 3])
def test_forged_circles_end(here: int) -> None:
    """Records that name each other as sources, or themselves, give a tree with each clip once."""
    circle = [task(1, 2), task(2, 1), task(3, 1), task(4, 4)]
    found = shape(circle, here)
    assert sorted(label for label, _ in found) == ["clip_1", "clip_2", "clip_3"]
    assert shape(circle, 4) == [("clip_4", 0)]


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.lists(st.none() | st.integers(0, 14), min_size=1, max_size=12), st.data())
def test_any_tree(sources: list[int | None], data: st.DataObject) -> None:
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
def test_large_trees(deep: bool) -> None:
    """A chain of a thousand steps and a clip with a thousand takes are drawn, and not by recursion."""
    tasks = [task(0, action="generate"), *(task(n, n - 1 if deep else 0) for n in range(1, 1500))]
    found = nodes({one.intent: one for one in tasks}, intent(0), lambda one: one.name or "")
    assert len(found) == 1500
    assert max(node.depth for node in found) == (1499 if deep else 1)
    assert len(tree(found).splitlines()) == 1500
    assert ElementTree.fromstring(drawing(found)) is not None


# The drawing.


def contrast(colour: str, other: str = "#ffffff") -> float:
    """The contrast of two colours by WCAG 2."""

    def light(text: str) -> float:
        digits = text[1:] if len(text) == 7 else "".join(c * 2 for c in text[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dark = sorted((light(colour), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_drawing_is_legible_anywhere() -> None:
    """White text on boxes of their own colour, whatever a clip's state is; nothing lies on the ground behind."""
    found = [Node(f"n{n}", min(n, 1), "extend", "Go", status) for n, status in enumerate([None, *Status])]
    svg = ElementTree.fromstring(drawing(found))
    fills = [rect.attrib["fill"] for rect in svg.iter(f"{SVG}rect")]
    assert len(fills) == len(found)
    assert all(contrast(fill) >= 4.5 for fill in fills)
    assert all(group.attrib["fill"] == "#fff" for group in svg.iter(f"{SVG}g"))
    texts = [text for group in svg.iter(f"{SVG}g") for text in group.iter(f"{SVG}text")]
    assert len(list(svg.iter(f"{SVG}text"))) == len(texts)
    assert all(contrast(path.attrib["stroke"]) > 3 for path in svg.iter(f"{SVG}path"))
    assert all(contrast(path.attrib["stroke"], "#111111") > 3 for path in svg.iter(f"{SVG}path"))


def test_the_drawing_can_be_heard() -> None:
    """It is one image with a title, and its description is the tree in words; it needs nothing from outside."""
    found = nodes({one.intent: one for one in FAMILY}, intent(3), lambda one: one.name or "")
    svg = ElementTree.fromstring(drawing(found))
    assert svg.attrib["role"] == "img"
    assert svg.findtext(f"{SVG}title") == "Lineage of clip_3"
    assert svg.findtext(f"{SVG}desc") == tree(found)
    assert not re.search(r"href|url\(|@import|<style|<script", drawing(found))
    marked = [rect for rect in svg.iter(f"{SVG}rect") if "stroke" in rect.attrib]
    assert len(marked) == 1


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.text(), st.text(), st.integers(0, 3))
def test_any_text_is_drawn(label: str, prompt: str, depth: int) -> None:
    """Names and prompts of any letters, from anybody, are text in valid XML, and no markup."""
    found = [Node("root"), Node(label + HOSTILE, 1, "extend", prompt + HOSTILE, Status.FAILED, True)]
    svg = ElementTree.fromstring(drawing(found))
    tags = {element.tag.removeprefix(SVG) for element in svg.iter()}
    assert tags == {"svg", "title", "desc", "path", "rect", "g", "text"}


def test_long_texts_are_cut_to_their_box() -> None:
    """A long prompt ends with an ellipsis; wide letters count twice."""
    texts = []
    for letter in ("x", "宇"):
        svg = ElementTree.fromstring(drawing([Node("a", 0, "generate", letter * 500, Status.RUNNING)]))
        texts.append(max((text.text or "" for text in svg.iter(f"{SVG}text")), key=len))
    assert [len(text) for text in texts] == [66, 33]
    assert all(text.endswith("…") for text in texts)


# From a clip.


def test_a_clip_knows_its_lineage(notebook: Shell, service: FakeService) -> None:
    """With the names of its variables, while clips are still being made, as text and as a drawing."""
    service.running = True
    sunset = notebook.user_ns["sunset"] = generate("A sunset", timeout=1e9)
    notebook.user_ns["longer"] = longer = sunset.extend("On and on", timeout=1e9)
    notebook.user_ns["takes"] = batch("Fog", action="modify", source=longer, takes=2, timeout=1e9)
    reach(sunset, "running")
    found = longer.lineage()
    assert isinstance(found, Lineage)
    assert repr(found).splitlines() == [
        "sunset: generate 16:9, “A sunset”, running",
        "└── longer: extend of sunset, “On and on”, queued  ← this clip",
        "    ├── takes[0]: modify of longer, “Fog”, queued",
        "    └── takes[1]: modify of longer, take 2, “Fog”, queued",
    ]
    data, _ = notebook.ip.display_formatter.format(found)
    assert data["image/svg+xml"] == found.svg
    assert data["text/plain"] == repr(found)


def test_clips_of_earlier_kernels_are_in_it(notebook: Shell, service: FakeService) -> None:
    """After a restart the tree is whole, though only one of its clips was asked for again."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma extend sunset -o longer --wait\nOn and on")
    notebook.restart()
    notebook.run("%%luma -o sunset\nA sunset")
    assert repr(notebook.user_ns["sunset"].lineage()).splitlines() == [
        "sunset: generate 16:9, “A sunset”, completed  ← this clip",
        "└── longer: extend of sunset, “On and on”, completed",
    ]


def test_where_the_journal_cannot_be_read(notebook: Shell, tmp_path: Path) -> None:
    """The clips of this kernel are known all the same."""
    from luma_jupyter import settings as ours

    sunset = generate("A sunset").wait()
    (tmp_path / "file").touch()
    ours.configure(home=tmp_path / "file" / "folder")
    assert repr(sunset.lineage()).startswith(f"{sunset._task.key}: generate 16:9")


def test_a_forged_sidecar_does_not_hang_it(notebook: Shell) -> None:
    """Two sidecars that name each other as sources are two clips, each once."""
    one = generate("A sunset").wait()
    two = one.extend("On").wait()
    assert one.path
    sidecar = one.path.with_suffix(".json")
    record = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(record | {"source_intent": two._task.intent}))
    notebook.restart()
    assert len(repr(two.lineage()).splitlines()) == 2
