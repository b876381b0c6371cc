"""Words that are offered below the prompt's field: by mouse and keys, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luma_jupyter.domain.prompt_words import OFFERED, complete_word
from luma_jupyter.widgets.base import script
from tests.browser.conftest import Browser, Lab, LabPage, Notebook7Page
from tests.browser.test_lab import CONTRAST

START = """(words) => {
    document.body.innerHTML = '<textarea></textarea><button>After</button>';
    offerWords(document.querySelector("textarea"), words, "words");
}"""
OFFER = "[...document.querySelectorAll('.luma-words:not([hidden]) li')].map((item) => item.textContent)"


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page with such a field, which has the focus."""
    context = chromium.new_context()
    page = context.new_page()
    page.add_script_tag(content=script("studio/words.js"))
    page.evaluate(START, list(OFFERED))
    page.locator("textarea").focus()
    yield page
    context.close()


def value(page: Any) -> str:
    """What the field holds."""
    typed: str = page.locator("textarea").input_value()
    return typed


@pytest.mark.parametrize("take", ["Enter", "Tab"])
def test_word_is_chosen_by_arrow_keys_and_taken(page: Any, take: str) -> None:
    """The rest of it is put in where the cursor is, within a sentence; then the keys are the field's again."""
    keys = page.keyboard
    keys.type("A fox,  in the snow")
    for _ in range(len(" in the snow")):
        keys.press("ArrowLeft")
    keys.type("Pan")
    assert page.evaluate(OFFER) == ["pan left", "pan right"]
    field = page.get_by_role("combobox")
    assert field.get_attribute("aria-expanded") == "true"
    assert page.get_by_role("option", selected=True).inner_text() == "pan left"
    keys.press("ArrowDown")
    assert page.get_by_role("option", selected=True).inner_text() == "pan right"
    assert page.locator(f"#{field.get_attribute('aria-activedescendant')}").inner_text() == "pan right"
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press(take)
    assert value(page) == "A fox, Pan right in the snow"
    assert page.evaluate(OFFER) == []
    assert page.get_by_role("combobox").count() == 0
    keys.press("Enter")
    assert value(page) == "A fox, Pan right\n in the snow"
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "After"


def test_word_is_taken_with_the_mouse_and_undone(page: Any) -> None:
    """The field keeps the focus, and Ctrl+Z takes the word out again."""
    page.keyboard.type("a fox, silh")
    page.get_by_role("option", name="silhouette").click()
    assert value(page) == "a fox, silhouette"
    page.keyboard.press("Control+z")
    assert value(page) != "a fox, silhouette"
    page.keyboard.type("!")
    assert value(page).endswith("!")


def test_list_is_closed_by_escape_and_whatever_leads_away(page: Any) -> None:
    """Then Enter and Tab are what they always are."""
    keys = page.keyboard
    for away in ("Escape", "ArrowLeft", "End"):
        page.locator("textarea").fill("")
        keys.type("a fox, silh")
        assert page.evaluate(OFFER) == ["silhouette"]
        keys.press(away)
        assert page.evaluate(OFFER) == []
        keys.press("Enter")
        assert value(page).replace("\n", "") == "a fox, silh"
        assert "\n" in value(page)
    page.locator("textarea").fill("")
    keys.type("silh")
    page.get_by_role("button", name="After").click()
    assert page.evaluate(OFFER) == []


@pytest.mark.parametrize("typed", ["s", "A city in the fores", "japan", "pan left", "A fox "])
def test_nothing_is_offered_where_no_word_begins(page: Any, typed: str) -> None:
    """One letter is too few; Enter and Tab are the field's own."""
    page.keyboard.type(typed)
    assert page.evaluate(OFFER) == []
    page.keyboard.press("Enter")
    assert value(page) == f"{typed}\n"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "After"


