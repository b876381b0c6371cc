"""Where a clip comes from and what came of it: the tree, found in the records of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest, VideoRef, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.views.lineage_svg import Node
from luma_jupyter.views.text import request_summary


def lineage_nodes(tasks: Mapping[str, Task], here: str, label: Callable[[Task], str]) -> list[Node]:
    """The tree of the task with the intent ``here``, from its root down, sources before what came of them, each oldest
    first. Each task is there once, whatever the records say: they may be forged.

    A film comes of all its parts: its lineage is the trees of all of them, with it in each; what came of it is there
    once, in the first.
    """
    videos = {video: task.intent for task in tasks.values() for video in _videos(task)}
    sources = {intent: _sources(task, tasks, videos) for intent, task in tasks.items()}
    below: dict[str, list[Task]] = {}
    for task in sorted(tasks.values(), key=lambda task: (task.created_at, task.intent), reverse=True):
        for source in sources[task.intent]:
            below.setdefault(source, []).append(task)
    found: list[Node] = []
    drawn: set[str] = set()
    for root in _roots(here, sources):
        placed = {root}
        waiting = [(root, 0)]
        while waiting:
            intent, depth = waiting.pop()
            if known := tasks.get(intent):
                words = request_summary(known), known.request.prompt
                is_here = intent == here and intent not in drawn
                by_frame = depth > 0 and known.request.action == "generate"
                found.append(Node(label(known), depth, *words, known.status, is_here, by_frame))
            else:
                found.append(Node(intent.removeprefix(_ELSEWHERE), depth))
            if intent in drawn:
                continue
            drawn.add(intent)
            next_ = [task.intent for task in below.get(intent, []) if task.intent not in placed]
            placed.update(next_)
            waiting += [(intent, depth + 1) for intent in next_]
    return found


def _roots(here: str, sources: Mapping[str, Sequence[str]]) -> list[str]:
    """What a task was made from in the end: of one with one source one, of a film those of all its parts, in order."""
    roots: list[str] = []
    seen: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(here, frozenset())]
    while waiting:
        intent, way = waiting.pop()
        if intent in seen:
            continue
        seen.add(intent)
        way |= {intent}
        above = [source for source in sources.get(intent, ()) if source not in way]  # records may go in a circle
        if not above:
            roots.append(intent)
        waiting += [(source, way) for source in reversed(above)]
    return roots


_ELSEWHERE = "elsewhere: "  # begins what stands for the intent of a video that is nobody's clip


def _videos(task: Task) -> Iterator[str]:
    """What a task's video can be called by."""
    if task.video:
        yield from filter(None, (task.video.video_id, task.video.url))


def _sources(task: Task, tasks: Mapping[str, Task], videos: Mapping[str, str]) -> list[str]:
    """The intents of what a task was made from; for a video from elsewhere what stands for it."""
    if isinstance(task.request, FilmRequest):
        return list(dict.fromkeys(_part_source(part, tasks) for part in task.request.parts))
    source = _source(task, tasks, videos)
    return [source] if source else []


def _part_source(part: Piece, tasks: Mapping[str, Task]) -> str:
    if part.intent and part.intent in tasks:
        return part.intent
    return f"{_ELSEWHERE}{part.source_label if part.intent else part}"


def _source(task: Task, tasks: Mapping[str, Task], videos: Mapping[str, str]) -> str | None:
    if task.request.action == "generate":
        return _frame_source(task, tasks)
    if task.source_intent in tasks:
        return task.source_intent
    given = getattr(task.request, "source", None)
    if isinstance(given, VideoRef):
        known = videos.get(given.video_id or "") or videos.get(given.url or "")
        if known and known != task.intent:
            return known
    return f"{_ELSEWHERE}{task.source_label or given or 'a video'}"


def _frame_source(task: Task, tasks: Mapping[str, Task]) -> str | None:
    """The intent of the clip whose frame a task starts from, or else ends on; of one from elsewhere what stands for it.

    What it takes from others besides is in its words.
    """
    for ref in frames_in(task.request).values():
        return ref.intent if ref.intent in tasks else f"{_ELSEWHERE}{ref.label or 'a clip'}"
    return None
