"""What stands in double braces in a prompt: replaced by its value, or refused; never sent as it stands."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.cells.command import read_cell
from luma_jupyter.cells.expressions import insert_variables, read_pieces, single_braces_notice
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.errors import InvalidRequest


@dataclass
class Shot:
    """What a user may have in a variable. ``touched`` counts how often code of the user's was run."""

    look: str = "foggy"
    first_name: str = "Ada"
    _secret: str = "hidden"
    touched: int = 0

    def __call__(self, *args: Any) -> str:
        self.touched += 1
        return "called"

    call = __call__

    @property
    def broken(self) -> str:
        self.touched += 1
        raise RuntimeError("no\nluck")


class Silent:
    """An object without a text of its own."""


class Mute:
    """An object whose text cannot be had, and whose error has none either."""

    class Wordless(Exception):
        def __str__(self) -> str:
            raise ValueError

    def __str__(self) -> str:
        raise self.Wordless


def variables() -> dict[str, Any]:
    table = pd.DataFrame({"prompt": ["a fox", None], "size": [1.5, math.nan], "count": [3, 4]})
    return {
        "fox": "a red fox",
        "place": "a quiet {{harbour}}",
        "row": {"prompt": "a kite", "a:b": "colon", 1: "one", "none": None},
        "df": table,
        "n": 3,
        "num": 2.34567,
        "i": np.int64(4),
        "x": np.float32(0.5),
        "day": pd.Timestamp("2026-11-22"),
        "words": ["sea", "sky"],
        "shot": Shot(),
        "math": math,
        "none": None,
        "film": object.__new__(Clip),
        "seas": ClipList(),
    }


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("Over {{fox}}", "Over a red fox"),
        ("{{ fox }}{{fox}}", "a red foxa red fox"),
        ("{{row['prompt']}}", "a kite"),
        ('{{row["a:b"]:>6}}', " colon"),
        ("{{row[1]}}", "one"),
        ("{{df.prompt[0]}}", "a fox"),
        ("{{df['count'][1] + 1}}", "5"),
        ("{{words[-1]}}", "sky"),
        ("{{n + 1}}", "4"),
        ("{{ (n - 1) * -2 / 4 }}", "-1.0"),
        ("{{num:.2f}}", "2.35"),
        ("{{num * 2:.1f}}", "4.7"),
        ("{{i}} {{x}} {{i * x}}", "4 0.5 2.0"),
        ("{{day:%d.%m.%Y}}", "22.11.2026"),
        ("{{shot.look}} {{shot.first_name}}", "foggy Ada"),
        ("{{math.pi:.3f}}", "3.142"),
        ("{{words}}", "['sea', 'sky']"),
        ("{{place}}", "a quiet {{harbour}}"),
        ("{{{fox}}}", "{a red fox}"),
        ("{fox} $fox %s {0} {}", "{fox} $fox %s {0} {}"),
        ("{{{{fox}}}}", "{{fox}}"),
        ("{{{{ {{fox}} }}}}", "{{ a red fox }}"),
        ('{"scene": {"who": {{fox}}}}', '{"scene": {"who": a red fox}}'),
        ('{"a":{"b":{"c":{"d":1}}}}', '{"a":{"b":{"c":{"d":1}}}}'),
        ("{a {b}}}}", "{a {b}}"),
    ],
)
def test_double_braces_give_the_value(prompt: str, sent: str) -> None:
    """Variables, their attributes and items, sums and formats are put in; all else is taken literally."""
    assert insert_variables(prompt, variables()) == sent


@pytest.mark.parametrize(
    "expression",
    [
        *("mood|upper", "fox.upper()", "len(fox)", "fox!r", "fox=", "fox if n else n", "n > 2", "not n", "fox and n"),
        *("row[n]", "row[1:2]", "row[True]", "row[1.5]", "row['a'+'b']", "[n]", "(n, n)", "f'{n}'", "'text'", "None"),
        *("'}'+'}'", "''"),
        *("lambda: n", "shot._secret", "shot.__class__", "n ** 2", "n // 2", "n % 2", "n @ n", "~n", "+n", "1j"),
        *(
            "fox # the hero",
            "the fox",
            "n + 1 +",
            "n:99999",
            "n; n",
            "*words",
            "await n",
            "yield",
            "(" * 150,
            "-" * 300,
        ),
        *("\0", "\ud800", "n\n+1"),
    ],
)
def test_all_else_in_double_braces_is_refused_with_a_way_out(expression: str) -> None:
    """In one line that names it and says what to do."""
    with pytest.raises(InvalidRequest) as caught:
        insert_variables(f"A {{{{{expression}}}}}.", variables())
    words = str(caught.value)
    assert "Put it into a variable first: text = " in words
    assert "{{text}}" in words
    assert "\n" not in words
    assert len(words) < 400


