"""Tab completion in the magics' lines, asked of IPython's own completer as a front end does."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from luma_jupyter.cells.completion import Completer
from luma_jupyter.cells.options import OPTIONS
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.cut import Cut
from luma_jupyter.domain.vocabulary import ASPECT_RATIOS
from tests.support.notebook import PromptService, Shell


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
        ("%luma retry su", {"%luma retry sunset"}),
        ("%luma wait s", {"%luma wait sunset", "%luma wait seas"}),
        ("%luma log", {"%luma login", "%luma logout"}),
        ("%luma login ace", {"%luma login acedata", "%luma login acedata_platform"}),
        ("%luma logout r", {"%luma logout runapi"}),
        ("  %luma stop su", {"  %luma stop sunset"}),
        (
            "%luma history --",
            {f"%luma history --{word}" for word in ("all", "folder", "day", "since", "action", "starred")},
        ),
        ("%luma history fox --s", {f"%luma history fox --{word}" for word in ("since", "starred")}),
        ("%luma history --since ", {"%luma history --since today"}),
        ("%luma history --action m", {"%luma history --action modify"}),
        ("%luma history --day ", {"%luma history --day today"}),
        (
            "%luma history --all --",
            {f"%luma history --all --{word}" for word in ("folder", "day", "since", "action", "starred")},
        ),
        ("%luma adopt t --pro", {"%luma adopt t --provider"}),
        ("%luma adopt t --provider d", {"%luma adopt t --provider demo"}),
        ("%luma retry sunset --", {"%luma retry sunset --may-pay-twice"}),
        ("%%luma extend sunset --e", {"%%luma extend sunset --embed", "%%luma extend sunset --end-image"}),
        ("%luma film su", {"%luma film sunset"}),
        ("%%luma fi", {"%%luma film"}),
        ("%%luma film s", {"%%luma film sunset", "%%luma film seas"}),
        ("%%luma film sunset --f", {"%%luma film sunset --fade", "%%luma film sunset --fps"}),
        ("%%luma --end-image seas[0]@", {f"%%luma --end-image seas[0]@{when}" for when in ("first", "last")}),
    ],
)
def test_completion_offers_what_the_line_can_become_and_nothing_else(
    notebook: Shell, service: PromptService, line: str, expected: set[str]
) -> None:
    """Actions, options, ratios, providers, words and clip variables are completed, and nothing else is offered."""
    service.gate.clear()
    notebook.user_ns["summer"] = "not a clip"
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.user_ns["seas"] = ClipList([notebook.user_ns["sunset"]])
    assert completions(notebook, line) == expected


def test_completion_of_an_empty_word_offers_all(notebook: Shell) -> None:
    """After ``%%luma `` come the actions and every option; after an action no second one."""
    offered = completions(notebook, "%%luma ")
    assert {
        f"%%luma {word}"
        for word in ("generate", "extend", "modify", "film", *(flag for option in OPTIONS for flag in option.all_flags))
    } == offered
    assert "%%luma extend generate" not in completions(notebook, "%%luma extend ")


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("%%luma ", ["generate", "extend", "modify", "film", "-o"]),
        ("%luma film dusk ", ["dusk", "sunset", "seas", "dawn", "-o"]),
        ("%%luma film dusk --fade ", []),
        ("%luma film dusk --size ", []),
        ("%%luma extend ", ["dusk", "sunset", "seas[0]", "-o"]),
        ("%%luma modify -o x ", ["dusk", "sunset", "seas[0]", "--watermark"]),
        ("%%luma extend dusk ", ["-o", "--out", "--end-image"]),
        ("%%luma generate ", ["-o", "--out", "--aspect-ratio"]),
        ("%luma ", ["status", "wait", "show"]),
        ("%luma retry ", ["dusk", "sunset", "seas", "--may-pay-twice"]),
        ("%%luma extend sunset --lo", []),
        ("%%luma --loop --lo", []),
        ("%%luma extend sunset su", []),
        ("%luma doctor ", []),
        ("%luma handin lesson.ipynb ", ["-o", "--out"]),
        ("%luma nothing ", []),
        ("%%luma -o ", []),
    ],
)
def test_completion_offers_the_likeliest_first(line: str, first: list[str]) -> None:
    """Actions on an empty line, sources behind an action, then the options that it takes; names are the user's."""
    clip = object.__new__(Clip)
    variables = {"sunset": clip, "seas": ClipList([clip]), "dusk": clip, "dawn": Cut(clip)}
    offered = Completer(lambda: variables).complete(line)[1]
    assert offered[: max(1, len(first))] == first


def test_completion_keeps_its_order_in_the_page(notebook: Shell) -> None:
    """IPython passes on what it is given, in that order."""
    with provisionalcompleter():
        found = [c.text for c in notebook.ip.Completer.completions("%luma ", 6)]
    assert found[:3] == ["status", "wait", "show"]


@pytest.mark.parametrize(
    "code",
    [
        *(
            "%%luma\nexte",
            "%%luma -o x\nA fox and %luma histo",
            "%%luma film a b\npan l",
            "%%luma\n",
            "%%luma -o x\nA fox ",
        ),
        *("%timeit ext", "%%lumax ext", "%%lumax\npan l", "exte", "pan l", "%%time\npan l", "x = 1\npan l", ""),
    ],
)
def test_completion_leaves_other_places_alone(code: str) -> None:
    """Captions, other magics and plain code get no completions from here."""
    assert Completer(dict).complete(code) == ("", [])


@pytest.mark.parametrize(
    ("before", "behind", "found"),
    [
        ("%%luma\nA fox, pan l", "", ["left"]),
        ("%%luma -o fox\n\nA fox, pan l", " and more\nin the snow", ["left"]),
        ("%%luma extend fox\nIn the snow,\nsilh", "\nat night", ["silhouette"]),
        ("%%luma\n狐狸，向左", "", ["向左摇"]),
    ],
)
@pytest.mark.parametrize("use_jedi", [True, False])
def test_words_of_a_prompt_are_completed_below_the_line(
    notebook: Shell, before: str, behind: str, found: list[str], use_jedi: bool
) -> None:
    """In the middle of a prompt, and nothing else is offered there."""
    notebook.ip.Completer.use_jedi = use_jedi
    with provisionalcompleter():
        offered = list(notebook.ip.Completer.completions(before + behind, len(before)))
    whole = [before[: c.start] + c.text + (before + behind)[c.end :] for c in offered]
    begun = before[: before.rindex(before.split("\n")[-1].split()[-1] if "，" not in before else "向左")]
    assert whole == [begun + word + behind for word in found]


@pytest.mark.parametrize("use_jedi", [True, False])
def test_plain_cells_are_completed_as_ever(notebook: Shell, use_jedi: bool) -> None:
    """With the extension loaded a name of Python's is found, and no word of a prompt."""
    notebook.ip.Completer.use_jedi = use_jedi
    notebook.user_ns["pan_of_mine"] = 1
    assert "pan_of_mine" in completions(notebook, "pan_o")
    assert "x = 1\npan_of_mine" in completions(notebook, "x = 1\npan_")
    assert not [code for code in completions(notebook, "pan") if "left" in code]