def test_keys_of_an_input_method_are_its_own(page: Any) -> None:
    """While Chinese is composed nothing is offered or taken; after that its words are."""
    page.evaluate(
        """() => {
            const field = document.querySelector("textarea");
            field.value = "silh";
            field.setSelectionRange(4, 4);
            field.dispatchEvent(new InputEvent("input", { isComposing: true }));
        }"""
    )
    assert page.evaluate(OFFER) == []
    page.evaluate("document.querySelector('textarea').dispatchEvent(new CompositionEvent('compositionend'))")
    assert page.evaluate(OFFER) == ["silhouette"]
    page.locator("textarea").fill("")
    page.keyboard.insert_text("狐狸，向左")
    assert page.evaluate(OFFER) == ["向左摇"]


@pytest.mark.parametrize(
    "text", ["The camera pan l", "a soft l", "镜头，向左", "BLACK AN", "frying-pan le", "xx", "", "an or"]
)
def test_page_and_cell_offer_the_same(page: Any, text: str) -> None:
    """The script finds what Tab does in a cell."""
    begun, found = complete_word(text)
    offered = page.evaluate("([text, words]) => wordsAt(text, words)", [text, list(OFFERED)])
    assert [begun + rest for _, rest in offered] == found


CELLS = ("import luma_jupyter as luma\nluma.configure(provider='demo')", "luma.Studio()")


@pytest.mark.parametrize("kind", ["JupyterLab", "Notebook 7"])
def test_words_are_offered_in_the_studio(browser: Browser, request: pytest.FixtureRequest, kind: str) -> None:
    """The notebook takes none of the keys; the cell that is shown has the word."""
    lab: Lab = request.getfixturevalue("lab" if kind == "JupyterLab" else "notebook7")
    name = f"words-{lab.module}.ipynb"
    lab.write(name, *CELLS)
    page = browser.open(lab, LabPage if kind == "JupyterLab" else Notebook7Page, name, width=900, height=1200)
    page.run_all()
    page.page.get_by_role("textbox", name="Prompt").click()
    keys = page.page.keyboard
    keys.type("A fox, black")
    page.page.get_by_role("option", name="black and white").wait_for()
    keys.press("Escape")
    assert page.page.evaluate(OFFER) == []
    assert page.page.evaluate("document.activeElement.name") == "prompt"
    keys.type(" and white, do")
    page.page.get_by_role("option", name="dolly in").wait_for()
    themes = page.in_both_themes("words") if kind == "JupyterLab" else ()
    for _ in themes:
        page.page.get_by_role("textbox", name="Prompt").press("End")
        keys.press("Backspace")
        keys.type("o")
        page.page.get_by_role("option", name="dolly in").wait_for()
        page.shot(f"words-open-{page.page.evaluate('document.body.dataset.jpThemeLight')}")
        assert page.page.evaluate(CONTRAST, ".luma-words [aria-selected=true]") >= 4.5
        assert page.page.evaluate(CONTRAST, ".luma-words [aria-selected=false]") >= 4.5
        assert page.faults(".luma-studio") == []
    keys.press("ArrowDown")
    keys.press("Tab")
    page.wait_for("document.querySelector('.luma-cell').textContent === '%%luma\\nA fox, black and white, dolly out'")
    assert page.page.evaluate("document.activeElement.name") == "prompt"


def test_tab_completes_a_word_of_several_words_in_a_cell(open_page: Any, lab: Lab) -> None:
    """JupyterLab puts the rest of it behind what was typed, within a prompt; its own words are offered as ever."""
    lab.write("words-tab.ipynb", "%load_ext luma_jupyter", "%%luma --dry-run\nA fox,  in the snow")
    page = open_page("words-tab.ipynb")
    page.run_all()
    page.wait_until_idle("words-tab.ipynb")
    cell = page.page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content")
    cell.click()
    keys = page.page.keyboard
    keys.press("Control+End")
    for _ in range(len(" in the snow")):
        keys.press("ArrowLeft")
    keys.type("Pan l")
    keys.press("Tab")
    page.page.locator(".jp-Completer-item:has-text('Pan left')").click()
    page.wait_for("document.querySelectorAll('.cm-content')[1].innerText.includes('A fox, Pan left in the snow')")
