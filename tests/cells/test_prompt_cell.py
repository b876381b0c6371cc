"""Cells that use a prompt again: whatever is in it, they send just that."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from luma_jupyter.cells.command import read_cell
from luma_jupyter.cells.expressions import escape_braces, insert_variables
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.prompt_cell import prompt_cell, write_cell
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, Request, VideoRef
from luma_jupyter.domain.vocabulary import ASPECT_RATIOS
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell


def as_sent(cell: str, lookup: Lookup) -> Request:
    """The request that a cell is read as, by IPython and by us."""
    call = ast.parse(TransformerManager().transform_cell(cell)).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    name, line, body = map(ast.literal_eval, call.value.args)
    assert name == "luma"
    return read_cell(line, body, lookup).spec.request


@pytest.fixture(scope="module")
def lookup() -> Lookup:
    """A lookup that finds no variable."""
    return Lookup({}, pytest.fail)


BRACES = st.text("{{{}}}a'\n ", max_size=40)


@given(prompt=st.one_of(BRACES, st.text(max_size=60)), ratio=st.sampled_from(ASPECT_RATIOS), loop=st.booleans())
@example(prompt='{"a": {"b": [1, 2]}} and {{name}}', ratio="9:16", loop=True)
@example(prompt="{ a {{ b { c { d { e }}}}", ratio="16:9", loop=False)
@example(prompt=">>> and then\r  >>>> more\n{{>>>", ratio="16:9", loop=False)
@example(prompt="a fox\n \n\u3000\t\nand more", ratio="16:9", loop=False)
@example(prompt="[ins] In [1]: what?", ratio="16:9", loop=False)
@example(prompt="... and then\n... it rains", ratio="16:9", loop=False)
@example(prompt="In [1]: what?", ratio="16:9", loop=False)
@example(prompt="%%luma\n%luma", ratio="16:9", loop=False)
def test_the_cell_of_any_prompt_is_the_same_request(lookup: Lookup, prompt: str, ratio: str, loop: bool) -> None:
    """Braces, line ends and what looks like a shell's prompt: the cell asks for the very same."""
    try:
        request = GenerateRequest(prompt=prompt, aspect_ratio=ratio, loop=loop, enhancement=not loop)
    except InvalidRequest:
        assume(False)
    assert as_sent(prompt_cell(request), lookup) == request


@pytest.mark.parametrize(
    ("prompt", "body"),
    [
        ('{"shot": {"light": "soft"}}', '{"shot": {"light": "soft"}}'),
        ("A {{name}} in the rain", "A {{{{name}}}} in the rain"),
        ("}} and {", "}}}} and {"),
        ("{ a {{ b { c { d { e }}}}", "{ a {{{{ b { c { d { e " + "{{'}'}}" * 4),
        ("no braces", "no braces"),
    ],
)
def test_braces_are_escaped_where_they_would_be_read(prompt: str, body: str) -> None:
    """JSON stays as it is; double ones are doubled; what neither can say is a text in quotes."""
    assert escape_braces(prompt) == body


def test_a_million_braces_are_escaped_in_a_moment() -> None:
    """The longest prompts take no longer than others for each of their braces."""
    body = escape_braces("}" * 500_000 + "{ " * 200_000 + "} " * 200_000 + "{" * 200_001 + "}" * 200_001)
    assert len(insert_variables(body, {})) == 1_700_002


def test_prompt_of_an_extension_is_used_for_a_new_video(lookup: Lookup) -> None:
    """Its source is not known to the cell: the prompt is what is used again."""
    request = ExtendRequest(prompt="The tide comes in", source=VideoRef(video_id="v1"))
    assert prompt_cell(request) == "%%luma\nThe tide comes in"
    assert write_cell("extend sunset", " On\n") == "%%luma extend sunset\nOn"


def test_form_that_says_its_cell_keeps_what_looks_like_a_shell(lookup: Lookup) -> None:
    """What is typed there is in the words of cells already: what IPython would take away is quoted."""
    assert write_cell("", ">>> a fox") == "%%luma\n{{'>'}}>> a fox"
    assert as_sent(write_cell("", "... a fox, {{'}'}}"), lookup).prompt == "... a fox, }"


def test_prompt_with_braces_is_made_once_by_function_and_cell(notebook: Shell, service: PromptService) -> None:
    """A clip that a Python function made is found again by the cell of its prompt: nothing is paid twice."""
    notebook.run("import luma_jupyter as luma\nfox = luma.generate('A {{fox}} }} {', aspect_ratio='1:1')")
    fox = notebook.user_ns["fox"]
    notebook.run(prompt_cell(fox.task.request))
    assert notebook.user_ns["_luma"] is fox
    fox.wait()
    assert [sent["prompt"] for sent in service.sent] == ["A {{fox}} }} {"]
