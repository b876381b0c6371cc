"""`Lineage`: the tree that a clip belongs to, generate → extend → modify, as text and as a drawing.

The drawing is an SVG that JupyterLab shows as an image: neither the page's colours nor its fonts reach it, and the
ground behind it may be light or dark. So each clip is a box of a colour of its own, with white text (contrast 4.5 and
more).
Clips stand below each other, each indented under its source, as in the text: so it stays legible however deep it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from luma_jupyter.errors import LumaError
from luma_jupyter.models import Status, Task, VideoRef
from luma_jupyter.notebook.render import asked, escaped, short

if TYPE_CHECKING:
    from luma_jupyter.notebook.clip import Clip

_BOX, _HEIGHT, _STEP, _INDENT, _MARGIN = 460, 44, 54, 30, 4  # pixels
_LINE = 66  # letters in a line of a box, at 12 pixels
_GREEN, _BLUE, _RED, _GREY = "#1e6b45", "#2a5a9c", "#a03434", "#595959"
_COLOURS = {Status.COMPLETED: _GREEN, Status.FAILED: _RED, Status.UNCONFIRMED: _RED}
_MARK = "#e09000"


@dataclass(frozen=True)
class Node:
    """One place in the tree: a clip, or (``status`` None) a video from elsewhere that clips were made from.

    ``depth`` is how many steps it is from the root, ``here`` marks the clip whose lineage this is.
    """

    label: str
    depth: int = 0
    asked: str = ""
    prompt: str = ""
    status: Status | None = None
    here: bool = False


class Lineage:
    """The tree that a clip belongs to: a tree in text, and ``svg``, a drawing that notebooks show."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)

    @property
    def svg(self) -> str:
        """The drawing, as the text of an SVG file."""
        return drawing(self.nodes)

    def __repr__(self) -> str:
        return tree(self.nodes)

    def _repr_svg_(self) -> str:
        return self.svg


def lineage_of(clip: Clip) -> Lineage:
    """The whole tree of a clip, of what is known in this folder: its root, and all that came of that."""
    from luma_jupyter.notebook import session

    own = {other._task.intent: other for other in [*session.own_clips(), clip]}
    past: list[Task] = []
    with suppress(LumaError):  # a journal that cannot be read is told elsewhere; the clips of this kernel are known
        past = session.past(None, None)
    tasks = {task.intent: task for task in past} | {intent: other._task for intent, other in own.items()}
    names = {intent: other._called for intent, other in own.items()}
    return Lineage(nodes(tasks, clip._task.intent, lambda task: names.get(task.intent) or task.name or task.key))


def nodes(tasks: Mapping[str, Task], here: str, label: Callable[[Task], str]) -> list[Node]:
    """The tree of the task with the intent ``here``, from its root down, sources before what came of them, each oldest
    first. Each task is there once, whatever the records say: they may be forged."""
    videos = {video: task.intent for task in tasks.values() for video in _videos(task)}
    sources = {intent: _source(task, tasks, videos) for intent, task in tasks.items()}
    root, seen = here, {here}
    while (above := sources.get(root)) and above not in seen:
        root = above
        seen.add(root)
    below: dict[str, list[Task]] = {}
    for task in sorted(tasks.values(), key=lambda task: (task.created_at, task.intent), reverse=True):
        if source := sources[task.intent]:
            below.setdefault(source, []).append(task)
    found: list[Node] = []
    placed = {root}
    waiting = [(root, 0)]
    while waiting:
        intent, depth = waiting.pop()
        if known := tasks.get(intent):
            found.append(Node(label(known), depth, asked(known), known.request.prompt, known.status, intent == here))
        else:
            found.append(Node(intent.removeprefix(_ELSEWHERE), depth))
        next_ = [task.intent for task in below.get(intent, []) if task.intent not in placed]
        placed.update(next_)
        waiting += [(intent, depth + 1) for intent in next_]
    return found


_ELSEWHERE = "elsewhere: "  # begins what stands for the intent of a video that is nobody's clip


