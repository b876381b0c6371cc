"""What differs between the supported versions: each way, whichever version runs the tests."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import CompletionSplitter

from luma_jupyter import compat

WORDS = {"%%luma ext": ("ext", ["extend"]), "%%luma -a 9:": ("9:", ["9:16", "9:21"]), "%%luma ": ("", ["extend", "-o"])}


class OldCompleter:
    """What IPython's completer was until 8.6, as far as such matchers see it."""

    def __init__(self) -> None:
        self.splitter = CompletionSplitter()
        self.magic_arg_matchers: list[Any] = []
        self.text_until_cursor = ""

    def lines(self, line: str, rest: str = "") -> list[str]:
        """The line as each completion would leave it: the token before the cursor is replaced by what was found."""
        self.text_until_cursor = line
        kept = line.removesuffix(self.splitter.split_line(line))
        return [kept + text for matcher in self.magic_arg_matchers for text in matcher(line + rest)]


@pytest.fixture
def completer(monkeypatch: pytest.MonkeyPatch) -> OldCompleter:
    """An old completer that completes by `WORDS`."""
    monkeypatch.delattr("IPython.core.completer.context_matcher", raising=False)
    completer = OldCompleter()
    completer.end = compat.add_completion(completer, lambda line: WORDS.get(line, ("", [])))  # type: ignore[attr-defined]
    return completer


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%luma ext", ["%%luma extend"]),
        ("%%luma -a 9:", ["%%luma -a 9:16", "%%luma -a 9:21"]),
        ("%%luma ", ["%%luma extend", "%%luma -o"]),
        ("import ", []),
    ],
)
@pytest.mark.parametrize("rest", ["", " and more"])
def test_completion_before_ipython_8_6_is_of_the_token_before_the_cursor(
    completer: OldCompleter, line: str, rest: str, expected: list[str]
) -> None:
    """Of a word that IPython splits at a colon only the rest is given; what is behind the cursor plays no part."""
    assert completer.lines(line, rest) == expected


def test_completion_before_ipython_8_6_is_taken_away_once(completer: OldCompleter) -> None:
    """Ending it twice is ending it once."""
    assert len(completer.magic_arg_matchers) == 1
    for _ in range(2):
        completer.end()  # type: ignore[attr-defined]
        assert completer.magic_arg_matchers == []


class OldWidget:
    """What a widget of anywidget's was until 0.9.10, where ipywidgets 7 draws it."""

    model_id = "a-model"


class NewWidget(OldWidget):
    """One that says itself how it is shown."""

    def _repr_mimebundle_(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {compat.WIDGET_VIEW: {"model_id": self.model_id}}, {compat.WIDGET_VIEW: {"colab": {}}}


def test_a_widget_that_does_not_say_how_it_is_shown_is_shown_by_its_model() -> None:
    """The view is that of the protocol's version 2, which has no metadata."""
    view = {"version_major": 2, "version_minor": 0, "model_id": "a-model"}
    assert compat.view_bundle(OldWidget()) == ({compat.WIDGET_VIEW: view}, {})


def test_a_widget_that_says_how_it_is_shown_is_shown_so() -> None:
    """Its metadata too."""
    assert compat.view_bundle(NewWidget()) == NewWidget()._repr_mimebundle_()
