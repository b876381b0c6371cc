"""What our widgets have in common: models with scripts of ours, cards that live, and HTML that a live part adds to.

A script is `base.js` and its own file in one, since a widget's module cannot import another file.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from luma_jupyter.display.environment import Environment, cell_number, kernel_id
from luma_jupyter.display.outputs import NOTHING, widget_bundle
from luma_jupyter.display.page import Audience, Page
from luma_jupyter.display.update_queue import UpdateQueue
from luma_jupyter.domain.requests import LONGEST_PROMPT
from luma_jupyter.domain.task import TaskEvent
from luma_jupyter.engine.handle import Handle
from luma_jupyter.languages import language, reading, script_texts
from luma_jupyter.views.html import missing_html

_FOLDER = Path(__file__).parent
MOST_ASKED = 500  # items of a list in one message


@cache
def joined(*names: str) -> str:
    """Files below this folder as one."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


def script(*names: str) -> str:
    """Scripts below this folder as one, with its texts in the language that is read now."""
    source = joined("texts.js", *names)
    return f"const TEXTS = {_texts_as_json(source, language())};\n{source}"


@cache
def _texts_as_json(source: str, language: str) -> str:
    with reading(language):
        return json.dumps(script_texts(source), ensure_ascii=False)


def new_key() -> str:
    """What marks a frame, so that its live part finds it on the page."""
    return secrets.token_hex(4)


class Model(anywidget.AnyWidget):
    """A model of ours. What a page sends to it is input, and may come from any script of that page.

    A page changes the traits with the tag ``typed``, to values of their own types; all other traits are what the kernel
    says, and stay. ``scripts`` are the files of its script, ``styles`` those of its style sheet.
    """

    scripts: ClassVar[Sequence[str]] = ()
    styles: ClassVar[Sequence[str]] = ()

    @property
    def _esm(self) -> str:
        return script(*self.scripts)

    @property
    def _css(self) -> str:
        return joined(*self.styles)

    def on_content(self, take: Callable[[dict[str, Any], list[memoryview]], None]) -> None:
        """Have each message that is an object, with its buffers, taken by this function."""
        self.on_msg(lambda model, content, buffers: take(content, buffers) if isinstance(content, dict) else None)

    def set_state(self, sync_data: object) -> None:
        """Take what was changed in the page, as far as it can be."""
        super().set_state(self.fitting(sync_data))

    def fitting(self, state: object) -> dict[str, Any]:
        """What can be taken of the traits and values that a page sent."""
        if not isinstance(state, dict):
            return {}
        typed = self.traits(typed=True)
        return {name: value for name, value in state.items() if name in typed and _fits(typed[name], value)}


def _fits(trait: Any, value: object) -> bool:
    if type(value) is not type(trait.default_value) or value not in getattr(trait, "values", [value]):
        return False
    return not isinstance(value, str) or (len(value) <= LONGEST_PROMPT and not re.search("[\ud800-\udfff]", value))


class CardModel(Model):
    """The live part of a card: ``view`` is what the card's view gives, ``kernel`` the kernel's id.

    The view has the time at which it is sent, by ``clock``, in Unix seconds: that may be minutes after it has changed.
    """

    scripts = (
        "base.js",
        "virtual_list.js",
        "reach.js",
        "tell.js",
        "card.js",
    )
    styles = ("card.css",)
    view = traitlets.Dict().tag(sync=True, to_json=lambda view, model: model.as_of_now(view))
    kernel = traitlets.Unicode().tag(sync=True)

    def __init__(self, clock: Callable[[], float] = time.time, **traits: Any) -> None:
        self.is_wanted: Callable[[], bool] = lambda: True  # whether a page wants to know what changes
        self._clock = clock
        super().__init__(**traits)

    def as_of_now(self, view: dict[str, Any]) -> dict[str, Any]:
        """A view as it is to be sent."""
        return {**view, "now": round(self._clock(), 1)} if "now" in view else view

    def send_state(self, key: Any = None) -> None:
        """Send what has changed where that is wanted; without a ``key`` somebody asks for all of it."""
        if key is None or self.is_wanted():
            super().send_state(key)


def read_window(content: dict[str, Any]) -> range | None:
    """The part of a list that a page asks for with ``from`` and ``to``; None where it is none."""
    start, stop = content.get("from"), content.get("to")
    if type(start) is int and type(stop) is int and 0 <= start < stop <= start + MOST_ASKED:
        return range(start, stop)
    return None


class Shown(NamedTuple):
    """A display of a card: whether it becomes the finished HTML (else: nothing), and the number of its cell."""

    handle: DisplayHandle
    becomes_final: bool
    cell: int


