"""*Tell me*: notifications that are granted, refused or not there, and the mark in the page's title."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from luma_jupyter.widgets.base import script
from tests.browser.conftest import Browser, Lab, LabPage, Notebook7Page, Tabs
from tests.browser.test_lab import CONTRAST

LOCAL, ELSEWHERE = "http://localhost:9/lab", "http://hub.test/lab"
# Keeps what is shown; what the browser says of permissions is its own. `focused` says whether the page is looked at.
STUB = """() => {
    const real = globalThis.Notification;
    globalThis.shown = [];
    globalThis.focused = false;
    document.hasFocus = () => globalThis.focused;
    globalThis.lookAt = () => { globalThis.focused = true; globalThis.dispatchEvent(new Event("focus")); };
    if (!real) return;
    globalThis.Notification = class {
        constructor(title, { body, tag }) { shown.push([title, body, tag]); globalThis.notification = this; }
        close() { this.closed = true; }
        static get permission() { return real.permission; }
        static requestPermission() { return real.requestPermission(); }
    };
}"""
# A card's model, as far as these scripts know one: `show` draws it, `change` tells news of it in both of the ways.
START = """(view) => {
    document.title = "boats.ipynb";
    document.body.innerHTML = '<div class="luma-card luma-k">The card</div><div id="live"></div>';
    const handlers = {};
    const state = { view, kernel: "k" };
    const call = (event, ...news) => (handlers[event] ?? []).forEach((handler) => handler(...news));
    globalThis.model = {
        get: (name) => state[name],
        on: (event, handler) => (handlers[event] ??= []).push(handler),
        off: () => {},
        send: () => {},
    };
    globalThis.change = (changes, event = "change:view") => {
        state.view = { ...state.view, ...changes };
        call(event, { view: state.view });
    };
    const live = document.getElementById("live");
    live.innerHTML = '<button type="button">Tell me</button><span role="status"></span>';
    watchEnd(model);
    globalThis.draw = tellButton(model, ...live.children);
    draw(false);
}"""


@pytest.fixture
def open_card(whole_chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a page at an address that has a card alone, and look elsewhere: ``open_card(view, granted=…)``."""
    opened = []

    def open_(view: dict[str, Any], address: str = LOCAL, *, granted: bool = False, theirs: str = "") -> Any:
        context = whole_chromium.new_context(permissions=["notifications"] if granted else [])
        opened.append(context)
        page = context.new_page()
        page.route("**/*", lambda route: route.fulfill(body=theirs or "<p>", content_type="text/html"))
        page.goto(address)
        frame = page.frames[-1]
        frame.evaluate(STUB)
        frame.add_script_tag(content=script("base.js", "tell.js"))
        frame.evaluate(START, {"key": "k", **view})
        return frame

    yield open_
    for context in opened:
        context.close()


def press(page: Any) -> str:
    """Press the button; what the page says then."""
    page.get_by_role("button", name="Tell me").click()
    page.wait_for_function("!document.querySelector('#live span').textContent.startsWith('The browser asks')")
    words: str = page.get_by_role("status").inner_text()
    return words


@pytest.fixture
def whole_browser(whole_chromium: Any) -> Iterator[Browser]:
    """Opens pages that can notify."""
    with closing(Browser(Tabs(whole_chromium))) as opened:
        yield opened
        assert opened.errors == []


TOLD = {"final": "<p>", "told": ["sunset: failed", "The service said no."]}


def test_the_end_of_a_clip_is_notified_and_marks_the_title_until_the_page_is_looked_at(open_card: Any) -> None:
    """Once, with how it ended and why; a click on it brings the page forward; the title is then what it was."""
    page = open_card({}, granted=True)
    assert press(page) == "A notification comes when it ends."
    button = page.get_by_role("button", name="Tell me")
    assert button.get_attribute("aria-pressed") == "true"
    page.evaluate("(told) => { change(told); change(told); }", TOLD)
    assert page.evaluate("shown") == [["Luma: sunset: failed", "The service said no.", "luma-k"]]
    assert page.title() == "● boats.ipynb"
    page.evaluate("globalThis.focus = () => { globalThis.brought = true; }; notification.onclick()")
    assert page.evaluate("[brought, notification.closed]") == [True, True]
    page.evaluate("lookAt()")
    assert page.title() == "boats.ipynb"
    assert page.evaluate("globalThis.lumaTitle") is None
    page.evaluate("draw()")
    assert button.get_attribute("aria-pressed") == "false", "it was told"


