"""Our part of the page: widget models with scripts of ours, and outputs that outlive them.

Whatever lives is shown as two outputs. The first is plain HTML, which is what a saved notebook keeps. The second is the
widget; in a page without a kernel it is lost, and a rule in the first hides the front end's complaint about that.

A script is `page.js` and its own file in one, since a widget's module cannot import another file.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import display

from luma_jupyter import settings
from luma_jupyter.notebook.host import here
from luma_jupyter.notebook.render import HIDE_LOST_LIVE_PART, escaped, frame

_HERE = Path(__file__).parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NOTHING = {"text/html": "", "text/plain": ""}


def script(*names: str) -> str:
    """Files beside this one as one script or style sheet."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def view_of(widget: Any) -> dict[str, Any]:
    """A mimebundle that shows a widget, and nothing in a page that knows no widgets."""
    return {WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}, **NOTHING}


def kernel_id() -> str:
    """The running kernel's id, as its Jupyter server knows it; empty where there is none."""
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except (ImportError, RuntimeError):
        return ""


class PageModel(anywidget.AnyWidget):
    """A model that is closed when its last view has left the page, as when an output is cleared.

    ``key`` is its own, and that of the frame above it; ``kernel`` is the kernel's id. ``on_gone`` is called instead of
    `close` where it is part of something larger.
    """

    key = traitlets.Unicode().tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"key": _new_key(), "kernel": kernel_id(), **traits})
        self.on_gone: Callable[[], None] = self.close
        self.on_msg(lambda model, content, buffers: self.heard(content, buffers))

    def heard(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """The page said something. Each kind of model has words of its own."""
        if content.get("do") == "gone":
            self.on_gone()

    def close(self) -> None:
        """Forget it, here and in the page."""
        if layout := self.layout:
            layout.close()  # a comm of its own, which would stay open
        super().close()


def close(widget: Any) -> None:
    """Close a widget that is not of ours, and its layout."""
    widget.layout.close()
    widget.close()


def show_pair(html: str, text: str, widget: Callable[[], Any]) -> None:
    """Show HTML, and below it a widget, which is made only where somebody may be watching; ``text`` says the same."""
    display({"text/html": html, "text/plain": text}, raw=True)
    if not settings.current().wait:  # set for runs without a person
        display(view_of(widget()), raw=True)


def note_html(key: str, note: str) -> str:
    """What a page without a kernel has in the place of a widget that is nothing without one."""
    return frame(key, f'<div class="luma-later">{escaped(note)}</div>{HIDE_LOST_LIVE_PART}')


class Exhibit(ABC):
    """What is plain HTML for good, and more while its live part is there; text where there is no page.

    The script finds the HTML above its widget and adds to it, so that nothing is drawn twice.
    """

    @abstractmethod
    def _html(self, key: str) -> str:
        """The plain form in the frame ``key``, of which an element has the class ``luma-later``."""

    @abstractmethod
    def _live(self, key: str) -> Any:
        """A new widget for the frame ``key``."""

    def _repr_html_(self) -> str:
        return self._html(_new_key())

    def _ipython_display_(self) -> None:
        if here().how == "path":
            print(repr(self))
            return
        key = _new_key()
        show_pair(self._html(key), repr(self), lambda: self._live(key))


def _new_key() -> str:
    return secrets.token_hex(4)
