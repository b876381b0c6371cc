"""The pieces of HTML that all views share.

The finished HTML must survive saving, export, both themes, and JupyterLab's sanitizer for notebooks from elsewhere.
That one keeps a relative ``src`` on ``<video>`` itself and inline styles, and drops ``<source>`` children and
``<style>``. Hence: inline styles alone, no colours of our own, and every text and address goes through `escaped` or
`link`. Texts of somebody's own, such as prompts and names, have a direction of their own: ``dir="auto"``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import language
from luma_jupyter.printable import printable

_NARROW = "max-width:720px;"
_FRAME = (
    "margin:4px 0;padding:10px 12px;border:1px solid rgba(128,128,128,.4);border-radius:8px;"
    "font-size:13px;line-height:1.5;overflow-wrap:anywhere;"
)
QUIET = "opacity:.75;font-size:12px;"
MOST_SAVED = 100_000  # bytes of an output in the notebook's file, however many clips it shows
_CELL = "text-align:left;white-space:nowrap"
# Pages take what stands between two dollar signs for a formula, and prices and prompts have such; not in these classes,
# of MathJax 3 and later, and of MathJax 2.
NO_FORMULAS = "mathjax_ignore tex2jax_ignore"
# In the place of the live part, the output after the waiting card, JupyterLab shows words while it is loaded, an error
# where the kernel is gone, and one for each widget in it where the page has no anywidget.
_AFTER = ".jp-OutputArea-child:has(.luma-later)+.jp-OutputArea-child"
HIDE_LOST_LIVE_PART = (
    f"<style>{_AFTER}>.lm-Panel:not(:has(*)),{_AFTER}>.jp-OutputArea-output.jupyter-widgets,"
    f"{_AFTER}:has(.jupyter-widgets-error-widget){{display:none}}</style>"
)


def saved_size(html: str, text: str) -> int:
    """How many bytes an output takes in the notebook's file."""
    return sum(len(json.dumps(part, ensure_ascii=False).encode()) for part in (html, text))


def escaped(value: object) -> str:
    """Any value as text in HTML."""
    return escape(printable(value))


def isolated(value: object) -> str:
    """A name of somebody's own within a line of ours: Arabic reads from the right, and turns nothing else round."""
    return f'<span dir="auto">{escaped(value)}</span>'


def link(url: str, label: str, extra: str = "") -> str:
    """A link that opens in a tab of its own."""
    return f'<a href="{escaped(url)}" target="_blank" rel="noopener"{extra}>{escaped(label)}</a>'


def missing_html(key: str, what: str, way: str, cell: str) -> str:
    """One line for a page that does not show the live part of the frame ``key``, and the ``cell`` that does the same.

    It stays true in a page that was only closed; the live part takes it away when it comes.
    """
    words = escaped(
        _(
            "To have {what} here, run {command} in the environment of the Jupyter server (not of the kernel), "
            "then reload the page."
        )
    ).format(what=escaped(what), command="<code>pip install anywidget</code>")
    shown = f'<pre style="margin:4px 0">{escaped(cell)}</pre>' if cell else ""
    return (
        f'<div class="luma-missing luma-missing-{key} {NO_FORMULAS}" lang="{language()}" style="{_NARROW}{QUIET}">'
        f"{words} {escaped(way)}{shown}</div>"
    )


def frame(key: str, body: str, *, wide: bool = False) -> str:
    """A card's frame; by the class with its key the live part finds it on the page. ``wide``: as wide as the page."""
    width = "" if wide else _NARROW
    return f'<div class="luma-card luma-{key} {NO_FORMULAS}" lang="{language()}" style="{width}{_FRAME}">{body}</div>'


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts, as wide as they need; it scrolls where the page is narrower."""
    head = "".join(f'<th style="{_CELL}">{escaped(name)}</th>' for name in columns)
    lines = ["".join(f'<td dir="auto" style="{_CELL}">{escaped(cell)}</td>' for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="{NO_FORMULAS}" lang="{language()}" style="overflow-x:auto">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
