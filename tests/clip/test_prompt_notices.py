"""What is said of prompts before they are sent; of scripts that RunAPI does not read, see test_confirm."""

from __future__ import annotations

import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Provider
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.video import fonts

Printed = pytest.CaptureFixture[str]


def tell(prompt: str, provider: Provider = "demo") -> None:
    """Have said what there is to say of one prompt."""
    plan = kernel.session.plan(TaskSpec(request=GenerateRequest(prompt=prompt), provider=provider))
    kernel.session.prompt_notices.tell_of_scripts([plan])


def test_a_script_without_a_font_is_told_once(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    """The demo service writes prompts into its videos: one line for each script that it cannot write."""
    monkeypatch.setattr(fonts, "FONT_FILES", ())
    tell("a boat")
    tell("雪中的船")
    tell("雾中的船")
    said = capsys.readouterr().out
    assert said.startswith("luma_jupyter: This computer has no font for Chinese script, so the demo service leaves it ")
    assert said.count("\n") == 1
    tell("лодка")
    assert "no font for Cyrillic script" in capsys.readouterr().out


def test_a_script_with_a_font_is_not_told(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    """Nor one for a service that writes nothing into its videos."""
    monkeypatch.setattr(fonts, "undrawable", lambda text: "")
    tell("雪中的船")
    monkeypatch.setattr(fonts, "undrawable", lambda text: text)
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", "k-1")
    tell("лодка", "acedata")
    assert capsys.readouterr().out == ""