class LiveCard(ABC):
    """A card of one clip, or of many, while it lives: two outputs, of which the first is what remains.

    The first is plain HTML from the start. The second is a widget below it, with status, bar and button: one model for
    all views of a card. At the end the first is updated to the finished HTML and the second to nothing, so that what is
    saved needs neither widget nor kernel. Where nobody sees the widget, the first is also updated before that, whenever
    its `stage` is another one.

    One that `stays` keeps its widget at the end, too: the finished HTML has less in it.

    After a page reload both display ids are gone from the page, and only the model still reaches it. So the model gets
    the finished HTML too, and its script puts that in the place of the first output. The model stays open for such
    pages, until `close`.

    A message is sent only where the words have changed: time and bar go on by themselves in the page. What changes is
    drawn on the engine's loop, by ``updates``.
    """

    def __init__(self, updates: UpdateQueue, page: Page) -> None:
        self.updates = updates
        self.on_end: Callable[[], None] = lambda: None  # called when the finished HTML is in the page
        self.release: Callable[[], None] = lambda: None  # ends its listening
        self._page = page
        self._audience = Audience(page, self._audience_changed)
        self._displays: list[Shown] = []
        self._final: list[Shown] = []  # that have the finished HTML
        self._stage: object = None  # the one that the plain HTML in the page shows

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether nothing more will change by itself."""

    @abstractmethod
    def bundle(self) -> dict[str, Any]:
        """The mimebundle as it is now, in plain HTML and text."""

    @property
    def stays(self) -> bool:
        """Whether the live part is of use when all has ended."""
        return False

    @property
    @abstractmethod
    def stage(self) -> object:
        """What makes it worth bringing plain HTML forward, where it is another one than before."""

    @cached_property
    @abstractmethod
    def model(self) -> CardModel:
        """The widget model, made when first shown."""

    @abstractmethod
    def send_changes(self) -> int:
        """Let the model know what has changed; the number of messages that it took."""

    @property
    def has_model(self) -> bool:
        """Whether the model was needed yet."""
        return "model" in self.__dict__

    def show(self, *, live: bool = True) -> None:
        """Display the card below the running cell; not ``live``: without the widget, for runs that nobody watches."""
        ended = self.ended
        if ended:
            display(self.bundle(), raw=True)
        else:
            self._stage = self.stage
            self._display(self.bundle(), becomes_final=True)
        if live and (self.stays or not ended):
            self._listen()
            self._display(*widget_bundle(self.model), becomes_final=False)
        self.updates.draw_now(self)  # what happened before the display was there

    def _listen(self) -> None:
        """Hear whether somebody sees the widget, the first time that it is shown."""
        if not self.has_model:
            self.model.is_wanted = lambda: self._audience.there is not False
            self.model.on_content(lambda content, buffers: self._audience.take(content))
            self._page.expect(self._audience)

    def _audience_changed(self, before: bool | None) -> None:
        if before is False:
            self.model.send_state()  # what was not sent meanwhile
        self.updates.request(self)

    def draw(self) -> int:
        """Draw it as it is now, on the engine's loop; the number of messages that it took."""
        ended = self.ended  # asked first: a display that is made after this is updated by who made it
        messages = self.send_changes() if self.has_model else 0
        if self._audience.there is False:
            messages = 0
        if ended:
            messages += self._finish_displays()
            self.on_end()
        elif self._audience.there is False and self.stage != self._stage:
            messages += self._bring_forward()
        return messages

    def _finish_displays(self) -> int:
        """Make them what remains, as far as the page can be reached; the number of messages that it took.

        The widgets go first: without the waiting card above it, a page that cannot show one complains.
        """
        reached = [shown for shown in self._displays if self._page.reaches(shown.cell)]
        for shown in sorted(reached, key=lambda shown: shown.becomes_final):
            self._displays.remove(shown)
            if shown.becomes_final:
                shown.handle.update(self.bundle(), raw=True)
                self._final.append(shown)
            elif not self.stays:
                shown.handle.update(NOTHING, raw=True)
        return len(reached)

    def _bring_forward(self) -> int:
        """Update the plain HTML; the number of messages that it took."""
        self._stage = self.stage
        reached = [shown for shown in self._displays if shown.becomes_final and self._page.reaches(shown.cell)]
        for shown in reached:
            shown.handle.update(self.bundle(), raw=True)
        return len(reached)

    def draw_anew(self) -> None:
        """Draw the finished HTML again: the page said how it can show the video."""
        self._displays.extend(self._final)
        self._final.clear()
        self.updates.request(self)

    def close(self) -> None:
        """Let go of the model: a page that was reloaded does not reach it any more."""
        if self.has_model:
            close_widget(self.model)

    def _display(self, bundle: dict[str, Any], metadata: dict[str, Any] | None = None, *, becomes_final: bool) -> None:
        handle = DisplayHandle()
        handle.display(bundle, metadata=metadata, raw=True)
        self._displays.append(Shown(handle, becomes_final, cell_number()))  # only now: an earlier update would be lost


