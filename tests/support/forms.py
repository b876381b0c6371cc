"""Every form in which people see what others wrote: HTML and SVG, texts, and what a live part gets.

Each is a function of a text, which stands wherever a text of others can stand: prompts, names, labels, errors, paths,
ids and addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from luma_jupyter.display.outputs import note_html
from luma_jupyter.domain.exchange import Exchange, Recorded, Step
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.note import Note
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Account, ListedTask, TaskPhase, TaskState, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed, ServiceError
from luma_jupyter.magics.doctor import Diagnosis, Finding
from luma_jupyter.views import clip_html, table
from luma_jupyter.views.account import AccountView
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.comparison import comparison_html
from luma_jupyter.views.exchanges import Explanation
from luma_jupyter.views.gallery import FileTile, Tile, gallery_html
from luma_jupyter.views.history import History
from luma_jupyter.views.html import missing_html
from luma_jupyter.views.lineage_svg import Lineage, Node, svg
from luma_jupyter.views.text import plain_text, progress_line, text_table
from tests.support.states import clip_state, counted

Form: TypeAlias = Callable[[str], str]
_PREVIEW = "data:image/jpeg;base64,AAAA"


def _address(text: str) -> str:
    """An address with as much of a text in it as one can have."""
    return "https://x.example/" + re.sub(r"[\s\x00-\x1f]", "", text)


def _strings(value: object) -> str:
    """All strings in what a live part gets."""
    if isinstance(value, dict):
        return "\n".join(map(_strings, value.values()))
    return "\n".join(map(_strings, value)) if isinstance(value, list) else str(value)


def state(text: str, status: Status = Status.COMPLETED, **changes: object) -> ClipState:
    """A clip of which all that others can have written is this text."""
    picture = LocalFile("0" * 64, "image/png", text, 9, preview=_PREVIEW)
    video = Video(_address(text), text, 640, 360) if status is Status.COMPLETED else None
    facts: dict[str, object] = {
        "request": GenerateRequest(prompt=f"A {text}", start_image=picture, end_image=_address(text)),
        "source_label": text,
        "task_id": text,
        "problem": text,
        "trace_id": text,
        "video": video,
        "path": Path(f"/home/{text}/a.mp4") if video else None,
        "error": ClipFailed(text) if status is Status.FAILED else None,
        "price": 0.35,
        "cost": 0.3,
    }
    made = clip_state(status, name=text, **{**facts, **changes})
    return replace(made, media=f"luma_videos/{text}.mp4", remark=text)


def account(text: str) -> AccountView:
    """A service's list with a task of this text."""
    listed = ListedTask(text, 1.0, {"prompt": text}, TaskState(text, TaskPhase.COMPLETED), text)
    return AccountView(Account([listed], {}), {}, 7)


def explanation(text: str) -> Explanation:
    """Two steps with all that they may have."""
    headers = {"Idempotency-Key": text}
    sent = Exchange(1.0, Step.SUBMIT, 0.5, "POST", text, headers, text, 429, headers, json.dumps(text), text, 1)
    return Explanation(text, state(text).task, Recorded((sent, replace(sent, at=9.0)), 3), text)


def nodes(text: str) -> list[Node]:
    """A tree of two."""
    return [Node(text), Node(text, 1, text, text, Status.COMPLETED, here=True)]


HTML: Mapping[str, Form] = {
    "card": lambda text: clip_html.final_html(state(text)),
    "card elsewhere": lambda text: clip_html.final_html(replace(state(text), served=False)),
    "failed": lambda text: clip_html.final_html(state(text, Status.FAILED)),
    "waiting": lambda text: clip_html.waiting_html(state(text, Status.RUNNING)),
    "table": lambda text: table.final_html("key", *counted(state(text), state(text, Status.FAILED))),
    "table that waits": lambda text: table.waiting_html("key", *counted(state(text), state(text, Status.RUNNING))),
    "what a page lacks": lambda text: missing_html("key", text, text, text),
    "gallery": lambda text: gallery_html(
        "key",
        [Tile(state(text), f"luma_videos/{text}.jpg", note=Note(True, text)), FileTile(f"{text}.mp4")],
        "2 clips",
        0,
        text,
    ),
    "comparison": lambda text: comparison_html("key", [state(text)] * 2, {state(text).task.intent: Note(text=text)}),
    "history": lambda text: History([state(text).task], Path("/home"), 0.0)._repr_html_(),
    "account": lambda text: account(text)._repr_html_(),
    "doctor": lambda text: Diagnosis([Finding("act", text, text, text)])._repr_html_(),
    "lineage": lambda text: svg(nodes(text)),
    "explanation": lambda text: explanation(text)._repr_html_(),
    "note": lambda text: note_html("key", text),
}

TEXTS: Mapping[str, Form] = {
    "plain": lambda text: plain_text(state(text)),
    "plain here": lambda text: plain_text(state(text), here=True),
    "plain failed": lambda text: plain_text(state(text, Status.FAILED)),
    "plain queued": lambda text: plain_text(
        state(text, Status.QUEUED, request=ModifyRequest(prompt="x", watermark=text))
    ),
    "plain uploading": lambda text: plain_text(state(text, Status.QUEUED, upload=text)),
    "extend": lambda text: plain_text(
        state(text, Status.QUEUED, request=ExtendRequest(prompt=text, source=VideoRef(text)))
    ),
    "progress": lambda text: progress_line(state(text, Status.RUNNING)),
    "table": lambda text: table.table_text([state(text)]),
    "rows": lambda text: text_table([(text, text)]),
    "history": lambda text: repr(History([state(text).task], Path("/home"), 0.0)),
    "account": lambda text: repr(account(text)),
    "doctor": lambda text: repr(Diagnosis([Finding("act", text, text, text)])),
    "lineage": lambda text: repr(Lineage(nodes(text))),
    "explanation": lambda text: repr(explanation(text)),
    "error": lambda text: str(ServiceError(text, text, code=text, trace_id=text, advice=text)),
    "error in a cell": lambda text: "\n".join(ClipFailed(text)._render_traceback_()),
}

# What the scripts put into the page.
LIVE: Mapping[str, Form] = {
    "card": lambda text: _strings(clip_html.live_view(state(text, Status.RUNNING))),
    "card that waits": lambda text: _strings(clip_html.live_view(state(text, Status.QUEUED, upload=text))),
    "card at its end": lambda text: _strings(clip_html.live_view(state(text))),
    "row": lambda text: _strings(table.live_row(state(text, Status.RUNNING))),
    "row at its end": lambda text: _strings(table.live_row(state(text, Status.FAILED))),
}
