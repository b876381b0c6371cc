"""The form's script, in a page that has nothing else: what it sends, and what it shows of the answers; no kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luma_jupyter.cells.options import FORM_OPTIONS
from luma_jupyter.widgets.base import script
from luma_jupyter.widgets.studio.form import Form

STATE = {
    **{name: trait.default() for name, trait in Form.class_traits(sync=True, typed=True).items()},
    **{name: Form.class_traits()[name].default() for name in ("fields", "ratios", "providers", "words", "clips")},
    **dict.fromkeys(("problem", "cell", "request", "price", "outcome", "key", "kernel"), ""),
    **{"again": False, "yes": False, "errors": {}, "submitted": False, "focus": False},
    "labels": {name: option.label for name, option in FORM_OPTIONS.items()},
}
# Shows the form of a model like that of ipywidgets, which holds back a change of traits while an earlier one is
# unanswered. `sent` is what the kernel gets, in its order; `answer` ends one change, as the kernel takes it: it keeps
# what is `typed`, and tells the page so. `news` comes from the kernel, `say` is a message of it.
START = """async ([source, state, typed]) => {
    document.body.innerHTML = '<div id="form"></div>';
    const handlers = new Map();
    const fire = (event, ...news) => [...(handlers.get(event) ?? [])].forEach((handler) => handler(...news));
    let [changed, held, pending] = [{}, {}, null];
    globalThis.sent = [];
    globalThis.news = (changes) => { Object.assign(state, changes); fire("change"); };
    globalThis.say = (message) => fire("msg:custom", message);
    globalThis.lose = () => fire("comm_live_update");
    const post = () => {
        if (pending || !Object.keys(held).length) return;
        [pending, held] = [held, {}];
        sent.push({ state: pending });
    };
    globalThis.answer = () => {
        const kept = Object.entries(pending).filter(([name]) => typed.includes(name) && !(name in held));
        pending = null;
        news(Object.fromEntries(kept));
        post();
    };
    const model = {
        get: (name) => state[name],
        set: (name, value) => {
            if (state[name] === value) return;
            changed[name] = value;
            news({ [name]: value });
        },
        save_changes: () => { [held, changed] = [{ ...held, ...changed }, {}]; post(); },
        send: (content) => { if (!["here", "gone"].includes(content.do)) sent.push(content); },
        on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
        off: () => {},
    };
    const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    module.default.render({ model, el: document.getElementById("form") });
}"""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page with an empty form."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.evaluate(START, [script(*Form.scripts), STATE, list(Form.class_traits(typed=True))])
    yield page
    context.close()


@pytest.mark.parametrize("name", ["again", "yes"])
def test_what_is_said_for_one_press_is_sent_before_it_and_does_not_come_back(page: Any, name: str) -> None:
    """Though the change is held back while the kernel has other work; page and kernel agree in the end."""
    page.get_by_role("textbox", name="Prompt").fill("A boat")
    page.get_by_text("More", exact=True).click()
    page.locator(f"[name={name}]").check()
    page.get_by_role("button", name="Generate").click()
    first, *ordered = page.evaluate("sent")
    assert first == {"state": {"prompt": "A boat"}}
    assert [message["do"] for message in ordered] == ["set", "submit"]
    assert ordered[0] == {"do": "set", "field": name, "value": True}
    page.evaluate("answer()")
    page.evaluate("(name) => news({ [name]: true })", name)
    page.evaluate("(name) => news({ [name]: false, outcome: 'Started: use boat in your next cells.' })", name)
    page.evaluate("say({ did: 'submit' })")
    page.evaluate("answer()")
    assert not page.locator(f"[name={name}]").is_checked()
    assert page.locator(".luma-outcome").inner_text() == "Started: use boat in your next cells."
    page.get_by_role("button", name="Generate").click()
    _, pressed = page.evaluate("sent.slice(-2)")
    assert pressed["do"] == "submit"
    assert not pressed["fields"].get(name)
    assert len(page.evaluate("sent.filter((message) => message.do === 'set')")) == 1


def test_what_is_typed_after_the_kernels_end_leaves_the_word_about_it(page: Any) -> None:
    """What came of the button does not come back either: the variable that it names is gone."""
    page.evaluate("news({ outcome: 'Started: use boat in your next cells.' })")
    page.evaluate("lose()")
    page.get_by_role("textbox", name="Prompt").fill("A boat")
    page.get_by_role("tab", name="Extend").click()
    assert page.locator(".luma-problem-of-all").inner_text() == "The kernel has ended: run this cell again."
    assert page.locator(".luma-outcome").inner_text() == ""
    assert page.locator(".luma-go").is_disabled()