def test_the_way_out_of_a_call_is_the_line_to_write() -> None:
    """What is Python already can be copied as it is; a filter of another language cannot."""
    with pytest.raises(InvalidRequest, match=r"first: text = fox\.upper\(\), and write \{\{text\}\}"):
        insert_variables("{{fox.upper()}}", variables())
    with pytest.raises(InvalidRequest, match=r"first: text = …, and"):
        insert_variables("{{fox|upper}}", variables())


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "None"),
        *(
            (nan, "missing")
            for nan in (math.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT", "s"), Decimal("NaN"))
        ),
        (Decimal("sNaN"), "missing"),
        (math, "a module"),
        (pd.Series([1]), "a whole Series"),
        (pd.DataFrame(), "a whole DataFrame"),
        *((function, "a function") for function in (len, test_double_braces_give_the_value, "".upper, partial(len))),
        (Shot, "a class"),
        (object.__new__(Clip), "a clip"),
        (ClipList(), "a list of clips"),
        (np.zeros(3), "an array"),
        ({"a"}, "a set"),
        (b"fox", "bytes"),
        (Silent(), "no text of its own"),
    ],
)
@pytest.mark.parametrize("expression", ["thing", "things['it']", "thing:>9", "thing + 1"])
def test_a_value_that_is_no_text_is_refused_in_words(value: object, what: str, expression: str) -> None:
    """“None sky” is never paid for, wherever the None comes from."""
    with pytest.raises(InvalidRequest) as caught:
        insert_variables(f"{{{{{expression}}}}} sky", {"thing": value, "things": {"it": value}})
    assert f"{{{{{expression}}}}}" in str(caught.value)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "prompt", ["{{nothing}}", "{{nothing.look}}", "{{nothing['x'] + 1}}", "{{fox}} {{nothing:.2f}}"]
)
@pytest.mark.parametrize("names_only", [False, True])
def test_an_undefined_variable_is_named(prompt: str, names_only: bool) -> None:
    """The error says which one there is none of."""
    with pytest.raises(InvalidRequest, match=r"^\{\{.*: there is no variable nothing\."):
        insert_variables(prompt, variables(), names_only=names_only)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("shot.broken", "RuntimeError: no luck"),
        ("shot.colour", "AttributeError: "),
        ("row['x']", "KeyError: 'x'"),
        ("words[7]", "IndexError: "),
        ("n['x']", "TypeError: "),
        ("n / 0", "ZeroDivisionError: "),
        ("fox:.2f", "ValueError: "),
        ("mute", "cannot be put in: Wordless."),
        ("fox + 1", "fox is no number, but of type str. Put it into a variable first"),
    ],
)
def test_an_error_of_the_users_objects_is_one_line(expression: str, words: str) -> None:
    """A property may raise anything: it is told, and nothing of ours is in the traceback."""
    with pytest.raises(InvalidRequest) as caught:
        insert_variables(f"{{{{{expression}}}}}", {**variables(), "mute": Mute()})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("A {{fox in the snow", "“{{fox in the snow”: there is no }}"),
        ("A {{fox} in the snow", "there is no }}"),
        ("A fox}} in the snow", "“A fox}}”: there is no {{"),
        ("A {fox}} in the snow", "there is no {{"),
        ("A {{}} in the snow", "nothing in {{}}"),
        ("{{fox}} {{ }}", "nothing in {{}}"),
        ("{{{{fox}}", "there is no {{"),
    ],
)
def test_half_a_replacement_is_refused(prompt: str, words: str) -> None:
    """What looks like an unfinished one is never sent; the error says how braces that are meant are written."""
    with pytest.raises(InvalidRequest) as caught:
        insert_variables(prompt, variables())
    assert words in str(caught.value)
    assert "{{{{ … }}}}" in str(caught.value)


def test_a_mistake_is_found_before_anything_is_evaluated() -> None:
    """No property is asked for a prompt that cannot be sent."""
    known = variables()
    with pytest.raises(InvalidRequest, match="double braces take only"):
        insert_variables("{{shot.broken}} {{shot()}}", known)
    assert known["shot"].touched == 0


