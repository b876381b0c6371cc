"""How clips look side by side: pure functions, looked at as data."""

from __future__ import annotations

from dataclasses import replace

from luma_jupyter.domain.task import Video
from luma_jupyter.views.comparison import comparison_html
from tests.support.html import HOSTILE, Tags, attributes_of
from tests.support.states import clip_state


def test_comparison_html_escapes_every_text() -> None:
    """Nothing that a name or a remark says becomes a tag."""
    html = comparison_html("key", [replace(clip_state(name=HOSTILE), remark=HOSTILE, media=HOSTILE)] * 2)
    assert {tag for tag, _ in Tags(html).tags} == {"div", "style", "figure", "figcaption", "video", "code"}
    assert all("onerror" not in attrs for _, attrs in Tags(html).tags)


def test_comparison_without_an_address_has_the_caption_alone() -> None:
    """A video that the page cannot reach leaves its caption."""
    html = comparison_html("key", [clip_state(path=None, video=Video("http://127.0.0.1:1/a.mp4")), clip_state()])
    assert len(attributes_of(html, "video")) == 1
    assert len(attributes_of(html, "figcaption")) == 2
