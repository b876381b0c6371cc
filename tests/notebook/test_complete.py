"""Tab completion in the magics' lines, asked of IPython's own completer as a front end does."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from luma_jupyter.choices import ASPECT_RATIOS
from luma_jupyter.notebook.complete import LumaCompleter
from luma_jupyter.notebook.parse import OPTIONS
from tests.notebook.conftest import FakeService, Shell


def completions(shell: Shell, code: str) -> set[str]:
    """The whole line as each completion would leave it."""
    with provisionalcompleter():
        found = list(shell.ip.Completer.completions(code, len(code)))
    return {code[: c.start] + c.text + code[c.end :] for c in found}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%luma ext", {"%%luma extend"}),
        ("%%luma extend su", {"%%luma extend sunset"}),
        ("%%luma modify sunset --water", {"%%luma modify sunset --watermark", "%%luma modify sunset --watermark-id"}),
        ("%%luma --aspect-ratio 9:", {"%%luma --aspect-ratio 9:16", "%%luma --aspect-ratio 9:21"}),
        ("%%luma --aspect-ratio ", {f"%%luma --aspect-ratio {ratio}" for ratio in ASPECT_RATIOS}),
        ("%%luma --provider d", {"%%luma --provider demo"}),
        ("%%luma --no-", {"%%luma --no-embed", "%%luma --no-enhancement", "%%luma --no-wait"}),
        ("%%luma --start-image su", {"%%luma --start-image sunset@first", "%%luma --start-image sunset@last"}),
        ("%luma sta", {"%luma status"}),
        ("%luma re", {"%luma resume", "%luma retry"}),
        ("%luma retry s", {"%luma retry sunset"}),
        ("%luma wait s", {"%luma wait sunset"}),
        ("  %luma stop su", {"  %luma stop sunset"}),
    ],
)
def test_completions(notebook: Shell, service: FakeService, line: str, expected: set[str]) -> None:
    """Actions, options, ratios, providers, words and clip variables are completed, and nothing else is offered."""
    service.gate.clear()
    notebook.user_ns["summer"] = "not a clip"
    notebook.run("%%luma -o sunset\nA sunset")
    assert completions(notebook, line) == expected


def test_an_empty_word_offers_all(notebook: Shell) -> None:
    """After ``%%luma `` come the actions and every option; after an action no second one."""
    offered = completions(notebook, "%%luma ")
    assert {f"%%luma {word}" for word in ("generate", "extend", "modify", *OPTIONS)} == offered
    assert "%%luma extend generate" not in completions(notebook, "%%luma extend ")


@pytest.mark.parametrize("code", ["%%luma\nexte", "%%luma -o x\nA sun", "%timeit ext", "%%lumax ext", "exte"])
def test_other_places_are_left_alone(code: str) -> None:
    """The prompt, other magics and plain code get no completions from here."""
    assert LumaCompleter(dict).complete(code.split("\n")[-1]) == ("", [])