def test_names_only_evaluates_nothing_but_names() -> None:
    """So a form can be checked with every key that is pressed."""
    known = variables()
    assert insert_variables("{{fox}} {{shot.broken}} {{n + 1}}", known, names_only=True) == (
        "a red fox {{shot.broken}} {{n + 1}}"
    )
    assert known["shot"].touched == 0
    command = read_cell("", "{{fox}} {{row['prompt']}}", Lookup(known, pytest.fail), names_only=True)
    assert command.spec.request.prompt == "a red fox {{row['prompt']}}"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A {fox} runs", "fox"),
        ("{{n}} of { n }", "n"),
        ("{{{{fox}}}}, {{fox}}, {{{fox}}}", None),
        ("{math} {nothing} {fox.upper} {} {0} {none} {film}", None),
    ],
)
def test_single_braces_around_a_variable_are_told(prompt: str, name: str | None) -> None:
    """Somebody who writes {fox} may have meant {{fox}}; JSON and formats of others are left alone."""
    notice = single_braces_notice(prompt, variables())
    assert (notice is None) if name is None else (notice and f"{{{{{name}}}}} puts in the value" in notice)


# Whatever somebody types.

TEXTS = st.lists(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from([*"{}{}[]().:'\"|+-*/ \\\nn0", "{{", "}}", "{{fox}}", "fox", "n + 1", "row['prompt']", ".look"])
    | st.sampled_from(["shot", "df", "[0]", "()"])
).map("".join)


@given(TEXTS | st.lists(TEXTS, max_size=4).map("{{".join) | TEXTS.map(lambda text: f"{{{{{text}}}}}"))
def test_any_prompt_is_read_or_refused(prompt: str) -> None:
    """There is a text or one clear error, and never any other."""
    with contextlib.suppress(InvalidRequest):
        assert isinstance(insert_variables(prompt, variables()), str)


@given(st.text().filter(lambda text: "{" not in text and "}" not in text))
def test_a_prompt_without_braces_is_unchanged(prompt: str) -> None:
    """Whatever else is in it."""
    assert insert_variables(prompt, {}) == prompt


@given(st.lists(st.sampled_from(["{{", "}}", "{{{{", "}}}", "{x}", '{"a": {"b": 1}}', "{{fox}}", "é\n"]), max_size=12))
def test_doubled_braces_come_back(parts: list[str]) -> None:
    """A text whose pairs of braces are doubled is sent as that text, with no variable there."""
    text = " ".join(parts)
    assert insert_variables(text.replace("{{", "{{{{").replace("}}", "}}}}"), {}) == text


KEYS = st.text("abcxyz", min_size=1, max_size=4)
DOCUMENTS = st.recursive(
    KEYS | st.integers(), lambda inner: st.dictionaries(KEYS, inner) | st.lists(inner), max_leaves=12
)


@given(st.dictionaries(KEYS, DOCUMENTS), st.sampled_from([(",", ":"), (", ", ": ")]), st.none() | st.just(1))
def test_json_is_unchanged(document: dict[str, Any], separators: tuple[str, str], indent: int | None) -> None:
    """A prompt may be JSON, however deep: its braces close single ones."""
    text = json.dumps(document, separators=separators, indent=indent)
    assert insert_variables(text, {}) == text


PARTS = st.sampled_from(["shot", "fox", "n", "shot.call", "row['prompt']", "df.prompt", "1", "shot.look"])
CALLS = st.recursive(
    st.builds("{}({})".format, PARTS, PARTS | st.just("")),
    lambda inner: (
        st.builds("{}{}".format, inner, st.sampled_from([".look", "[0]", " + 1", "()", ":>3"]))
        | st.builds("{} + {}".format, PARTS, inner)
        | st.builds("({})".format, inner)
        | st.builds("{}[{}]".format, PARTS, inner)
    ),
    max_leaves=3,
)


@given(CALLS, st.booleans())
def test_a_call_is_never_made(expression: str, names_only: bool) -> None:
    """Wherever in an expression it stands."""
    known = variables()
    with pytest.raises(InvalidRequest, match="Put it into a variable first"):
        insert_variables(f"{{{{{expression}}}}}", known, names_only=names_only)
    assert known["shot"].touched == 0


def test_pieces_of_a_long_prompt_are_read_quickly() -> None:
    """Ten million braces are no burden."""
    assert read_pieces("{{{{" * 2_500_000) == ["{{" * 2_500_000]