def _videos(task: Task) -> Iterator[str]:
    """What a task's video can be called by."""
    if task.video:
        yield from filter(None, (task.video.video_id, task.video.url))


def _source(task: Task, tasks: Mapping[str, Task], videos: Mapping[str, str]) -> str | None:
    """The intent of what a task was made from; for a video from elsewhere what stands for it."""
    if task.request.action == "generate":
        return None
    if task.source_intent in tasks:
        return task.source_intent
    given = getattr(task.request, "source", None)
    if isinstance(given, VideoRef):
        known = videos.get(given.video_id or "") or videos.get(given.url or "")
        if known and known != task.intent:
            return known
    return f"{_ELSEWHERE}{task.source_label or given or 'a video'}"


def tree(found: Sequence[Node]) -> str:
    """A tree as text, a line for each clip."""
    lines = []
    bars: list[str] = []  # what stands before a line, for each depth
    for number, node in enumerate(found):
        more = _has_sibling(found, number)
        del bars[max(0, node.depth - 1) :]
        branch = ("├── " if more else "└── ") if node.depth else ""
        facts = [node.asked, f"“{short(node.prompt, 48)}”", node.status] if node.status else ["from elsewhere"]
        mark = "  ← this clip" if node.here else ""
        lines.append(f"{''.join(bars)}{branch}{short(node.label, 80)}: {', '.join(map(str, facts))}{mark}")
        if node.depth:
            bars.append("│   " if more else "    ")
    return "\n".join(lines)


def _has_sibling(found: Sequence[Node], number: int) -> bool:
    """Whether another one with the same source stands below it."""
    depth = found[number].depth
    return next((node.depth == depth for node in found[number + 1 :] if node.depth <= depth), False)


def drawing(found: Sequence[Node]) -> str:
    """A tree as an SVG."""
    width = 2 * _MARGIN + _BOX + _INDENT * max(node.depth for node in found)
    height = 2 * _MARGIN + _STEP * len(found) - (_STEP - _HEIGHT)
    place = next((node for node in found if node.here), found[0])
    title = _text(f"Lineage of {place.label}", _LINE)
    said = _text(tree(found), 10_000)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"><title>{title}</title>'
        f"<desc>{said}</desc>{''.join(_lines(found))}{''.join(_boxes(found))}</svg>"
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
            yield (
                f'<path d="M{x + _INDENT // 2} {y + _HEIGHT}V{across}H{end[0]}" fill="none" stroke="#888" '
                'stroke-width="2"/>'
            )
        above.append(row)


def _boxes(found: Sequence[Node]) -> Iterator[str]:
    for row, node in enumerate(found):
        x, y = _corner(node.depth, row)
        colour = _GREY
        if node.status:
            colour = _COLOURS.get(node.status, _GREY if node.status.ended else _BLUE)
        stroke = f' stroke="{_MARK}" stroke-width="4"' if node.here else ""
        status = "from elsewhere" if node.status is None else node.status.value
        facts = f" · {node.asked}" if node.asked else ""
        head = _text(f"{node.label}{facts}", _LINE - len(status) - 4)
        prompt = f'<text x="{x + 12}" y="{y + 36}">{_text(node.prompt, _LINE)}</text>' if node.prompt else ""
        yield (
            f'<rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="6" fill="{colour}"{stroke}/>'
            f'<g fill="#fff"><text x="{x + 12}" y="{y + 18}" font-weight="bold">{head}</text>'
            f'<text x="{x + _BOX - 12}" y="{y + 18}" text-anchor="end">{status}</text>{prompt}</g>'
        )


def _corner(depth: int, row: int) -> tuple[int, int]:
    return _MARGIN + _INDENT * depth, _MARGIN + _STEP * row


def _text(text: str, width: int) -> str:
    """Text for XML, cut to so many letters; those of Chinese, Japanese and Korean count twice."""
    text = re.sub(r"[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)  # what XML cannot hold
    used = 0
    for number, letter in enumerate(text):
        used += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if used > width:
            return escaped(f"{text[: number - 1]}…")
    return escaped(text)
