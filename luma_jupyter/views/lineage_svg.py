"""`Lineage`: the tree that a clip belongs to, generate → extend → modify, as text and as an SVG.

A step that only takes a frame of the clip before has a dashed line.

The drawing is an SVG that JupyterLab shows as an image: neither the page's colours nor its fonts reach it, and the
ground behind it may be light or dark. So each clip is a box of a colour of its own, with white text (contrast 4.5 and
more).
Clips stand below each other, each indented under its source, as in the text: so it stays legible however deep it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import language, translated
from luma_jupyter.printable import columns, cut, printable, writable
from luma_jupyter.views.html import NO_FORMULAS, escaped
from luma_jupyter.views.text import SHORT_STATUS_TEXT, short

_BOX, _HEIGHT, _STEP, _INDENT, _MARGIN = 460, 44, 54, 30, 4  # pixels
_LINE = 66  # letters in a line of a box, at 12 pixels
_GREEN, _BLUE, _RED, _GREY = "#1e6b45", "#2a5a9c", "#a03434", "#595959"
_COLOURS = {Status.COMPLETED: _GREEN, Status.FAILED: _RED, Status.UNCONFIRMED: _RED}
_MARK = "#e09000"


@dataclass(frozen=True)
class Node:
    """One place in the tree: a clip, or (``status`` None) a video from elsewhere that clips were made from.

    ``depth`` is how many steps it is from the root, ``here`` marks the clip whose lineage this is. ``by_frame``:
    what it stands under gave it a frame, and not the whole video.
    """

    label: str
    depth: int = 0
    request: str = ""
    prompt: str = ""
    status: Status | None = None
    here: bool = False
    by_frame: bool = False


class Lineage:
    """The tree that a clip belongs to: a tree in text, and ``svg``, a drawing that notebooks show."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)

    @property
    def svg(self) -> str:
        """The drawing, as the text of an SVG file."""
        return svg(self.nodes)

    def __repr__(self) -> str:
        return writable(text(self.nodes))

    def _repr_svg_(self) -> str:
        return self.svg


def text(found: Sequence[Node]) -> str:
    """A tree as text, a line for each clip."""
    lines = []
    bars: list[str] = []  # what stands before a line, for each depth
    for number, node in enumerate(found):
        more = _has_sibling(found, number)
        del bars[max(0, node.depth - 1) :]
        line = "┄┄" if node.by_frame else "──"
        branch = f"{'├' if more else '└'}{line} " if node.depth else ""
        facts = [node.request, f"“{short(node.prompt, 48)}”", _status(node)] if node.status else [_status(node)]
        mark = f"  ← {_('this clip')}" if node.here else ""
        lines.append(f"{''.join(bars)}{branch}{short(node.label, 80)}: {printable(', '.join(map(str, facts)))}{mark}")
        if node.depth:
            bars.append("│   " if more else "    ")
    return "\n".join(lines)


def _status(node: Node) -> str:
    return translated(SHORT_STATUS_TEXT[node.status]) if node.status else _("from elsewhere")


def _has_sibling(found: Sequence[Node], number: int) -> bool:
    """Whether another one with the same source stands below it."""
    depth = found[number].depth
    return next((node.depth == depth for node in found[number + 1 :] if node.depth <= depth), False)


def svg(found: Sequence[Node]) -> str:
    """A tree as an SVG."""
    width = 2 * _MARGIN + _BOX + _INDENT * max(node.depth for node in found)
    height = 2 * _MARGIN + _STEP * len(found) - (_STEP - _HEIGHT)
    place = next((node for node in found if node.here), found[0])
    title = _fitted(_("Family tree of {clip}").format(clip=place.label), _LINE)
    description = _fitted(text(found), 10_000)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{NO_FORMULAS}" lang="{language()}" role="img" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        f"<title>{title}</title><desc>{description}</desc>{''.join(_lines(found))}{''.join(_boxes(found))}</svg>"
    )


def _lines(found: Sequence[Node]) -> Iterator[str]:
    """From each source to what came of it."""
    above: list[int] = []  # the rows of the sources that the next one may have
    for row, node in enumerate(found):
        del above[node.depth :]
        if above:
            x, y = _corner(node.depth - 1, above[-1])
            end = _corner(node.depth, row)
            across = end[1] + _HEIGHT // 2
            dashes = ' stroke-dasharray="5 4"' if node.by_frame else ""
            yield (
                f'<path d="M{x + _INDENT // 2} {y + _HEIGHT}V{across}H{end[0]}" fill="none" stroke="#888" '
                f'stroke-width="2"{dashes}/>'
            )
        above.append(row)


def _boxes(found: Sequence[Node]) -> Iterator[str]:
    for row, node in enumerate(found):
        x, y = _corner(node.depth, row)
        colour = _GREY
        if node.status:
            colour = _COLOURS.get(node.status, _GREY if node.status.ended else _BLUE)
        stroke = f' stroke="{_MARK}" stroke-width="4"' if node.here else ""
        status = _status(node)
        facts = f" · {node.request}" if node.request else ""
        head = _fitted(f"{node.label}{facts}", _LINE - columns(status) - 4)
        prompt = f'<text x="{x + 12}" y="{y + 36}">{_fitted(node.prompt, _LINE)}</text>' if node.prompt else ""
        yield (
            f'<rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="6" fill="{colour}"{stroke}/>'
            f'<g fill="#fff"><text x="{x + 12}" y="{y + 18}" font-weight="bold">{head}</text>'
            f'<text x="{x + _BOX - 12}" y="{y + 18}" text-anchor="end">{status}</text>{prompt}</g>'
        )


def _corner(depth: int, row: int) -> tuple[int, int]:
    return _MARGIN + _INDENT * depth, _MARGIN + _STEP * row


def _fitted(words: str, width: int) -> str:
    """Text for XML, cut to so many letters; those of Chinese, Japanese and Korean count twice."""
    words = printable(words)
    return escaped(words if columns(words) <= width else f"{cut(words, width - 1)}…")