def test_nothing_is_told_that_nobody_wishes_any_more(open_card: Any) -> None:
    """Pressed again the button is as before; and a page that was reloaded has forgotten it."""
    page = open_card({}, granted=True)
    press(page)
    assert press(page) == ""
    assert page.get_by_role("button").get_attribute("aria-pressed") == "false"
    page.evaluate("(told) => change(told)", TOLD)
    assert page.evaluate("shown") == []
    assert page.title() == "boats.ipynb"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (LOCAL, "Notifications are refused for this page: the page's title gets a ● instead."),
        (
            ELSEWHERE,
            "This page can show no notifications, which need https or localhost: the page's title gets a ● instead.",
        ),
    ],
)
def test_where_there_are_no_notifications_the_title_is_marked(open_card: Any, address: str, words: str) -> None:
    """Refused by the browser, or on a host without https: the page says so, and marks its title all the same."""
    page = open_card({}, address)
    assert press(page) == words
    page.evaluate("(told) => change(told)", TOLD)
    assert page.evaluate("shown") == []
    assert page.title() == "● boats.ipynb"
    page.evaluate("lookAt()")
    assert page.title() == "boats.ipynb"


def test_part_of_a_page_says_that_it_can_tell_nothing(open_card: Any) -> None:
    """As in VS Code: nobody sees a title there, so another way is named."""
    inside = '<iframe sandbox="allow-scripts" srcdoc="<p>"></iframe>'
    page = open_card({}, theirs=inside)
    assert press(page) == (
        "This page can show no notifications: luma_jupyter.configure(notify=…) tells you in another way."
    )


def test_browser_that_cannot_make_a_notification_raises_no_error(open_card: Any) -> None:
    """A phone's refuses it, though it is granted: the title is marked."""
    page = open_card({}, granted=True)
    press(page)
    page.evaluate(
        """(told) => {
            const real = Notification;
            globalThis.Notification = class { constructor() { throw new TypeError("Illegal constructor"); } };
            Notification.permission = real.permission;
            change(told);
        }""",
        TOLD,
    )
    assert page.title() == "● boats.ipynb"


def test_who_else_sets_the_title_has_the_last_word(open_card: Any) -> None:
    """JupyterLab does so when another notebook is opened: that title stays, and a page in front is not marked."""
    page = open_card({})
    press(page)
    page.evaluate("(told) => { change(told); document.title = '● theirs'; lookAt(); }", TOLD)
    assert page.title() == "● theirs"
    press(page)
    page.evaluate("(told) => change(told)", TOLD)
    assert page.title() == "● theirs", "it is looked at"
    page.evaluate("focused = false")
    for title in ("● ● theirs", "● ● theirs"):
        press(page)
        page.evaluate("(told) => change(told)", TOLD)
        assert page.title() == title
    page.evaluate("document.title = 'new'")
    press(page)
    page.evaluate("(told) => change(told)", TOLD)
    assert page.title() == "● new"
    page.evaluate("lookAt()")
    assert page.title() == "new"


MANY = {"total": 6, "ended": 1, "outcomes": {"completed": 1}}


def test_a_batch_is_told_once_with_its_counts(open_card: Any) -> None:
    """When the last one has ended, of all that are in it, whichever of the two messages brings it."""
    for event in ("msg:custom", "change:view"):
        page = open_card(MANY, granted=True)
        press(page)
        page.evaluate("([event]) => change({ ended: 5, outcomes: { completed: 5 } }, event)", [event])
        assert page.evaluate("shown") == []
        page.evaluate("([event]) => change({ ended: 6, outcomes: { completed: 5, failed: 1 } }, event)", [event])
        page.evaluate("([event]) => change({ final: '<p>' }, event)", [event])
        assert page.evaluate("shown") == [["Luma: 5 of 6 done, 1 failed", "boats.ipynb", "luma-k"]]


