"""Names of variables: whatever Python takes for one is one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.domain.identifiers import is_reserved_name, is_variable_name, normalize_name

WORDS = ["हिन्दी", "สวัสดี", "தமிழ்", "שָׁלוֹם", "µ", "ﬁsh", "éclair", "e\u0301clair", "match", "_", "x1", "𝒙", "ª"]


def kept_by_python(name: str) -> str:
    """The name under which Python itself keeps a variable."""
    variables: dict[str, object] = {}
    exec(f"{name} = 1", {}, variables)
    (kept,) = variables
    return kept


@pytest.mark.parametrize("name", WORDS)
def test_a_word_of_any_script_is_a_name(name: str) -> None:
    """With its marks and points, in the form under which Python keeps it."""
    assert is_variable_name(name)
    assert normalize_name(name) == kept_by_python(name)


@pytest.mark.parametrize(
    "text", ["", " ", "1x", "a b", "a-b", "class", "None", "𝐢𝐟", "a.b", "x[0]", "🦊", "①", "\u0301a"]
)
def test_what_python_takes_for_no_name_is_none(text: str) -> None:
    """Keywords, however they are written, and all that is no identifier."""
    assert not is_variable_name(text)


@given(st.text(st.characters(categories=["L", "M", "Nl", "Nd", "Pc"]), min_size=1, max_size=8).filter(is_variable_name))
def test_any_name_is_kept_as_by_python(name: str) -> None:
    """And is then a name that stays as it is."""
    kept = normalize_name(name)
    assert kept == kept_by_python(name) == normalize_name(kept)
    assert is_variable_name(kept)
    assert normalize_name(unicodedata.normalize("NFD", kept)) == kept


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        *((name, True) for name in ("print", "open", "exit", "get_ipython", "display", "In", "Out", "__name__")),
        *((name, True) for name in ("_", "__", "___", "_1", "_12", "_i", "_ii", "_i3", "_ih", "_oh", "_dh")),
        *((name, False) for name in ("sunset", "Print", "in_", "_x", "_luma", "out", "_1a", "____")),
    ],
)
def test_names_that_python_or_ipython_needs_are_reserved(name: str, reserved: bool) -> None:
    """Built-ins and the shell's own names, whose loss would break the notebook; and no others."""
    assert is_reserved_name(name) is reserved
