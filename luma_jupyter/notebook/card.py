"""The card of a clip while it lives: two outputs, of which the first is what remains.

The first is plain HTML from the start. The second is a widget below it, with status, bar and button: one model for all
views of a clip. At the end the first is updated to the finished HTML and the second to nothing, so that what is saved
needs neither widget nor kernel.

After a page reload both display ids are gone from the page, and only the model still reaches it. So the model gets the
finished HTML too, and its script puts that in the place of the first output. The model stays open for such pages.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from luma_jupyter.engine.handle import Handle
from luma_jupyter.notebook.render import Look, final_html, live_view, plain, waiting_html

_HERE = Path(__file__).parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NOTHING = {"text/html": "", "text/plain": ""}


class CardModel(anywidget.AnyWidget):
    """The live part: ``view`` is what `render.live_view` gives, ``kernel`` the kernel's id."""

    _esm = (_HERE / "card.js").read_text(encoding="utf-8")
    _css = (_HERE / "card.css").read_text(encoding="utf-8")
    view = traitlets.Dict().tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)


class Card:
    """The card of one task. ``look`` gives its drawing data at any moment."""

    def __init__(self, handle: Handle, look: Callable[[], Look]) -> None:
        self._look = look
        self._handle = handle
        self._displays: deque[tuple[DisplayHandle, bool]] = deque()
        self._model: CardModel | None = None
        handle.listen(lambda event: self._refresh())

    def show(self, *, live: bool = True) -> None:
        """Display the card below the running cell; not ``live``: without the widget, for runs that nobody watches."""
        look = self._look()
        if look.task.status.ended:
            display(final_bundle(look), raw=True)
            return
        self._display({"text/html": waiting_html(look), "text/plain": plain(look)}, becomes_final=True)
        if live:
            view = {"version_major": 2, "version_minor": 0, "model_id": self.model.model_id}
            self._display({WIDGET_VIEW: view, **NOTHING}, becomes_final=False)
        self._refresh()  # what happened between the look and the display

    @property
    def model(self) -> CardModel:
        """The widget model, made when first shown."""
        if self._model is None:
            self._model = CardModel(view=live_view(self._look()), kernel=_kernel_id())
            self._model.on_msg(
                lambda model, content, buffers: self._handle.stop() if content.get("do") == "stop" else None
            )
        return self._model

    def _display(self, bundle: dict[str, Any], *, becomes_final: bool) -> None:
        handle = DisplayHandle()
        handle.display(bundle, raw=True)
        self._displays.append((handle, becomes_final))  # only now: an update before the display would be lost

    def _refresh(self) -> None:
        """Draw the clip as it is now; also called on the engine's thread, which may set traits and update displays."""
        look = self._look()
        if self._model:
            self._model.view = live_view(look)
        if look.task.status.ended:
            with contextlib.suppress(IndexError):  # the engine's thread and the cell's may both be here
                while True:
                    handle, becomes_final = self._displays.popleft()
                    handle.update(final_bundle(look) if becomes_final else NOTHING, raw=True)


def final_bundle(look: Look) -> dict[str, Any]:
    """The mimebundle of an ended clip."""
    return {"text/html": final_html(look), "text/plain": plain(look)}


def _kernel_id() -> str:
    """The running kernel's id, as its Jupyter server knows it; empty where there is none."""
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except (ImportError, RuntimeError):
        return ""
