"""What a page sends is input: whatever comes, in any order, no widget breaks and nobody sees a traceback."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luma_jupyter import compare, gallery
from luma_jupyter.api.create import generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.cells.options import FORM_OPTIONS
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain.vocabulary import ACTIONS
from luma_jupyter.widgets.base import Model
from luma_jupyter.widgets.card import Card, CardModel
from luma_jupyter.widgets.compare.compare import CompareModel
from luma_jupyter.widgets.gallery.live import GalleryModel
from luma_jupyter.widgets.studio.form import Form
from luma_jupyter.widgets.studio.queue import Queue, QueueModel
from luma_jupyter.widgets.table_card import TableCard, TableModel
from tests.support.notebook import PromptService, Shell
from tests.widgets.studio.test_upload import open_form

pytestmark = pytest.mark.slow

FIELDS = ("action", "prompt", "source", *FORM_OPTIONS)
SAID = ("view", "rows", "curves", "key", "layout", "errors", "_esm")
TEXT = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(categories=None), max_size=8),  # halves of characters too
    st.sampled_from([*ACTIONS, "", " ", "\0", "../../x", "x" * 300, "-", "'", "clip:", "@last", "[0]", "%", "~"]),
)
NUMBER = st.one_of(st.integers(-3, 12), st.integers(), st.floats(), st.booleans())
JSON = st.recursive(
    st.one_of(st.none(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
WORDS = (
    "here",
    "stop",
    "reach",
    "refresh",
    "gone",
    "pick",
    "submit",
    "set",
    "upload",
    "stop one",
    "resume one",
    "rows",
    "note",
)
CONTENT = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"do": st.one_of(st.sampled_from(WORDS), JSON)},
        optional={
            "row": st.one_of(NUMBER, JSON),
            "from": st.one_of(NUMBER, JSON),
            "to": st.one_of(NUMBER, JSON),
            "view": JSON,
            "version": JSON,
            "page": JSON,
            "status": st.one_of(st.sampled_from((200, 403, 404)), JSON),
            "key": JSON,
            "search": st.one_of(TEXT, JSON),
            "starred": st.one_of(st.booleans(), JSON),
            "text": st.one_of(TEXT, JSON),
            "action": st.one_of(st.sampled_from(ACTIONS), JSON),
            "fields": st.one_of(JSON, st.dictionaries(st.sampled_from(FIELDS), JSON)),
            "field": st.one_of(st.sampled_from(("source", "start_image", "end_image", "yes", "again")), JSON),
            "upload": st.one_of(NUMBER, JSON),
            "value": st.one_of(st.booleans(), JSON),
            "name": st.one_of(TEXT, JSON),
            "size": st.one_of(NUMBER, JSON),
            "at": st.one_of(NUMBER, JSON),
        },
    ),
)
MESSAGE = st.one_of(
    st.fixed_dictionaries({"method": st.just("custom"), "content": CONTENT}),
    st.fixed_dictionaries(
        {
            "method": st.just("update"),
            "state": st.one_of(
                JSON, st.dictionaries(st.sampled_from((*FIELDS, "view", "rows", "curves", "key")), JSON)
            ),
        }
    ),
)
BUFFERS = st.lists(st.binary(max_size=12).map(memoryview), max_size=2)
MESSAGES = st.lists(st.tuples(MESSAGE, BUFFERS), max_size=12)
FUZZ = settings(max_examples=80, suppress_health_check=list(HealthCheck))


class Page:
    """A page that sends what it likes. ``seen`` are the tracebacks that came of it."""

    def __init__(self, notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[object] = []
        monkeypatch.setattr(notebook.ip, "showtraceback", lambda *args, **options: self._see())

    def _see(self) -> None:
        self.seen.append(traceback.format_exc())

    def send(self, model: Any, messages: list[tuple[dict[str, Any], list[memoryview]]]) -> None:
        """Send messages as the kernel gets them."""
        for data, buffers in messages:
            model._handle_msg({"content": {"data": data}, "buffers": buffers})
        assert self.seen == []


@pytest.fixture
def page(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A page of the notebook."""
    return Page(notebook, monkeypatch)