def test_a_queue_is_told_each_time_that_nothing_is_left(open_card: Any) -> None:
    """What had ended before does not count; the button stays pressed, and what goes on from there is told anew."""
    page = open_card({**MANY, "queue": True, "total": 2}, granted=True)
    press(page)
    news = [
        {"ended": 2, "outcomes": {"completed": 2}},
        {"ended": 2, "outcomes": {"completed": 2}},
        {"total": 4, "ended": 3, "outcomes": {"completed": 2, "detached": 1}},
        {"total": 4, "ended": 4, "outcomes": {"completed": 2, "failed": 1, "detached": 1}},
        {"total": 4, "ended": 3, "outcomes": {"completed": 2, "failed": 1}},
        {"total": 4, "ended": 4, "outcomes": {"completed": 3, "failed": 1}},
    ]
    for one in news:
        page.evaluate("(news) => change(news, 'msg:custom')", one)
    assert [title for title, _, _ in page.evaluate("shown")] == [
        "Luma: 1 of 1 done",
        "Luma: 0 of 2 done, 1 failed, 1 not watched any more",
        "Luma: 1 of 1 done",
    ]
    page.evaluate("draw()")
    assert page.get_by_role("button").get_attribute("aria-pressed") == "true"


CELLS = (
    "import luma_jupyter as luma\n%load_ext luma_jupyter\nluma.configure(demo_seconds=6)",
    "%%luma -o sunset\nA sunset that tells me",
    "boats = luma.batch(['A boat that tells me', 'A boat that tells me [fail]'])\nboats",
    "luma.Studio()",
)


@pytest.mark.parametrize("kind", ["JupyterLab", "Notebook 7"])
def test_cards_and_the_queue_tell_of_their_ends(
    whole_browser: Browser, request: pytest.FixtureRequest, kind: str
) -> None:
    """By keyboard, in light and dark, on a narrow page and on a large one: one clip, a batch and the studio's queue."""
    lab: Lab = request.getfixturevalue("lab" if kind == "JupyterLab" else "notebook7")
    name = f"tell-{lab.module}.ipynb"
    lab.write(name, *CELLS)
    page = whole_browser.open(lab, LabPage if kind == "JupyterLab" else Notebook7Page, name, width=600, height=1500)
    context = page.page.context
    context.grant_permissions(["notifications"])
    page.page.evaluate(STUB)
    title = page.page.title()
    page.run_all()
    page.wait_for("document.querySelectorAll('.luma-tell').length == 3")
    for number in range(3):
        page.page.locator(".luma-tell").nth(number).focus()
        page.page.keyboard.press("Enter")
    page.wait_for("document.querySelectorAll('.luma-told:not(:empty)').length == 3")
    page.shot(f"tell-{lab.module}-600")
    assert page.faults(".luma-live") == []
    page.page.evaluate("document.body.style.zoom = 1.5")
    page.shot(f"tell-{lab.module}-150")
    page.page.evaluate("document.body.style.zoom = 1")
    page.wait_for("shown.length >= 3")
    titles = page.page.evaluate("shown.map(([title]) => title)")
    assert "Luma: sunset: completed" in titles
    assert "Luma: 1 of 2 done, 1 failed" in titles
    assert page.page.title() == f"● {title}"
    page.page.evaluate("lookAt()")
    assert page.page.title() == title
    context.clear_permissions()


def test_what_tell_me_says_has_contrast_in_both_themes(open_page: Any, lab: Lab) -> None:
    """Button and words can be read in light and dark, pressed and refused."""
    lab.write("tell-themes.ipynb", CELLS[0].replace("=6)", "=30)"), CELLS[1].replace("A sunset", "A slow sunset"))
    page = open_page("tell-themes.ipynb")
    page.run_all()
    page.page.get_by_role("button", name="Tell me").click()
    page.page.get_by_text("Notifications are refused for this page").wait_for()
    for _ in page.in_both_themes("tell"):
        assert page.page.evaluate(CONTRAST, ".luma-told") >= 4.5
        assert page.page.evaluate(CONTRAST, ".luma-tell") >= 4.5
        assert page.faults(".luma-live") == []
