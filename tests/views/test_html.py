"""The pieces of HTML that all views share."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Account, ListedTask, TaskPhase, TaskState
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.magics.doctor import Diagnosis, Finding
from luma_jupyter.views import clip_html, table
from luma_jupyter.views.account import AccountView
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.comparison import comparison_html
from luma_jupyter.views.gallery import Tile, gallery_html
from luma_jupyter.views.history import History
from luma_jupyter.views.lineage_svg import Node, svg
from tests.support.states import clip_state

PROMPT = "A coin of $5 and one of $10"


def state(status: Status = Status.COMPLETED) -> ClipState:
    return clip_state(status, request=GenerateRequest(prompt=PROMPT), price=0.35, cost=0.3)


def account() -> AccountView:
    listed = ListedTask("task-9", 1.0, {"prompt": PROMPT}, TaskState("task-9", TaskPhase.COMPLETED), None)
    return AccountView(Account([listed], {}), {}, 7)


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


@pytest.mark.parametrize(
    "html",
    [
        lambda: clip_html.final_html(state()),
        lambda: clip_html.final_html(state(Status.FAILED)),
        lambda: clip_html.waiting_html(state(Status.RUNNING)),
        lambda: table.final_html("key", [state()]),
        lambda: gallery_html("key", [Tile(state())], "1 clip", 0, ""),
        lambda: comparison_html("key", [state()] * 2),
        lambda: History([state().task], Path("/home"), 0.0)._repr_html_(),
        lambda: account()._repr_html_(),
        lambda: Diagnosis([Finding("act", "keys", PROMPT, PROMPT)])._repr_html_(),
        lambda: svg([Node("sunset", prompt=PROMPT, status=Status.COMPLETED)]),
    ],
    ids=["card", "failed", "waiting", "table", "gallery", "comparison", "history", "account", "doctor", "lineage"],
)
def test_amounts_and_prompts_are_not_set_as_formulas(html: Callable[[], str]) -> None:
    """JupyterLab and exports set what stands between two dollar signs as a formula: prices are none."""
    shown = Typeset(html())
    assert shown.texts == []
    assert shown.left_alone
