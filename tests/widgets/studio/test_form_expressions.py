"""Double braces in a form: checked with each change, and evaluated when its button is pressed."""

from __future__ import annotations

from luma_jupyter.api.kernel import kernel
from luma_jupyter.widgets.studio.form import Form
from tests.support.notebook import PromptService, Shell


class Shot:
    """A user's object, which counts how often it is looked at."""

    looked = 0

    @property
    def look(self) -> str:
        self.looked += 1
        return "foggy"

    @property
    def broken(self) -> str:
        raise RuntimeError("no luck")


def open_form(prompt: str) -> Form:
    return Form(kernel.session, kernel.presenter.environment, prompt=prompt)


def test_form_runs_no_code_of_the_users_before_its_button(notebook: Shell, service: PromptService) -> None:
    """A property is asked once, for what is sent; names are replaced at once."""
    shot = notebook.user_ns["shot"] = Shot()
    notebook.user_ns["sea"] = "the sea"
    form = open_form("{{sea}}, {{shot.look}}")
    form.aspect_ratio = "9:16"
    assert (form.errors, form.problem, shot.looked) == ({}, "", 0)
    assert "the sea, {{shot.look}}" in form.request
    form.submit()[0].wait()
    assert service.sent[0]["prompt"] == "the sea, foggy"
    assert shot.looked == 1


def test_form_marks_what_cannot_be_read(notebook: Shell, service: PromptService) -> None:
    """Beside the prompt, before the button; what only evaluating shows is told after it, and nothing is sent."""
    notebook.user_ns["shot"] = Shot()
    assert "Put it into a variable first" in open_form("{{shot.look()}}").errors["prompt"]
    assert "no variable shots" in open_form("{{shots.look}}").errors["prompt"]
    assert "there is no }}" in open_form("{{shot").errors["prompt"]
    form = open_form("{{shot.broken}}")
    assert form.errors == {}
    assert form.submit() == []
    assert "RuntimeError: no luck" in form.problem
    assert service.sent == []


def test_form_knows_a_name_in_any_form_as_its_source(notebook: Shell, service: PromptService) -> None:
    """µ of a keyboard and μ of an alphabet are one variable, which is not overwritten by what is made of it."""
    notebook.run("%%luma -o µ --wait\nA sunset")
    form = Form(kernel.session, kernel.presenter.environment, action="extend", source="μ", out="µ", prompt="On")
    assert "This clip is made from" in form.errors["out"]
