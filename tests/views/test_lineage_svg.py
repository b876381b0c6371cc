"""The tree that a clip belongs to, as an SVG that any page can show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.views import lineage_svg
from luma_jupyter.views.lineage_svg import Node
from tests.support.html import HOSTILE

# A tree as `clip.lineage` gives it.
NODES = [
    Node("clip_1", 0, "generate 16:9", "Prompt 1", Status.COMPLETED),
    Node("clip_2", 1, "extend clip_1", "Prompt 2", Status.COMPLETED),
    Node("clip_4", 2, "modify clip_2", "Prompt 4", Status.COMPLETED),
    Node("clip_3", 1, "extend clip_1, take 2", "Prompt 3", Status.COMPLETED, here=True),
    Node("clip_5", 2, "extend clip_3", "Prompt 5", Status.COMPLETED),
]


SVG = "{http://www.w3.org/2000/svg}"


def contrast(colour: str, other: str = "#ffffff") -> float:
    """The contrast of two colours by WCAG 2."""

    def light(text: str) -> float:
        digits = text[1:] if len(text) == 7 else "".join(c * 2 for c in text[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dark = sorted((light(colour), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_lineage_svg_is_legible_on_any_ground() -> None:
    """White text on boxes of their own colour, whatever a clip's state is; nothing lies on the ground behind."""
    found = [Node(f"n{n}", min(n, 1), "extend", "Go", status) for n, status in enumerate([None, *Status])]
    svg = ElementTree.fromstring(lineage_svg.svg(found))
    fills = [rect.attrib["fill"] for rect in svg.iter(f"{SVG}rect")]
    assert len(fills) == len(found)
    assert all(contrast(fill) >= 4.5 for fill in fills)
    assert all(group.attrib["fill"] == "#fff" for group in svg.iter(f"{SVG}g"))
    texts = [text for group in svg.iter(f"{SVG}g") for text in group.iter(f"{SVG}text")]
    assert len(list(svg.iter(f"{SVG}text"))) == len(texts)
    assert all(contrast(path.attrib["stroke"]) > 3 for path in svg.iter(f"{SVG}path"))
    assert all(contrast(path.attrib["stroke"], "#111111") > 3 for path in svg.iter(f"{SVG}path"))


def test_lineage_svg_has_title_and_description() -> None:
    """It is one image with a title, and its description is the tree in words; it needs nothing from outside."""
    svg = ElementTree.fromstring(lineage_svg.svg(NODES))
    assert svg.attrib["role"] == "img"
    assert svg.findtext(f"{SVG}title") == "Family tree of clip_3"
    assert svg.findtext(f"{SVG}desc") == lineage_svg.text(NODES)
    assert not re.search(r"href|url\(|@import|<style|<script", lineage_svg.svg(NODES))
    marked = [rect for rect in svg.iter(f"{SVG}rect") if "stroke" in rect.attrib]
    (here,) = (row for row, node in enumerate(NODES) if node.here)
    assert [int(rect.attrib["y"]) for rect in marked] == [lineage_svg._corner(NODES[here].depth, here)[1]]


@settings(max_examples=80, derandomize=True, database=None)
@given(st.text(), st.text(), st.integers(0, 3))
def test_lineage_svg_of_any_text_is_valid_xml(label: str, prompt: str, depth: int) -> None:
    """Names and prompts of any letters, from anybody, are text in valid XML, and no markup."""
    found = [Node("root"), Node(label + HOSTILE, 1, "extend", prompt + HOSTILE, Status.FAILED, True)]
    svg = ElementTree.fromstring(lineage_svg.svg(found))
    tags = {element.tag.removeprefix(SVG) for element in svg.iter()}
    assert tags == {"svg", "title", "desc", "path", "rect", "g", "text"}


def test_lineage_svg_cuts_long_texts_to_their_box() -> None:
    """A long prompt ends with an ellipsis; wide letters count twice."""
    texts = []
    for letter in ("x", "宇"):
        svg = ElementTree.fromstring(lineage_svg.svg([Node("a", 0, "generate", letter * 500, Status.RUNNING)]))
        texts.append(max((text.text or "" for text in svg.iter(f"{SVG}text")), key=len))
    assert [len(text) for text in texts] == [66, 33]
    assert all(text.endswith("…") for text in texts)
