"""What differs between the versions that we support, in one place; each part names the version that lets it go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core import completer as ipython_completer

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, IPCompleter

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
Complete = Callable[[str], tuple[str, list[str]]]


def add_completion(completer: IPCompleter, complete: Complete) -> Callable[[], None]:
    """Have cells completed by ``complete``; what is returned ends that.

    ``complete`` gets a cell up to the cursor, and gives its unfinished last word and what that can become. Where it
    gives nothing, IPython completes as ever. Until IPython 8.6 it gets the cursor's line alone.
    """
    if hasattr(ipython_completer, "context_matcher"):
        return _added(completer.custom_matchers, _context_matcher(complete))
    return _added(completer.magic_arg_matchers, _line_matcher(completer, complete))  # until IPython 8.6


def _added(matchers: list[Any], matcher: Any) -> Callable[[], None]:
    matchers.append(matcher)
    return lambda: matchers.remove(matcher) if matcher in matchers else None


def _context_matcher(complete: Complete) -> Any:
    @ipython_completer.context_matcher(identifier="luma_jupyter")  # type: ignore[untyped-decorator]  # IPython is untyped here
    def match(context: CompletionContext) -> dict[str, Any]:
        *above, line = context.full_text.split("\n")[: context.cursor_line + 1]
        word, found = complete("\n".join([*above, line[: context.cursor_position]]))
        completions = [ipython_completer.SimpleCompletion(text=text, type="magic") for text in found]
        return {"completions": completions, "matched_fragment": word, "ordered": True, "suppress": bool(found)}

    return match


def _line_matcher(completer: IPCompleter, complete: Complete) -> Callable[[str], list[str]]:
    """What such a matcher finds is all that is offered, and takes the place of the line's last *token*."""

    def match(line: str) -> list[str]:
        word, found = complete(completer.text_until_cursor)
        token = completer.splitter.split_line(completer.text_until_cursor)
        return [text[len(word) - len(token) :] for text in found]

    return match


def view_bundle(widget: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mimebundle and the metadata with which anywidget shows a widget."""
    if hasattr(widget, "_repr_mimebundle_"):
        data, metadata = widget._repr_mimebundle_()
        return data, metadata
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {WIDGET_VIEW: view}, {}  # until anywidget 0.9.10, with ipywidgets 7
