"""Names of variables in cells: whatever Python takes for a name works wherever a cell has one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter

from luma_jupyter.cells.command import read_cell
from luma_jupyter.cells.completion import Completer
from luma_jupyter.cells.expressions import insert_variables
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.images import ClipFrame
from luma_jupyter.clip.names import find_name, visible_variables
from luma_jupyter.domain.identifiers import is_reserved_name, is_variable_name, normalize_name
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell, leave_running

WORDS = ["हिन्दी", "สวัสดี", "தமிழ்", "שָׁלוֹם", "µ", "ﬁlm", "éclair", "e\u0301clair", "match", "x_1", "𝒙"]
NAMES = st.text(st.characters(categories=["L", "M", "Nl", "Nd", "Pc"]), min_size=1, max_size=8).filter(
    lambda name: is_variable_name(name) and not is_reserved_name(name)
)


def lookup(variables: dict[str, object]) -> Lookup:
    return Lookup(variables, lambda key: pytest.fail(f"{key} was looked for"))


@given(NAMES)
@example("µ")
@example("हिन्दी")
def test_any_name_of_pythons_works_wherever_a_cell_has_one(name: str) -> None:
    """With -o, as a source, in @last, in double braces, in a list, in completion; and as Python itself finds it."""
    clip = object.__new__(Clip)
    variables: dict[str, object] = {}
    exec(f"{name} = clip", {"clip": clip}, variables)
    (kept,) = variables
    assert read_cell(f"-o {name}", "A fox", lookup({})).out == kept
    assert lookup(variables).clip(name) is clip
    assert lookup(variables).find_frame(f"{name}@last") == ClipFrame(clip, "last")
    assert lookup({kept: ClipList([clip])}).clip(f"{name}[0]") is clip
    assert lookup({kept: ClipList([clip])}).clips([name]) == {f"{name}[0]": clip}
    assert insert_variables(f"A {{{{ {name} }}}}", {kept: "fox"}) == "A fox"
    assert insert_variables(f"A {{{{{name}[0]}}}}", {kept: ["fox"]}) == "A fox"
    assert lookup({kept: "https://example.com/a.png"}).image("start_image", name) == "https://example.com/a.png"
    if kept[0] != "_":
        assert find_name(clip, variables) == kept
        assert kept in Completer(lambda: variables).complete(f"%%luma extend {name}")[1]
        assert f"{kept}@last" in Completer(lambda: variables).complete(f"%%luma --end-image {name}")[1]


@pytest.mark.parametrize("name", WORDS)
def test_a_clip_of_any_name_goes_on(notebook: Shell, service: PromptService, name: str) -> None:
    """A cell binds it, Python reads it, the next cell extends it, and its takes; all by the name as it was typed."""
    notebook.run(f"%%luma -o {name} --wait\nA sunset")
    assert isinstance(notebook.ip.ev(name), Clip)
    assert notebook.ip.ev(name).name == normalize_name(name)
    notebook.run(f"%%luma extend {name} -o longer\nThe sun is gone")
    assert notebook.user_ns["longer"].source is notebook.ip.ev(name)
    notebook.run(f"%luma status {name}")
    notebook.run(f"%%luma -o {name}2 --takes 2 --wait\nA dawn")
    notebook.run(f"%%luma extend {name}2[1] -o longest\nThe day")
    assert notebook.user_ns["longest"].source is notebook.ip.ev(f"{name}2[1]")
    code = f"%%luma extend {name}"
    with provisionalcompleter():
        found = {code[: c.start] + c.text + code[c.end :] for c in notebook.ip.Completer.completions(code, len(code))}
    assert f"%%luma extend {normalize_name(name)}" in found


@pytest.mark.parametrize("name", WORDS)
def test_a_clip_of_any_name_is_resumed_into_its_variable(notebook: Shell, service: PromptService, name: str) -> None:
    """The next kernel's variable is the one that Python reads."""
    leave_running(notebook, service, f"%%luma -o {name}\nA sunset")
    notebook.run("%luma resume")
    assert isinstance(notebook.ip.ev(name), Clip)


@pytest.mark.parametrize("name", ["class", "𝐢𝐟", "a-b", "1x", "x.y", "🦊", "x[0]"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """A keyword, however it is written, and what no variable can be called."""
    with pytest.raises(InvalidRequest, match=r"use letters, digits and _, such as|Python needs this name itself"):
        read_cell(f"-o '{name}'", "A fox", lookup({}))


def test_only_what_a_cell_can_name_is_offered() -> None:
    """What somebody put among the variables under another kind of name is passed over."""
    variables = {"": 1, "two words": 2, "_x": 3, "class": 4, "µ": 5, "μ": 6}
    assert visible_variables(variables) == [("μ", 6)]
