"""Where a clip comes from and what came of it: the tree, found in the records of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest, VideoRef, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.lineage_svg import Node
from luma_jupyter.views.text import request_summary


def lineage_nodes(tasks: Mapping[str, Task], here: str, label: Callable[[Task], str]) -> list[Node]:
    """The tree of the task with the intent ``here``, from its root down, sources before what came of them, each oldest
    first. Each task is there once, whatever the records say: they may be forged.

    A film stands under each of its parts in their trees. In its own tree it is the root: below it are its parts, in
    their order, and then what came of it.
    """
    videos = {video: task.intent for task in tasks.values() for video in _videos(task)}
    sources = {intent: _sources(task, tasks, videos) for intent, task in tasks.items()}
    root, seen = here, {here}
    while len(above := sources.get(root, [])) == 1 and above[0] not in seen and not _is_film(tasks.get(root)):
        root = above[0]
        seen.add(root)
    below: dict[str, list[str]] = {}
    for task in sorted(tasks.values(), key=lambda task: (task.created_at, task.intent), reverse=True):
        for source in sources[task.intent]:
            below.setdefault(source, []).append(task.intent)
    found: list[Node] = []
    placed = {root}
    waiting = [(root, 0)]
    while waiting:
        intent, depth = waiting.pop()
        if known := tasks.get(intent):
            words = request_summary(known), known.request.prompt
            by_frame = depth > 0 and known.request.action == "generate"
            found.append(Node(label(known), depth, *words, known.status, intent == here, by_frame))
        else:
            found.append(Node(intent.removeprefix(_ELSEWHERE), depth))
        next_ = [one for one in below.get(intent, []) if one not in placed]
        placed.update(next_)
        waiting += [(one, depth + 1) for one in next_]
        if depth == 0 and _is_film(known):
            parts = [part for part in sources[intent] if part not in placed]
            placed.update(parts)
            found += [_part(part, tasks, label) for part in parts]
    return found


def _is_film(task: Task | None) -> bool:
    return task is not None and task.request.action == "film"


def _part(intent: str, tasks: Mapping[str, Task], label: Callable[[Task], str]) -> Node:
    """A part of a film in the film's own tree; what else came of it is in its own."""
    if part := tasks.get(intent):
        return Node(
            _("made of {clip}").format(clip=label(part)), 1, request_summary(part), part.request.prompt, part.status
        )
    return Node(_("made of {clip}").format(clip=intent.removeprefix(_ELSEWHERE)), 1)


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
    return f"{_ELSEWHERE}{task.source_label or given or _('a video')}"


def _frame_source(task: Task, tasks: Mapping[str, Task]) -> str | None:
    """The intent of the clip whose frame a task starts from, or else ends on; of one from elsewhere what stands for it.

    What it takes from others besides is in its words.
    """
    for ref in frames_in(task.request).values():
        return ref.intent if ref.intent in tasks else f"{_ELSEWHERE}{ref.label or _('a clip')}"
    return None
