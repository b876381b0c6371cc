"""The part by which prompts differ."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.views.differing import common_beginning, differing_part
from luma_jupyter.views.table import final_html, live_row, table_text
from tests.support.states import clip_state, counted

LONG = "Astronauts shuttle from space to a volcano "


@pytest.mark.parametrize(
    ("prompts", "shown"),
    [
        ([f"{LONG}at dawn", f"{LONG}at noon"], ["…dawn", "…noon"]),
        ([f"{LONG}at dawn", f"{LONG}at dawn, in fog"], ["…dawn", "…dawn, in fog"]),
        ([f"{LONG}at dawn"] * 2, [f"{LONG}at dawn"] * 2),
        (["A fox in the snow", "A fox in the snow at night"], ["A fox in the snow", "A fox in the snow at night"]),
        ([f"A fox {LONG}", f"A cat {LONG}"], [f"A fox {LONG}", f"A cat {LONG}"]),
        (["雪" * 40 + "狐", "雪" * 40 + "猫"], ["…狐", "…猫"]),
        (["雪" * 41, "雪" * 41 + "猫"], ["雪" * 41, "…猫"]),
        ([], []),
    ],
)
def test_what_long_prompts_have_in_common_is_left_out(prompts: list[str], shown: list[str]) -> None:
    """In whole words; a prompt that has room, or differs at once, stays as it is, and none becomes empty."""
    beginning = common_beginning(prompts)
    assert [differing_part(prompt, beginning) for prompt in prompts] == shown


def test_a_prompt_that_begins_otherwise_is_shown_whole() -> None:
    """As in a table whose first rows have something in common that a later one has not."""
    assert differing_part("A quite different prompt, and a long one", f"{LONG}at ") == (
        "A quite different prompt, and a long one"
    )


def test_every_table_shows_by_what_its_prompts_differ() -> None:
    """As HTML, as text and live, where the whole prompt is there, too."""
    states = [clip_state(request=GenerateRequest(prompt=f"{LONG}at {time}")) for time in ("dawn", "noon")]
    html, text = final_html("key", *counted(*states)), table_text(states)
    for part in ("…dawn", "…noon"):
        assert f'<div dir="auto">{part}</div>' in html
        assert f"  {part}" in text
    row = live_row(states[0], f"{LONG}at ")
    assert (row[1], row[9]) == ("…dawn", f"{LONG}at dawn")
