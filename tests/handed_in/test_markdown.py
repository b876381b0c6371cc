"""Markdown of anybody: drawn as it is meant, and harmless."""

from __future__ import annotations

import re

import pytest

from luma_jupyter.handed_in.markdown import MOST_FOLDED, markdown_html


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("**bold** *soft* `code` ~~old~~", "<strong>bold</strong> <em>soft</em> <code>code</code> <s>old</s>"),
        ("* one\n* two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
        ("| a |\n| --- |\n| b |", "<td>b</td>"),
        ("```python\n<b>\n```", '<pre><code class="language-python">&lt;b&gt;\n</code></pre>'),
        ("[x](https://a.example/?a=1&b=2)", '<a href="https://a.example/?a=1&amp;b=2">x</a>'),
        (
            "<ann@a.example> [up](#video-1)",
            '<a href="mailto:ann@a.example">ann@a.example</a> <a href="#video-1">up</a>',
        ),
        ("[lesson **2**](2.ipynb) and [y](http://a.example)", '<p>lesson <strong>2</strong> and <a href="http'),
        ("![a <b>](b.png)", "<p>![a &lt;b&gt;](b.png)</p>"),
    ],
)
def test_markdown_is_drawn(source: str, html: str) -> None:
    """As notebooks draw it; links to files beside it are words, and pictures as typed."""
    assert html in markdown_html(source)


@pytest.mark.parametrize(
    "source",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](java&#10;script:alert(1))",
        "<javascript:alert(1)>",
        "[x][y]\n\n[y]: javascript:alert(1)",
        "[x](vbscript:x) [x](data:text/html,<script>) [x](file:///etc/passwd) [x](//a.example) [x](/x) [x](../x)",
        "[x](blob:https://a.example) [x](&#x20;javascript:alert(1)) [x](\\x01javascript:alert(1))",
        '![x](x" onerror="alert(1))',
        '![x](<x" onerror="alert(1)>)',
        "<script>alert(1)</script>",
        "text <img src=x onerror=alert(1)>",
        "<details ontoggle=alert(1) open>",
        "<summary>x</summary>",
        "<details><summary><img src=x onerror=alert(1)></summary>",
        '```"onclick=alert(1)\nx\n```',
        "<!-- --!><script>",
        "a|b\n-|-\n<script>|</td><svg onload=x>",
    ],
)
def test_hostile_markdown_is_text(source: str) -> None:
    """No tag but those that Markdown has, no attribute that runs, and no link."""
    html = markdown_html(source)
    tags = re.findall(r"<(/?[^\s>]+)([^>]*)>", html)
    known = {"p", "pre", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "h2"}
    assert {name.strip("/") for name, _ in tags} <= known
    assert {attributes for _, attributes in tags} <= {"", ' class="language-&quot;onclick=alert(1)"'}


def test_folded_parts_can_be_unfolded() -> None:
    """With what is in them drawn, whether the summary has a line of its own or not; in code they are text."""
    html = markdown_html("Before\n<details><summary>A `b`</summary>\n\n* **x**\n</details>\nAfter")
    assert re.sub(r"\n", "", html) == (
        "<p>Before</p><details><summary>A <code>b</code></summary><ul><li><strong>x</strong></li></ul></details>"
        "<p>After</p>"
    )
    assert markdown_html("<details>\n<summary>A</summary>\n</details>").count("<summary>A</summary>") == 1
    for code in ("```\n<details>\n```", "    <details>"):
        assert "&lt;details&gt;" in markdown_html(code)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("<details>\n\n<details>\nx", 2),
        ("</details>\n\nx\n\n</details>", 0),
        ("<details>\n</details>\n</details>\nx", 1),
        ("* <details>\n\n  </details>\n\n> <details>", 0),
        ("* a\n</details>\n\n* <details>", 0),
        ("<details>\n\n" * 5_000, MOST_FOLDED),
        ("<details>\n" * 50 + "</details>\n" * 90, MOST_FOLDED),
    ],
)
def test_each_folded_part_ends(source: str, parts: int) -> None:
    """In its own cell, whatever is left open, closed too often, in lists and quotes, or too deep."""
    html = markdown_html(source)
    assert (html.count("<details>"), html.count("</details>")) == (parts, parts)


@pytest.mark.parametrize("piece", ["> ", "* ", "[", "![", "*", "`", "<", "**_", "[](", "~~"])
def test_huge_nesting_is_drawn(piece: str) -> None:
    """Nothing is nested without end, and no stack ends."""
    html = markdown_html(piece * 3_000 + "x")
    assert max(html.count("<blockquote>"), html.count("<ul>")) <= 20


def test_no_character_turns_a_page_round() -> None:
    """Neither as it is nor as an entity; half a character is none."""
    assert not set("\u202e\ud800\x1b") & set(markdown_html("\u202e \ud800 \x1b &#x202e; [\ud800](https://a/\ud800)"))
