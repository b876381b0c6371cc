"""Cells that IPython would refuse before our magics see them."""

from __future__ import annotations

import pytest

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.magics.misplaced import answer_misplaced
from tests.support.notebook import PromptService, Shell


@pytest.mark.parametrize(
    "before",
    [
        "# my first video\n",
        "%load_ext luma_jupyter\n\n",
        "size = 3\n",
        "%luma status\n",
        "x = '''\n%%luma\n'''\n",
    ],
)
def test_cell_magic_below_other_lines_is_told(notebook: Shell, service: PromptService, before: str) -> None:
    """One line says that it needs a cell of its own; nothing of the cell is run."""
    with pytest.raises(InvalidRequest, match=r"^%%luma must be the first line of its cell: put it, .* into a new cell"):
        notebook.run(f"{before}%%luma -o fox\nA fox that isn't red")
    assert not service.sent
    assert "size" not in notebook.user_ns


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        ("text = '''\n%%luma -o fox\nA fox\n'''\nprint(text.count('luma'))", "1\n"),
        ("%luma status\nprint(7)", "There are no clips in this kernel yet.\n7\n"),
        ("%luma price\n%luma status", None),
        ("print('%luma')", "%luma\n"),
        ("%%capture\n%%luma\nx", None),
    ],
)
def test_cells_that_ipython_can_run_are_left_alone(
    notebook: Shell, capsys: pytest.CaptureFixture[str], cell: str, printed: str | None
) -> None:
    """What is in a string, behind a word of ours, or in another magic's cell is not ours to judge."""
    lines = cell.splitlines(keepends=True)
    assert answer_misplaced(lines) == lines
    assert answer_misplaced([]) == []
    if printed:
        notebook.run(cell)
        assert capsys.readouterr().out == printed


def test_an_error_of_python_below_a_word_of_ours_is_pythons(notebook: Shell) -> None:
    """``%luma status`` with broken code below is a SyntaxError as ever."""
    with pytest.raises(SyntaxError):
        notebook.run("%luma status\na b")


@pytest.mark.parametrize(
    "cell",
    [
        "％％luma\nA fox",
        "%％luma\nA fox",
        "％% Luma -o fox\nA fox",
        "%%luma\u3000-o fox\nA fox",
        "％luma status",
        "%luma\u3000status",
    ],
)
def test_wide_characters_of_an_input_method_are_told(notebook: Shell, service: PromptService, cell: str) -> None:
    """As Chinese and Japanese keyboards write them; Python or IPython would not know what was meant."""
    with pytest.raises(InvalidRequest, match=r"^Write %%luma or %luma, and the space after it, in half width\.$"):
        notebook.run(cell)
    assert not service.sent


def test_captions_below_a_line_are_told_where_they_go(notebook: Shell) -> None:
    """They are given back as the cell that was meant; nothing is made."""
    with pytest.raises(InvalidRequest) as caught:
        notebook.run("%luma film harbour storm\nThe old harbour\nA storm")
    assert str(caught.value) == (
        "Captions go below %%luma, with two percent signs, like this:\n\n%%luma film harbour storm\nThe old harbour\n"
        "A storm"
    )


def test_a_terminal_waits_for_the_prompt(terminal: Shell) -> None:
    """After the first line a terminal goes on asking for more; an empty line ends the cell."""
    check = terminal.ip.check_complete
    assert check("%%luma A red fox")[0] == "incomplete"
    assert check("%%luma -o fox\n")[0] == "incomplete"
    assert check("%%luma -o fox\nA red fox\n\n")[0] == "complete"
    assert check("x = 1\n%%luma\n")[0] == "complete"  # what is wrong with it is said when it runs


def test_unloading_takes_the_transformer_away(notebook: Shell) -> None:
    """Loading it any number of times brings it once, unloading takes it away."""
    transformers = notebook.ip.input_transformers_cleanup
    notebook.run("%reload_ext luma_jupyter")
    assert transformers.count(answer_misplaced) == 1
    notebook.run("%unload_ext luma_jupyter")
    assert answer_misplaced not in transformers
