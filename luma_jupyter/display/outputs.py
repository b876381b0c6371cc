"""Outputs of a cell: plain HTML that stays, and below it a widget that lives.

Whatever lives is shown as two outputs. The first is plain HTML, which is what a saved notebook keeps. The second is the
widget; in a page without a kernel or without anywidget it is lost, and a rule in the first hides the front end's
complaint about that.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

from IPython.core.error import StdinNotImplementedError

from luma_jupyter.compat import WIDGET_VIEW, view_bundle
from luma_jupyter.printable import writable
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, escaped, frame

NOTHING = {"text/html": "", "text/plain": ""}


def widget_bundle(widget: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A mimebundle that shows a widget, and nothing in a page that knows no widgets; and its metadata.

    Both are anywidget's own, a box's those of what it begins with: in the metadata Colab finds what draws widgets that
    are not its own, and shows nothing without (manzt/anywidget#63).
    """
    first, *_ = getattr(widget, "children", [widget])
    data, metadata = view_bundle(first)
    return {WIDGET_VIEW: {**data[WIDGET_VIEW], "model_id": widget.model_id}, **NOTHING}, metadata


def note_html(key: str, note: str) -> str:
    """What a page without a kernel has in the place of a widget that is nothing without one."""
    return frame(key, f'<div class="luma-later">{escaped(note)}</div>{HIDE_LOST_LIVE_PART}')


def ask_secret(question: str) -> str | None:
    """As `ask_user`, for what is not to be seen."""
    return _answer(getpass.getpass, question)


def ask_user(question: str) -> str | None:
    """What the user answers below the cell, or in the terminal; None in a run without a person."""
    return _answer(input, question)


def _answer(ask: Callable[[str], str], question: str) -> str | None:
    try:
        return ask(writable(question))
    except (EOFError, KeyboardInterrupt):
        return ""
    except StdinNotImplementedError:
        return None
