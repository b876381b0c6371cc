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
    globalThis.news = (changes) => {
        const names = Object.keys(changes).filter((name) => state[name] !== changes[name]);
        Object.assign(state, changes);
        for (const name of names) fire(`change:${name}`);
        fire("change");
    };
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
        send: (content) => {
            if (globalThis.ended) throw new Error("Cannot send");
            if (!["here", "gone"].includes(content.do)) sent.push(content);
        },
        on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
        off: () => {},
    };
    const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    module.default.render({ model, el: document.getElementById("form") });
}"""
# Chooses a file of three pieces for the source, as a person does.
CHOOSE = """(name) => {
    const input = document.querySelector("[data-upload=source]");
    const chosen = new DataTransfer();
    chosen.items.add(new File([new Uint8Array(3 << 20)], name));
    input.files = chosen.files;
    input.dispatchEvent(new Event("change"));
}"""
# How often the kernel was asked for the clips that can be picked.
REFRESHED = "sent.filter((message) => message.do === 'refresh').length"
# The kernel's answer to a piece: it took it.
TAKE = "(piece) => say({ got: piece.field, upload: piece.upload, at: piece.at })"


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page with an empty form."""
    context = chromium.new_context()
    page = context.new_page()
    page.evaluate(START, [script(*Form.scripts), STATE, list(Form.class_traits(typed=True))])
    yield page
    context.close()


def pieces(page: Any, count: int) -> list[dict[str, Any]]:
    """The first pieces that the kernel gets, once there are so many."""
    page.wait_for_function("(count) => sent.length >= count", arg=count)
    found: list[dict[str, Any]] = page.evaluate("(count) => sent.slice(0, count)", count)
    return found


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


@pytest.mark.parametrize("taken", [0, 1])
@pytest.mark.parametrize("name", ["b.mp4", "a.mp4"])
def test_file_that_is_chosen_while_another_is_sent_is_sent_whole(page: Any, taken: int, name: str) -> None:
    """Also the same one again: the second ends the first, and an answer to a piece of that does not count for it."""
    hint = page.locator("[data-field=source] .luma-hint")
    words = hint.inner_text()
    page.evaluate(CHOOSE, "a.mp4")
    for number in range(taken):
        page.evaluate(TAKE, pieces(page, number + 1)[number])
    pieces(page, taken + 1)
    page.evaluate(CHOOSE, name)
    for number in range(taken, taken + 4):
        page.evaluate(TAKE, pieces(page, number + 1)[number])
    _, *second = [(piece["name"], piece["at"]) for piece in pieces(page, taken + 4)[taken:]]
    assert second == [(name, 0), (name, 1 << 20), (name, 2 << 20)]
    page.wait_for_function("([hint, words]) => hint.innerText === words", arg=[hint.element_handle(), words])
    assert page.evaluate("sent.length") == taken + 4


def test_file_ends_the_one_before_it_also_between_two_pieces(page: Any) -> None:
    """While the next piece of that is read from the disk: none of it is sent after the first of the new one."""
    page.evaluate(CHOOSE, "a.mp4")
    (piece,) = pieces(page, 1)
    page.evaluate(f"async (piece) => {{ ({TAKE})(piece); await null; await null; ({CHOOSE})('b.mp4'); }}", piece)
    for number in range(1, 4):
        page.evaluate(TAKE, pieces(page, number + 1)[number])
    sent = [(piece["name"], piece["at"]) for piece in pieces(page, 4)]
    assert sent == [("a.mp4", 0), ("b.mp4", 0), ("b.mp4", 1 << 20), ("b.mp4", 2 << 20)]


def test_file_that_is_sent_when_the_kernel_ends_is_not_sent_any_more(page: Any) -> None:
    """The field says again what it takes."""
    hint = page.locator("[data-field=source] .luma-hint")
    words = hint.inner_text()
    page.evaluate(CHOOSE, "a.mp4")
    pieces(page, 1)
    assert hint.inner_text() == "Uploading a.mp4 to the notebook: 0 %"
    page.evaluate("lose()")
    assert hint.inner_text() == words


@pytest.mark.parametrize("press", ["Generate", "Extend", "Make it again", "a file"])
def test_press_that_cannot_be_sent_tells_that_the_kernel_has_ended(page: Any, press: str) -> None:
    """It was shut down, and the page has not heard of it: nothing waits for an answer any more."""
    page.get_by_role("textbox", name="Prompt").fill("A boat")
    page.evaluate("ended = true")
    if press == "a file":
        page.evaluate(CHOOSE, "a.mp4")
    elif press == "Make it again":
        page.get_by_text("More", exact=True).click()
        page.locator("[name=again]").check()
    else:
        page.get_by_role("tab" if press == "Extend" else "button", name=press).click()
    page.get_by_text("The kernel has ended: run this cell again.").wait_for()
    assert page.get_by_role("button", name="Generate").or_(page.get_by_role("button", name="Extend")).is_disabled()
    assert page.locator(".luma-outcome").inner_text() == ""
    assert "Uploading" not in page.locator("[data-field=source] .luma-hint").inner_text()


def test_press_counts_though_the_button_moves_meanwhile(page: Any) -> None:
    """What was typed a moment before is answered just between pressing and letting go, and takes more room."""
    page.get_by_role("textbox", name="Prompt").fill("A boat")
    button = page.get_by_role("button", name="Generate")
    button.hover()
    before = button.bounding_box()
    page.mouse.down()
    page.evaluate("news({ errors: { prompt: 'Too long, by far. '.repeat(400) }, submitted: true })")
    assert button.bounding_box()["y"] > before["y"] + before["height"]
    page.mouse.up()
    assert [message["do"] for message in page.evaluate("sent") if "do" in message] == ["submit"]


def test_list_of_clips_stays_closed_once_it_was_closed(page: Any) -> None:
    """It opens with each action that needs a source, and is not asked for again while one types."""
    clips = page.locator("[data-picks=source]")
    page.get_by_role("tab", name="Extend").click()
    clips.locator("ul").wait_for()
    clips.locator("summary").click()
    clips.locator("ul").wait_for(state="hidden")
    asked = page.evaluate(REFRESHED)
    page.get_by_role("textbox", name="Prompt").fill("It reaches the shore")
    page.evaluate("news({ cell: '%%luma extend', price: 'free' })")
    assert clips.get_attribute("open") is None
    assert page.evaluate(REFRESHED) == asked
    page.get_by_role("tab", name="Modify").click()
    clips.locator("ul").wait_for()


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: async () => { throw new Error('refused'); } }"])
@pytest.mark.parametrize("copies", [True, False])
def test_cell_is_copied_where_the_page_has_no_clipboard(page: Any, clipboard: str, copies: bool) -> None:
    """As on plain http, or in a frame that may not: by a browser's older way, else it is selected, and that is said."""
    cell = "%%luma -o boat\nA boat"
    page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    page.evaluate("(copies) => { document.execCommand = (word) => { sent.push(word); return copies; }; }", copies)
    page.evaluate("(cell) => news({ cell })", cell)
    page.get_by_role("button", name="Copy", exact=True).click()
    words = "Copied" if copies else "Selected: press Ctrl+C or ⌘C"
    page.get_by_role("button", name=words).wait_for()
    page.evaluate("news({ price: 'free' })")
    assert page.evaluate("[sent.at(-1), getSelection().toString()]") == ["copy", cell]
