"""The live card of a clip: one widget model that every view of it shares, and the plain HTML that replaces it.

At the end two things happen, because either alone fails somewhere: each display is updated to plain HTML, which is what
gets saved; and the model gets the same HTML, because after a page reload the display id is gone from the page and only
the model still reaches it. The model stays open: closing it would blank a reloaded page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from luma_jupyter.engine.tasks import Handle
from luma_jupyter.models import TaskEvent
from luma_jupyter.notebook.render import Look, final_html, live_view, plain, waiting_html

_HERE = Path(__file__).parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class CardModel(anywidget.AnyWidget):
    """The front-end's side: ``view`` is what `render.live_view` gives, ``kernel`` the kernel's id."""

    _esm = (_HERE / "card.js").read_text(encoding="utf-8")
    _css = (_HERE / "card.css").read_text(encoding="utf-8")
    view = traitlets.Dict().tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)


class Card:
    """The card of one task. ``look`` gives its drawing data at any moment."""

    def __init__(self, handle: Handle, look: Callable[[], Look]) -> None:
        self._look = look
        self._displays: list[DisplayHandle] = []
        self.model = CardModel(view=live_view(look()), kernel=_kernel_id())
        self.model.on_msg(lambda _, content, buffers: handle.stop() if content.get("do") == "stop" else None)
        handle.listen(self._on_event)

    def show(self) -> None:
        """Display the card below the running cell."""
        look = self._look()
        if look.task.status.ended:
            display(final_bundle(look), raw=True)
            return
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model.model_id}
        bundle = {WIDGET_VIEW: view, "text/html": waiting_html(look), "text/plain": plain(look)}
        shown = DisplayHandle()
        self._displays.append(shown)
        shown.display(bundle, raw=True)
        if self._look().task.status.ended:  # it ended between the look and the display
            self._finish()

    def _on_event(self, event: TaskEvent) -> None:
        """Draw what happened; called on the engine's thread, which may set traits and update displays by id."""
        self.model.view = live_view(self._look())
        if event.task.status.ended:
            self._finish()

    def _finish(self) -> None:
        bundle = final_bundle(self._look())
        while self._displays:
            self._displays.pop().update(bundle, raw=True)


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