@FUZZ
@given(MESSAGES)
def test_form_takes_any_message(page: Page, messages: list[tuple[dict[str, Any], list[memoryview]]]) -> None:
    """A form stays a form: its fields hold what fields can hold, and a word says what did not fit."""
    form = open_form()
    page.send(form, messages)
    assert form.action in ACTIONS
    for name in FIELDS:
        assert type(getattr(form, name)) is type(form.trait_defaults(name))
        str(getattr(form, name)).encode()
    form.close()


@FUZZ
@given(MESSAGES)
def test_gallery_takes_any_message(page: Page, messages: list[tuple[dict[str, Any], list[memoryview]]]) -> None:
    """Nothing is picked but what is there, and nothing of it breaks, also after it is gone."""
    clip = generate("A boat").wait()
    shown = gallery([clip])
    live = shown._live("key")
    page.send(live.model, messages)
    page.send(live.model, [({"method": "custom", "content": {"do": "pick", "key": [clip.task.key]}}, [])])
    assert shown.picked in (None, clip)
    live.close()


@FUZZ
@given(MESSAGES)
def test_comparison_takes_any_message(page: Page, messages: list[tuple[dict[str, Any], list[memoryview]]]) -> None:
    """It knows one word, and can be told it twice."""
    clip = generate("A boat").wait()
    model = compare(clip, clip)._live("key")
    page.send(model, [*messages, *[({"method": "custom", "content": {"do": "gone"}}, [])] * 2])
    assert model.comm is None


@FUZZ
@given(MESSAGES)
def test_cards_take_any_message(
    page: Page, service: PromptService, messages: list[tuple[dict[str, Any], list[memoryview]]]
) -> None:
    """What a card shows is the kernel's: no message changes it, so that it can be drawn afterwards."""
    service.running = True
    clip = generate("A boat", timeout=1e9)
    presenter = kernel.presenter
    card = Card(clip.handle, presenter.updates, presenter.page, lambda: clip.state, lambda: clip.state)
    table = TableCard(ClipList([clip]), presenter.updates, presenter.page, presenter.state)
    for shown in (card, table):
        page.send(shown.model, messages)
        shown.draw()
        assert shown.model.view["key"] in (clip.task.key, getattr(shown, "key", None))
        shown.release()
    assert len(table.model.rows) == 1


@FUZZ
@given(MESSAGES)
def test_queue_takes_any_message(
    page: Page, service: PromptService, messages: list[tuple[dict[str, Any], list[memoryview]]]
) -> None:
    """Buttons are of rows that there are: no other number, and no word, stops or resumes anything."""
    queue = Queue(kernel.session, kernel.presenter)
    page.send(queue.model, messages)
    queue.draw()
    queue.close()


@pytest.mark.parametrize("kind", [Form, GalleryModel, CompareModel, CardModel, TableModel, QueueModel])
def test_every_widget_is_one_that_checks(kind: type[Model]) -> None:
    """All of our models take what a page sends by the one door."""
    assert issubclass(kind, Model)


def test_form_says_what_it_cannot_hold(page: Page, service: PromptService) -> None:
    """A value of another type changes nothing, is told, and the button with it sends nothing."""
    form = open_form(prompt="A boat")
    for name, value in (("prompt", 7), ("prompt", None), ("loop", "yes"), ("action", "delete"), ("out", "\ud800")):
        page.send(form, [({"method": "update", "state": {name: value}}, [])])
        assert form.problem == "The page sent something that does not fit into this form: type it again."
        page.send(form, [({"method": "custom", "content": {"do": "submit", "fields": {name: value}}}, [])])
        assert form.problem.startswith("The page sent something")
    assert (form.prompt, form.loop, form.action, form.out) == ("A boat", False, "generate", "")
    page.send(form, [({"method": "update", "state": {"prompt": "A ship"}}, [])])
    assert (form.prompt, form.problem) == ("A ship", "")
    assert service.sent == []


def test_page_cannot_say_what_the_kernel_says(page: Page) -> None:
    """Errors, prices, what is fetched as a script: a page changes only what one types."""
    form = open_form(prompt="")
    said = {name: getattr(form, name) for name in ("errors", "price", "request", "cell", "_esm", "key", "fields")}
    page.send(form, [({"method": "update", "state": dict.fromkeys(said, "x")}, [])])
    assert {name: getattr(form, name) for name in said} == said
