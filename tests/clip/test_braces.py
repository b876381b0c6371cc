"""Double braces in prompts of Python functions: sent as they stand, and told once, in one line."""

from __future__ import annotations

import pytest

import luma_jupyter as luma
from luma_jupyter.clip.braces import double_braces_notice, find_double_braces
from tests.support.notebook import PromptService, Shell

Printed = pytest.CaptureFixture[str]


def test_find_double_braces_gives_each_once() -> None:
    """Of all prompts, in order; JSON and single braces are none."""
    prompts = ["A {{fox}} and a {{ bird }}", "A {{fox}}, {x}", '{"a": {"b": 1}}', "{{}} {{{{ }}}}"]
    assert find_double_braces(prompts) == ["{{fox}}", "{{ bird }}"]


def test_notice_says_how_it_is_written_in_python() -> None:
    """With the very name."""
    assert double_braces_notice("{{ fox }}") == (
        'The prompt has {{ fox }}, which Python functions send as it is. To send a value, write f"… {fox} …".'
    )


def test_python_functions_tell_of_double_braces_once(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """The prompt is sent as it is; one line says so, for the same words only once."""
    clip = luma.generate("A {{fox}}").wait()
    assert service.sent[0]["prompt"] == "A {{fox}}"
    assert capsys.readouterr().out.count("{{fox}}, which Python functions send as it is") == 1
    clip.extend("The {{fox}} runs").wait()
    assert "{{fox}}" not in capsys.readouterr().out
    clip.extend("A {{bird}}").wait()
    assert "{{bird}}, which" in capsys.readouterr().out


def test_a_batch_tells_of_double_braces_in_one_line(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """However many rows have them."""
    luma.batch([f"Scene {number} of {{{{film}}}} {{{{x{number}}}}}" for number in range(4)]).wait()
    assert capsys.readouterr().out.count("which Python functions send as it is") == 1
    assert len(service.sent) == 4


def test_a_cell_tells_nothing_of_what_it_put_in(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A value may have double braces; so may a prompt that has them doubled, and takes of it."""
    notebook.user_ns["place"] = "a {{harbour}}"
    notebook.run("%%luma --wait --takes 2\nOver {{place}} and {{{{sea}}}}")
    assert service.sent[0]["prompt"] == "Over a {{harbour}} and {{sea}}"
    assert "which Python functions send as it is" not in capsys.readouterr().out


def test_a_cell_tells_of_a_variable_in_single_braces(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """It is sent as it stands, and one line says what may have been meant."""
    notebook.user_ns["fox"] = "a red fox"
    notebook.run("%%luma --wait\nSee {fox} run")
    assert service.sent[0]["prompt"] == "See {fox} run"
    assert "luma_jupyter: The prompt has {fox}, sent as it is; {{fox}} puts in the value" in capsys.readouterr().out
