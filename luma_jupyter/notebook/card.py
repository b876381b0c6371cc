"""Cards while they live: two outputs, of which the first is what remains.

The first is plain HTML from the start. The second is a widget below it, with status, bar and button: one model for all
views of a card. At the end the first is updated to the finished HTML and the second to nothing, so that what is saved
needs neither widget nor kernel.

After a page reload both display ids are gone from the page, and only the model still reaches it. So the model gets the
finished HTML too, and its script puts that in the place of the first output. The model stays open for such pages.

A message is sent only where the words have changed: time and bar go on by themselves in the page.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from luma_jupyter.engine.handle import Handle
from luma_jupyter.notebook.page import NOTHING, kernel_id, script, view_of
from luma_jupyter.notebook.painter import Painter
from luma_jupyter.notebook.render import Look, final_html, live_view, plain, waiting_html


class CardModel(anywidget.AnyWidget):
    """The live part of a clip's card: ``view`` is what `render.live_view` gives, ``kernel`` the kernel's id."""

    _esm = script("page.js", "card.js")
    _css = script("card.css")
    view = traitlets.Dict().tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)


class LiveCard(ABC):
    """What the cards of one clip and of many have in common."""

    def __init__(self) -> None:
        self._displays: deque[tuple[DisplayHandle, bool]] = deque()

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether nothing more will change by itself."""

    @abstractmethod
    def bundle(self) -> dict[str, Any]:
        """The mimebundle as it is now, in plain HTML and text."""

    @cached_property
    @abstractmethod
    def model(self) -> CardModel:
        """The widget model, made when first shown."""

    @abstractmethod
    def tell(self) -> int:
        """Let the model know what has changed; the number of messages that it took."""

    def show(self, *, live: bool = True) -> None:
        """Display the card below the running cell; not ``live``: without the widget, for runs that nobody watches."""
        if self.ended:
            display(self.bundle(), raw=True)
            return
        self._display(self.bundle(), becomes_final=True)
        if live:
            self._display(view_of(self.model), becomes_final=False)
        self.draw()  # what happened between the look and the display

    def draw(self) -> int:
        """Draw it as it is now; also called on the engine's thread, which may set traits and update displays."""
        ended = self.ended  # asked first: a display that is made after this is updated by who made it
        messages = self.tell() if "model" in self.__dict__ else 0
        with contextlib.suppress(IndexError):  # the engine's thread and the cell's may both be here
            while ended:
                handle, becomes_final = self._displays.popleft()
                handle.update(self.bundle() if becomes_final else NOTHING, raw=True)
                messages += 1
        return messages

    def _display(self, bundle: dict[str, Any], *, becomes_final: bool) -> None:
        handle = DisplayHandle()
        handle.display(bundle, raw=True)
        self._displays.append((handle, becomes_final))  # only now: an update before the display would be lost


class Card(LiveCard):
    """The card of one task. ``look`` gives its drawing data at any moment, ``final`` those of its end.

    The model's finished HTML never has the video in it: it is a second copy, for pages that were reloaded.
    """

    def __init__(
        self, handle: Handle, look: Callable[[], Look], painter: Painter, final: Callable[[], Look] | None = None
    ) -> None:
        super().__init__()
        self._handle = handle
        self._look = look
        self._final = final or look
        handle.listen(lambda event: painter.news(self))

    @property
    def ended(self) -> bool:
        return self._look().task.status.ended

    def bundle(self) -> dict[str, Any]:
        look = self._look()
        html = final_html(self._final()) if look.task.status.ended else waiting_html(look)
        return {"text/html": html, "text/plain": plain(look)}

    @cached_property
    def model(self) -> CardModel:
        model = CardModel(view=live_view(self._look()), kernel=kernel_id())
        model.on_msg(lambda model, content, buffers: self._handle.stop() if content.get("do") == "stop" else None)
        return model

    def tell(self) -> int:
        view = live_view(self._look())
        if view == {**self.model.view, "now": view.get("now")}:
            return 0
        self.model.view = view
        return 1