def listen_to(handles: Sequence[Handle], listener: Callable[[int], None]) -> Callable[[], None]:
    """Call ``listener`` with the number of each handle that has news; what is returned ends that for all of them."""
    with ExitStack() as ends:
        for number, handle in enumerate(handles):
            ends.callback(handle.listen(partial(_pass_on, listener, number)))
        return ends.pop_all().close


def _pass_on(listener: Callable[[int], None], number: int, event: TaskEvent) -> None:
    listener(number)


class PageModel(Model):
    """A model that is closed when its last view has left the page, as when an output is cleared.

    ``key`` is its own, and that of the frame above it; ``kernel`` is the kernel's id. ``on_removed`` is called instead
    of `close` where it is part of something larger.
    """

    key = traitlets.Unicode().tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"key": new_key(), "kernel": kernel_id(), **traits})
        self.on_removed: Callable[[], None] = self.close
        self.on_content(lambda content, buffers: self.on_message(content, buffers))

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """The page sent a message. Each kind of model has words of its own."""
        if content.get("do") == "gone":
            self.on_removed()

    def close(self) -> None:
        """Forget it, here and in the page."""
        if layout := self.layout:
            layout.close()  # a comm of its own, which would stay open
        super().close()


def close_widget(widget: Any) -> None:
    """Close a widget that is not of ours, and its layout."""
    widget.layout.close()
    widget.close()


class Missing(NamedTuple):
    """What a page lacks that does not show a live part, and the way to go on there; ``cell`` does the same."""

    what: str
    way: str
    cell: str = ""


def show_live_part(widget: Any, key: str, missing: Missing, page: Page) -> Audience:
    """Show a widget below the frame ``key``; and below that, while nobody sees it, what is missing. Who sees it.

    ``widget`` is a `PageModel`, or a box that begins with one.
    """
    line, cell, (model, *_) = DisplayHandle(), cell_number(), getattr(widget, "children", [widget])

    def tell(before: bool | None) -> None:
        if (audience.there and before is None) or not page.reaches(cell):
            return
        html = "" if audience.there else missing_html(key, *missing)
        line.update({"text/html": html, "text/plain": ""}, raw=True)

    audience = Audience(page, tell)
    model.on_content(lambda content, buffers: audience.take(content))
    page.expect(audience)
    data, metadata = widget_bundle(widget)
    display(data, metadata=metadata, raw=True)
    line.display(NOTHING, raw=True)
    return audience


class ProgressiveDisplay(ABC):
    """What is plain HTML for good, and more while its live part is there; text where there is no page.

    The script finds the HTML above its widget and adds to it, so that nothing is drawn twice.
    """

    environment: Environment
    page: Page

    @property
    @abstractmethod
    def _missing(self) -> Missing:
        """What a page lacks that does not show the live part."""

    @abstractmethod
    def _html(self, key: str) -> str:
        """The plain form in the frame ``key``, of which an element has the class ``luma-later``."""

    @abstractmethod
    def _live(self, key: str) -> Any:
        """A new widget for the frame ``key``."""

    def _bundle(self, key: str) -> dict[str, str]:
        """What is saved, as HTML and as text."""
        return {"text/html": self._html(key), "text/plain": repr(self)}

    def _repr_html_(self) -> str:
        return self._html(new_key())

    def _ipython_display_(self) -> None:
        if not self.environment.has_page:
            print(repr(self))  # noqa: T201  # with links of our own
            return
        key, plain = new_key(), DisplayHandle()
        plain.display(self._bundle(key), raw=True)
        if not self.environment.unattended:
            live = self._live(key)
            audience = show_live_part(live, key, self._missing, self.page)
            self._was_shown(live, Shown(plain, becomes_final=True, cell=cell_number()), audience)

    def _was_shown(self, live: Any, plain: Shown, audience: Audience) -> None:
        """Know its displays: the live part, which ``audience`` may see, and the plain form, which can be updated."""
        del live, plain, audience  # of what stays as it is there is nothing to know
