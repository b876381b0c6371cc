"""The pieces of HTML that all views share."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.support.forms import HTML, Form

PROMPT = "A coin of $5 and one of $10"


class Typeset(HTMLParser):
    """The texts with a dollar sign that a page would look for formulas in: ``mathjax_ignore`` is MathJax's own word."""

    EMPTY = ("img", "br", "input", "wbr", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self._classes: list[str] = []
        self.texts: list[str] = []
        self.left_alone: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.EMPTY:
            self._classes.append(dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        self._classes.pop()

    def handle_data(self, data: str) -> None:
        if "$" in data:
            ignored = {"mathjax_ignore", "tex2jax_ignore"} <= set(" ".join(self._classes).split())
            (self.left_alone if ignored else self.texts).append(data)


@pytest.mark.parametrize("form", [form for name, form in HTML.items() if name != "note"])
def test_amounts_and_prompts_are_not_set_as_formulas(form: Form) -> None:
    """JupyterLab and exports set what stands between two dollar signs as a formula: prices are none."""
    shown = Typeset(form(PROMPT))
    assert shown.texts == []
    assert shown.left_alone
